import { cacheKey, isFresh, ResponseCache } from '../../nodes/shared/resilience/cache';
import { noMetrics } from '../../nodes/shared/resilience/metrics';
import type { ResponseStore, StoredResponse } from '../../nodes/shared/resilience/ports';
import { ManualClock } from '../support/clock';

const BASE = 'https://api.tikliveapi.com';

function response(
	key: string,
	fetchedAtMs: number,
	over: Partial<StoredResponse> = {},
): StoredResponse {
	return {
		key,
		endpoint: 'userInfoByUsername',
		kind: 'found',
		body: '{"user":{"id":"1"}}',
		fetchedAtMs,
		keepUntilMs: fetchedAtMs + 86_400_000,
		...over,
	};
}

/** Shared by several caches, as by several processes. */
class TestStore implements ResponseStore {
	readonly rows = new Map<string, StoredResponse>();
	readonly claims = new Set<string>();
	reads = 0;
	async get(key: string) {
		this.reads += 1;
		return this.rows.get(key);
	}
	async claim(key: string) {
		if (this.claims.has(key)) return false;
		this.claims.add(key);
		return true;
	}
	async unclaim(key: string) {
		this.claims.delete(key);
	}
	async keep(response: StoredResponse) {
		this.rows.set(response.key, response);
	}
	async remove(key: string) {
		this.rows.delete(key);
	}
	async sweep() {
		return 0;
	}
}

function setUp() {
	const clock = new ManualClock();
	const store = new TestStore();
	const counted: string[] = [];
	const metrics = { ...noMetrics, cache: (_: string, result: string) => void counted.push(result) };
	return { clock, store, counted, cache: new ResponseCache(store, clock, metrics), metrics };
}

describe('cacheKey', () => {
	const key = (params: Record<string, string | number>, base = BASE, keyId = 'k1') =>
		cacheKey(base, keyId, 'userFollowers', params);

	it('does not depend on the order of parameters', () => {
		expect(key({ userid: '1', count: 50, time: 0 })).toBe(key({ time: 0, count: 50, userid: '1' }));
	});

	it('tells base URL, API key, endpoint, value and type apart', () => {
		const params = { userid: '1', time: 0 };
		const all = [
			key(params),
			key(params, 'http://127.0.0.1:8000'),
			key(params, BASE, 'k2'),
			cacheKey(BASE, 'k1', 'userFollowing', params),
			key({ userid: '2', time: 0 }),
			key({ userid: '1', time: '0' }),
		];
		expect(new Set(all).size).toBe(all.length);
	});

	it('cannot be imitated by values that hold & or =', () => {
		expect(cacheKey(BASE, 'k', 'userId', { a: '1&b=2' })).not.toBe(
			cacheKey(BASE, 'k', 'userId', { a: '1', b: '2' }),
		);
	});
});

describe('isFresh', () => {
	const now = 10_000_000;
	it.each([
		['younger than maxAge', now - 999, { maxAgeMs: 1_000 }, true],
		['as old as maxAge', now - 1_000, { maxAgeMs: 1_000 }, false],
		['maxAge 0 always asks', now, { maxAgeMs: 0 }, false],
		[
			'stored since the node run began',
			now - 5_000,
			{ maxAgeMs: 0, notBeforeMs: now - 5_000 },
			true,
		],
		['stored before it', now - 5_001, { maxAgeMs: 0, notBeforeMs: now - 5_000 }, false],
		['from a clock that was set back since', now + 3_600_000, { maxAgeMs: 1_000 }, false],
		[
			'from the future with a node run',
			now + 3_600_000,
			{ maxAgeMs: 1_000, notBeforeMs: 0 },
			false,
		],
	])('%s', (_, fetchedAtMs, freshness, fresh) => {
		expect(isFresh(response('k', fetchedAtMs), freshness, now)).toBe(fresh);
	});

	it('is never what is past its retention', () => {
		const old = response('k', now - 10, { keepUntilMs: now });
		expect(isFresh(old, { maxAgeMs: 1_000, notBeforeMs: 0 }, now)).toBe(false);
	});
});

