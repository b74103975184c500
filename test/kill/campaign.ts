import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../nodes/shared/n8n/systemClock';
import { defaultDedupeKey, encodePayload } from '../../nodes/shared/resilience/jobPayload';
import type { JobKind, JobStats, NewJob } from '../../nodes/shared/resilience/jobs';
import { openEmbeddedStores } from '../../nodes/shared/stores/embedded';
import type { FaultRates } from '../simulator/faults';
import { startSimulator, type Simulator } from '../simulator/server';
import { seededRandom } from '../support/clock';

/** Where a worker may die. `anywhere`: after that many ms, whatever it is doing. */
export const PLACES = [
	'before-claim',
	'after-claim',
	'before-send',
	'after-send',
	'before-settle',
	'after-store',
	'after-progress',
	'before-deliver',
	'after-deliver',
	'before-complete',
	'after-complete',
	'anywhere',
] as const;
export type Place = (typeof PLACES)[number];

export interface WorkerOrder {
	folder: string;
	baseUrl: string;
	/** What the workflow got, one JSON line a record. */
	sink: string;
	maxConcurrent: number;
	/** Undefined: works until the queue is empty. `hit`: the how-manieth time it comes by the place. */
	kill?: { place: Place; hit: number };
}

export interface WorkerReport {
	stats: JobStats;
	spent: number;
	unknown: number;
	reserved: number;
}

export interface Delivered {
	/** Of the record. */
	userId: string;
	/** Each of the users has one job. */
	jobUser: string;
	jobIncomplete?: true;
}

export interface CampaignOptions {
	kills: number;
	seed: number;
	/** Profile jobs; every 50th user does not exist. */
	profiles: number;
	/** Follower lists of two pages. */
	lists: number;
	faults?: FaultRates;
	onKill?: (kills: number) => void;
}

export interface CampaignResult {
	kills: Partial<Record<Place, number>>;
	/** Jobs whose result never arrived and that are no dead letters either. */
	lost: string[];
	/** Jobs that the workflow got more than once, as it must be prepared for. */
	deliveredTwice: number;
	deadLetters: number;
	/** Lists that said that their first pages are missing. */
	incomplete: number;
	billed: number;
	distinct: number;
	/** Credits billed for something that was billed before. */
	paidAgain: number;
	spent: number;
	unknown: number;
	reserved: number;
	stats: JobStats;
	seconds: number;
}

const MAX_CONCURRENT = 8;
/** More than any campaign kills: here a job must not be given up for the sins of its process. */
const MAX_ATTEMPTS = 1_000_000;
const MISSING_EACH = 50;

/** Kills workers at random places until there were enough, lets the last one end, and adds up. */
export async function runCampaign(options: CampaignOptions): Promise<CampaignResult> {
	const home = mkdtempSync(join(tmpdir(), 'tiklive-kill-'));
	const simulator = await startSimulator({ enforceLimits: false });
	if (options.faults) simulator.faults.set(options.faults);
	try {
		return await campaign(options, home, simulator);
	} finally {
		await simulator.close();
		rmSync(home, { recursive: true, force: true });
	}
}

async function campaign(
	{ kills, seed, profiles, lists, onKill }: CampaignOptions,
	home: string,
	simulator: Simulator,
): Promise<CampaignResult> {
	const startedMs = performance.now();
	const order: WorkerOrder = {
		folder: join(home, 'state'),
		baseUrl: simulator.url,
		sink: join(home, 'sink'),
		maxConcurrent: MAX_CONCURRENT,
	};
	const random = seededRandom(seed);
	const expected = await fillQueue(order, simulator, profiles, lists);

	const killed: Partial<Record<Place, number>> = {};
	for (let count = 0; count < kills;) {
		const place = PLACES[Math.floor(random() * PLACES.length)] as Place;
		const hit = place === 'anywhere' ? 150 + random() * 400 : 1 + Math.floor(random() * 6);
		const { died } = await runWorker({ ...order, kill: { place, hit } });
		// The queue was empty before it came to that.
		if (!died) break;
		count += 1;
		killed[place] = (killed[place] ?? 0) + 1;
		onKill?.(count);
	}
	const { report } = await runWorker(order);
	if (report === undefined) throw new Error('The last worker did not end');
	return {
		kills: killed,
		...compare(expected, readSink(order.sink), simulator),
		...billOf(simulator),
		deadLetters: report.stats.dead,
		spent: report.spent,
		unknown: report.unknown,
		reserved: report.reserved,
		stats: report.stats,
		seconds: (performance.now() - startedMs) / 1_000,
	};
}

