import { setTimeout as sleep } from 'node:timers/promises';
import type { BudgetLimits, RateLimits } from '../../nodes/shared/resilience/ports';
import type { Timing } from '../../nodes/shared/stores/redis/timing';
import { FaultProxy } from '../redis/faultProxy.ts';
import { RedisServer } from '../redis/server.ts';
import { describeWithRedis } from '../support/redis';
import { redisBench, type RedisBench } from './redisBench';
import { Redis } from 'ioredis';

// Real time against a real Redis: a machine that stands still for a second is not a failure of ours.
jest.retryTimes(2, { logErrorsBeforeRetry: true });

const LIMITS: RateLimits = {
	requestsPerMinute: 60,
	burst: 8,
	maxConcurrent: 40,
	windowMs: 3_000,
	guardMs: 100,
};
const BUDGET: BudgetLimits = {
	dailyBudget: 1_000,
	criticalReserve: 100,
	creditBalance: undefined,
	timezone: 'UTC',
};
const TIMING: Partial<Timing> = {
	...{ beatMs: 100, silentMs: 400, deadMs: 1_000, slotsMs: 1_500, forgetMs: 8_000 },
	...{ probeMs: 40, calmMs: 600, patienceMs: 500, jobPatienceMs: 300 },
};
/** Two bursts and the guard. */
const SETTLE_MS = 900;
/** No command takes longer, and then a little. */
const LIMIT_MS = 700;

