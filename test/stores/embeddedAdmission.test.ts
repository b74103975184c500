import fc from 'fast-check';
import type { Permit, RateLimits, Stores } from '../../nodes/shared/resilience/ports';
import { openEmbeddedStores } from '../../nodes/shared/stores/embedded';
import { ManualClock, seededRandom } from '../support/clock';

const LEASE_MS = 1_000_000;

const PLAN: RateLimits = {
	requestsPerMinute: 200,
	burst: 10,
	maxConcurrent: 100_000,
	windowMs: 60_000,
	guardMs: 1_000,
};

interface Grant {
	atMs: number;
	limits: RateLimits;
}

/** Grants that were not given back, in order, most in any window of `windowMs`. */
function worstWindow(grants: readonly number[], windowMs: number): number {
	let worst = 0;
	let first = 0;
	for (const [last, atMs] of grants.entries()) {
		while ((grants[first] ?? 0) <= atMs - windowMs) first++;
		worst = Math.max(worst, last - first + 1);
	}
	return worst;
}

/** By how much each grant runs ahead of a bucket of `burst` that refills once each `intervalMs`; at most 0 is right. */
function bucketExcesses(grants: readonly number[], burst: number, intervalMs: number): number[] {
	let drainedAt = -Infinity;
	return grants.map((atMs) => {
		drainedAt = Math.max(drainedAt, atMs) + intervalMs;
		return (drainedAt - atMs) / intervalMs - burst;
	});
}

/** The burst that is left once `tokens` of the window are used. */
function burstLeft({ burst, requestsPerMinute }: RateLimits, tokens: number): number {
	if (burst > requestsPerMinute / 4) return burst;
	const left = (2 * burst * (requestsPerMinute - tokens)) / requestsPerMinute;
	return Math.min(burst, Math.max(2, left));
}

function inMemory(clock: ManualClock): Stores {
	return openEmbeddedStores({ folder: undefined, keyId: 'key1', clock, warn: fail });
}

function fail(message: string): never {
	throw new Error(message);
}

