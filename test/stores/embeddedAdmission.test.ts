import { openEmbeddedStores } from '../../nodes/shared/stores/embedded';
import { ManualClock, seededRandom } from '../support/clock';
import { bucketExcesses, demand, fail, inMemory, LEASE_MS, PLAN, worstWindow } from './rateWindow';

describe('the embedded rate window', () => {
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
