import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { NewJob } from '../../nodes/shared/resilience/jobs';
import type { BudgetLimits, RateLimits, Stores } from '../../nodes/shared/resilience/ports';
import { Journal } from '../../nodes/shared/stores/redis/journal';
import { FaultProxy } from '../redis/faultProxy.ts';
import { RedisServer } from '../redis/server.ts';
import { describeWithRedis } from '../support/redis';
import { redisBench, type RedisBench } from './redisBench';

// Real time: a machine that stands still for a while can break a test.
jest.retryTimes(2, { logErrorsBeforeRetry: true });

const KEY_ID = 'races';
const LIMITS: RateLimits = {
	...{ requestsPerMinute: 60, burst: 8, maxConcurrent: 40 },
	...{ windowMs: 3_000, guardMs: 100 },
};
const BUDGET: BudgetLimits = {
	...{ dailyBudget: 1_000, criticalReserve: 100, creditBalance: undefined, timezone: 'UTC' },
};
const TIMING = {
	...{ beatMs: 100, silentMs: 400, deadMs: 1_000, slotsMs: 1_500, forgetMs: 8_000 },
	...{ probeMs: 40, calmMs: 600, patienceMs: 500, jobPatienceMs: 300 },
};

const job = (dedupeKey: string): NewJob => ({
	...{
		queue: 'default',
		kind: 'userInfo',
		payload: '{"v":1}',
		priority: 'backfill',
		notBeforeMs: 0,
	},
	...{ maxAttempts: 3, dedupeKey },
});

