/**
 * `node test/e2e/queueMode.ts [--users 3000] [--lookups 1000]`: n8n in queue mode, a main process and two workers,
 * each with its own user folder and the packed package in it, over one PostgreSQL and one Redis, with nothing to
 * configure. The example "refresh 100,000 profiles a day" and executions behind a webhook share one API key, with
 * the plan's minute compressed (12,000 requests a minute), while a worker and Redis are killed.
 * Needs a built package (`npm run build`), redis-server, and PostgreSQL. The full form: --users 100000
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import {
	endAllChildren,
	ensureN8n,
	installPackage,
	N8nCli,
	N8nRest,
	newOwner,
	packPackage,
	startN8n,
	startWorker,
	type N8nHost,
	type N8nServer,
	type PackedPackage,
} from '../../tools/n8n-host/index.ts';
import { openRedisStores, systemClock, type Stores } from '../bench/built.ts';
import { RedisServer } from '../redis/server.ts';
import { startSimulator, type Simulator } from '../simulator/server.ts';
import { startChat } from './chat.ts';
import { Checks, StepFailed } from './checks.ts';
import { LOOK_UP } from './observabilityWorkflows.ts';
import { checkQueues, queueWorkflows } from './queues.ts';
import { openPostgres, type Postgres } from './pipelinePostgres.ts';
import {
	checkRows,
	cleanUpOnSignals,
	countProfiles,
	missingOf,
	PER_MINUTE,
	placeRefresh,
} from './refresh.ts';

const { Redis } = createRequire(import.meta.url)('ioredis') as typeof import('ioredis');

const { values: given } = parseArgs({
	options: {
		users: { type: 'string', default: '3000' },
		lookups: { type: 'string', default: '1000' },
	},
});
const USERS = Number(given.users);
const LOOKUPS = Number(given.lookups);
const LOOKUPS_AT_ONCE = 50;
const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url));
const KEY = 'queue-mode-key-5e0b7a';
const REDIS_DOWN_MS = 3_000;
const FAULTS = { rate5xx: 0.005, rateReset: 0.002, latencyMs: [10, 60] } as const;
/** Beyond the time at full pace. */
const SLACK_MS = 10 * 60_000;
/** That Redis can be used again is told once it has been for 10 s. */
const CALM_LIMIT_MS = 30_000;

const checks = new Checks();
const chat = await startChat();
const twoQueues = queueWorkflows(chat);
const folder = await mkdtemp(join(tmpdir(), 'tiklive-queue-mode-'));
const encryptionKey = randomBytes(12).toString('hex');
const missing = missingOf(USERS);
const workers: N8nServer[] = [];
let postgres: Postgres | undefined;
let redis: RedisServer | undefined;
let simulator: Simulator | undefined;
let stores: Stores | undefined;

cleanUpOnSignals(cleanUp);

async function cleanUp(): Promise<void> {
	chat.stop();
	await stores?.dispose();
	await endAllChildren();
	await simulator?.close();
	await redis?.stop();
	await postgres?.close();
	await rm(folder, { recursive: true, force: true, maxRetries: 3 });
}

/** Everything that n8n needs to know; of this package nothing. */
function queueModeEnvironment(database: Postgres, server: RedisServer): NodeJS.ProcessEnv {
	const { host, port, user, password, database: name } = database.address;
	return {
		EXECUTIONS_MODE: 'queue',
		N8N_ENCRYPTION_KEY: encryptionKey,
		DB_TYPE: 'postgresdb',
		DB_POSTGRESDB_HOST: host,
		DB_POSTGRESDB_PORT: String(port),
		DB_POSTGRESDB_USER: user,
		DB_POSTGRESDB_PASSWORD: password,
		DB_POSTGRESDB_DATABASE: name,
		QUEUE_BULL_REDIS_HOST: '127.0.0.1',
		QUEUE_BULL_REDIS_PORT: String(server.port),
		OFFLOAD_MANUAL_EXECUTIONS_TO_WORKERS: 'true',
		// What a killed worker was doing is taken up again within seconds, not minutes.
		QUEUE_WORKER_LOCK_DURATION: '5000',
		QUEUE_WORKER_LOCK_RENEW_TIME: '1000',
		QUEUE_WORKER_STALLED_INTERVAL: '2000',
		N8N_METRICS: 'true',
	};
}

async function newUserFolder(packed: PackedPackage, name: string): Promise<string> {
	const userFolder = join(folder, name);
	await mkdir(userFolder, { mode: 0o700 });
	await installPackage(userFolder, packed);
	return userFolder;
}

