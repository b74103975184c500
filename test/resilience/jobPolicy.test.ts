import type { Failure } from '../../nodes/shared/api';
import {
	afterFailure,
	batchShare,
	crashDelayMs,
	JOB_DISPOSITIONS,
	jobRetryDelayMs,
} from '../../nodes/shared/resilience/jobPolicy';
import { seededRandom } from '../support/clock';

const NOW_MS = Date.UTC(2026, 0, 15, 12);
const none = () => 0;
const most = () => 0.999_999;
const after = (failure: Failure, attempts = 0, random = none) =>
	afterFailure(failure, attempts, NOW_MS, random);

describe('what a failure means to a job', () => {
	it('has an answer for every kind', () => {
		const byDisposition = Object.groupBy(
			Object.entries(JOB_DISPOSITIONS),
			([, disposition]) => disposition,
		);
		expect(byDisposition['dead-letter']?.map(([kind]) => kind)).toEqual([
			'not-found',
			'private',
			'rejected',
			'unexpected-body',
		]);
		expect(byDisposition['release']?.map(([kind]) => kind)).toEqual(['cancelled']);
	});

	it('comes back when the breaker reopens, a little later and not all at once', () => {
		const open: Failure = { kind: 'circuit-open', detail: '', reopensInMs: 30_000 };
		expect(after(open)).toEqual({ do: 'postpone', delayMs: 30_000, holds: 'everybody' });
		expect(after(open, 9, most)).toMatchObject({ delayMs: expect.closeTo(35_000, 0) as number });
		expect(after({ ...open, reopensInMs: 0 })).toMatchObject({ delayMs: 1_000 });
	});

	it('waits for the new day with a spent budget, which concerns its priority only', () => {
		const spent: Failure = { kind: 'budget-exhausted', detail: '' };
		expect(after({ ...spent, resetsAtMs: NOW_MS + 7_200_000 })).toEqual({
			do: 'postpone',
			delayMs: 7_200_000,
			holds: 'same-priority',
		});
		expect(after({ ...spent, resetsAtMs: NOW_MS - 5 })).toMatchObject({ delayMs: 1_000 });
		expect(after(spent)).toMatchObject({ delayMs: 300_000 });
	});

	it.each<Failure>([
		{ kind: 'out-of-credits', detail: '' },
		{ kind: 'invalid-key', detail: '' },
		{ kind: 'unreachable', detail: '', cure: '', code: '' },
		{ kind: 'intercepted', detail: '', status: 403 },
	])('asks again now and then after $kind', (failure) => {
		expect(after(failure)).toEqual({ do: 'postpone', delayMs: 300_000, holds: 'everybody' });
	});

	it('stays away as long as a long Retry-After says, and retries after a short one', () => {
		const busy: Failure = { kind: 'rate-limited', detail: '' };
		expect(after({ ...busy, retryAfterMs: 90_000 })).toEqual({
			do: 'postpone',
			delayMs: 90_000,
			holds: 'everybody',
		});
		expect(after({ ...busy, retryAfterMs: 29_999 })).toEqual({ do: 'retry', delayMs: 30_999 });
		expect(after(busy)).toEqual({ do: 'retry', delayMs: 1_000 });
		expect(
			after({ kind: 'server-error', detail: '', status: 503, retryAfterMs: 3_600_000 }),
		).toEqual({
			do: 'retry',
			delayMs: 3_601_000,
		});
	});
});

describe('the wait of a job', () => {
	it('grows from 30 s to 1 h, with full jitter', () => {
		expect(jobRetryDelayMs(undefined, 0, most)).toBeCloseTo(30_000, -1);
		expect(jobRetryDelayMs(undefined, 3, most)).toBeCloseTo(240_000, -1);
		expect(jobRetryDelayMs(undefined, 40, most)).toBeCloseTo(3_600_000, -1);
		expect(jobRetryDelayMs(undefined, 40, none)).toBe(1_000);
		const random = seededRandom(1);
		const waits = Array.from({ length: 1_000 }, () => jobRetryDelayMs(undefined, 40, random));
		expect(waits.filter((wait) => wait < 1_800_000).length).toBeGreaterThan(450);
		expect(waits.filter((wait) => wait < 1_800_000).length).toBeLessThan(550);
	});

	it('after one crash is none; after more, those that were in hand together come back apart', () => {
		expect(crashDelayMs(1, most)).toBe(0);
		expect(crashDelayMs(2, most)).toBeCloseTo(60_000, 0);
		expect(crashDelayMs(4, most)).toBeCloseTo(120_000, 0);
	});
});

it('a job that came back shares its execution with half as many each time', () => {
	expect([0, 1, 2, 5, 6, 50].map((attempts) => batchShare(50, attempts))).toEqual([
		50, 25, 12, 1, 1, 1,
	]);
});
