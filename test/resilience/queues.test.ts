import * as fc from 'fast-check';
import {
	allQueues,
	boundedQueues,
	holds,
	isWorkedOff,
	MOST_NAMED_QUEUES,
	type QueueStanding,
} from '../../nodes/shared/resilience/queues';

const standing = (name: string, over: Partial<QueueStanding> = {}): QueueStanding => ({
	...{ name, waiting: 0, active: 0, delayed: 0, done: 0, dead: 0, oldestSeconds: 0 },
	...{ workedOff: false, addedAtMs: undefined, workedOffAtMs: undefined },
	...over,
});

describe('boundedQueues', () => {
	it('has the default queue first, the others by name', () => {
		const names = ['b', 'default', 'a'].map((name) => standing(name));
		expect(boundedQueues(names).map(({ name }) => name)).toEqual(['default', 'a', 'b']);
	});

	it('takes those of one name together', () => {
		const two = [
			standing('a', { waiting: 1, dead: 2, oldestSeconds: 9, workedOff: true, addedAtMs: 5 }),
			standing('a', { waiting: 3, oldestSeconds: 4, workedOff: false, workedOffAtMs: 7 }),
		];
		expect(boundedQueues(two)).toEqual([
			standing('a', {
				...{ waiting: 4, dead: 2, oldestSeconds: 9, workedOff: false },
				...{ addedAtMs: 5, workedOffAtMs: 7 },
			}),
		]);
	});

	it('counts every job once and names twenty queues at most, "other" last', () => {
		const queue = fc.record({
			name: fc.oneof(fc.constantFrom('default', 'other'), fc.stringMatching(/^[a-z0-9]{1,2}$/)),
			waiting: fc.nat(9),
			oldestSeconds: fc.nat(9),
			workedOff: fc.boolean(),
		});
		fc.assert(
			fc.property(fc.array(queue, { maxLength: 60 }), (given) => {
				const all = given.map(({ name, ...over }) => standing(name, over));
				const bounded = boundedQueues(all);
				const names = bounded.map(({ name }) => name);
				expect(new Set(names).size).toBe(names.length);
				expect(names.length).toBeLessThanOrEqual(MOST_NAMED_QUEUES + 1);
				expect(allQueues(bounded)).toEqual(allQueues(all));
				if (names.length > MOST_NAMED_QUEUES) expect(names.at(-1)).toBe('other');
			}),
			{ seed: 20_261_127 },
		);
	});
});

it('a queue is worked off for two minutes from the last mark, also when the clock was set back', () => {
	const use = { name: 'a', addedAtMs: undefined, workedOffAtMs: 1_000_000 };
	expect(isWorkedOff(use, 1_119_999)).toBe(true);
	expect(isWorkedOff(use, 1_120_000)).toBe(false);
	expect(isWorkedOff(use, 990_000)).toBe(true);
	expect(isWorkedOff(use, 100_000)).toBe(false);
	expect(isWorkedOff({ ...use, workedOffAtMs: undefined }, 0)).toBe(false);
});

it('a queue holds something as long as anything of a job is there', () => {
	expect(holds(standing('a', { workedOff: true, oldestSeconds: 3 }))).toBe(false);
	for (const name of ['waiting', 'active', 'delayed', 'done', 'dead'] as const) {
		expect(holds(standing('a', { [name]: 1 }))).toBe(true);
	}
});
