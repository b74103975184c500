/**
 * `node test/e2e/pipeline.ts [--users 5000] [--kills 3]`: the example "refresh 100,000 profiles a day" in a real
 * n8n with a real PostgreSQL, with the plan's minute compressed (12,000 requests a minute), while the API fails
 * now and then and n8n is killed with SIGKILL. Needs a built package (`npm run build`).
 * The full form, about 15 minutes: --users 100000 --kills 5
 */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { mapNodes, readExample } from '../../tools/n8n-host/examples.ts';
import {
	endAllChildren,
	ensureN8n,
	installPackage,
	N8nCli,
	N8nRest,
	newOwner,
	packPackage,
	startN8n,
	type N8nHost,
	type N8nServer,
} from '../../tools/n8n-host/index.ts';
import { startSimulator, type Simulator } from '../simulator/server.ts';
import { startChat } from './chat.ts';
import { Checks, StepFailed } from './checks.ts';
import { openPostgres, type Postgres } from './pipelinePostgres.ts';
import {
	checkRows,
	cleanUpOnSignals,
	countProfiles,
	missingOf,
	PER_MINUTE,
	placeRefresh,
	usernames,
} from './refresh.ts';

const { values: given } = parseArgs({
	options: {
		users: { type: 'string', default: '5000' },
		kills: { type: 'string', default: '3' },
	},
});
const USERS = Number(given.users);
const KILLS = Number(given.kills);
const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url));
const KEY = 'pipeline-key-91d4c7';
const WINDOW_MS = 60_000;
/** No 429 out of the blue: each one rightly stops everybody for a second, which here is 200 requests. */
const FAULTS = {
	rate5xx: 0.01,
	rateReset: 0.005,
	rateTruncated: 0.003,
	latencyMs: [10, 60],
} as const;
/** Beyond the time at full pace. */
const SLACK_MS = 10 * 60_000;

const missing = missingOf(USERS);
const checks = new Checks();
const owner = newOwner();
const chat = await startChat();
/** The two examples together: what a person has to fill in. */
const FILLED_IN: Readonly<Record<string, object>> = {
	'Send to chat': { url: chat.url },
	'Dead letters': { queue: 'profiles' },
};
const deadLetters = mapNodes(await readExample(CHECKOUT, 'dead-letter-alert'), (node) => ({
	...node,
	parameters: { ...(node.parameters as object), ...FILLED_IN[String(node.name)] },
}));
const folder = await mkdtemp(join(tmpdir(), 'tiklive-pipeline-'));
const userFolder = join(folder, 'user');
let postgres: Postgres | undefined;
let simulator: Simulator | undefined;

cleanUpOnSignals(cleanUp);

async function cleanUp(): Promise<void> {
	await endAllChildren();
	await simulator?.close();
	chat.stop();
	await postgres?.close();
	await rm(folder, { recursive: true, force: true, maxRetries: 3 });
}

async function runAll(): Promise<void> {
	const host = await checks.step('n8n is installed', async () =>
		ensureN8n({ log: (line) => console.log(`# ${line}`) }),
	);
	const database = await checks.step('PostgreSQL has a database for us', async () => {
		postgres = await openPostgres(host, folder);
		return postgres;
	});
	const sim = await startSimulator({
		keys: [KEY],
		limits: { requestsPerMinute: PER_MINUTE, windowMs: WINDOW_MS, burst: Infinity },
	});
	simulator = sim;
	sim.faults.set(FAULTS);
	await mkdir(userFolder, { mode: 0o700 });
	await checks.step('the package installs as n8n installs it', async () =>
		installPackage(userFolder, await packPackage(CHECKOUT, join(folder, 'tarball'))),
	);
	const workflowId = await checks.step('tables, credentials and workflow are in place', async () =>
		placeRefresh(new N8nCli(host, userFolder), {
			...{ checkout: CHECKOUT, database, sim, apiKey: KEY, users: USERS },
			others: [deadLetters],
		}),
	);
	await refresh(host, workflowId, database, sim);
}

/** What is told about the run. */
interface Figures {
	addedInS: number;
	wallS: number;
	downS: number;
	peakMb: number;
}

