/** The durable job queue: adding, memory, claims from one and from four processes on one file. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { openEmbeddedStores, systemClock, type Stores } from './built.ts';
import { row } from './client.ts';

const ADDED = Number(process.argv[2] ?? 100_000);
const MANY = ADDED * 10;
const CLAIMED = Math.min(ADDED, 40_000);
/** As the Queue node adds them. */
const ADDED_AT_ONCE = 1_000;
const CLAIMED_AT_ONCE = 20;
const LEASE_MS = 60_000;
const QUEUE = 'default';

interface Share {
	ids: string[];
	refused: number;
}

const open = (folder: string): Stores =>
	openEmbeddedStores({
		folder,
		keyId: 'bench',
		clock: systemClock,
		warn: (text) => process.stderr.write(`  ${text}\n`),
	});

async function add({ jobs }: Stores, from: number, count: number): Promise<void> {
	for (let first = from; first < from + count; first += ADDED_AT_ONCE) {
		await jobs.add(
			Array.from({ length: Math.min(ADDED_AT_ONCE, from + count - first) }, (_, index) => {
				const username = `creator${first + index}`;
				const user = { kind: 'username', username };
				return {
					queue: QUEUE,
					kind: 'userInfo',
					payload: JSON.stringify({ v: 1, user, simplify: true, call: {} }),
					priority: 'backfill',
					notBeforeMs: 0,
					maxAttempts: 10,
					dedupeKey: username.padEnd(22, '-'),
				};
			}),
		);
		// As the node does: n8n has other things to do.
		await new Promise((resolve) => setImmediate(resolve));
	}
}

/** Claims and completes until nothing is left. */
async function workOff({ jobs }: Stores): Promise<Share> {
	const share: Share = { ids: [], refused: 0 };
	for (;;) {
		const claimed = await jobs.claim({
			queue: QUEUE,
			limit: CLAIMED_AT_ONCE,
			leaseMs: LEASE_MS,
		});
		if (claimed.jobs.length === 0) return share;
		const held = await jobs.complete(claimed.jobs);
		share.refused += held.filter((each) => !each).length;
		share.ids.push(...claimed.jobs.map(({ id }) => id));
	}
}

const seconds = (sinceMs: number) => (performance.now() - sinceMs) / 1_000;
const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;

async function parent(): Promise<void> {
	const home = mkdtempSync(join(tmpdir(), 'tiklive-queue-'));
	try {
		await adding(join(home, 'adding'));
		await processes(join(home, 'one'), 1);
		await processes(join(home, 'four'), 4);
	} finally {
		rmSync(home, { recursive: true, force: true });
	}
}

async function adding(folder: string): Promise<void> {
	const stores = open(folder);
	const size = () => statSync(join(folder, 'tiklive.db')).size;
	await add(stores, 0, ADDED / 10);
	const few = process.memoryUsage().rss;
	let startedMs = performance.now();
	await add(stores, ADDED / 10, ADDED - ADDED / 10);
	const some = process.memoryUsage().rss;
	row(
		`add ${ADDED} jobs, ${ADDED_AT_ONCE} to a transaction`,
		`${(seconds(startedMs) / 0.9).toFixed(2)} s`,
	);
	row(`file with ${ADDED} jobs`, megabytes(size()));
	startedMs = performance.now();
	await stores.jobs.stats(QUEUE);
	row(`stats with ${ADDED} jobs`, `${(seconds(startedMs) * 1_000).toFixed(1)} ms`);
	startedMs = performance.now();
	await stores.jobs.list({ queue: QUEUE, limit: 50 });
	row(`list 50 of ${ADDED} jobs`, `${(seconds(startedMs) * 1_000).toFixed(1)} ms`);
	startedMs = performance.now();
	const deleted = await stores.jobs.deleteJobs({ queue: QUEUE });
	row(`delete ${deleted} jobs`, `${seconds(startedMs).toFixed(2)} s`);
	await add(stores, 0, ADDED);
	await add(stores, ADDED, MANY - ADDED);
	row(
		`memory with ${ADDED / 10} / ${ADDED} / ${MANY} jobs`,
		[few, some, process.memoryUsage().rss].map(megabytes).join(' / '),
	);
	row(`file with ${MANY} jobs`, megabytes(size()));
	startedMs = performance.now();
	for (let round = 0; round < 500; round++) {
		await stores.jobs.complete(
			(await stores.jobs.claim({ queue: QUEUE, limit: CLAIMED_AT_ONCE, leaseMs: LEASE_MS })).jobs,
		);
	}
	const rate = (500 * CLAIMED_AT_ONCE) / seconds(startedMs);
	row(`claim + complete in front of ${MANY} jobs`, `${rate.toFixed(0)}/s`);
	await stores.dispose();
}

async function processes(folder: string, count: number): Promise<void> {
	const stores = open(folder);
	await add(stores, 0, CLAIMED);
	const children = Array.from({ length: count }, () =>
		fork(fileURLToPath(import.meta.url), ['worker', folder]),
	);
	await Promise.all(children.map(async (child) => await once(child, 'message')));
	const startedMs = performance.now();
	const shares = await Promise.all(
		children.map(async (child) => {
			child.send('go');
			const [share] = (await once(child, 'message')) as [Share];
			return share;
		}),
	);
	const rate = CLAIMED / seconds(startedMs);
	const ids = shares.flatMap((share) => share.ids);
	const duplicates = ids.length - new Set(ids).size;
	const refused = shares.reduce((sum, share) => sum + share.refused, 0);
	const { done } = await stores.jobs.stats(QUEUE);
	row(
		`claim + complete in batches of ${CLAIMED_AT_ONCE}, ${count} process${count > 1 ? 'es' : ''}`,
		`${rate.toFixed(0)}/s, duplicates ${duplicates + refused}, lost ${CLAIMED - done}`,
	);
	for (const child of children) child.disconnect();
	await stores.dispose();
}

async function worker(folder: string): Promise<void> {
	const stores = open(folder);
	await stores.jobs.stats(QUEUE);
	process.send?.('ready');
	await once(process, 'message');
	process.send?.(await workOff(stores));
	await once(process, 'disconnect');
	await stores.dispose();
}

if (process.argv[2] === 'worker') await worker(process.argv[3] ?? '');
else await parent();