describe('ResponseCache', () => {
	it('reads the durable store once, then memory', async () => {
		const { cache, store, clock, counted } = setUp();
		store.rows.set('k', response('k', clock.wallMs()));
		expect(await cache.find('k', { maxAgeMs: 1_000 })).toBeDefined();
		expect(await cache.find('k', { maxAgeMs: 1_000 })).toBeDefined();
		expect(store.reads).toBe(1);
		expect(counted).toEqual(['hit-durable', 'hit-memory']);
		await clock.advance(1_000);
		expect(await cache.find('k', { maxAgeMs: 1_000 })).toBeUndefined();
	});

	it('sees what another process stored later than its own memory', async () => {
		const { cache, store, clock } = setUp();
		cache.remember(response('k', clock.wallMs()));
		await clock.advance(10_000);
		store.rows.set('k', response('k', clock.wallMs(), { body: 'newer' }));
		expect(await cache.find('k', { maxAgeMs: 1_000 })).toMatchObject({ body: 'newer' });
	});

	it('keeps memory bounded and drops what was not used for longest', async () => {
		const { cache, clock, store } = setUp();
		const body = 'x'.repeat(1_000_000);
		for (let n = 0; n < 16; n += 1) cache.remember(response(`k${n}`, clock.wallMs(), { body }));
		await cache.find('k0', { maxAgeMs: 1_000 });
		cache.remember(response('k16', clock.wallMs(), { body }));
		expect(await cache.find('k0', { maxAgeMs: 1_000 })).toBeDefined();
		expect(store.reads).toBe(0);
		expect(await cache.find('k1', { maxAgeMs: 1_000 })).toBeUndefined();
	});

	it('serves an old answer when asked to, but never a remembered absence', async () => {
		const { cache, store, clock } = setUp();
		store.rows.set('k', response('k', clock.wallMs() - 50_000_000));
		store.rows.set('gone', response('gone', clock.wallMs(), { kind: 'not-found' }));
		expect(await cache.findStale('k')).toBeDefined();
		expect(await cache.findStale('gone')).toBeUndefined();
	});

	describe('share', () => {
		it('lets one fetch and the others wait', async () => {
			const { cache } = setUp();
			let fetches = 0;
			let finish: (value: string) => void = () => {};
			const fetch = async () => {
				fetches += 1;
				return await new Promise<string>((resolve) => (finish = resolve));
			};
			const all = [1, 2, 3].map(() => cache.share('k', undefined, fetch));
			finish('answer');
			expect(await Promise.all(all)).toEqual([
				{ value: 'answer', led: true },
				{ value: 'answer', led: false },
				{ value: 'answer', led: false },
			]);
			expect(fetches).toBe(1);
			void cache.share('k', undefined, fetch);
			expect(fetches).toBe(2);
		});

		it('goes on for the others when the first one leaves, and stops when all have left', async () => {
			const { cache } = setUp();
			const first = new AbortController();
			const second = new AbortController();
			let work: AbortSignal | undefined;
			const fetch = async (signal: AbortSignal) => {
				work = signal;
				return await new Promise<string>(() => {});
			};
			const one = cache.share('k', first.signal, fetch);
			const two = cache.share('k', second.signal, fetch);
			first.abort(new Error('first left'));
			await expect(one).rejects.toThrow('first left');
			expect(work?.aborted).toBe(false);
			second.abort(new Error('second left'));
			await expect(two).rejects.toThrow('second left');
			expect(work?.aborted).toBe(true);
		});
	});

	describe('shareAcross', () => {
		const never = new AbortController().signal;
		const fromStore = (stored: StoredResponse) => `stored ${stored.body}`;

		it('lets one process fetch; the other one gets what it stored', async () => {
			const { cache, store, clock, metrics } = setUp();
			const other = new ResponseCache(store, clock, metrics);
			const sinceMs = clock.wallMs();
			const leader = cache.shareAcross(
				'k',
				sinceMs,
				never,
				async () => {
					await clock.sleep(500);
					store.rows.set('k', response('k', clock.wallMs(), { body: 'paid' }));
					return 'fetched';
				},
				fromStore,
			);
			let fetchedTwice = false;
			const follower = other.shareAcross(
				'k',
				sinceMs,
				never,
				async () => {
					fetchedTwice = true;
					return 'fetched twice';
				},
				fromStore,
			);
			expect(await clock.runUntil(leader)).toBe('fetched');
			expect(await clock.runUntil(follower)).toBe('stored paid');
			expect(fetchedTwice).toBe(false);
			expect(store.claims.size).toBe(0);
		});

		it('takes over when the other one fails', async () => {
			const { cache, store, clock, metrics } = setUp();
			const other = new ResponseCache(store, clock, metrics);
			const leader = cache.shareAcross(
				'k',
				clock.wallMs(),
				never,
				async () => {
					await clock.sleep(100);
					throw new Error('failed');
				},
				fromStore,
			);
			leader.catch(() => {});
			const follower = other.shareAcross(
				'k',
				clock.wallMs(),
				never,
				async () => 'fetched',
				fromStore,
			);
			expect(await clock.runUntil(follower)).toBe('fetched');
			await expect(leader).rejects.toThrow('failed');
		});

		it('does not fetch what was stored between the look and the claim', async () => {
			const { cache, store, clock } = setUp();
			store.rows.set('k', response('k', clock.wallMs(), { body: 'just now' }));
			const value = cache.shareAcross('k', clock.wallMs(), never, async () => 'fetched', fromStore);
			expect(await value).toBe('stored just now');
			expect(store.claims.size).toBe(0);
		});

		it('stops waiting when cancelled', async () => {
			const { cache, store, clock } = setUp();
			store.claims.add('k');
			const abort = new AbortController();
			const waiting = cache.shareAcross(
				'k',
				clock.wallMs(),
				abort.signal,
				async () => 'x',
				fromStore,
			);
			waiting.catch(() => {});
			await clock.advance(75);
			abort.abort(new Error('stop'));
			await expect(waiting).rejects.toThrow('stop');
			expect(clock.pending()).toBe(0);
		});
	});
});