async function refresh(
	host: N8nHost,
	workflowId: string,
	database: Postgres,
	sim: Simulator,
): Promise<void> {
	const figures: Figures = { addedInS: 0, wallS: 0, downS: 0, peakMb: 0 };
	const rows = async () => await countProfiles(database);
	let server = await start(host);
	const firstArrival = firstArrivalMs(sim);
	const addedFromMs = Date.now();
	await checks.step(`${USERS} users of the watch list become jobs`, async () => {
		const rest = new N8nRest(host, server.url);
		await rest.setupOwner(owner);
		const run = await rest.execute(workflowId, 'Every night');
		assert.equal(run.status, 'success', run.error?.message);
	});
	figures.addedInS = (Date.now() - addedFromMs) / 1_000;
	const startedMs = await firstArrival;
	const firstRows = await rows();
	const deadline = startedMs + (USERS / PER_MINUTE) * 60_000 + SLACK_MS;

	for (let kill = 1; kill <= KILLS; kill++) {
		const goal = firstRows + ((USERS - missing - firstRows) * kill) / (KILLS + 1);
		await checks.step(`n8n is killed at ${Math.round(goal)} rows, and starts again`, async () => {
			while ((await rows()) < goal) {
				assert.ok(Date.now() < deadline, 'too slow');
				await sleep(50);
			}
			figures.peakMb = Math.max(figures.peakMb, peakMegabytes(server.pid));
			const killedMs = Date.now();
			process.kill(-server.pid, 'SIGKILL');
			await server.ended;
			server = await start(host);
			figures.downS += (Date.now() - killedMs) / 1_000;
		});
	}
	await checks.step('the queue runs empty', async () => {
		while (openJobs() > 0) {
			assert.ok(Date.now() < deadline, `too slow: ${openJobs()} jobs are left`);
			await sleep(200);
		}
	});
	figures.wallS = (Date.now() - startedMs) / 1_000;
	figures.peakMb = Math.max(figures.peakMb, peakMegabytes(server.pid));
	// The last execution notes its dead letters.
	await sleep(2_000);
	await judge(database, sim, figures);
	const rest = new N8nRest(host, server.url);
	await rest.login(owner);
	await checkDeadLetters(rest);
	await checkTestRun(rest, workflowId, database, sim);
	await server.stop();
}

/** "Execute step" in the editor, on a workflow that is no longer published. */
async function checkTestRun(
	rest: N8nRest,
	workflowId: string,
	database: Postgres,
	sim: Simulator,
): Promise<void> {
	await checks.check(
		'unpublished, the workflow takes no job; a test run takes one batch',
		async () => {
			await rest.unpublishWorkflow(workflowId);
			await database.query('DELETE FROM tiktok_watchlist WHERE username <> ALL ($1)', [
				usernames(sim, USERS).slice(0, 3),
			]);
			const { billed } = sim.report().ledger;
			const added = await rest.execute(workflowId, 'Every night');
			assert.equal(added.status, 'success', added.error?.message);
			await sleep(3_000);
			assert.equal(openJobs(), 3);

			const run = await rest.execute(workflowId, 'When profiles are there');
			assert.equal(run.status, 'success', run.error?.message);
			assert.equal(run.nodes['When profiles are there']?.items.length, 3);
			while (openJobs() > 0) await sleep(100);
			assert.equal(sim.report().ledger.billed, billed);
		},
	);
}

/** The other example, on what is left over: all of them are told in one message, and then gone. */
async function checkDeadLetters(rest: N8nRest): Promise<void> {
	await checks.check('the dead-letter example tells of them once and deletes them', async () => {
		const run = await rest.execute(deadLetters.id, 'Every hour');
		assert.equal(run.status, 'success', run.error?.message);
		assert.equal(chat.told.length, 1);
		assert.match(chat.told[0] ?? '', new RegExp(`TikLiveAPI: ${missing} jobs have failed`));
		assert.deepEqual(deadByReason(), {});
	});
}

