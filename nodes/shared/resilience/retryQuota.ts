import type { Failure } from '../api';

/** Sizes as in the AWS SDKs (smithy): a bucket of 500 that a transient retry drains by 14, a throttled one by 5. */
const CAPACITY = 500;
const COST_TRANSIENT = 14;
const COST_THROTTLED = 5;
const REFUND_FIRST_TRY = 1;

/**
 * Keeps the extra load of retries small when everything fails: some 35 retries, then only as many as
 * successes pay for. A retry that succeeds gets its cost back, so faults now and then drain nothing.
 */
export class RetryQuota {
	#left = CAPACITY;

	/** Takes the cost of one retry and returns it, or returns undefined when the bucket does not hold it. */
	take(failure: Failure): number | undefined {
		const cost = failure.kind === 'rate-limited' ? COST_THROTTLED : COST_TRANSIENT;
		if (this.#left < cost) return undefined;
		this.#left -= cost;
		return cost;
	}

	/** After a success; `cost` is what its last retry took, 0 for a first try. */
	refund(cost: number): void {
		this.#left = Math.min(CAPACITY, this.#left + (cost || REFUND_FIRST_TRY));
	}
}
