import fc from 'fast-check';
import type { Permit, RateLimits } from '../../nodes/shared/resilience/ports';
import { ManualClock } from '../support/clock';
import { runs } from '../support/property';
import { bucketExcesses, demand, inMemory, LEASE_MS, PLAN, worstWindow } from './rateWindow';

interface Grant {
	atMs: number;
	limits: RateLimits;
}

/** The burst that is left once `tokens` of the window are used. */
function burstLeft({ burst, requestsPerMinute }: RateLimits, tokens: number): number {
	if (burst > requestsPerMinute / 4) return burst;
	const left = (2 * burst * (requestsPerMinute - tokens)) / requestsPerMinute;
	return Math.min(burst, Math.max(2, left));
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
			runs(300),
		);
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
			runs(40),
		);
	});
});
