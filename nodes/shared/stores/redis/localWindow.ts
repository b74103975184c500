import type { Admission, AdmissionStatus, Clock, RateLimits } from '../../resilience/ports';
import type { AcquireRequest } from './admission';
import type { Availability } from './availability';
import type { Holdings } from './holdings';
import type { Membership } from './membership';
import type { Timing } from './timing';

const SLOT_POLL_MS = 50;
/** Redis may be back sooner than a token here. */
const LONGEST_WAIT_MS = 500;

type Refusal = Extract<Admission, { granted: false }>;

/**
 * What one process may do while it cannot reach Redis: its share of the limits, so that all of them together
 * stay below the plan's, whether the others are cut off too or go on without it.
 */
export class LocalWindow {
	/** When the burst bucket of the share has run empty. */
	#drainedAtMs = -Infinity;

	constructor(
		private readonly options: {
			availability: Availability;
			membership: Membership;
			holdings: Holdings;
			clock: Clock;
			timing: Timing;
		},
	) {}

	tryAcquire({ limits, priority }: AcquireRequest, id: string): Admission {
		const { availability, clock, holdings, timing } = this.options;
		const nowMs = clock.monotonicMs();
		const sinceMs = availability.outage?.sinceMs ?? nowMs;

		// By then the others know that we are silent, and no burst of before and after adds up.
		const shutMs = sinceMs + timing.silentMs + holdings.settleMs - nowMs;
		const pausedMs = Math.max(shutMs, holdings.pausedForMs);
		if (pausedMs > 0) return refusal('paused', pausedMs);
		if (this.#isForgotten(nowMs)) return refusal('paused', LONGEST_WAIT_MS);
		if (priority === 'backfill' && nowMs < sinceMs + timing.patienceMs) {
			return refusal('paused', LONGEST_WAIT_MS);
		}

		const share = this.#shareOf(limits);
		if (holdings.slots().length >= share.maxConcurrent) return refusal('in-flight', SLOT_POLL_MS);
		const grants = holdings.grantTimes();
		if (grants.length >= share.requestsPerMinute) {
			const oldestMs = grants[grants.length - share.requestsPerMinute];
			return refusal(
				'window',
				oldestMs === undefined ? LONGEST_WAIT_MS : oldestMs + holdings.windowMs - nowMs,
			);
		}
		const intervalMs = share.windowMs / share.requestsPerMinute;
		const fullMs = this.#drainedAtMs - nowMs - (share.burst - 1) * intervalMs;
		if (fullMs > 0) return refusal('burst', fullMs);
		this.#drainedAtMs = Math.max(this.#drainedAtMs, nowMs) + intervalMs;
		return { granted: true, permit: { id, grantedAtMs: nowMs } };
	}

	status(limits: RateLimits): AdmissionStatus {
		const { clock, holdings } = this.options;
		const cutoffMs = clock.monotonicMs() - limits.windowMs;
		return {
			usedInWindow: holdings.grantTimes().filter((atMs) => atMs > cutoffMs).length,
			inFlight: holdings.slots().length,
			pausedForMs: holdings.pausedForMs,
		};
	}

	/**
	 * The others keep a share for a silent process for so long and no longer; what it sent in its last window
	 * still counts then.
	 */
	#isForgotten(nowMs: number): boolean {
		const { availability, holdings, timing } = this.options;
		const silentMs = nowMs - (availability.outage?.lastAnswerMs ?? nowMs);
		return Number.isFinite(silentMs) && silentMs > timing.forgetMs - holdings.windowMs;
	}

	#shareOf(limits: RateLimits): RateLimits {
		const { workers } = this.options.membership;
		const share = (whole: number) => Math.floor(whole / workers);
		return {
			...limits,
			requestsPerMinute: share(limits.requestsPerMinute),
			burst: Math.max(share(limits.burst), 1),
			maxConcurrent: share(limits.maxConcurrent),
		};
	}
}

function refusal(reason: Refusal['reason'], retryInMs: number): Refusal {
	return { granted: false, reason, retryInMs: Math.min(retryInMs, LONGEST_WAIT_MS) };
}