/** A caller that wants every token it can get, for `forMs`. Returns the moments of its grants. */
async function demand(
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

const limitsArbitrary = fc.record({
	requestsPerMinute: fc.integer({ min: 1, max: 40 }),
	burst: fc.integer({ min: 1, max: 12 }),
	maxConcurrent: fc.constant(100_000),
	windowMs: fc.constantFrom(1_000, 60_000),
	guardMs: fc.constantFrom(0, 20, 1_000),
});

type Step =
	| { kind: 'acquire'; times: number }
	| { kind: 'wait'; share: number }
	| { kind: 'wait-as-told' }
	| { kind: 'give-back'; which: number }
	| { kind: 'release'; which: number };

const stepArbitrary: fc.Arbitrary<Step> = fc.oneof(
	{ weight: 4, arbitrary: fc.record({ kind: fc.constant('acquire'), times: fc.nat(15) }) },
	{
		weight: 3,
		arbitrary: fc.record({
			kind: fc.constant('wait'),
			share: fc.double({ min: 0, max: 0.4, noNaN: true }),
		}),
	},
	{ weight: 2, arbitrary: fc.record({ kind: fc.constant('wait-as-told') }) },
	{ weight: 2, arbitrary: fc.record({ kind: fc.constant('give-back'), which: fc.nat() }) },
	{ weight: 1, arbitrary: fc.record({ kind: fc.constant('release'), which: fc.nat() }) },
) as fc.Arbitrary<Step>;

describe('the embedded rate window', () => {
	it('grants exactly when window and bucket allow it, whatever is asked and given back', async () => {
		await fc.assert(
			fc.asyncProperty(
				limitsArbitrary,
				fc.array(stepArbitrary, { maxLength: 60 }),
				async (limits, steps) => {
					const clock = new ManualClock({ monotonicMs: 5e8, flush: async () => {} });
					const stores = inMemory(clock);
					const spanMs = limits.windowMs + limits.guardMs;
					const intervalMs = spanMs / limits.requestsPerMinute;
					const kept: Permit[] = [];
					let toldMs = 0;

					/** What the log of all kept grants says, computed from nothing. */
					const allowed = (slackMs: number) => {
						const nowMs = clock.monotonicMs() + slackMs;
						const log = [...kept.map((permit) => permit.grantedAtMs), nowMs];
						const tokens = log.filter((atMs) => atMs > nowMs - spanMs).length - 1;
						const [excess = NaN] = bucketExcesses(log, burstLeft(limits, tokens), intervalMs).slice(
							-1,
						);
						return tokens < limits.requestsPerMinute && excess * intervalMs <= 1e-3;
					};

					const acquire = async () => {
						const admission = await stores.admission.tryAcquire({
							limits,
							priority: 'backfill',
							leaseMs: LEASE_MS,
						});
						// Where rounding decides, either answer is right.
						if (allowed(-0.003) === allowed(0.003)) expect(admission.granted).toBe(allowed(0));
						if (admission.granted) {
							kept.push(admission.permit);
						} else {
							toldMs = admission.retryInMs;
							expect(toldMs).toBeGreaterThan(0);
							// The wait is exact: enough, and not longer than it takes (a burst may grow meanwhile).
							expect(allowed(toldMs)).toBe(true);
							if (limits.burst > limits.requestsPerMinute / 4) {
								expect(allowed(toldMs - 0.01)).toBe(false);
							}
						}
						return admission.granted;
					};

					for (const step of steps) {
						const permit =
							'which' in step ? kept[step.which % Math.max(kept.length, 1)] : undefined;
						if (step.kind === 'acquire') {
							for (let i = 0; i < step.times && (await acquire()); i++);
						} else if (step.kind === 'wait') {
							await clock.advance(step.share * limits.windowMs);
							toldMs = 0;
						} else if (step.kind === 'wait-as-told') {
							await clock.advance(toldMs);
							if (toldMs > 0) expect(await acquire()).toBe(true);
							toldMs = 0;
						} else if (permit && step.kind === 'release') {
							await stores.admission.release(permit);
						} else if (permit && clock.monotonicMs() - permit.grantedAtMs < spanMs) {
							await stores.admission.giveBack(permit);
							kept.splice(kept.indexOf(permit), 1);
							toldMs = 0;
						}
					}

					const grants = kept.map((permit) => permit.grantedAtMs);
					expect(worstWindow(grants, limits.windowMs)).toBeLessThanOrEqual(
						limits.requestsPerMinute,
					);
					expect(Math.max(...bucketExcesses(grants, limits.burst, intervalMs))).toBeLessThan(1e-3);
					await stores.dispose();
				},
			),
			{ numRuns: 300 },
		);
	}, 60_000);

	it('gives the whole burst at once, however odd the interval', async () => {
		const clock = new ManualClock({ monotonicMs: 5e8 + 0.1, flush: async () => {} });
		for (let requestsPerMinute = 1; requestsPerMinute <= 100; requestsPerMinute++) {
			const stores = openEmbeddedStores({
				folder: undefined,
				keyId: `key${requestsPerMinute}`,
				clock,
				warn: fail,
			});
			const burst = Math.min(requestsPerMinute, 10);
			const limits = { ...PLAN, requestsPerMinute, burst };
			const admissions = [];
			for (let i = 0; i <= burst; i++) {
				const request = { limits, priority: 'backfill', leaseMs: LEASE_MS } as const;
				admissions.push((await stores.admission.tryAcquire(request)).granted);
			}
			expect(admissions).toEqual([...Array<boolean>(burst).fill(true), false]);
		}
	});

	it('obeys limits that change while it runs', async () => {
		await fc.assert(
			fc.asyncProperty(
				fc.array(
					fc.record({
						requestsPerMinute: fc.constantFrom(20, 6, 40, 1),
						burst: fc.constantFrom(1, 5, 10),
						forMs: fc.integer({ min: 0, max: 90_000 }),
					}),
					{ minLength: 2, maxLength: 6 },
				),
				async (phases) => {
					const clock = new ManualClock({ flush: async () => {} });
					const stores = inMemory(clock);
					const grants: Grant[] = [];
					for (const { forMs, ...over } of phases) {
						const limits = { ...PLAN, ...over };
						for (const atMs of await demand(stores, clock, limits, forMs)) {
							grants.push({ atMs, limits });
						}
					}
					for (const [index, { atMs, limits }] of grants.entries()) {
						const before = grants.slice(0, index).filter((grant) => grant.atMs > atMs - 61_000);
						// A lower limit lets nothing go until the window has come down to it.
						expect(before.length).toBeLessThan(limits.requestsPerMinute);
					}
					await stores.dispose();
				},
			),
			{ numRuns: 40 },
		);
	}, 60_000);

	it('uses at least 97 % of the plan under full demand, and never more than all of it', async () => {
		const clock = new ManualClock({ flush: async () => {} });
		const stores = inMemory(clock);
		const grants = await demand(stores, clock, PLAN, 3_600_000);
		expect(worstWindow(grants, 60_000)).toBeLessThanOrEqual(200);
		expect(worstWindow(grants, 1_000)).toBeLessThanOrEqual(13);
		expect(Math.max(...bucketExcesses(grants, 10, 305))).toBeLessThan(1e-3);
		expect(grants.length / (200 * 60)).toBeGreaterThan(0.97);
		await stores.dispose();
	});

	it('stays below the plan at the server, although requests take 0 to 200 ms to arrive', async () => {
		const clock = new ManualClock({ flush: async () => {} });
		const stores = inMemory(clock);
		const random = seededRandom(1);
		const grants = await demand(stores, clock, PLAN, 1_200_000, (ms) =>
			clock.advance(ms + random() * 5),
		);
		const arrivals = grants.map((atMs) => atMs + random() * 200).sort((a, b) => a - b);
		expect(worstWindow(arrivals, 60_000)).toBeLessThanOrEqual(200);
		await stores.dispose();
	});

	it('makes up for nothing after a blocked event loop or a quiet night', async () => {
		const clock = new ManualClock({ flush: async () => {} });
		const stores = inMemory(clock);
		await demand(stores, clock, PLAN, 90_000);
		for (const blockedMs of [3_000, 8 * 3_600_000]) {
			clock.jump(blockedMs);
			const grants = await demand(stores, clock, PLAN, 1_000);
			expect(worstWindow(grants, 100)).toBeLessThanOrEqual(10);
			expect(grants.length).toBeLessThanOrEqual(13);
		}
		await stores.dispose();
	});

	it('serves a caller that sleeps as it is told without a second refusal', async () => {
		const clock = new ManualClock({ monotonicMs: 123_456_789.123, flush: async () => {} });
		const stores = inMemory(clock);
		let refusals = 0;
		const grants = await demand(stores, clock, PLAN, 300_000, async (ms) => {
			refusals++;
			await clock.advance(ms);
		});
		expect(refusals).toBeLessThanOrEqual(grants.length + 1);
		await stores.dispose();
	});

	it('asks no more of the machine at 12,000 a minute than at 200', async () => {
		const clock = new ManualClock({ flush: async () => {} });
		const stores = inMemory(clock);
		const limits = { ...PLAN, requestsPerMinute: 12_000, burst: 12_000 };
		const time = async (count: number) => {
			const started = process.hrtime.bigint();
			for (let i = 0; i < count; i++) {
				await clock.advance(5);
				const admission = await stores.admission.tryAcquire({
					limits,
					priority: 'backfill',
					leaseMs: 1,
				});
				if (admission.granted) await stores.admission.release(admission.permit);
			}
			return Number(process.hrtime.bigint() - started) / 1e3 / count;
		};
		await time(500);
		const emptyUs = await time(2_000);
		await time(10_000);
		const fullUs = await time(2_000);
		expect(fullUs).toBeLessThan(emptyUs * 3 + 50);
		await stores.dispose();
	}, 60_000);
});
