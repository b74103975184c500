import { ManualClock, seededRandom } from './clock';

describe('ManualClock', () => {
	it('wakes sleepers in the order of their times, and lets each run before the next', async () => {
		const clock = new ManualClock({ monotonicMs: 100, wallMs: 5_000 });
		const said: string[] = [];
		const say = async (text: string, ms: number) => {
			await clock.sleep(ms);
			said.push(`${text} ${clock.monotonicMs()} ${clock.wallMs()}`);
			if (text === 'b') await say('b again', 5);
		};
		void say('c', 30);
		void say('a', 10);
		void say('b', 20);
		await clock.advance(29);
		expect(said).toEqual(['a 110 5010', 'b 120 5020', 'b again 125 5025']);
		expect(clock.monotonicMs()).toBe(129);
		await clock.advance(1);
		expect(said).toHaveLength(4);
		expect(clock.pending()).toBe(0);
	});

	it('ends a sleep with its signal', async () => {
		const clock = new ManualClock();
		const controller = new AbortController();
		const sleeping = clock.sleep(1_000, controller.signal);
		controller.abort(new Error('enough'));
		await expect(sleeping).rejects.toThrow('enough');
		await expect(clock.sleep(1, controller.signal)).rejects.toThrow('enough');
		expect(clock.pending()).toBe(0);
	});

	it('repeats tasks until they are stopped', async () => {
		const clock = new ManualClock();
		let runs = 0;
		const stop = clock.every(10, () => runs++);
		await clock.advance(35);
		stop();
		await clock.advance(100);
		expect(runs).toBe(3);
	});

	it('goes on until a promise settles', async () => {
		const clock = new ManualClock();
		const startMs = clock.monotonicMs();
		const work = async () => {
			for (let i = 0; i < 3; i++) await clock.sleep(1_000);
			return 'done';
		};
		expect(await clock.runUntil(work())).toBe('done');
		expect(clock.monotonicMs() - startMs).toBe(3_000);
		const failing = clock.sleep(5).then(() => Promise.reject(new Error('no')));
		await expect(clock.runUntil(failing)).rejects.toThrow('no');
		await expect(clock.runUntil(new Promise(() => {}))).rejects.toThrow('no timer left');
		await expect(clock.runUntil(clock.sleep(2_000), 1_000)).rejects.toThrow('not settled');
	});

	it('jumps over what is due, and steps the wall clock alone', async () => {
		const clock = new ManualClock({ wallMs: 0 });
		let awake = false;
		void clock.sleep(10).then(() => (awake = true));
		clock.jump(100);
		await clock.flush();
		expect(awake).toBe(false);
		await clock.advance(0);
		expect(awake).toBe(true);
		clock.stepWall(-40);
		expect(clock.wallMs()).toBe(60);
		clock.setWall(7);
		await clock.advance(1);
		expect(clock.wallMs()).toBe(8);
	});
});

describe('seededRandom', () => {
	it('gives the same numbers for the same seed, evenly in [0, 1)', () => {
		const [first, second] = [seededRandom(3), seededRandom(3)];
		const numbers = Array.from({ length: 10_000 }, () => first());
		expect(numbers.every((number) => number === second())).toBe(true);
		expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0);
		expect(Math.max(...numbers)).toBeLessThan(1);
		const mean = numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
		expect(mean).toBeCloseTo(0.5, 1);
	});
});
