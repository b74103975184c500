import {
	boundedQueues,
	holds,
	isWorkedOff,
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
