import type { CacheResult, CallOutcome, Metrics } from './metrics';
import type { Clock, MinuteCounts, Priority, StatisticsStore } from './ports';

/** Upper bounds of the latency buckets in seconds, from a fast answer to the default timeout; one more for the rest. */
export const LATENCY_BUCKETS_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] as const;

const MINUTE_MS = 60_000;
/** What is counted reaches the store at least this often; a process that is killed loses no more. */
const FLUSH_MS = 10_000;

/** One endpoint over one stretch of time. Rates are 0 to 1; null where nothing was sent. */
export interface EndpointSummary {
	requests: number;
	successRate: number | null;
	/** From the buckets, so exact to a bucket's width. */
	p50Seconds: number | null;
	p95Seconds: number | null;
	retries: number;
	/** Share of requests that were answered 429. */
	rateLimitedRate: number | null;
}

export interface Summary extends EndpointSummary {
	endpoints: Record<string, EndpointSummary>;
	/** Requests by what came of them. */
	outcomes: Partial<Record<CallOutcome, number>>;
	/** Share of calls that were served without a request of their own. */
	cacheHitRate: number | null;
	credits: Record<Priority, number>;
}

/**
 * Counts what happens, minute by minute, in a store that all processes share: what the status node shows
 * for the last minutes, hours and day. Names of endpoints and outcomes only, so its size is bounded.
 */
export class Statistics implements Metrics {
	#minute = 0;
	#counts: Record<string, number> = {};
	readonly #stop: () => void;

	constructor(
		private readonly store: StatisticsStore,
		private readonly clock: Clock,
	) {
		this.#stop = clock.every(FLUSH_MS, () => void this.flush().catch(() => {}));
	}

	request(endpoint: string, outcome: CallOutcome, seconds: number): void {
		this.#add(`requests ${endpoint} ${outcome}`);
		const bucket = LATENCY_BUCKETS_SECONDS.findIndex((bound) => seconds <= bound);
		this.#add(`seconds ${endpoint} ${bucket < 0 ? LATENCY_BUCKETS_SECONDS.length : bucket}`);
	}

	retry(endpoint: string): void {
		this.#add(`retries ${endpoint}`);
	}

	cache(endpoint: string, result: CacheResult): void {
		this.#add(`cache ${endpoint} ${result}`);
	}

	credit(priority: Priority, result: 'spent' | 'returned' | 'unknown' | 'refused'): void {
		if (result === 'spent' || result === 'unknown') this.#add(`credits ${priority}`);
	}

	rateWait(): void {}
	inFlight(): void {}
	circuit(): void {}

	/** Minutes of the last `minutes`, what is not flushed yet included; oldest first. */
	async recent(minutes: number): Promise<MinuteCounts[]> {
		await this.flush();
		return await this.store.since(this.#currentMinute() - minutes + 1);
	}

	async flush(): Promise<void> {
		const [minute, counts] = [this.#minute, this.#counts];
		if (Object.keys(counts).length === 0) return;
		this.#counts = {};
		await this.store.add(minute, counts);
	}

	/** Writes what is left and ends the timer. */
	async close(): Promise<void> {
		this.#stop();
		await this.flush();
	}

	#add(name: string): void {
		const minute = this.#currentMinute();
		if (minute !== this.#minute) {
			void this.flush().catch(() => {});
			this.#minute = minute;
		}
		this.#counts[name] = (this.#counts[name] ?? 0) + 1;
	}

	#currentMinute(): number {
		return Math.floor(this.clock.wallMs() / MINUTE_MS);
	}
}

interface Tally {
	requests: number;
	success: number;
	rateLimited: number;
	retries: number;
	/** Requests per latency bucket. */
	seconds: number[];
}

