import type { RateLimits, Stores } from '../../nodes/shared/resilience/ports';
import { openEmbeddedStores } from '../../nodes/shared/stores/embedded';
import type { ManualClock } from '../support/clock';

/** Long enough to play no part. */
export const LEASE_MS = 1_000_000;

export const PLAN: RateLimits = {
	requestsPerMinute: 200,
	burst: 10,
	maxConcurrent: 100_000,
	windowMs: 60_000,
	guardMs: 1_000,
};

/** Grants that were not given back, in order, most in any window of `windowMs`. */
export function worstWindow(grants: readonly number[], windowMs: number): number {
	let worst = 0;
	let first = 0;
	for (const [last, atMs] of grants.entries()) {
		while ((grants[first] ?? 0) <= atMs - windowMs) first++;
		worst = Math.max(worst, last - first + 1);
	}
	return worst;
}

/** By how much each grant runs ahead of a bucket of `burst` that refills once each `intervalMs`; at most 0 is right. */
export function bucketExcesses(
	grants: readonly number[],
	burst: number,
	intervalMs: number,
): number[] {
	let drainedAt = -Infinity;
	return grants.map((atMs) => {
		drainedAt = Math.max(drainedAt, atMs) + intervalMs;
		return (drainedAt - atMs) / intervalMs - burst;
	});
}

export function inMemory(clock: ManualClock): Stores {
	return openEmbeddedStores({ folder: undefined, keyId: 'key1', clock, warn: fail });
}

export function fail(message: string): never {
	throw new Error(message);
}

/** A caller that wants every token it can get, for `forMs`. Returns the moments of its grants. */
export async function demand(
	stores: Stores,
	clock: ManualClock,
	limits: RateLimits,
	forMs: number,
	sleep: (ms: number) => Promise<void> = (ms) => clock.advance(ms),
): Promise<number[]> {
	const grants: number[] = [];
	const endMs = clock.monotonicMs() + forMs;
	while (clock.monotonicMs() < endMs) {
		const admission = await stores.admission.tryAcquire({
			limits,
			priority: 'backfill',
			leaseMs: LEASE_MS,
		});
		if (admission.granted) {
			grants.push(admission.permit.grantedAtMs);
			await stores.admission.release(admission.permit);
		} else {
			await sleep(admission.retryInMs);
		}
	}
	return grants;
}