interface ExpectedJob {
	kind: JobKind;
	username: string;
	exists: boolean;
}

async function fillQueue(
	{ folder }: WorkerOrder,
	simulator: Simulator,
	profiles: number,
	lists: number,
): Promise<ExpectedJob[]> {
	const stores = openEmbeddedStores({
		folder,
		keyId: 'kill',
		clock: systemClock,
		warn: (text) => process.stderr.write(`${text}\n`),
	});
	const expected: ExpectedJob[] = [];
	for (let index = 0; index < profiles; index++) {
		const exists = index % MISSING_EACH !== MISSING_EACH - 1;
		const username = exists ? simulator.population.username(index) : `nobody.${index}`;
		expected.push({ kind: 'userInfo', username, exists });
	}
	for (let index = 0; expected.length < profiles + lists; index++) {
		const username = simulator.population.username(100_000 + index);
		const { length } = simulator.truth.followers(username);
		if (length > 200 && length <= 400) {
			// Among the profiles, so that they are there from the first kill to the last.
			const place = Math.floor((expected.length / lists) * (expected.length - profiles));
			expected.splice(place, 0, { kind: 'followers', username, exists: true });
		}
	}
	await stores.jobs.add(expected.map(toJob));
	await stores.dispose();
	return expected;
}

function toJob({ kind, username }: ExpectedJob): NewJob {
	const request = {
		user: { kind: 'username', username } as const,
		simplify: true,
		...(kind !== 'userInfo' && { list: {} }),
		call: {},
	};
	return {
		queue: 'default',
		kind,
		payload: encodePayload(request),
		priority: 'backfill',
		notBeforeMs: 0,
		maxAttempts: MAX_ATTEMPTS,
		dedupeKey: defaultDedupeKey(kind, request),
	};
}

async function runWorker(order: WorkerOrder): Promise<{ died: boolean; report?: WorkerReport }> {
	const hook = join(__dirname, '../support/typescriptHook.js');
	const args = ['--require', hook, join(__dirname, 'worker.ts'), JSON.stringify(order)];
	const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
	let printed = '';
	let complaints = '';
	child.stdout.on('data', (text) => (printed += String(text)));
	child.stderr.on('data', (text) => (complaints += String(text)));
	const [code, signal] = await new Promise<[number | null, string | null]>((resolve) =>
		child.once('close', (...how) => resolve(how)),
	);
	if (signal === 'SIGKILL') return { died: true };
	if (code !== 0) throw new Error(`A worker ended with ${code ?? signal}\n${complaints}`);
	return { died: false, report: JSON.parse(printed) as WorkerReport };
}

function readSink(file: string): Delivered[] {
	if (!existsSync(file)) return [];
	const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
	return lines.map((line) => JSON.parse(line) as Delivered);
}

/** What was asked for against what the workflow got. */
function compare(expected: readonly ExpectedJob[], records: Delivered[], simulator: Simulator) {
	const arrived = new Map<string, Set<string>>();
	const counts = new Map<string, number>();
	const incomplete = new Set<string>();
	for (const { userId, jobUser, jobIncomplete } of records) {
		arrived.set(jobUser, (arrived.get(jobUser) ?? new Set()).add(userId));
		counts.set(`${jobUser} ${userId}`, (counts.get(`${jobUser} ${userId}`) ?? 0) + 1);
		if (jobIncomplete) incomplete.add(jobUser);
	}
	const lost = expected.filter(({ kind, username, exists }) => {
		const got = arrived.get(username)?.size ?? 0;
		if (!exists) return got !== 0;
		return got !== (kind === 'userInfo' ? 1 : simulator.truth.followers(username).length);
	});
	return {
		lost: lost.map(({ kind, username }) => `${kind} ${username}`),
		deliveredTwice: [...counts.values()].filter((count) => count > 1).length,
		incomplete: incomplete.size,
	};
}

function billOf(simulator: Simulator) {
	const { billed, distinct, paidTwice } = simulator.report().ledger;
	const paidAgain = paidTwice.reduce((sum, { times }) => sum + times - 1, 0);
	return { billed, distinct, paidAgain };
}
