import { createHash } from 'node:crypto';
import { canonicalParams, type EndpointName } from '../api';
import type { CacheResult, Metrics } from './metrics';
import type { Clock, ResponseStore, StoredResponse } from './ports';

/** Raised when what is stored changes its form; old entries are then never found. */
const SCHEMA_VERSION = 1;
/** Characters of bodies kept in memory in front of the durable store: some 4,000 profiles. */
const MEMORY_CHARS = 16_000_000;
/** A stored time this far ahead of the clock means that the clock was set back: the entry is not fresh. */
const CLOCK_SLACK_MS = 5_000;
/** Between looks at a store in which another process is fetching the same. */
const FOLLOW_POLL_MS = 50;
/** A claim of a living process ends after this; longer than attempts, backoff and waits of one call. */
const CLAIM_LEASE_MS = 15 * 60_000;

export type Params = Readonly<Record<string, string | number>>;

/**
 * Same for the same question, different for anything else: base URL, API key, endpoint and typed,
 * sorted parameters are hashed, so that no value can imitate another one's `&` or `=`.
 */
export function cacheKey(
	baseUrl: string,
	keyId: string,
	endpoint: EndpointName,
	params: Params,
): string {
	const question = [SCHEMA_VERSION, baseUrl, keyId, endpoint, canonicalParams(params)];
	return createHash('sha256').update(JSON.stringify(question)).digest('base64url');
}

/** How old an answer may be. */
export interface Freshness {
	maxAgeMs: number;
	/** Anything stored since this wall-clock time is taken, whatever its age. */
	notBeforeMs?: number | undefined;
}

export function isFresh(
	stored: StoredResponse,
	{ maxAgeMs, notBeforeMs }: Freshness,
	nowMs: number,
): boolean {
	if (stored.fetchedAtMs > nowMs + CLOCK_SLACK_MS || stored.keepUntilMs <= nowMs) return false;
	if (notBeforeMs !== undefined && stored.fetchedAtMs >= notBeforeMs) return true;
	return nowMs - stored.fetchedAtMs < maxAgeMs;
}

interface Flight<T> {
	promise: Promise<T>;
	/** Callers that still want the answer; the work stops when the last one leaves. */
	followers: number;
	abort: AbortController;
}

/** Stored answers, memory in front of the durable store, and single flight in and across processes. */
export class ResponseCache {
	/** Oldest use first. */
	readonly #memory = new Map<string, StoredResponse>();
	readonly #flights = new Map<string, Flight<unknown>>();
	#memoryChars = 0;

	constructor(
		private readonly store: ResponseStore,
		private readonly clock: Clock,
		private readonly metrics: Metrics,
	) {}

	/** A fresh stored answer, or undefined. */
	async find(key: string, freshness: Freshness): Promise<StoredResponse | undefined> {
		const remembered = this.#memory.get(key);
		if (remembered !== undefined && isFresh(remembered, freshness, this.clock.wallMs())) {
			this.#memory.delete(key);
			this.#memory.set(key, remembered);
			this.#count(remembered, 'hit-memory');
			return remembered;
		}
		const stored = await this.store.get(key);
		if (stored === undefined || !isFresh(stored, freshness, this.clock.wallMs())) return undefined;
		this.remember(stored);
		this.#count(stored, 'hit-durable');
		return stored;
	}

	/** A stored answer of any age. */
	async findStale(key: string): Promise<StoredResponse | undefined> {
		const stored = (await this.store.get(key)) ?? this.#memory.get(key);
		return stored?.kind === 'found' ? stored : undefined;
	}

	/** Into memory; the ledger writes the durable copy together with the credit. */
	remember(response: StoredResponse): void {
		this.#forget(response.key);
		if (response.body.length > MEMORY_CHARS / 4) return;
		this.#memory.set(response.key, response);
		this.#memoryChars += response.body.length;
		for (const oldest of this.#memory.keys()) {
			if (this.#memoryChars <= MEMORY_CHARS) break;
			this.#forget(oldest);
		}
	}

	/**
	 * One caller of this process fetches, the others wait for the same promise. A caller whose signal
	 * aborts is released at once; the work itself is aborted when nobody waits for it any more.
	 */
	async share<T>(
		key: string,
		signal: AbortSignal | undefined,
		fetch: (signal: AbortSignal) => Promise<T>,
	): Promise<{ value: T; led: boolean }> {
		signal?.throwIfAborted();
		const running = this.#flights.get(key) as Flight<T> | undefined;
		const flight = running ?? this.#launch(key, fetch);
		flight.followers += 1;
		let onAbort: () => void = () => {};
		try {
			const aborted = new Promise<never>((_, reject) => {
				onAbort = () => reject(signal?.reason as Error);
				signal?.addEventListener('abort', onAbort, { once: true });
			});
			const value = await Promise.race([flight.promise, aborted]);
			return { value, led: running === undefined };
		} finally {
			signal?.removeEventListener('abort', onAbort);
			flight.followers -= 1;
			// Still in the map: everybody left before it was done.
			if (flight.followers === 0 && this.#flights.get(key) === flight) {
				this.#flights.delete(key);
				flight.abort.abort(signal?.reason);
			}
		}
	}

	/**
	 * The same over processes: runs `fetch` when this process holds the claim for `key`; otherwise waits
	 * for the answer that the other one stores, and takes over when it gives up or dies.
	 *
	 * @param sinceMs wall clock; an answer stored since then was asked for by somebody else meanwhile
	 */
	async shareAcross<T>(
		key: string,
		sinceMs: number,
		signal: AbortSignal,
		fetch: () => Promise<T>,
		fromStore: (stored: StoredResponse) => T,
	): Promise<T> {
		const claimed = await this.store.claim(key, CLAIM_LEASE_MS);
		for (let mine = claimed; ; mine = await this.store.claim(key, CLAIM_LEASE_MS)) {
			const stored = await this.store.get(key);
			if (
				stored !== undefined &&
				isFresh(stored, { maxAgeMs: 0, notBeforeMs: sinceMs }, this.clock.wallMs())
			) {
				if (mine) await this.store.unclaim(key);
				this.#count(stored, 'shared');
				return fromStore(stored);
			}
			if (mine) break;
			await this.clock.sleep(FOLLOW_POLL_MS, signal);
		}
		try {
			return await fetch();
		} finally {
			await this.store.unclaim(key);
		}
	}

	#launch<T>(key: string, fetch: (signal: AbortSignal) => Promise<T>): Flight<T> {
		const abort = new AbortController();
		const promise = fetch(abort.signal).finally(() => {
			if (this.#flights.get(key) === flight) this.#flights.delete(key);
		});
		promise.catch(() => {});
		const flight: Flight<T> = { promise, followers: 0, abort };
		this.#flights.set(key, flight);
		return flight;
	}

	#forget(key: string): void {
		const known = this.#memory.get(key);
		if (known === undefined) return;
		this.#memory.delete(key);
		this.#memoryChars -= known.body.length;
	}

	#count(stored: StoredResponse, result: CacheResult): void {
		this.metrics.cache(stored.endpoint, result);
	}
}
