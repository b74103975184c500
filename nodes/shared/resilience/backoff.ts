import type { Failure } from '../api';
import type { Random } from './ports';

/** Waits grow from here: 1 s, 2 s, 4 s ... */
export const BACKOFF_BASE_MS = 1_000;
/** No wait of our own is longer; a longer Retry-After is still obeyed. */
export const BACKOFF_CAP_MS = 30_000;

/**
 * Full jitter: uniform between 0 and min(cap, base * 2^retry), so that the spread stays as wide at the cap
 * as below it. 1,000 clients after one failure peak at 17 arrivals in 10 ms instead of 1,000.
 *
 * @param retry 0 for the first retry
 */
export function fullJitterMs(retry: number, random: Random): number {
	return random() * Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** retry);
}

/** The wait before the next attempt in ms. The server's Retry-After is a floor; the jitter comes on top of it. */
export function retryWaitMs(failure: Failure, retry: number, random: Random): number {
	const floor = 'retryAfterMs' in failure ? (failure.retryAfterMs ?? 0) : 0;
	return floor + fullJitterMs(retry, random);
}
