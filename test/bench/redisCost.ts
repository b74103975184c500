/**
 * What one call costs over Redis, and the queue in Redis: time, memory, claims from one and from four processes.
 * `node test/bench/redisCost.ts [jobs]`, after `npm run build`.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { Redis as RedisClient } from 'ioredis';

import { RedisServer } from '../redis/server.ts';
import { openRedisStores, systemClock, type Stores } from './built.ts';
import { percentile, row } from './client.ts';

const { Redis } = createRequire(import.meta.url)('ioredis') as typeof import('ioredis');

const JOBS = Number(process.argv[2] ?? 100_000);
const CLAIMED = Math.min(JOBS, 20_000);
const ROUNDS = 5_000;
const AT_ONCE = 20;
const LEASE_MS = 60_000;
const KEY_ID = '0123456789abcdef';

/** Enough of everything: what is measured is the way, not the wait. */
const LIMITS = {
	...{ requestsPerMinute: 100_000, burst: 100_000, maxConcurrent: 100_000 },
	...{ windowMs: 1_000, guardMs: 10 },
};
const BUDGET = {
	...{ dailyBudget: undefined, criticalReserve: 0, creditBalance: undefined, timezone: 'UTC' },
};

const open = (port: number): Stores =>
	openRedisStores({
		...{ connection: { host: '127.0.0.1', port }, keyId: KEY_ID, clock: systemClock },
		random: Math.random,
		warn: (text) => process.stderr.write(`  ${text}\n`),
	});

interface Share {
	ids: string[];
	refused: number;
}

async function workOff({ jobs }: Stores): Promise<Share> {
	const share: Share = { ids: [], refused: 0 };
	for (;;) {
		const claimed = await jobs.claim({ queue: 'default', limit: AT_ONCE, leaseMs: LEASE_MS });
		if (claimed.jobs.length === 0) return share;
		const held = await jobs.complete(claimed.jobs);
		share.refused += held.filter((each) => !each).length;
		share.ids.push(...claimed.jobs.map(({ id }) => id));
	}
}

async function addJobs({ jobs }: Stores, count: number): Promise<void> {
	for (let first = 0; first < count; first += 1_000) {
		await jobs.add(
			Array.from({ length: 1_000 }, (_, index) => {
				const username = `creator${first + index}`;
				return {
					queue: 'default',
					kind: 'userInfo' as const,
					payload: JSON.stringify({ v: 1, user: { kind: 'username', username }, simplify: true }),
					priority: 'backfill' as const,
					...{ notBeforeMs: 0, maxAttempts: 10, dedupeKey: username.padEnd(22, '-') },
				};
			}),
		);
	}
}

async function timed(name: string, work: (round: number) => Promise<unknown>): Promise<void> {
	for (let round = 0; round < 500; round++) await work(round);
	const times: number[] = [];
	for (let round = 0; round < ROUNDS; round++) {
		const fromMs = performance.now();
		await work(round);
		times.push(performance.now() - fromMs);
	}
	const ms = (share: number) => percentile(times, share).toFixed(3);
	row(`${name}: p50 / p99`, `${ms(0.5)} / ${ms(0.99)} ms`);
}

async function perSecond(name: string, work: (round: number) => Promise<unknown>): Promise<void> {
	const fromMs = performance.now();
	let next = 0;
	const worker = async () => {
		while (next < ROUNDS * 2) await work(next++);
	};
	await Promise.all(Array.from({ length: AT_ONCE }, worker));
	const perS = (ROUNDS * 2) / ((performance.now() - fromMs) / 1_000);
	row(`${name}, ${AT_ONCE} at a time`, `${perS.toFixed(0)} / s`);
}

