import type { Priority } from './ports';

export type CallOutcome =
	| 'success'
	| 'not-found'
	| 'rate-limited'
	| 'server-error'
	| 'network'
	| 'timeout'
	| 'bad-body'
	| 'refused'
	| 'cancelled';

export type CacheResult = 'hit-memory' | 'hit-durable' | 'miss' | 'shared' | 'stale';

export type CircuitState = 'closed' | 'open' | 'half-open';

/**
 * What the resilience room tells to whoever watches. Labels are bounded: endpoint names, outcomes
 * and priorities only, never a username or a key. Every method must be cheap and must not throw.
 */
export interface Metrics {
	/** One request that was sent; `seconds` from send to last byte. */
	request(endpoint: string, outcome: CallOutcome, seconds: number): void;
	retry(endpoint: string, reason: string): void;
	/** From joining the queue to the grant of a token. */
	rateWait(priority: Priority, seconds: number): void;
	inFlight(change: 1 | -1): void;
	circuit(state: CircuitState): void;
	cache(endpoint: string, result: CacheResult): void;
	credit(priority: Priority, result: 'spent' | 'returned' | 'unknown' | 'refused'): void;
}

export const noMetrics: Metrics = {
	request() {},
	retry() {},
	rateWait() {},
	inFlight() {},
	circuit() {},
	cache() {},
	credit() {},
};
