import { noMetrics } from '../../nodes/shared/resilience/metrics';
import type {
	Admission,
	AdmissionStore,
	Permit,
	Priority,
	RateLimits,
} from '../../nodes/shared/resilience/ports';
import { Scheduler } from '../../nodes/shared/resilience/scheduler';
import { clockWithBottleneck } from '../support/bottleneck';
import type { ManualClock } from '../support/clock';

const LIMITS: RateLimits = {
	requestsPerMinute: 200,
	burst: 10,
	maxConcurrent: 20,
	windowMs: 60_000,
	guardMs: 1_000,
};

/** A window that grants a token each `intervalMs` and remembers what it was asked. */
class TestWindow implements AdmissionStore {
	readonly asked: Priority[] = [];
	readonly returned: string[] = [];
	readonly released: string[] = [];
	grants = 0;
	private nextMs: number;

	constructor(
		private readonly clock: ManualClock,
		private readonly intervalMs: number,
		firstAfterMs = 0,
	) {
		this.nextMs = clock.monotonicMs() + firstAfterMs;
	}

	async tryAcquire({ priority }: { priority: Priority }): Promise<Admission> {
		this.asked.push(priority);
		const nowMs = this.clock.monotonicMs();
		if (nowMs < this.nextMs) {
			return { granted: false, retryInMs: this.nextMs - nowMs, reason: 'window' };
		}
		this.nextMs = Math.max(this.nextMs, nowMs - this.intervalMs) + this.intervalMs;
		this.grants += 1;
		return { granted: true, permit: { id: `p${this.grants}`, grantedAtMs: nowMs } };
	}
	async giveBack({ id }: Permit) {
		this.returned.push(id);
		this.nextMs -= this.intervalMs;
	}
	async release({ id }: Permit) {
		this.released.push(id);
	}
	async pause(ms: number) {
		this.nextMs = Math.max(this.nextMs, this.clock.monotonicMs() + ms);
	}
	async status() {
		return { usedInWindow: 0, inFlight: 0, pausedForMs: 0 };
	}
}

function setUp({ intervalMs = 300, firstAfterMs = 0, limits = LIMITS } = {}) {
	const clock = clockWithBottleneck();
	const window = new TestWindow(clock, intervalMs, firstAfterMs);
	const scheduler = new Scheduler(window, clock, noMetrics, limits);
	const started: string[] = [];
	const startMs = clock.monotonicMs();
	/** A job that notes its start and then takes `takesMs`. */
	const job = (
		name: string,
		priority: Priority = 'backfill',
		takesMs = 0,
		signal = new AbortController().signal,
	) => {
		const promise = scheduler.run(priority, signal, async (slot) => {
			slot.spend();
			started.push(name);
			if (takesMs > 0) await clock.sleep(takesMs);
			return name;
		});
		promise.catch(() => {});
		return promise;
	};
	return { clock, window, scheduler, started, job, startMs };
}

beforeEach(() => {
	jest.useFakeTimers();
});
afterEach(() => {
	jest.useRealTimers();
});