describeWithRedis(
	'with bad luck, Redis',
	() => {
		let redis: RedisServer;
		let proxy: FaultProxy;
		let bench: RedisBench;
		let admin: Redis;

		beforeEach(async () => {
			redis = await RedisServer.start();
			proxy = await FaultProxy.start(redis.settings);
			bench = redisBench({ host: '127.0.0.1', port: proxy.port });
			admin = new Redis({ port: redis.port });
		});

		afterEach(async () => {
			admin.disconnect();
			await bench.close();
			await proxy.stop();
			await redis.stop();
		});

		/** A process whose way to Redis the proxy can cut. */
		const open = (process = 'a', timing: Partial<typeof TIMING> = {}) =>
			bench.open({ process, keyId: KEY_ID, timing: { ...TIMING, ...timing } });
		/** One beside the proxy. */
		const near = (process: string, timing: Partial<typeof TIMING> = {}) =>
			bench.open({
				...{ process, keyId: KEY_ID, connection: redis.settings },
				timing: { ...TIMING, ...timing },
			});
		const nameOf = (key: string) => `{tiklive:${bench.keyId(KEY_ID)}}:${key}`;
		const acquire = async ({ admission }: Stores) =>
			await admission.tryAcquire({ limits: LIMITS, priority: 'critical', leaseMs: 60_000 });

		const untilUp = async (stores: Stores) => {
			const endMs = performance.now() + 5_000;
			while (!(await stores.ledger.reserve('backfill', BUDGET)).granted) {
				if (performance.now() > endMs) throw new Error('It did not come back');
				await sleep(20);
			}
		};

		/** Most grants in any window of processes that take what they can get. */
		const worstOf = async (processes: Stores[], forMs: number): Promise<number> => {
			const grants: number[] = [];
			const endMs = performance.now() + forMs;
			const take = async (stores: Stores) => {
				while (performance.now() < endMs) {
					const admission = await acquire(stores);
					if (admission.granted) {
						grants.push(performance.now());
						await stores.admission.release(admission.permit);
					} else await sleep(Math.min(admission.retryInMs, 100));
				}
			};
			await Promise.all(processes.map(take));
			grants.sort((one, other) => one - other);
			return Math.max(
				...grants.map(
					(fromMs, i) => grants.slice(i).filter((atMs) => atMs < fromMs + LIMITS.windowMs).length,
				),
			);
		};

		/** They have heard of each other. */
		const meet = async (processes: Stores[]) => {
			for (const stores of processes) {
				const admission = await acquire(stores);
				if (admission.granted) await stores.admission.giveBack(admission.permit);
			}
			await sleep(400);
		};

		it('keeps the share that a process went away with, however many come after', async () => {
			const timing = { forgetMs: 60_000 };
			const known = [open('a', timing), near('b', timing)];
			await meet(known);
			await proxy.set('blackhole');
			const late = ['c', 'd', 'e', 'f'].map((process) => near(process, timing));
			expect(await worstOf([...known, ...late], 9_000)).toBeLessThanOrEqual(60);
		}, 30_000);

		it('is refused to one process only: that one stops before the others take its share', async () => {
			const processes = [open(), near('b')];
			await meet(processes);
			await proxy.set('refuse');
			expect(await worstOf(processes, 13_000)).toBeLessThanOrEqual(60);
		}, 30_000);

		it('forgets no grant whose answer is on its way while a process joins again', async () => {
			const stores = open('a', { beatMs: 60_000 });
			const reserved = await stores.ledger.reserve('critical', BUDGET);
			if (reserved.granted) await stores.ledger.settle(reserved.reservation, 'spent');
			await stores.ledger.usage(BUDGET);
			await meet([stores]);
			await admin.del(nameOf('ledger'));
			await proxy.set('pass', { latencyMs: 40 });
			const joining = stores.ledger.usage(BUDGET);
			await sleep(60);
			expect(await acquire(stores)).toMatchObject({ granted: true });
			await joining;
			expect(await stores.admission.status(LIMITS)).toMatchObject({ usedInWindow: 1, inFlight: 1 });
		});

		it('made a claim of which nobody heard: it goes when the flight is over', async () => {
			const [stores, other] = [open(), near('b')];
			await stores.responses.claim('warm', 1_000);
			await proxy.set('pass', { latencyMs: 50 });
			const claiming = stores.responses.claim('k', 900_000);
			await sleep(70);
			await proxy.set('reset');
			expect(await claiming).toBe(true);
			await proxy.set('pass');
			await stores.responses.unclaim('k');
			await untilUp(stores);
			expect(await other.responses.claim('k', 1_000)).toBe(true);
		});

		it('flaps: its budget is not shared out anew each time', async () => {
			const stores = open('a', { beatMs: 60_000 });
			const limits = { ...BUDGET, dailyBudget: 5, criticalReserve: 5 };
			await stores.ledger.usage(limits);
			let spent = 0;
			for (let outage = 0; outage < 3; outage++) {
				await proxy.set('refuse');
				for (let i = 0; i < 10; i++) {
					const reserved = await stores.ledger.reserve('critical', limits);
					if (!reserved.granted) continue;
					spent += 1;
					await stores.ledger.settle(reserved.reservation, 'spent');
				}
				await proxy.set('pass');
				const endMs = performance.now() + 5_000;
				while ((await stores.ledger.usage(limits)).byPriority.critical.spent < spent) {
					if (performance.now() > endMs) throw new Error('It did not come back');
					await sleep(20);
				}
				await sleep(200);
			}
			expect(spent).toBeLessThanOrEqual(5);
		}, 20_000);

		it('goes away twice: what changed in a cell the second time counts too', async () => {
			const stores = open();
			const set = async (v: number) =>
				await stores.cells.update('c', () => ({ state: { v }, result: 0 }));
			await set(0);
			for (const v of [1, 2]) {
				await proxy.set('refuse');
				await set(v);
				await proxy.set('pass');
				await untilUp(stores);
			}
			const state = await near('b').cells.update('c', (found) => ({ state: found, result: found }));
			expect(state).toEqual({ v: 2 });
		});

		it('loses its scripts while a job ends and is added again: the next one is not swallowed', async () => {
			const [stores, other] = [open(), near('b')];
			await stores.jobs.add([job('k')]);
			const { jobs } = await stores.jobs.claim({ queue: 'default', limit: 1, leaseMs: 60_000 });
			await proxy.set('pass', { latencyMs: 30 });
			await admin.script('FLUSH');
			const completing = stores.jobs.complete(jobs);
			for (let i = 0; i < 20; i++) {
				await other.jobs.add([job('k')]);
				await sleep(5);
			}
			expect(await completing).toEqual([true]);
			for (;;) {
				const rest = await other.jobs.claim({ queue: 'default', limit: 9, leaseMs: 60_000 });
				if (rest.jobs.length === 0) break;
				await other.jobs.complete(rest.jobs);
			}
			expect(await other.jobs.add([job('k')])).toMatchObject([{ duplicate: false }]);
		});

		it('begins to count again: a claim of before is not one of after', async () => {
			const stores = open();
			await stores.jobs.add([job('k')]);
			const [before] = (await stores.jobs.claim({ queue: 'default', limit: 1, leaseMs: 60_000 }))
				.jobs;
			await admin.flushall();
			await untilUp(stores);
			await stores.jobs.add([job('k')]);
			const [after] = (await stores.jobs.claim({ queue: 'default', limit: 1, leaseMs: 60_000 }))
				.jobs;
			if (!before || !after) throw new Error('Too few jobs');
			expect(await stores.jobs.complete([before])).toEqual([false]);
			expect(await stores.jobs.complete([after])).toEqual([true]);
		});

		it('answers a call with an error each time: the call ends', async () => {
			const stores = open('a', { jobPatienceMs: 500 });
			await stores.jobs.stats('default');
			await admin.set(nameOf('jobs:seq'), 'not a number');
			await expect(stores.jobs.add([job('k')])).rejects.toThrow('cannot be used now');
		}, 5_000);

		it('has been away for long: what waits for it in memory stays below its cap', () => {
			const journal = new Journal();
			const body = 'x'.repeat(10_000_000);
			for (let i = 0; i < 30; i++) {
				journal.add({
					reservation: { id: String(i), day: '2026-11-22', priority: 'critical' },
					...{ outcome: 'spent', first: true, epoch: '' },
					answers: [
						{
							...{ key: String(i), endpoint: 'userInfoById', kind: 'found', body },
							...{ fetchedAtMs: 0, keepUntilMs: 1 },
						},
					],
				});
			}
			const kept = journal.entries.flatMap(({ answers }) => answers.map((answer) => answer.body));
			expect(kept.join('').length).toBeLessThanOrEqual(50_000_000);
			expect(journal.entries).toHaveLength(30);
		});
	},
	'own',
);