async function judge(database: Postgres, sim: Simulator, figures: Figures): Promise<void> {
	const { ledger, judge: arrivals } = sim.report();
	const counted = creditsCounted();
	await checkRows(checks, database, sim, USERS);
	await checks.check(
		'dead letters are the users who do not exist, and the watch list says so',
		async () => {
			assert.deepEqual(deadByReason(), { 'not-found': missing });
			const noted = await database.query<{ username: string }>(
				"SELECT username FROM tiktok_watchlist WHERE problem = 'not-found'",
			);
			assert.ok(noted.every(({ username }) => username.startsWith('nobody.')));
			// What n8n was told right before it died is in the queue only.
			assert.ok(noted.length >= missing - KILLS * 100 && noted.length <= missing);
		},
	);
	await checks.check(
		'the bill is no more than one credit for each user and the counted unknowns',
		() => {
			assert.ok(ledger.billed <= USERS + counted.unknown, `${ledger.billed} billed`);
			assert.ok(ledger.billed <= counted.spent + counted.unknown);
			assert.equal(counted.reserved, 0);
		},
	);
	await checks.check('never more than the plan in any minute, nor 20 in flight', () => {
		assert.ok(arrivals.worstWindow <= PER_MINUTE, `${arrivals.worstWindow}`);
		assert.ok(arrivals.inFlightPeak <= 20 * (KILLS + 1), `${arrivals.inFlightPeak}`);
	});
	const physicalS = (USERS / PER_MINUTE) * 60;
	const workingS = figures.wallS - figures.downS;
	console.log(
		[
			`# added ${USERS} jobs in ${figures.addedInS.toFixed(1)} s (the execution with its expressions)`,
			`# from the first request ${figures.wallS.toFixed(1)} s to the last row, ${figures.downS.toFixed(1)} s of it without n8n`,
			`# physical limit ${physicalS.toFixed(1)} s; without the down times ${(workingS / physicalS).toFixed(2)} times that`,
			`# billed ${ledger.billed}, spent ${counted.spent} + unknown ${counted.unknown}; arrivals ${arrivals.arrivals}`,
			`# worst minute ${arrivals.worstWindow} of ${PER_MINUTE}, in flight at most ${arrivals.inFlightPeak}`,
			`# peak memory of n8n ${figures.peakMb.toFixed(0)} MB`,
		].join('\n'),
	);
}

async function start(host: N8nHost): Promise<N8nServer> {
	return await startN8n(host, { userFolder });
}

/** The first jobs are done while the others are still being added. */
async function firstArrivalMs(sim: Simulator): Promise<number> {
	while (sim.report().judge.arrivals === 0) await sleep(20);
	return Date.now();
}

/** Read from the state file itself; n8n may be writing it. */
function readState<T>(read: (database: DatabaseSync) => T): T {
	const file = join(userFolder, '.n8n', 'storage', 'n8n-nodes-tikliveapi', 'tiklive.db');
	const database = new DatabaseSync(file, { readOnly: true, timeout: 5_000 });
	try {
		return read(database);
	} finally {
		database.close();
	}
}

function openJobs(): number {
	return readState((database) =>
		Number(database.prepare("SELECT COUNT(*) AS n FROM jobs WHERE state <> 'dead'").get()?.n),
	);
}

function deadByReason(): Record<string, number> {
	return readState((database) => {
		const counts = database
			.prepare("SELECT reason, COUNT(*) AS n FROM jobs WHERE state = 'dead' GROUP BY reason")
			.all();
		return Object.fromEntries(counts.map(({ reason, n }) => [String(reason), Number(n)]));
	});
}

function creditsCounted(): { spent: number; unknown: number; reserved: number } {
	return readState((database) => {
		const row = database
			.prepare('SELECT SUM(spent) AS s, SUM(unknown) AS u, SUM(reserved) AS r FROM credits')
			.get();
		return { spent: Number(row?.s), unknown: Number(row?.u), reserved: Number(row?.r) };
	});
}

/** Most memory that the process ever had; 0 where the system does not tell. */
function peakMegabytes(pid: number): number {
	try {
		const status = readFileSync(`/proc/${pid}/status`, 'utf8');
		return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1_000;
	} catch {
		return 0;
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