describe('Scheduler', () => {
	it('starts one job for each token, at the pace of the window', async () => {
		const { clock, started, job, window } = setUp();
		for (let n = 0; n < 4; n += 1) void job(`job ${n}`);
		await clock.advance(0);
		expect(started).toEqual(['job 0']);
		await clock.advance(300);
		expect(started).toEqual(['job 0', 'job 1']);
		await clock.advance(600);
		expect(started).toHaveLength(4);
		expect(window.grants).toBe(4);
		expect(window.released).toHaveLength(4);
	});

	it('hands back the result and the error of the task', async () => {
		const { clock, scheduler } = setUp();
		const signal = new AbortController().signal;
		await expect(
			clock.runUntil(scheduler.run('backfill', signal, async (slot) => (slot.spend(), 7))),
		).resolves.toBe(7);
		const boom = new Error('boom');
		await expect(
			clock.runUntil(scheduler.run('backfill', signal, async () => await Promise.reject(boom))),
		).rejects.toBe(boom);
	});

	it('lets critical work go before backfill that came earlier, 1,000 of it', async () => {
		const { clock, started, job } = setUp({ firstAfterMs: 300 });
		for (let n = 0; n < 1_000; n += 1) void job(`backfill ${n}`);
		await clock.advance(100);
		void job('critical', 'critical');
		await clock.advance(200);
		expect(started).toEqual(['critical']);
		await clock.advance(300);
		expect(started).toEqual(['critical', 'backfill 0']);
	});

	it('asks the window as critical as soon as a critical call waits', async () => {
		const { clock, window, job } = setUp({ firstAfterMs: 1_000 });
		void job('a');
		await clock.advance(10);
		expect(window.asked).toEqual(['backfill']);
		void job('b', 'critical');
		await clock.advance(0);
		expect(window.asked).toEqual(['backfill', 'critical']);
	});

	it('never has more than maxConcurrent in flight', async () => {
		const { clock, started, job, window } = setUp({
			intervalMs: 0,
			limits: { ...LIMITS, maxConcurrent: 3 },
		});
		for (let n = 0; n < 10; n += 1) void job(`job ${n}`, 'backfill', 1_000);
		await clock.advance(500);
		expect(started).toHaveLength(3);
		expect(window.grants).toBe(3);
		await clock.advance(1_000);
		expect(started).toHaveLength(6);
	});

	it('releases a cancelled caller at once; the next one gets its token', async () => {
		const { clock, started, job, window } = setUp({ firstAfterMs: 1_000 });
		const abort = new AbortController();
		const cancelled = job('cancelled', 'backfill', 0, abort.signal);
		void job('next');
		await clock.advance(500);
		abort.abort(new Error('stop'));
		await expect(cancelled).rejects.toThrow('stop');
		await clock.advance(500);
		expect(started).toEqual(['next']);
		expect(window.grants - window.returned.length).toBe(1);
	});

	it('takes no token for callers that have all left', async () => {
		const { clock, job, window, started } = setUp({ firstAfterMs: 1_000 });
		const abort = new AbortController();
		for (let n = 0; n < 100; n += 1) void job(`job ${n}`, 'backfill', 0, abort.signal);
		await clock.advance(500);
		abort.abort(new Error('stop'));
		await clock.advance(10_000);
		expect(started).toEqual([]);
		expect(window.grants).toBe(window.returned.length);
		expect(clock.pending()).toBe(0);
		void job('later');
		await clock.advance(1_000);
		expect(started).toEqual(['later']);
	});

	it('gives token and slot back when the task sent nothing', async () => {
		const { clock, scheduler, window } = setUp();
		await clock.runUntil(
			scheduler.run('backfill', new AbortController().signal, async () => 'nothing sent'),
		);
		await clock.advance(0);
		expect(window.returned).toEqual(['p1']);
		expect(window.released).toEqual([]);
	});

	it('does not send on a permit that got too old for the guard band', async () => {
		const { clock, window, scheduler } = setUp();
		// The event loop is blocked for 2 s between the grant and the start.
		const acquire = window.tryAcquire.bind(window);
		let blocked = false;
		window.tryAcquire = async (request) => {
			const answer = await acquire(request);
			if (!blocked) clock.jump(2_000);
			blocked = true;
			return answer;
		};
		const sentAtMs: number[] = [];
		const run = scheduler.run('backfill', new AbortController().signal, async (slot) => {
			slot.spend();
			sentAtMs.push(clock.monotonicMs());
		});
		await clock.runUntil(run);
		await clock.advance(0);
		expect(window.returned).toEqual(['p1']);
		expect(window.released).toEqual(['p2']);
		expect(sentAtMs).toHaveLength(1);
	});

	it('runs a task again that was kept from its send for too long', async () => {
		const { clock, window, scheduler } = setUp();
		const sent: string[] = [];
		let runs = 0;
		const slow = scheduler.run('backfill', new AbortController().signal, async (slot) => {
			// A store that answers late, once.
			if (runs++ === 0) clock.jump(2_000);
			slot.spend();
			sent.push('slow');
		});
		const next = scheduler.run('backfill', new AbortController().signal, async (slot) => {
			slot.spend();
			sent.push('next');
		});
		await clock.runUntil(Promise.all([slow, next]));
		await clock.advance(0);
		expect(runs).toBe(2);
		expect(sent.toSorted()).toEqual(['next', 'slow']);
		expect(window.returned).toEqual(['p1']);
		expect(window.released).toHaveLength(2);
		expect(scheduler.waiting()).toEqual({ critical: 0, backfill: 0 });
	});

	it('takes new limits while jobs wait', async () => {
		const { clock, scheduler, job, started } = setUp({
			intervalMs: 0,
			limits: { ...LIMITS, maxConcurrent: 1 },
		});
		for (let n = 0; n < 4; n += 1) void job(`job ${n}`, 'backfill', 10_000);
		await clock.advance(100);
		expect(started).toHaveLength(1);
		scheduler.configure({ ...LIMITS, maxConcurrent: 3 });
		await clock.advance(100);
		expect(started).toHaveLength(3);
	});

	it('goes on when the wall clock is set back an hour', async () => {
		const { clock, job, started } = setUp();
		for (let n = 0; n < 20; n += 1) void job(`job ${n}`);
		await clock.advance(1_000);
		const before = started.length;
		clock.stepWall(-3_600_000);
		jest.setSystemTime(Date.now() - 3_600_000);
		await clock.advance(3_000);
		expect(started.length).toBeGreaterThanOrEqual(before + 8);
		expect(new Set(started).size).toBe(started.length);
	});

	it('counts who waits, and tells them all when it is stopped', async () => {
		const { clock, scheduler, job, window } = setUp({ firstAfterMs: 60_000 });
		const jobs = [job('a'), job('b', 'critical'), job('c')];
		await clock.advance(10);
		expect(scheduler.waiting()).toEqual({ critical: 1, backfill: 2 });
		scheduler.stop(new Error('closed'));
		for (const one of jobs) await expect(one).rejects.toThrow('closed');
		expect(scheduler.waiting()).toEqual({ critical: 0, backfill: 0 });
		await clock.advance(120_000);
		expect(window.grants).toBe(window.returned.length);
	});

	it('tells its callers when the window itself fails, and works again afterwards', async () => {
		const { clock, window, job, started } = setUp();
		const acquire = window.tryAcquire.bind(window);
		window.tryAcquire = async () => await Promise.reject(new Error('store is gone'));
		await expect(clock.runUntil(job('a'))).rejects.toThrow('store is gone');
		window.tryAcquire = acquire;
		await expect(clock.runUntil(job('b'))).resolves.toBe('b');
		expect(started).toEqual(['b']);
	});
});