/** What some minutes add up to, per endpoint and in all. */
export function summarise(minutes: readonly MinuteCounts[]): Summary {
	const all = newTally();
	const tallies = new Map<string, Tally>();
	const outcomes: Partial<Record<string, number>> = {};
	const cache = { hits: 0, asked: 0 };
	const credits: Record<Priority, number> = { critical: 0, backfill: 0 };
	const both = (endpoint: string): Tally[] => {
		const own = tallies.get(endpoint) ?? newTally();
		tallies.set(endpoint, own);
		return [own, all];
	};
	for (const { counts } of minutes) {
		for (const [name, count] of Object.entries(counts)) {
			const [what = '', subject = '', detail = ''] = name.split(' ');
			switch (what) {
				case 'requests':
					outcomes[detail] = (outcomes[detail] ?? 0) + count;
					for (const tally of both(subject)) {
						tally.requests += count;
						// A missing user is an answer like any other.
						if (detail === 'success' || detail === 'not-found') tally.success += count;
						if (detail === 'rate-limited') tally.rateLimited += count;
					}
					break;
				case 'seconds':
					for (const { seconds } of both(subject)) {
						seconds[Number(detail)] = (seconds[Number(detail)] ?? 0) + count;
					}
					break;
				case 'retries':
					for (const tally of both(subject)) tally.retries += count;
					break;
				case 'cache':
					cache.asked +=
						detail === 'hit-memory' || detail === 'hit-durable' || detail === 'miss' ? count : 0;
					cache.hits += detail === 'miss' ? 0 : count;
					break;
				case 'credits':
					if (subject === 'critical' || subject === 'backfill') credits[subject] += count;
					break;
			}
		}
	}
	return {
		...summaryOf(all),
		outcomes,
		endpoints: Object.fromEntries([...tallies].map(([name, tally]) => [name, summaryOf(tally)])),
		cacheHitRate: cache.asked === 0 ? null : Math.min(1, cache.hits / cache.asked),
		credits,
	};
}

function newTally(): Tally {
	const seconds = Array.from({ length: LATENCY_BUCKETS_SECONDS.length + 1 }, () => 0);
	return { requests: 0, success: 0, rateLimited: 0, retries: 0, seconds };
}

function summaryOf({ requests, success, rateLimited, retries, seconds }: Tally): EndpointSummary {
	const share = (part: number) => (requests === 0 ? null : part / requests);
	return {
		requests,
		successRate: share(success),
		p50Seconds: quantile(seconds, 0.5),
		p95Seconds: quantile(seconds, 0.95),
		retries,
		rateLimitedRate: share(rateLimited),
	};
}

/**
 * The latency that `share` of the requests stayed below: linear within its bucket, as Prometheus'
 * histogram_quantile does it; the last bound for anything slower.
 */
export function quantile(buckets: readonly number[], share: number): number | null {
	const total = buckets.reduce((sum, count) => sum + count, 0);
	if (total === 0) return null;
	let below = 0;
	for (const [index, count] of buckets.entries()) {
		const upper = LATENCY_BUCKETS_SECONDS[index];
		if (upper === undefined) break;
		if (below + count >= share * total && count > 0) {
			const lower = LATENCY_BUCKETS_SECONDS[index - 1] ?? 0;
			return lower + ((upper - lower) * (share * total - below)) / count;
		}
		below += count;
	}
	return LATENCY_BUCKETS_SECONDS[LATENCY_BUCKETS_SECONDS.length - 1] as number;
}

/** Tells several watchers at once. */
export function allOf(...watchers: readonly Metrics[]): Metrics {
	return {
		request: (...told) => watchers.forEach((watcher) => watcher.request(...told)),
		retry: (...told) => watchers.forEach((watcher) => watcher.retry(...told)),
		rateWait: (...told) => watchers.forEach((watcher) => watcher.rateWait(...told)),
		inFlight: (...told) => watchers.forEach((watcher) => watcher.inFlight(...told)),
		circuit: (...told) => watchers.forEach((watcher) => watcher.circuit(...told)),
		cache: (...told) => watchers.forEach((watcher) => watcher.cache(...told)),
		credit: (...told) => watchers.forEach((watcher) => watcher.credit(...told)),
	};
}