describeWithRedis(
	'Redis in trouble',
	() => {
		let redis: RedisServer;
		let proxy: FaultProxy;
		let bench: RedisBench;
		let admin: Redis;

		beforeEach(async () => {
			redis = await RedisServer.start();
			proxy = await FaultProxy.start(redis.settings);
			bench = redisBench({ host: '127.0.0.1', port: proxy.port });
			admin = new Redis({ port: redis.port, retryStrategy: () => 50 });
			admin.on('error', () => {});
		});

		afterEach(async () => {
			admin.disconnect();
			await bench.close();
			await proxy.stop();
			await redis.stop();
		});

		const open = (process = 'a') => bench.open({ process, timing: TIMING });
		type Stores = ReturnType<typeof open>;

		const acquire = (stores: Stores, priority: 'critical' | 'backfill' = 'critical') =>
			stores.admission.tryAcquire({ limits: LIMITS, priority, leaseMs: 60_000 });

		/** Tokens that are to be had within so long. */
		const takeFor = async (stores: Stores, ms: number): Promise<number> => {
			const endMs = performance.now() + ms;
			let taken = 0;
			while (performance.now() < endMs) {
				const admission = await acquire(stores);
				if (admission.granted) {
					taken += 1;
					await stores.admission.release(admission.permit);
				} else await sleep(Math.min(admission.retryInMs, Math.max(endMs - performance.now(), 0)));
			}
			return taken;
		};

		const isUp = async (stores: Stores): Promise<boolean> => {
			const { granted } = await stores.ledger.reserve('backfill', BUDGET);
			return granted;
		};

		const untilUp = async (stores: Stores): Promise<void> => {
			const deadline = performance.now() + 5_000;
			while (!(await isUp(stores))) {
				if (performance.now() > deadline) throw new Error('Redis did not come back');
				await sleep(20);
			}
		};

		/** One warning, and one line once it is over. */
		const expectOneEpisode = async () => {
			await sleep(900);
			expect(bench.warnings).toHaveLength(2);
			expect(bench.warnings[0]).toContain('cannot be used');
			expect(bench.warnings[1]).toContain('can be used again');
		};

		it('is down at the start: a share of the rate, critical requests only, and then all of it', async () => {
			await proxy.set('refuse');
			const stores = open();
			expect((await acquire(stores)).granted).toBe(false);
			await sleep(TIMING.silentMs! + SETTLE_MS + 100);
			// 4 processes are expected: 15 of the 60 a window, 2 of the burst of 8.
			const taken = await takeFor(stores, 2_000);
			expect(taken).toBeGreaterThanOrEqual(9);
			expect(taken).toBeLessThanOrEqual(15);
			expect(await stores.ledger.reserve('backfill', BUDGET)).toEqual({
				granted: false,
				reason: 'store-trouble',
				remaining: 0,
			});
			const critical = await stores.ledger.reserve('critical', BUDGET);
			if (!critical.granted) throw new Error(critical.reason);
			await stores.ledger.settle(critical.reservation, 'spent');
			expect(bench.warnings).toHaveLength(1);

			await proxy.set('pass');
			await untilUp(stores);
			// What was spent meanwhile is written down.
			const { byPriority } = await stores.ledger.usage(BUDGET);
			expect(byPriority.critical.spent).toBe(1);
			await expectOneEpisode();
		});

		it('comes back without a burst: what was granted meanwhile counts', async () => {
			const stores = open();
			await takeFor(stores, 200);
			await proxy.set('refuse');
			const startMs = performance.now();
			const meanwhile = await takeFor(stores, TIMING.silentMs! + SETTLE_MS + 500);
			expect(meanwhile).toBeGreaterThan(0);
			await proxy.set('pass');
			await untilUp(stores);
			const { usedInWindow } = await stores.admission.status(LIMITS);
			const insideMs = performance.now() - startMs;
			expect(insideMs).toBeLessThan(LIMITS.windowMs);
			expect(usedInWindow).toBeGreaterThanOrEqual(meanwhile);
		});

		it('is killed and comes back empty: nothing was forgotten that counts', async () => {
			const stores = open();
			const other = open('b');
			const known = { ...BUDGET, creditBalance: 500 };
			for (let i = 0; i < 5; i++) {
				const reserved = await stores.ledger.reserve('backfill', known);
				if (!reserved.granted) throw new Error(reserved.reason);
				await stores.ledger.settle(reserved.reservation, 'spent');
			}
			const open1 = await other.ledger.reserve('critical', known);
			await takeFor(stores, 300);
			const before = await stores.admission.status(LIMITS);
			await sleep(250);
			await redis.kill();
			await sleep(300);
			await redis.begin();
			await untilUp(stores);
			await untilUp(other);
			const after = await stores.admission.status(LIMITS);
			expect(after.usedInWindow).toBe(before.usedInWindow);
			expect(after.pausedForMs).toBeGreaterThan(0);
			const usage = await other.ledger.usage(known);
			expect(usage.byPriority.backfill.spent).toBe(5);
			expect(usage.byPriority.critical.reserved).toBe(1);
			if (open1.granted) await other.ledger.settle(open1.reservation, 'spent');
			expect((await stores.ledger.usage(known)).byPriority.critical).toMatchObject({
				spent: 1,
				reserved: 0,
			});
		});

		it('flaps: one warning and one line at the end', async () => {
			const stores = open();
			await acquire(stores);
			for (let i = 0; i < 6; i++) {
				await proxy.set('reset');
				await acquire(stores);
				await sleep(100);
				await proxy.set('pass');
				await sleep(200);
			}
			await untilUp(stores);
			await expectOneEpisode();
		});

		it('is slow: no call waits longer than the limit, and then none waits at all', async () => {
			const stores = open();
			await acquire(stores);
			await proxy.set('pass', { latencyMs: 1_000 });
			const startMs = performance.now();
			await acquire(stores);
			expect(performance.now() - startMs).toBeLessThan(LIMIT_MS);
			const nextMs = performance.now();
			await acquire(stores);
			await stores.ledger.reserve('critical', BUDGET);
			await stores.cells.update('cell', (state) => ({ state, result: 0 }));
			await stores.responses.get('answer');
			expect(performance.now() - nextMs).toBeLessThan(50);
			await proxy.set('pass');
			await untilUp(stores);
			await expectOneEpisode();
		});

		it('swallows everything: the same', async () => {
			const stores = open();
			await acquire(stores);
			await proxy.set('blackhole');
			const startMs = performance.now();
			await acquire(stores);
			expect(performance.now() - startMs).toBeLessThan(LIMIT_MS);
			await proxy.set('pass');
			await untilUp(stores);
			await expectOneEpisode();
		});

		it.each([
			[
				'is a replica that does not write',
				'READONLY',
				['replicaof', '127.0.0.1', '1'],
				['replicaof', 'no', 'one'],
			],
			[
				'has no memory left',
				'OOM',
				['config', 'set', 'maxmemory', '1'],
				['config', 'set', 'maxmemory', '0'],
			],
		] as const)('%s', async (_, word, breakIt, mendIt) => {
			const stores = open();
			await acquire(stores);
			await admin.call(...(breakIt as unknown as [string]));
			const cut = await acquire(stores);
			expect(cut.granted).toBe(false);
			expect(bench.warnings[0]).toContain(word);
			await sleep(200);
			await admin.call(...(mendIt as unknown as [string]));
			await untilUp(stores);
			await expectOneEpisode();
		});

		it('loses its scripts: nobody notices', async () => {
			const stores = open();
			await acquire(stores);
			await stores.jobs.add([job('a')]);
			await admin.script('FLUSH');
			expect((await acquire(stores)).granted).toBe(true);
			await admin.script('FLUSH');
			expect(await isUp(stores)).toBe(true);
			await admin.script('FLUSH');
			await stores.jobs.add([job('b'), { ...job('c'), notBeforeMs: Date.now() + 60_000 }]);
			await admin.script('FLUSH');
			expect(
				(await stores.jobs.claim({ queue: 'default', limit: 5, leaseMs: 1_000 })).jobs,
			).toHaveLength(2);
			expect(bench.warnings).toEqual([]);
		});

		it('is flushed: the window is put together again and the budget is not spent twice', async () => {
			const stores = open();
			const other = open('b');
			await takeFor(other, 100);
			await takeFor(stores, 300);
			const reserved = await stores.ledger.reserve('backfill', BUDGET);
			if (!reserved.granted) throw new Error(reserved.reason);
			await stores.ledger.settle(reserved.reservation, 'spent');
			await stores.ledger.usage(BUDGET);
			const before = await stores.admission.status(LIMITS);
			await admin.flushall();
			const refusal = await acquire(stores);
			expect(refusal).toMatchObject({ granted: false, reason: 'paused' });
			await sleep(TIMING.beatMs! * 3);
			const after = await stores.admission.status(LIMITS);
			expect(after.usedInWindow).toBe(before.usedInWindow);
			expect((await stores.ledger.usage(BUDGET)).byPriority.backfill.spent).toBe(1);
			await sleep(SETTLE_MS);
			expect((await acquire(stores)).granted).toBe(true);
			expect(bench.warnings).toEqual([]);
		});

		it('evicts single keys: the limits hold all the same', async () => {
			await admin.config('SET', 'maxmemory', '100mb');
			await admin.config('SET', 'maxmemory-policy', 'allkeys-lru');
			const stores = open();
			const permits = [await acquire(stores), await acquire(stores)];
			expect(permits.every(({ granted }) => granted)).toBe(true);
			expect(bench.warnings).toHaveLength(1);
			expect(bench.warnings[0]).toContain('maxmemory-policy allkeys-lru');
			const reserved = await stores.ledger.reserve('backfill', BUDGET);
			if (!reserved.granted) throw new Error(reserved.reason);
			await stores.ledger.settle(reserved.reservation, 'spent');
			await stores.ledger.usage(BUDGET);
			const day = reserved.reservation.day;
			for (const name of ['window', 'slots', 'gate', 'workers', 'ledger', `credits:${day}`]) {
				expect(await admin.del(`{tiklive:${bench.keyId()}}:${name}`)).toBe(1);
				const admission = await acquire(stores);
				if (admission.granted) await stores.admission.giveBack(admission.permit);
				await stores.ledger.usage(BUDGET);
				await sleep(TIMING.beatMs! * 3);
				expect(await stores.admission.status(LIMITS)).toMatchObject({ inFlight: 2 });
				expect((await stores.ledger.usage(BUDGET)).byPriority.backfill.spent).toBe(1);
			}
			expect((await stores.admission.status(LIMITS)).usedInWindow).toBe(2);
		});

		it('wants another password: the warning does not tell it', async () => {
			await admin.config('SET', 'requirepass', 'right-secret');
			const wrong = redisBench({ ...redis.settings, password: 'wrong-secret' });
			const right = redisBench({ ...redis.settings, password: 'right-secret' });
			expect((await acquire(wrong.open({ timing: TIMING }))).granted).toBe(false);
			expect((await acquire(right.open({ timing: TIMING }))).granted).toBe(true);
			expect(wrong.warnings).toHaveLength(1);
			expect(wrong.warnings[0]).toContain('WRONGPASS');
			expect(wrong.warnings[0]).not.toContain('secret');
			await wrong.close();
			await right.close();
		});

		it('cuts one of two processes off: what it may do is kept for it, and it stops before that ends', async () => {
			const cut = open();
			const plain = redisBench(redis.settings);
			const other = plain.open({ keyId: 'other', timing: TIMING });
			await other.dispose();
			const near = plain.open({ timing: TIMING });
			await near.dispose();
			await plain.close();
			await acquire(cut);
			await proxy.set('blackhole');
			await sleep(LIMIT_MS + TIMING.silentMs! + SETTLE_MS);
			expect(await takeFor(cut, 1_000)).toBeGreaterThan(0);
			await sleep(TIMING.forgetMs!);
			expect(await takeFor(cut, 500)).toBe(0);
		}, 30_000);

		it('is away for a moment: who is in the middle of something waits for it', async () => {
			const stores = open();
			await stores.jobs.add([job('a')]);
			const { jobs } = await stores.jobs.claim({ queue: 'default', limit: 1, leaseMs: 60_000 });
			await proxy.set('reset');
			const reserving = stores.ledger.reserve('backfill', BUDGET);
			const completing = stores.jobs.complete(jobs);
			await sleep(150);
			await proxy.set('pass');
			expect(await reserving).toMatchObject({ granted: true });
			expect(await completing).toEqual([true]);
			const { byPriority } = await stores.ledger.usage(BUDGET);
			expect(byPriority.backfill).toMatchObject({ reserved: 1, returned: 0 });
		});

		it('has no jobs to give while it is away', async () => {
			const stores = open();
			await stores.jobs.add([job('a')]);
			await proxy.set('refuse');
			await expect(
				stores.jobs.claim({ queue: 'default', limit: 1, leaseMs: 1_000 }),
			).rejects.toThrow(/cannot be used/);
			await expect(stores.jobs.add([job('b')])).rejects.toThrow(/cannot be used/);
			await proxy.set('pass');
			await untilUp(stores);
			expect(
				(await stores.jobs.claim({ queue: 'default', limit: 5, leaseMs: 1_000 })).jobs,
			).toHaveLength(1);
		});
	},
	'own',
);

function job(dedupeKey: string) {
	return {
		...({ queue: 'default', kind: 'userInfo', payload: '{"v":1}', priority: 'backfill' } as const),
		...{ notBeforeMs: 0, maxAttempts: 3, dedupeKey },
	};
}
