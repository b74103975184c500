import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type {
	BudgetLimits,
	RateLimits,
	StoredResponse,
	Stores,
} from '../../nodes/shared/resilience/ports';
import type { NewJob } from '../../nodes/shared/resilience/jobs';
import { systemClock } from '../../nodes/shared/n8n/systemClock';
import { Breaker } from '../../nodes/shared/resilience/breaker';
import { budgetDay } from '../../nodes/shared/resilience/budgetDay';
import { noMetrics } from '../../nodes/shared/resilience/metrics';
import { RedisServer } from '../redis/server.ts';
import { CANARY_KEY, PROFILE, scriptedClient } from '../support/client';
import { selfSigned } from '../support/certificate';
import { describeWithRedis } from '../support/redis';
import { redisBench, type RedisBench } from './redisBench';

const LIMITS: RateLimits = {
	...{ requestsPerMinute: 200, burst: 10, maxConcurrent: 20, windowMs: 60_000, guardMs: 1_000 },
};
const BUDGET: BudgetLimits = {
	...{ dailyBudget: 5_000, criticalReserve: 1_000, creditBalance: 100_000, timezone: 'UTC' },
};
const HOUR_MS = 3_600_000;

const newJob = (over: Partial<NewJob> = {}): NewJob => ({
	...{
		queue: 'default',
		kind: 'userInfo',
		payload: '{"v":1}',
		priority: 'backfill',
		notBeforeMs: 0,
	},
	...{ maxAttempts: 3, dedupeKey: String(Math.random()) },
	...over,
});

/** Pays for answers as a call does. */
const store = async (stores: Stores, ...responses: StoredResponse[]) => {
	const reserved = await stores.ledger.reserve('critical', BUDGET);
	if (!reserved.granted) throw new Error(reserved.reason);
	await stores.ledger.settle(reserved.reservation, 'spent', responses);
	return reserved.reservation;
};

const answer = (over: Partial<StoredResponse> = {}): StoredResponse => ({
	...{ key: 'answer1', endpoint: 'userInfo', kind: 'found', body: '{"a":1}' },
	...{ fetchedAtMs: Date.now(), keepUntilMs: Date.now() + HOUR_MS },
	...over,
});

/** Something of everything. */
const useAll = async (stores: Stores) => {
	const admission = await stores.admission.tryAcquire({
		...{ limits: LIMITS, priority: 'critical', leaseMs: 60_000 },
	});
	await stores.admission.pause(50);
	await stores.admission.tryAcquire({ limits: LIMITS, priority: 'critical', leaseMs: 60_000 });
	await stores.cells.update('cell', () => ({ state: { a: 1 }, result: 0 }));
	await store(stores, answer());
	await stores.ledger.reserve('backfill', BUDGET);
	expect((await stores.responses.get('answer1'))?.body).toBe('{"a":1}');
	expect(await stores.responses.claim('answer2', 60_000)).toBe(true);
	await stores.statistics.add(30_000_000, { 'calls found': 2, seconds: 0.25 });
	expect(await stores.statistics.since(29_999_999)).toEqual([
		{ minute: 30_000_000, counts: { 'calls found': 2, seconds: 0.25 } },
	]);
	await stores.jobs.add([
		newJob({ kind: 'posts', priority: 'critical' }),
		...[newJob(), newJob(), newJob(), newJob({ notBeforeMs: Date.now() + HOUR_MS })],
		...[newJob({ queue: 'other' }), newJob({ queue: 'other' }), newJob({ queue: 'other' })],
	]);
	await stores.jobs.markWorkedOff('other');
	const others = (await stores.jobs.claim({ queue: 'other', limit: 2, leaseMs: 60_000 })).jobs;
	await stores.jobs.complete(others.slice(1));
	expect(await stores.jobs.deadLetter(others[0]!, 'private', 'no')).toBeDefined();
	expect(await stores.jobs.list({ queue: 'other', limit: 9 })).toHaveLength(1);
	const { jobs } = await stores.jobs.claim({ queue: 'default', limit: 3, leaseMs: 60_000 });
	const [first, second, third] = jobs;
	if (!first || !second || !third) throw new Error('Too few jobs');
	expect(await stores.jobs.complete([first])).toEqual([true]);
	expect(await stores.jobs.deadLetter(second, 'private', 'no')).toBeDefined();
	const how = { delayMs: HOUR_MS, error: 'no', usesAttempt: true };
	expect(await stores.jobs.retryLater(third, how)).toBe('delayed');
	expect(await stores.jobs.stats('default')).toMatchObject({
		waiting: 1,
		delayed: 2,
		dead: 1,
		done: 1,
	});
	return admission.granted;
};

