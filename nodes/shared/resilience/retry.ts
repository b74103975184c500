import pRetry from 'p-retry';
import { CallFailure } from '../api';
import { retryWaitMs } from './backoff';
import { FAILURE_TRAITS } from './failureTraits';
import type { Clock, Random } from './ports';
import type { RetryQuota } from './retryQuota';

/** No attempt starts later than this after the first one failed. */
export const TOTAL_DEADLINE_MS = 5 * 60_000;

export interface RetryOptions {
	maxAttempts: number;
	clock: Clock;
	random: Random;
	quota: RetryQuota;
	signal: AbortSignal;
	/** Told of each retry that will be made. */
	onRetry(failure: CallFailure): void;
}

/**
 * Runs `attempt` until it succeeds, fails for good, or attempts, deadline or retry quota are used up.
 * p-retry is the loop only: its own waits lose their jitter at the cap and know no Retry-After,
 * so the wait happens here, on the injected clock. A cancelled signal ends the wait at once.
 *
 * @throws whatever the last attempt threw; `signal.reason` after a cancel
 */
export async function withRetries<T>(
	attempt: () => Promise<T>,
	{ maxAttempts, clock, random, quota, signal, onRetry }: RetryOptions,
): Promise<T> {
	let lastCost = 0;
	let firstFailureAtMs: number | undefined;

	const mayRetry = async (error: Error, retry: number): Promise<boolean> => {
		if (!(error instanceof CallFailure) || !FAILURE_TRAITS[error.failure.kind].retry) return false;
		firstFailureAtMs ??= clock.monotonicMs();
		const waitMs = retryWaitMs(error.failure, retry, random);
		if (clock.monotonicMs() + waitMs > firstFailureAtMs + TOTAL_DEADLINE_MS) return false;
		const cost = quota.take(error.failure);
		if (cost === undefined) return false;
		lastCost = cost;
		onRetry(error);
		await clock.sleep(waitMs, signal);
		return true;
	};

	const result = await pRetry(attempt, {
		retries: maxAttempts - 1,
		minTimeout: 0,
		signal,
		shouldRetry: async ({ error, attemptNumber }) => await mayRetry(error, attemptNumber - 1),
	});
	quota.refund(lastCost);
	return result;
}