async function runAll(): Promise<void> {
	const host = await checks.step('n8n is installed', async () =>
		ensureN8n({ log: (line) => console.log(`# ${line}`) }),
	);
	const database = await checks.step('PostgreSQL has a database for us', async () => {
		postgres = await openPostgres(host, folder);
		return postgres;
	});
	const server = await checks.step('a Redis of our own starts', async () => {
		redis = await RedisServer.start(['--appendonly', 'yes']);
		return redis;
	});
	const sim = await startSimulator({
		keys: [KEY],
		limits: { requestsPerMinute: PER_MINUTE, windowMs: 60_000, burst: Infinity },
	});
	simulator = sim;
	sim.faults.set(FAULTS);

	const env = queueModeEnvironment(database, server);
	const [main = '', one = '', two = '', three = ''] = await checks.step(
		'the package installs in each user folder as n8n installs it',
		async () => {
			const packed = await packPackage(CHECKOUT, join(folder, 'tarball'));
			const names = ['main', 'worker-1', 'worker-2', 'worker-3'];
			return await Promise.all(names.map(async (name) => await newUserFolder(packed, name)));
		},
	);
	const workflowId = await checks.step(
		'tables, credentials and workflows are in place',
		async () => {
			const cli = new N8nCli(host, main, env);
			const id = await placeRefresh(cli, {
				...{ checkout: CHECKOUT, database, sim, apiKey: KEY, users: USERS },
				others: [LOOK_UP, ...twoQueues],
			});
			for (const { id: other } of [LOOK_UP, ...twoQueues]) await cli.publishWorkflow(other);
			return id;
		},
	);

	const begin = async (userFolder: string) => await startWorker(host, { userFolder, env });
	const editor = await checks.step('a main process and two workers start', async () => {
		const begun = await startN8n(host, { userFolder: main, env });
		workers.push(...(await Promise.all([one, two].map(begin))));
		return begun;
	});
	await work(host, editor, workflowId, database, server, sim, async () => {
		workers.push(await begin(three));
	});
}

async function work(
	host: N8nHost,
	editor: N8nServer,
	workflowId: string,
	database: Postgres,
	server: RedisServer,
	sim: Simulator,
	startAnother: () => Promise<void>,
): Promise<void> {
	const startedMs = Date.now();
	const deadline = startedMs + ((USERS + LOOKUPS) / PER_MINUTE) * 60_000 + SLACK_MS;
	const untilRows = async (goal: number) => {
		while ((await countProfiles(database)) < goal) {
			assert.ok(Date.now() < deadline, 'too slow');
			await sleep(50);
		}
	};
	await checks.step(`${USERS} users of the watch list become jobs`, async () => {
		const rest = new N8nRest(host, editor.url);
		await rest.setupOwner(newOwner());
		const run = await rest.execute(workflowId, 'Every night');
		assert.equal(run.status, 'success', run.error?.message);
	});
	const lookups = lookUpAll(editor.url);

	await checks.step('a worker is killed at a third, and another one starts', async () => {
		await untilRows((USERS - missing) / 3);
		const [killed] = workers;
		assert.ok(killed);
		process.kill(-killed.pid, 'SIGKILL');
		await startAnother();
	});
	await checks.step(`Redis is killed at two thirds for ${REDIS_DOWN_MS / 1_000} s`, async () => {
		await untilRows(((USERS - missing) * 2) / 3);
		await server.kill();
		await sleep(REDIS_DOWN_MS);
		await server.begin();
	});
	const keyId = await keyIdIn(server);
	stores = openRedisStores({
		...{ connection: server.settings, keyId, clock: systemClock, random: Math.random },
		warn: () => {},
	});
	const { jobs, ledger } = stores;
	await checks.step('the queue runs empty', async () => {
		for (;;) {
			const { waiting, active, delayed } = await jobs.stats('profiles');
			if (waiting + active + delayed === 0) break;
			assert.ok(Date.now() < deadline, `too slow: ${waiting + active + delayed} jobs are left`);
			await sleep(200);
		}
	});
	const wallS = (Date.now() - startedMs) / 1_000;
	const failedLookups = await lookups;
	await sleep(2_000);

	const alive = [editor, ...workers.slice(1)];
	const limits = { dailyBudget: undefined, criticalReserve: 0, creditBalance: undefined };
	const { byPriority } = await ledger.usage({ ...limits, timezone: 'UTC' });
	const counts = Object.values(byPriority);
	const sum = (name: 'spent' | 'unknown' | 'reserved') =>
		counts.reduce((total, each) => total + each[name], 0);
	const { ledger: bill, judge: arrivals } = sim.report();
	await checkRows(checks, database, sim, USERS);
	await checks.check('dead letters are the users who do not exist', async () => {
		const dead = await jobs.listDead({ queue: 'profiles', limit: USERS });
		assert.equal(dead.length, missing);
		assert.ok(dead.every(({ reason }) => reason === 'not-found'));
	});
	await checks.check(
		'the bill is one credit for each user and the counted unknowns at most',
		() => {
			assert.ok(bill.billed <= USERS + LOOKUPS + sum('unknown'), `${bill.billed} billed`);
			assert.ok(bill.billed <= sum('spent') + sum('unknown'), `${bill.billed} billed`);
			assert.equal(sum('reserved'), 0);
		},
	);
	await checks.check('never more than the plan in any minute over all processes', () => {
		assert.ok(arrivals.worstWindow <= PER_MINUTE, `${arrivals.worstWindow}`);
	});
	await checks.check(
		'the trouble with Redis is told once by each process, and its end',
		async () => {
			const alive = [editor.log, ...workers.slice(1).map((worker) => worker.log)];
			const told = () => alive.map((log) => log().match(/Redis at \S+ can(not)? be used/g) ?? []);
			const calmBy = Date.now() + CALM_LIMIT_MS;
			while (told().some(({ length }) => length % 2) && Date.now() < calmBy) await sleep(200);
			const [byMain, ...byWorkers] = told();
			assert.equal(byMain?.length, 2);
			assert.ok(byWorkers.every(({ length }) => length === 0 || length === 2));
		},
	);
	await checks.check(
		'all processes tell the same of the shared state in their metrics',
		async () => {
			await lookUpStored(editor.url, sim);
			const texts = await Promise.all(
				alive.map(async ({ url }) => await (await fetch(`${url}/metrics`)).text()),
			);
			const [byMain, ...byWorkers] = texts.map(sharedGauges);
			assert.match(
				byMain?.join('\n') ?? '',
				new RegExp(`queue_jobs{queue="profiles",state="dead"} ${missing}$`, 'm'),
			);
			for (const gauges of byWorkers) assert.deepEqual(gauges, byMain);
		},
	);
	await checks.check('each worker ran executions', () => {
		const counts = workers.map(({ log }) => log().split('Worker started execution').length - 1);
		console.log(`# executions by worker: ${counts.join(', ')}`);
		assert.ok(Math.min(...counts) > 0);
	});
	await checks.check('the key is in no log', () => {
		const logs = [editor.log(), ...workers.map(({ log }) => log())].join('\n');
		assert.ok(!logs.includes(KEY));
	});
	console.log(
		[
			`# ${wallS.toFixed(1)} s from the start to the last job; physical limit ${(((USERS + LOOKUPS) / PER_MINUTE) * 60).toFixed(1)} s`,
			`# billed ${bill.billed}, spent ${sum('spent')} + unknown ${sum('unknown')}; arrivals ${arrivals.arrivals}`,
			`# worst minute ${arrivals.worstWindow} of ${PER_MINUTE}, in flight at most ${arrivals.inFlightPeak}`,
			`# look-ups that failed with a killed worker or without Redis: ${failedLookups}`,
		].join('\n'),
	);
	await checkQueues(checks, editor.url, chat);
	await editor.stop();
	await Promise.all(workers.map(async (worker) => await worker.stop()));
}