describeWithRedis(
	'the Redis store',
	() => {
		let redis: RedisServer;
		let bench: RedisBench;
		let admin: Redis;

		beforeAll(async () => {
			redis = await RedisServer.start();
			admin = new Redis({ port: redis.port });
		});

		afterAll(async () => {
			admin.disconnect();
			await redis.stop();
		});

		beforeEach(async () => {
			await admin.flushall();
			bench = redisBench(redis.settings);
		});

		afterEach(async () => {
			await bench.close();
		});

		it('gives every key an end', async () => {
			const stores = bench.open();
			expect(await useAll(stores)).toBe(true);
			await sleep(600);
			await useAll(bench.open({ keyId: 'key2' }));
			const endless = [];
			for (const key of await admin.keys('*')) {
				expect(key).toMatch(/^\{tiklive:test-[0-9a-f]{12}-key[12]\}:/);
				if ((await admin.pttl(key)) === -1) endless.push(key.replace(/^\{.*\}:/, ''));
			}
			expect(endless).toEqual([]);
		});

		it('tells Redis nothing of the API key or of whom was asked for', async () => {
			const { client } = scriptedClient(
				systemClock,
				() => ({ body: PROFILE('6943972350728700930', 'somebody') }),
				{ stores: bench.open() },
			);
			await client.call('userInfoByUsername', { username: 'somebody-asked-for' });
			const held = [];
			for (const key of await admin.keys('*')) {
				held.push(key, ...(await dump(admin, key)));
			}
			expect(held.length).toBeGreaterThan(10);
			expect(held.join('\n')).not.toContain(CANARY_KEY);
			expect(held.join('\n')).not.toContain('somebody-asked-for');
		});

		it("takes days, ages and due times from the server's clock, whatever the machines say", async () => {
			const skewed = (ms: number) => ({
				...systemClock,
				wallMs: () => systemClock.wallMs() + ms,
			});
			const early = bench.open({ clock: skewed(-26 * HOUR_MS) });
			const late = bench.open({ clock: skewed(26 * HOUR_MS) });
			const today = new Date().toISOString().slice(0, 10);
			const lateNow = Date.now() + 26 * HOUR_MS;
			const earlyNow = Date.now() - 26 * HOUR_MS;
			const times = { fetchedAtMs: lateNow, keepUntilMs: lateNow + HOUR_MS };
			expect((await store(late, answer(times))).day).toBe(today);
			expect((await store(early)).day).toBe(today);
			expect((await early.ledger.usage(BUDGET)).byPriority.critical.spent).toBe(2);
			const found = await early.responses.get('answer1');
			expect(Math.abs((found?.fetchedAtMs ?? 0) - earlyNow)).toBeLessThan(500);

			const [job] = await late.jobs.add([newJob({ notBeforeMs: lateNow + 1_000 })]);
			expect((await early.jobs.claim({ queue: 'default', limit: 1, leaseMs: 1_000 })).jobs).toEqual(
				[],
			);
			expect((await late.jobs.claim({ queue: 'default', limit: 1, leaseMs: 1_000 })).jobs).toEqual(
				[],
			);
			await sleep(1_100);
			const { jobs } = await early.jobs.claim({ queue: 'default', limit: 1, leaseMs: 1_000 });
			expect(jobs[0]?.id).toBe(job?.id);
			expect(Math.abs((jobs[0]?.createdAtMs ?? 0) - earlyNow)).toBeLessThan(500);
		});

		it("counts credits by the day of the budget's time zone", async () => {
			// 25 hours apart: never the same day.
			for (const timezone of ['Pacific/Kiritimati', 'Pacific/Pago_Pago', 'Europe/Berlin']) {
				const stores = bench.open({ keyId: timezone });
				const reserved = await stores.ledger.reserve('critical', { ...BUDGET, timezone });
				const { day } = budgetDay(Date.now(), timezone);
				expect(reserved).toMatchObject({ granted: true, reservation: { day } });
				expect((await stores.ledger.usage({ ...BUDGET, timezone })).day).toBe(day);
			}
		});

		it('lets one of eight processes probe when the breaker may close, and heeds only its answer', async () => {
			const breakers = Array.from({ length: 8 }, (_, i) => {
				const { cells } = bench.open({ process: `p${i}` });
				return { cells, breaker: new Breaker(cells, Math.random, noMetrics, () => {}) };
			});
			const [first, second] = breakers;
			await first!.cells.update('breaker', (_, nowMs) => ({
				state: { value: 'open', until: nowMs - 1, openings: 1, fence: 6 },
				result: undefined,
			}));
			const admitted = async () => {
				const decisions = await Promise.all(breakers.map(({ breaker }) => breaker.admit(500)));
				return decisions.flatMap((decision) => (decision.allowed ? [decision.permit] : []));
			};
			const probes = await admitted();
			expect(probes).toEqual([{ probe: 7 }]);
			// The one who probed hangs: after its lease the next one does, and the late answer counts for nothing.
			await sleep(600);
			expect(await admitted()).toEqual([{ probe: 8 }]);
			await first!.breaker.record(probes[0]!, 'success');
			expect((await second!.breaker.peek()).state).toBe('half-open');
			await second!.breaker.record({ probe: 8 }, 'success');
			expect((await first!.breaker.peek()).state).toBe('closed');
		});

		it('keeps one of two jobs with the same key whatever their kind and priority', async () => {
			const { jobs } = bench.open();
			const [first] = await jobs.add([newJob({ dedupeKey: 'same' })]);
			const over = { dedupeKey: 'same', priority: 'critical' } as const;
			expect(await jobs.add([newJob(over), newJob({ ...over, kind: 'posts' })])).toEqual([
				{ id: first?.id, duplicate: true },
				{ id: first?.id, duplicate: true },
			]);
		});

		it('has the jobs of the default queue where they were before queues had names', async () => {
			const { jobs } = bench.open();
			const kind = 'posts' as const;
			await jobs.add([newJob({ kind, dedupeKey: 'one' }), newJob({ kind, dedupeKey: 'two' })]);
			await jobs.add([newJob({ kind, queue: 'x', dedupeKey: 'one' })]);
			const claimed = await jobs.claim({ queue: 'default', limit: 2, leaseMs: 60_000 });
			await jobs.deadLetter(claimed.jobs[0]!, 'private', 'no');
			await jobs.complete(claimed.jobs.slice(1));
			await jobs.add([newJob({ kind, dedupeKey: 'three' })]);

			const key = (end: string) => `{tiklive:${bench.keyId()}}:${end}`;
			const digest = createHash('sha1').update('three').digest('base64url');
			expect(await admin.lrange(key('jobs:wait:posts:backfill'), 0, -1)).toEqual(['4']);
			expect(await admin.hget(key('jobs:4'), 'name')).toBe('posts backfill');
			expect(await admin.get(key(`jobs:de:${digest}`))).toBe('4');
			expect(await admin.zrange(key('jobs:failed'), '0', '-1')).toEqual(['1']);
			expect(Object.values(await admin.hgetall(key('jobs-done')))).toEqual(['1']);
			expect(await admin.lrange(key('jobs:wait:x:posts:backfill'), 0, -1)).toEqual(['3']);
		});

		it('forgets the name of a queue that is empty and not used any more', async () => {
			const { jobs } = bench.open();
			const name = `{tiklive:${bench.keyId()}}:jobs:queues`;
			await jobs.add([newJob({ queue: 'kept' }), newJob({ queue: 'gone' })]);
			await jobs.markWorkedOff('young');
			expect(await jobs.deleteJobs({ queue: 'gone' })).toBe(1);
			const longAgo = Date.now() - 31 * 24 * HOUR_MS;
			await admin.hset(name, {
				'kept added': longAgo,
				'gone added': longAgo,
				'gone worked-off': 5,
			});
			await jobs.sweep();
			const names = (await jobs.queues()).map((queue) => queue.name);
			expect(names.sort()).toEqual(['default', 'kept', 'young']);
		});

		it('takes a damaged answer for a miss, removes it and says so once', async () => {
			const stores = bench.open();
			await store(stores, answer(), answer({ key: 'answer2', body: 'x'.repeat(2_000) }));
			const name = (key: string) => `{tiklive:${bench.keyId()}}:answer:${key}`;
			await admin.setrange(name('answer1'), 20, 'damage');
			const bytes = (await admin.getBuffer(name('answer2'))) ?? Buffer.alloc(0);
			await admin.set(name('answer2'), bytes.subarray(0, bytes.length - 1));
			expect(await stores.responses.get('answer1')).toBeUndefined();
			expect(await stores.responses.get('answer2')).toBeUndefined();
			expect(await admin.exists(name('answer1'), name('answer2'))).toBe(0);
			expect(bench.warnings).toHaveLength(1);
		});

		it('removes the answers next to their end when there are too many', async () => {
			const stores = bench.open({ maxCacheBytes: 5_000 });
			const random = () => Array.from({ length: 400 }, () => Math.random()).join();
			for (let i = 1; i <= 9; i++) {
				const keepUntilMs = Date.now() + i * HOUR_MS;
				await store(stores, answer({ key: `answer${i}`, body: random(), keepUntilMs }));
			}
			expect(await stores.responses.sweep()).toBeGreaterThan(5);
			expect(await stores.responses.get('answer1')).toBeUndefined();
			expect(await stores.responses.get('answer9')).toBeDefined();
			expect(Number(await admin.get(`{tiklive:${bench.keyId()}}:answer-bytes`))).toBeLessThan(
				5_000,
			);
		});

		it('keeps what compresses well small', async () => {
			const stores = bench.open();
			const body = JSON.stringify(
				Array.from({ length: 100 }, (_, id) => ({ id, nickname: 'Creator' })),
			);
			await store(stores, answer({ body }));
			expect((await stores.responses.get('answer1'))?.body).toBe(body);
			const bytes = await admin.strlen(`{tiklive:${bench.keyId()}}:answer:answer1`);
			expect(bytes).toBeLessThan(body.length / 3);
		});

		it.each([
			['its hash', async (job: string) => await admin.del(job)],
			['its kind', async (job: string) => await admin.hset(job, 'name', 'nonsense')],
			['its options', async (job: string) => await admin.hset(job, 'opts', '{"attem')],
			['its history', async (job: string) => await admin.hset(job, 'history', '[{]')],
		] as const)('buries or hands out a job that lost %s', async (_, damage) => {
			const { jobs } = bench.open();
			const [added] = await jobs.add([newJob()]);
			await damage(`{tiklive:${bench.keyId()}}:jobs:${added?.id}`);
			const claimed = await jobs.claim({ queue: 'default', limit: 5, leaseMs: 10_000 });
			if (claimed.jobs.length === 0) {
				expect(claimed.died).toMatchObject([{ id: added?.id, reason: 'damaged' }]);
				expect(await jobs.listDead({ queue: 'default', limit: 5 })).toEqual(claimed.died);
			} else {
				expect(await jobs.deadLetter(claimed.jobs[0]!, 'private', 'x')).toBeDefined();
			}
			expect(await jobs.stats('default')).toMatchObject({ waiting: 0, active: 0, dead: 1 });
			expect(await jobs.deleteDead({ queue: 'default' })).toBe(1);
		});

		it('says goodbye at the very end of a process', async () => {
			const script = `
				const { openRedisStores } = require('./nodes/shared/stores/redis/index.ts');
				const { systemClock } = require('./nodes/shared/n8n/systemClock.ts');
				const stores = openRedisStores({ connection: { host: '127.0.0.1', port: ${redis.port} },
					keyId: 'goodbye', clock: systemClock, random: Math.random, warn: () => {} });
				stores.admission.tryAcquire({ limits: ${JSON.stringify(LIMITS)}, priority: 'critical', leaseMs: 60000 })
					.then((admission) => { console.log(admission.granted); process.exit(0); });`;
			const said = execFileSync(
				process.execPath,
				['--require', './test/support/typescriptHook.js', '-e', script],
				{ encoding: 'utf8' },
			);
			expect(said.trim()).toBe('true');
			expect(await admin.zcard('{tiklive:goodbye}:workers')).toBe(0);
			expect(await admin.zcard('{tiklive:goodbye}:slots')).toBe(0);
			expect(await admin.zcard('{tiklive:goodbye}:window')).toBe(1);
		});

		it('loads neither ioredis nor BullMQ before they are needed', () => {
			const script = `
				const { openRedisStores } = require('./nodes/shared/stores/redis/index.ts');
				const { systemClock } = require('./nodes/shared/n8n/systemClock.ts');
				const loaded = () => ['ioredis', 'bullmq'].filter((name) =>
					Object.keys(require.cache).some((file) => file.includes('/node_modules/' + name + '/')));
				const said = [];
				const stores = openRedisStores({ connection: { host: '127.0.0.1', port: ${redis.port} },
					keyId: 'lazy', clock: systemClock, random: Math.random, warn: () => {} });
				said.push(loaded());
				stores.responses.get('x').then(() => said.push(loaded())).then(() => stores.jobs.add([${JSON.stringify(newJob())}]))
					.then(() => said.push(loaded())).then(() => { console.log(JSON.stringify(said)); process.exit(0); });`;
			const said = execFileSync(
				process.execPath,
				['--require', './test/support/typescriptHook.js', '-e', script],
				{ encoding: 'utf8' },
			);
			expect(JSON.parse(said)).toEqual([[], ['ioredis'], ['ioredis', 'bullmq']]);
		});
	},
	'own',
);

