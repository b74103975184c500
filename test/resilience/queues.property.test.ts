import fc from 'fast-check';
import {
	allQueues,
	boundedQueues,
	MOST_NAMED_QUEUES,
	type QueueStanding,
} from '../../nodes/shared/resilience/queues';
import { runs } from '../support/property';

const standings: fc.Arbitrary<QueueStanding> = fc.record({
	name: fc.oneof(fc.constantFrom('default', 'other'), fc.stringMatching(/^[a-z0-9]{1,2}$/)),
	waiting: fc.nat(9),
	active: fc.nat(9),
	delayed: fc.nat(9),
	done: fc.nat(9),
	dead: fc.nat(9),
	oldestSeconds: fc.nat(9),
	workedOff: fc.boolean(),
	addedAtMs: fc.option(fc.nat(9), { nil: undefined }),
	workedOffAtMs: fc.option(fc.nat(9), { nil: undefined }),
});

it('every job counts once, and twenty queues at most have a name, "other" last', () => {
	fc.assert(
		fc.property(fc.array(standings, { maxLength: 60 }), (all) => {
			const bounded = boundedQueues(all);
			const names = bounded.map(({ name }) => name);
			expect(new Set(names).size).toBe(names.length);
			expect(names.length).toBeLessThanOrEqual(MOST_NAMED_QUEUES + 1);
			expect(allQueues(bounded)).toEqual(allQueues(all));
			if (names.length > MOST_NAMED_QUEUES) expect(names.at(-1)).toBe('other');
		}),
		runs(100),
	);
});
