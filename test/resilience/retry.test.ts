import { CallFailure, type Failure } from '../../nodes/shared/api';
import { TOTAL_DEADLINE_MS, withRetries } from '../../nodes/shared/resilience/retry';
import { RetryQuota } from '../../nodes/shared/resilience/retryQuota';
import { ManualClock } from '../support/clock';

const RESET: Failure = { kind: 'network', detail: 'reset', code: 'ECONNRESET' };

/** Runs `outcomes` one attempt after the other; a failure throws, undefined succeeds. */
function setUp(
	outcomes: (Failure | undefined)[],
	options: { maxAttempts?: number; quota?: RetryQuota } = {},
) {
	const clock = new ManualClock();
	const startMs = clock.monotonicMs();
	const abort = new AbortController();
	const sentAtMs: number[] = [];
	const retried: string[] = [];
	const run = () =>
		withRetries(
			async () => {
				const failure = outcomes[sentAtMs.length];
				sentAtMs.push(clock.monotonicMs() - startMs);
				if (failure !== undefined) throw new CallFailure(failure);
				return 'answer';
			},
			{
				maxAttempts: options.maxAttempts ?? 6,
				clock,
				random: () => 0.5,
				quota: options.quota ?? new RetryQuota(),
				signal: abort.signal,
				onRetry: ({ failure }) => retried.push(failure.kind),
			},
		);
	return { clock, abort, sentAtMs, retried, run };
}

describe('withRetries', () => {
	it('waits with growing jitter between attempts', async () => {
		const { clock, sentAtMs, retried, run } = setUp([RESET, RESET, RESET, undefined]);
		await expect(clock.runUntil(run())).resolves.toBe('answer');
		expect(sentAtMs).toEqual([0, 500, 1_500, 3_500]);
		expect(retried).toEqual(['network', 'network', 'network']);
	});

	it('gives up after maxAttempts with the last failure', async () => {
		const { clock, sentAtMs, run } = setUp([RESET, RESET, RESET], { maxAttempts: 3 });
		await expect(clock.runUntil(run())).rejects.toMatchObject({ failure: RESET });
		expect(sentAtMs).toHaveLength(3);
	});

	it.each<Failure>([
		{ kind: 'invalid-key', detail: '' },
		{ kind: 'out-of-credits', detail: '' },
		{ kind: 'not-found', detail: '' },
		{ kind: 'private', detail: '' },
		{ kind: 'rejected', detail: '', status: 400 },
		{ kind: 'unexpected-body', detail: '' },
		{ kind: 'circuit-open', detail: '', reopensInMs: 1 },
		{ kind: 'budget-exhausted', detail: '' },
	])('never repeats after $kind', async (failure) => {
		const { clock, sentAtMs, run } = setUp([failure, undefined]);
		await expect(clock.runUntil(run())).rejects.toMatchObject({ failure });
		expect(sentAtMs).toHaveLength(1);
	});

	it('never repeats after a bug of our own, and does not hide it', async () => {
		const { clock } = setUp([]);
		const bug = new TypeError('x is not a function');
		let attempts = 0;
		const run = withRetries(
			async () => {
				attempts += 1;
				throw bug;
			},
			{
				maxAttempts: 6,
				clock,
				random: () => 0,
				quota: new RetryQuota(),
				signal: new AbortController().signal,
				onRetry: () => {},
			},
		);
		await expect(run).rejects.toBe(bug);
		expect(attempts).toBe(1);
	});

	it('fails at once when Retry-After is longer than the deadline leaves', async () => {
		const failure: Failure = { kind: 'rate-limited', detail: '', retryAfterMs: TOTAL_DEADLINE_MS };
		const { clock, sentAtMs, run } = setUp([failure, undefined]);
		const startMs = clock.monotonicMs();
		await expect(clock.runUntil(run())).rejects.toMatchObject({ failure });
		expect(sentAtMs).toEqual([0]);
		expect(clock.monotonicMs()).toBe(startMs);
	});

	it('starts no attempt after the total deadline', async () => {
		const slow: Failure = { kind: 'rate-limited', detail: '', retryAfterMs: 100_000 };
		const { clock, sentAtMs, run } = setUp([slow, slow, slow, slow, undefined]);
		await expect(clock.runUntil(run())).rejects.toMatchObject({ failure: slow });
		expect(sentAtMs).toHaveLength(3);
		expect(Math.max(...sentAtMs)).toBeLessThanOrEqual(TOTAL_DEADLINE_MS);
	});

	it('leaves a wait at once when cancelled, with the reason of the one who cancelled', async () => {
		const { clock, abort, sentAtMs, run } = setUp([RESET, undefined]);
		const running = run();
		running.catch(() => {});
		await clock.advance(100);
		const reason = new Error('stopped');
		abort.abort(reason);
		await expect(running).rejects.toBe(reason);
		expect(sentAtMs).toEqual([0]);
		expect(clock.pending()).toBe(0);
	});
});

describe('RetryQuota', () => {
	const transient = RESET;
	const throttled: Failure = { kind: 'rate-limited', detail: '' };

	it('allows some 35 retries while nothing succeeds, then none', () => {
		const quota = new RetryQuota();
		let allowed = 0;
		while (quota.take(transient) !== undefined) allowed += 1;
		expect(allowed).toBe(35);
		expect(quota.take(transient)).toBeUndefined();
		expect(quota.take(throttled)).toBe(5);
	});

	it('gives the cost back after a retry that helped, and one unit after a first try', () => {
		const quota = new RetryQuota();
		for (let use = 0; use < 35; use += 1) quota.take(transient);
		quota.refund(14);
		expect(quota.take(transient)).toBe(14);
		expect(quota.take(transient)).toBeUndefined();
		for (let success = 0; success < 4; success += 1) quota.refund(0);
		expect(quota.take(transient)).toBe(14);
	});

	it('keeps going through faults of every eighth request for ever', () => {
		const quota = new RetryQuota();
		for (let request = 0; request < 10_000; request += 1) {
			if (request % 8 === 0) {
				const cost = quota.take(transient);
				expect(cost).toBe(14);
				quota.refund(cost as number);
			} else {
				quota.refund(0);
			}
		}
	});

	it('stops the retries of a call when it is empty', async () => {
		const quota = new RetryQuota();
		while (quota.take(transient) !== undefined);
		const { clock, sentAtMs, run } = setUp([RESET, undefined], { quota });
		await expect(clock.runUntil(run())).rejects.toMatchObject({ failure: RESET });
		expect(sentAtMs).toHaveLength(1);
	});
});