/** Executions behind a webhook, five at a time, of users that nobody else asks for. Returns how many failed. */
async function lookUpAll(url: string): Promise<number> {
	let from = USERS;
	let failed = 0;
	const lookUp = async () => {
		while (from < USERS + LOOKUPS) {
			const query = `from=${from}&count=${LOOKUPS_AT_ONCE}&attempts=6`;
			from += LOOKUPS_AT_ONCE;
			const ok = await fetch(`${url}/webhook/look-up?${query}`, {
				signal: AbortSignal.timeout(SLACK_MS),
			})
				.then((response) => response.ok)
				.catch(() => false);
			if (!ok) failed += 1;
		}
	};
	await Promise.all(Array.from({ length: 5 }, lookUp));
	return failed;
}

/** Users that were paid for already, in executions enough for all workers to get some. */
async function lookUpStored(url: string, sim: Simulator): Promise<void> {
	const { billed } = sim.report().ledger;
	const lookUp = async () => await fetch(`${url}/webhook/look-up?from=0&count=1&attempts=1`);
	const all = await Promise.all(Array.from({ length: 40 }, lookUp));
	assert.ok(all.every(({ ok }) => ok));
	assert.equal(sim.report().ledger.billed, billed);
}

function sharedGauges(metrics: string): string[] {
	return metrics
		.split('\n')
		.filter((line) => /^tiklive_(queue_jobs|circuit_state|in_flight|budget)/.test(line))
		.sort();
}

/** The hash that stands for the API key; the only one in this Redis. */
async function keyIdIn(server: RedisServer): Promise<string> {
	const admin = new Redis({ port: server.port });
	try {
		const [key = ''] = await admin.keys('{tiklive:*}:ledger');
		return /^\{tiklive:(.*)\}/.exec(key)?.[1] ?? '';
	} finally {
		admin.disconnect();
	}
}

try {
	await runAll();
} catch (error) {
	if (!(error instanceof StepFailed)) checks.fail('the run reaches its end', error);
} finally {
	await cleanUp();
}
console.log(checks.summary());
process.exitCode = checks.failed ? 1 : 0;
