import { BACKOFF_CAP_MS, fullJitterMs, retryWaitMs } from '../../nodes/shared/resilience/backoff';
import { seededRandom } from '../support/clock';

describe('fullJitterMs', () => {
	it.each([
		[0, 1_000],
		[1, 2_000],
		[4, 16_000],
		[5, 30_000],
		[60, 30_000],
	])('retry %i is spread over 0..%i ms', (retry, widest) => {
		expect(fullJitterMs(retry, () => 0)).toBe(0);
		expect(fullJitterMs(retry, () => 0.5)).toBe(widest / 2);
		expect(fullJitterMs(retry, () => 0.999)).toBeLessThan(widest);
	});

	it('is still spread at the cap: 1,000 clients do not meet', () => {
		const random = seededRandom(1);
		const slots = new Map<number, number>();
		for (let client = 0; client < 1_000; client += 1) {
			const slot = Math.floor(fullJitterMs(9, random) / 10);
			slots.set(slot, (slots.get(slot) ?? 0) + 1);
		}
		expect(Math.max(...slots.values())).toBeLessThan(10);
		expect(slots.size).toBeGreaterThan(800);
		expect(Math.max(...slots.keys()) * 10).toBeGreaterThan(BACKOFF_CAP_MS * 0.98);
	});
});

describe('retryWaitMs', () => {
	it('takes Retry-After as a floor and puts the jitter on top', () => {
		const failure = { kind: 'rate-limited', detail: '', retryAfterMs: 7_000 } as const;
		expect(retryWaitMs(failure, 0, () => 0)).toBe(7_000);
		expect(retryWaitMs(failure, 0, () => 0.5)).toBe(7_500);
	});

	it('has no floor where the server asked for none', () => {
		const failure = { kind: 'network', detail: '', code: 'ECONNRESET' } as const;
		expect(retryWaitMs(failure, 2, () => 0.5)).toBe(2_000);
	});
});
