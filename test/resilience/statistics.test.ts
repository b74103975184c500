import {
	allOf,
	LATENCY_BUCKETS_SECONDS,
	quantile,
	Statistics,
	summarise,
} from '../../nodes/shared/resilience/statistics';
import { noMetrics } from '../../nodes/shared/resilience/metrics';
import { openEmbeddedStores } from '../../nodes/shared/stores/embedded';
import { ManualClock } from '../support/clock';

function setUp() {
	const clock = new ManualClock();
	const stores = openEmbeddedStores({ folder: undefined, keyId: 'k', clock, warn: () => {} });
	return { clock, stores, statistics: new Statistics(stores.statistics, clock) };
}

describe('Statistics', () => {
	it('adds up requests, latencies, retries, cache hits and credits per endpoint and in all', async () => {
		const { statistics, stores } = setUp();
		for (let n = 0; n < 8; n += 1) statistics.request('userPosts', 'success', 0.2);
		statistics.request('userPosts', 'rate-limited', 0.01);
		statistics.request('userId', 'not-found', 0.2);
		statistics.retry('userPosts');
		statistics.cache('userPosts', 'miss');
		statistics.cache('userPosts', 'hit-memory');
		statistics.credit('backfill', 'spent');
		statistics.credit('backfill', 'returned');
		statistics.credit('critical', 'unknown');
		const summary = summarise(await statistics.recent(5));
		expect(summary).toMatchObject({
			requests: 10,
			successRate: 0.9,
			retries: 1,
			rateLimitedRate: 0.1,
			cacheHitRate: 0.5,
			credits: { backfill: 1, critical: 1 },
			outcomes: { success: 8, 'rate-limited': 1, 'not-found': 1 },
		});
		expect(summary.endpoints['userPosts']).toMatchObject({ requests: 9, successRate: 8 / 9 });
		expect(summary.endpoints['userId']).toMatchObject({ requests: 1, successRate: 1, retries: 0 });
		await stores.dispose();
	});

	it('looks back as far as it is asked, over all processes', async () => {
		const { clock, statistics, stores } = setUp();
		const other = new Statistics(stores.statistics, clock);
		statistics.request('userId', 'success', 1);
		await clock.advance(10 * 60_000);
		other.request('userId', 'success', 1);
		await other.flush();
		statistics.request('userId', 'success', 1);
		expect(summarise(await statistics.recent(5)).requests).toBe(2);
		expect(summarise(await statistics.recent(60)).requests).toBe(3);
		await clock.advance(26 * 3_600_000);
		statistics.request('userId', 'success', 1);
		expect((await statistics.recent(30 * 60)).map(({ counts }) => counts)).toHaveLength(1);
		await stores.dispose();
	});

	it('reaches the store by itself, and once more when it is closed', async () => {
		const { clock, statistics, stores } = setUp();
		statistics.retry('userId');
		await clock.advance(10_000);
		expect(await stores.statistics.since(0)).toHaveLength(1);
		statistics.retry('userId');
		await statistics.close();
		const [row] = await stores.statistics.since(0);
		expect(row?.counts).toEqual({ 'retries userId': 2 });
		await stores.dispose();
	});

	it('has nothing to say without requests', () => {
		expect(summarise([])).toMatchObject({
			requests: 0,
			successRate: null,
			p95Seconds: null,
			cacheHitRate: null,
		});
	});
});

describe('quantile', () => {
	const last = LATENCY_BUCKETS_SECONDS.length;
	const buckets = (counts: Record<number, number>) =>
		Array.from({ length: last + 1 }, (_, index) => counts[index] ?? 0);

	it.each([
		['in the middle of a bucket', { 2: 10 }, 0.5, 0.175],
		['at the end of the first', { 0: 4 }, 1, 0.05],
		['behind empty buckets', { 0: 1, 4: 1 }, 0.95, 0.95],
		['slower than the last bound', { [last]: 3 }, 0.5, 30],
	])('%s', (_, counts, share, seconds) => {
		expect(quantile(buckets(counts as Record<number, number>), share)).toBeCloseTo(seconds, 6);
	});
});

describe('allOf', () => {
	it('tells every watcher everything', () => {
		const told: string[] = [];
		const watcher = (name: string) =>
			new Proxy(noMetrics, {
				get: (_, method) => () => void told.push(`${name} ${String(method)}`),
			});
		const all = allOf(watcher('a'), watcher('b'));
		all.request('e', 'success', 1);
		all.retry('e', 'r');
		all.rateWait('critical', 1);
		all.inFlight(1);
		all.circuit('open');
		all.cache('e', 'miss');
		all.credit('critical', 'spent');
		const methods = ['request', 'retry', 'rateWait', 'inFlight', 'circuit', 'cache', 'credit'];
		expect(told).toEqual(methods.flatMap((method) => [`a ${method}`, `b ${method}`]));
	});
});