describeWithRedis(
	'other kinds of Redis',
	() => {
		it('a cluster: all keys of one API key are on one node', async () => {
			const redis = await RedisServer.start([
				...['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'],
			]);
			const admin = new Redis({ port: redis.port });
			await admin.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
			while (!String(await admin.cluster('INFO')).includes('cluster_state:ok')) await sleep(50);
			const clusterNodes = [{ host: '127.0.0.1', port: redis.port }];
			const bench = redisBench({ host: '', port: 0, clusterNodes });
			expect(await useAll(bench.open())).toBe(true);
			expect(bench.warnings).toEqual([]);
			await bench.close();
			admin.disconnect();
			await redis.stop();
		});

		it('TLS, a user and a database', async () => {
			const { key, cert } = selfSigned('redis.test');
			const redis = await RedisServer.start();
			const admin = new Redis({ port: redis.port });
			writeFileSync(join(redis.folder, 'key.pem'), key);
			writeFileSync(join(redis.folder, 'cert.pem'), cert);
			await admin.config('SET', 'tls-cert-file', 'cert.pem', 'tls-key-file', 'key.pem');
			await admin.config('SET', 'tls-auth-clients', 'no', 'tls-ca-cert-file', 'cert.pem');
			await admin.config('SET', 'port', '0', 'tls-port', String(redis.port));
			admin.disconnect();
			const ca = { servername: 'redis.test', ca: cert };
			const over = new Redis({ port: redis.port, tls: ca });
			await over.acl(
				'SETUSER',
				'n8n',
				'on',
				'>secret',
				'~{tiklive:*',
				'+@all',
				'-@dangerous',
				'+info',
			);
			const settings = { ...redis.settings, username: 'n8n', password: 'secret', database: 3 };
			const bench = redisBench({ ...settings, tls: ca });
			expect(await useAll(bench.open())).toBe(true);
			expect(bench.warnings).toEqual([]);
			expect(await over.dbsize()).toBe(0);
			await over.select(3);
			expect(await over.dbsize()).toBeGreaterThan(10);

			const strict = redisBench({ ...settings, tls: {} });
			await strict.open().cells.update('cell', (state) => ({ state, result: 0 }));
			expect(strict.warnings[0]).toMatch(/cannot be used \((DEPTH_ZERO_SELF_SIGNED_CERT|ERR_TLS)/);
			await strict.close();
			await bench.close();
			over.disconnect();
			await redis.stop();
		});
	},
	'own',
);

/** All that a key holds, as text. */
async function dump(admin: Redis, key: string): Promise<string[]> {
	switch (await admin.type(key)) {
		case 'hash':
			return Object.entries(await admin.hgetall(key)).flat();
		case 'zset':
			return await admin.zrange(key, '0', '-1');
		case 'set':
			return await admin.smembers(key);
		case 'list':
			return await admin.lrange(key, 0, -1);
		case 'string':
			return [(await admin.get(key)) ?? ''];
		default:
			return [];
	}
}
