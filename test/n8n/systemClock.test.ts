import { systemClock } from '../../nodes/shared/n8n/systemClock';

describe('the system clock', () => {
	afterEach(() => jest.useRealTimers());

	it('never goes back and counts milliseconds', async () => {
		const [monotonicMs, wallMs] = [systemClock.monotonicMs(), systemClock.wallMs()];
		await systemClock.sleep(30);
		const passedMs = systemClock.monotonicMs() - monotonicMs;
		expect(passedMs).toBeGreaterThanOrEqual(30);
		expect(passedMs).toBeLessThan(1_000);
		expect(Math.abs(systemClock.wallMs() - wallMs - passedMs)).toBeLessThan(100);
	});

	it('wakes nobody early, not by a fraction', async () => {
		for (let i = 0; i < 20; i++) {
			const started = systemClock.monotonicMs();
			await systemClock.sleep(2.7);
			expect(systemClock.monotonicMs() - started).toBeGreaterThanOrEqual(2.7);
		}
	});

	it('does not wait for what is over', async () => {
		await systemClock.sleep(0);
		await systemClock.sleep(-5);
	});

	it('sleeps for longer than a timer can', async () => {
		jest.useFakeTimers();
		let awake = false;
		void systemClock.sleep(2 ** 31 + 5_000).then(() => (awake = true));
		await jest.advanceTimersByTimeAsync(2 ** 31 + 4_000);
		expect(awake).toBe(false);
		await jest.advanceTimersByTimeAsync(2_000);
		expect(awake).toBe(true);
	});

	it('ends a sleep with the reason of the signal, and forgets it after', async () => {
		const controller = new AbortController();
		const reason = new Error('enough');
		const sleeping = systemClock.sleep(60_000, controller.signal);
		controller.abort(reason);
		await expect(sleeping).rejects.toBe(reason);
		await expect(systemClock.sleep(1, controller.signal)).rejects.toBe(reason);

		const later = new AbortController();
		await systemClock.sleep(1, later.signal);
		later.abort();
	});

	it('repeats a task until it is told to stop', async () => {
		jest.useFakeTimers();
		let runs = 0;
		const stop = systemClock.every(1_000, () => runs++);
		jest.advanceTimersByTime(3_500);
		stop();
		jest.advanceTimersByTime(5_000);
		expect(runs).toBe(3);
	});

	it('keeps no process alive with a repeated task', () => {
		const before = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
		const stop = systemClock.every(60_000, () => {});
		const during = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
		stop();
		expect(during).toBe(before);
	});
});