async function calls(stores: Stores): Promise<void> {
	const { admission, cells, ledger, responses } = stores;
	const request = { limits: LIMITS, priority: 'backfill' as const, leaseMs: LEASE_MS };
	const acquire = async () => {
		const answer = await admission.tryAcquire(request);
		if (!answer.granted) throw new Error(answer.reason);
		return answer.permit;
	};
	await timed('acquire, granted', async () => void (await acquire()));
	await new Promise((resolve) => setTimeout(resolve, 1_100));
	await perSecond('acquire', acquire);
	const plan = { ...LIMITS, requestsPerMinute: 200, burst: 10, windowMs: 60_000, guardMs: 1_000 };
	await timed(
		'acquire, refused',
		async () => await admission.tryAcquire({ ...request, limits: plan }),
	);
	await timed(
		'look at the breaker',
		async () => await cells.update('breaker', (state) => ({ state, result: 0 })),
	);

	const body = JSON.stringify(
		Array.from({ length: 40 }, (_, id) => ({ id: `${id}${Math.random()}`, nickname: 'Creator' })),
	);
	const store = async (round: number) => {
		const reserved = await ledger.reserve('backfill', BUDGET);
		if (!reserved.granted) throw new Error(reserved.reason);
		const times = { fetchedAtMs: Date.now(), keepUntilMs: Date.now() + 3_600_000 };
		await ledger.settle(reserved.reservation, 'spent', [
			{ key: `answer${round}`, endpoint: 'userInfoByUsername', kind: 'found', body, ...times },
		]);
	};
	await timed('reserve a credit, settle it and store the answer', store);
	await timed(`cached hit in Redis (${(body.length / 1_000).toFixed(1)} kB)`, async (round) => {
		const found = await responses.get(`answer${round}`);
		JSON.parse(found?.body ?? '');
	});
}

async function queue(stores: Stores, admin: RedisClient, port: number): Promise<void> {
	const used = async () => Number(/used_memory:(\d+)/.exec(await admin.info('memory'))?.[1]);
	const before = await used();
	let fromMs = performance.now();
	await addJobs(stores, JOBS);
	row(
		`add ${JOBS} jobs, 1000 to a transaction`,
		`${((performance.now() - fromMs) / 1_000).toFixed(1)} s`,
	);
	const bytes = (await used()) - before;
	row(
		`Redis memory of ${JOBS} jobs`,
		`${(bytes / 1e6).toFixed(0)} MB, ${(bytes / JOBS).toFixed(0)} B a job`,
	);
	fromMs = performance.now();
	await stores.jobs.stats('default');
	row(`stats with ${JOBS} jobs`, `${(performance.now() - fromMs).toFixed(1)} ms`);
	fromMs = performance.now();
	await stores.jobs.list({ queue: 'default', limit: 50 });
	row(`list 50 of ${JOBS} jobs`, `${(performance.now() - fromMs).toFixed(1)} ms`);
	fromMs = performance.now();
	const deleted = await stores.jobs.deleteJobs({ queue: 'default' });
	row(`delete ${deleted} jobs`, `${((performance.now() - fromMs) / 1_000).toFixed(2)} s`);
	await admin.flushall();

	for (const processes of [1, 4]) {
		await addJobs(stores, CLAIMED);
		const children = Array.from({ length: processes }, () =>
			fork(fileURLToPath(import.meta.url), ['child', String(port)]),
		);
		const exits = children.map(async (child) => await once(child, 'exit'));
		await Promise.all(children.map(async (child) => await once(child, 'message')));
		fromMs = performance.now();
		const shares = await Promise.all(
			children.map(async (child) => {
				child.send('go');
				const [share] = (await once(child, 'message')) as [Share];
				return share;
			}),
		);
		const seconds = (performance.now() - fromMs) / 1_000;
		const ids = shares.flatMap((share) => share.ids);
		const refused = shares.reduce((sum, share) => sum + share.refused, 0);
		row(`claim and complete, ${processes} processes`, `${(CLAIMED / seconds).toFixed(0)} / s`);
		row(
			'  twice / lost / refused',
			`${ids.length - new Set(ids).size} / ${CLAIMED - new Set(ids).size} / ${refused}`,
		);
		await Promise.all(exits);
		await admin.flushall();
	}
}

if (process.argv[2] === 'child') {
	const stores = open(Number(process.argv[3]));
	await stores.jobs.stats('default');
	process.send?.('ready');
	await once(process, 'message');
	process.send?.(await workOff(stores));
	await stores.dispose();
	process.disconnect();
} else {
	const server = await RedisServer.start();
	const admin = new Redis({ port: server.port });
	const stores = open(server.port);
	await calls(stores);
	await queue(stores, admin, server.port);
	await stores.dispose();
	admin.disconnect();
	await server.stop();
}
