import type { Failure, FailureKind } from '../api';
import type { Random } from './ports';

/** Waits of a job grow from here: 30 s, 1 min, 2 min ... The client has retried within seconds before. */
const RETRY_BASE_MS = 30_000;
const RETRY_CAP_MS = 3_600_000;
/** No job comes back sooner, however the jitter falls. */
const LEAST_DELAY_MS = 1_000;
/** From here on a Retry-After is no longer a matter of one job: everybody has to stay away that long. */
const LONG_RETRY_AFTER_MS = 30_000;
/** Nobody says when a key is mended, an account topped up or a way opened; asking costs no credit. */
const ASK_AGAIN_MS = 5 * 60_000;
/** Jobs that were held back together come back over this time. */
const SPREAD_MS = 5_000;
/** A job that was in hand when its process died more than once comes back over this time for each attempt. */
const CRASH_SPREAD_MS = 30_000;

/**
 * `retry`: later, and it uses an attempt. `postpone`: nothing was wrong with this job, so it keeps its attempts.
 * `dead-letter`: asking again cannot help. `release`: it was our side that stopped.
 */
export type Disposition = 'retry' | 'postpone' | 'dead-letter' | 'release';

/** What each failure means to a job. */
export const JOB_DISPOSITIONS: Readonly<Record<FailureKind, Disposition>> = {
	'invalid-key': 'postpone',
	'out-of-credits': 'postpone',
	'not-found': 'dead-letter',
	private: 'dead-letter',
	rejected: 'dead-letter',
	// Only a long one: see afterFailure().
	'rate-limited': 'postpone',
	'server-error': 'retry',
	network: 'retry',
	unreachable: 'postpone',
	intercepted: 'postpone',
	timeout: 'retry',
	'unreadable-body': 'retry',
	'unexpected-body': 'dead-letter',
	'circuit-open': 'postpone',
	'budget-exhausted': 'postpone',
	cancelled: 'release',
};

/** What keeps all jobs waiting until a person has mended it, as a line of the log begins. */
export const NOTHING_FOR_ANYBODY: Readonly<Partial<Record<FailureKind, string>>> = {
	'invalid-key': 'TikLiveAPI does not accept the API key',
	unreachable: 'TikLiveAPI cannot be reached from here',
	intercepted: 'Something between n8n and TikLiveAPI refuses the requests',
};

export type Decision =
	| { do: 'retry'; delayMs: number }
	/** `holds`: whom else the same would happen to, so that it is useless to take their jobs before. */
	| { do: 'postpone'; delayMs: number; holds: 'everybody' | 'same-priority' }
	| { do: 'dead-letter' }
	| { do: 'release' };

/**
 * What to do with a job whose call failed.
 *
 * @param attempts used before this delivery
 * @param nowMs wall clock
 */
export function afterFailure(
	failure: Failure,
	attempts: number,
	nowMs: number,
	random: Random,
): Decision {
	const retry: Decision = { do: 'retry', delayMs: jobRetryDelayMs(failure, attempts, random) };
	switch (JOB_DISPOSITIONS[failure.kind]) {
		case 'retry':
			return retry;
		case 'postpone': {
			const heldMs = heldForMs(failure, nowMs);
			if (heldMs === undefined) return retry;
			return {
				do: 'postpone',
				delayMs: Math.max(heldMs, LEAST_DELAY_MS) + random() * SPREAD_MS,
				holds: failure.kind === 'budget-exhausted' ? 'same-priority' : 'everybody',
			};
		}
		case 'dead-letter':
			return { do: 'dead-letter' };
		case 'release':
			return { do: 'release' };
	}
}

/** Full jitter over min(1 h, 30 s * 2^attempts), and never before a Retry-After. */
export function jobRetryDelayMs(
	failure: Failure | undefined,
	attempts: number,
	random: Random,
): number {
	const floorMs = (failure && 'retryAfterMs' in failure && failure.retryAfterMs) || 0;
	const jitterMs = random() * Math.min(RETRY_CAP_MS, RETRY_BASE_MS * 2 ** attempts);
	return floorMs + Math.max(jitterMs, LEAST_DELAY_MS);
}

/**
 * How long a job waits whose delivery ended with its process. The first time not at all. After that the jobs
 * that were in hand together come back apart, so that one that kills its process takes no others along.
 *
 * @param attempts used, this delivery included
 */
export function crashDelayMs(attempts: number, random: Random): number {
	return attempts <= 1 ? 0 : random() * attempts * CRASH_SPREAD_MS;
}

/**
 * How many jobs may share the execution of this one. A job that came back shares with half as many each time:
 * of a batch that fails because of one job, the others soon get through without it.
 */
export function batchShare(batchSize: number, attempts: number): number {
	return Math.max(1, Math.floor(batchSize / 2 ** attempts));
}

/** Undefined when the failure concerns this job alone. */
function heldForMs(failure: Failure, nowMs: number): number | undefined {
	switch (failure.kind) {
		case 'circuit-open':
			return failure.reopensInMs;
		case 'budget-exhausted':
			return failure.resetsAtMs === undefined ? ASK_AGAIN_MS : failure.resetsAtMs - nowMs;
		case 'rate-limited': {
			const { retryAfterMs = 0 } = failure;
			return retryAfterMs >= LONG_RETRY_AFTER_MS ? retryAfterMs : undefined;
		}
		default:
			return ASK_AGAIN_MS;
	}
}
