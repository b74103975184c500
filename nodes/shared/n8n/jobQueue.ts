import { setImmediate } from 'node:timers/promises';
import type {
	IDataObject,
	IExecuteFunctions,
	INodeExecutionData,
	NodeExecutionHint,
} from 'n8n-workflow';
import { InvalidInput } from '../api';
import { decodePayload } from '../resilience/jobPayload';
import {
	JOB_KINDS,
	JOB_STATES,
	type AddedJob,
	type JobFilter,
	type JobStore,
	type NewJob,
} from '../resilience/jobs';
import { isWorkedOff, queueStanding } from '../resilience/queues';
import { toNodeError } from './errors';
import { deadLetterJson, jobJson, userFields } from './jobItems';
import {
	chosen,
	JOB_PRIORITIES,
	kindsOption,
	prioritiesOption,
	readJob,
	statesOption,
} from './jobParameters';
import { readLimit } from './listParameters';
import { optionsOf, text } from './optionValues';
import { readQueueName } from './queueName';
import { hostOf, processRuntimes } from './runtime';
import { readCredential } from './settings';
import { queueStatus } from './status';
import { systemClock } from './systemClock';

/** Expressions take up to a millisecond an item: in between, n8n has to serve others and see a cancel. */
const ITEMS_PREPARED_AT_ONCE = 50;
/** One transaction each; a hundred thousand at once would hold up n8n for seconds. */
const JOBS_ADDED_AT_ONCE = 1_000;
/** Of the queues that a hint is about. */
const QUEUES_NAMED = 5;

/** What one input item becomes: its output, or what went wrong with it. */
type Outcome = { json: IDataObject } | { problem: unknown };

type Operation = (context: IExecuteFunctions, jobs: JobStore) => Promise<INodeExecutionData[]>;

const OPERATIONS: Readonly<Record<string, Operation>> = {
	'job.add': addJobs,
	'job.delete': async (context, jobs) =>
		await eachJob(context, 'deleted', {
			one: async (id) => await jobs.deleteJobs([id]),
			all: async (queue) => await jobs.deleteJobs({ queue, ...readFilter(context) }),
		}),
	'job.getAll': getJobs,
	'job.getStatus': getStatus,
	'deadLetter.delete': async (context, jobs) =>
		await eachJob(context, 'deleted', {
			one: async (id) => await jobs.deleteDead([id]),
			all: async (queue) => await jobs.deleteDead({ queue }),
		}),
	'deadLetter.getAll': getDeadLetters,
	'deadLetter.retry': async (context, jobs) =>
		await eachJob(context, 'retried', {
			one: async (id) => await jobs.retryDead([id]),
			all: async (queue) => await jobs.retryDead({ queue }),
		}),
};

/** The Queue node. Asks nothing of TikLiveAPI, so it costs no credit. */
export async function executeQueue(context: IExecuteFunctions): Promise<INodeExecutionData[][]> {
	// With Retry On Fail, n8n runs the node again although the execution was cancelled.
	if (context.getInputData().length === 0 || isCancelled(context)) return [[]];
	const node = context.getNode();
	let apiKey = '';
	try {
		const resource = context.getNodeParameter('resource', 0) as string;
		const operation = context.getNodeParameter('operation', 0) as string;
		const connection = readCredential(node, await context.getCredentials('tikLiveApi'));
		({ apiKey } = connection.settings);
		return await processRuntimes().use(connection, hostOf(context), async ({ stores }) => [
			(await OPERATIONS[`${resource}.${operation}`]?.(context, stores.jobs)) ?? [],
		]);
	} catch (problem) {
		const error = toNodeError(problem, { node, itemIndex: 0, apiKey });
		if (!context.continueOnFail()) throw error;
		return [[{ json: {}, error, pairedItem: everyItem(context) }]];
	}
}

async function addJobs(context: IExecuteFunctions, jobs: JobStore): Promise<INodeExecutionData[]> {
	const outcomes: Outcome[] = [];
	let added = 0;
	const prepared = await eachItem(context, (itemIndex) => readJob(context, itemIndex));
	for (let from = 0; from < prepared.length; from += JOBS_ADDED_AT_ONCE) {
		if (isCancelled(context)) break;
		const portion = prepared.slice(from, from + JOBS_ADDED_AT_ONCE);
		const results = (await jobs.add(portion.filter(isJob)))[Symbol.iterator]();
		for (const item of portion) {
			if (!isJob(item)) {
				outcomes.push(item);
				continue;
			}
			const result = results.next().value as AddedJob;
			if (!result.duplicate) added += 1;
			outcomes.push({ json: addedJson(item, result) });
		}
		await setImmediate();
	}
	const known = outcomes.filter((outcome) => 'json' in outcome).length - added;
	const waiting = known > 0 ? `, already in the queue: ${known}` : '';
	const queues = new Set(prepared.filter(isJob).map(({ queue }) => queue));
	context.addExecutionHints(
		{ message: `Jobs added: ${added}${waiting}`, type: 'info', location: 'outputPane' },
		...(await untendedHints(jobs, queues)),
	);
	return toItems(context, outcomes);
}

/** Says so when the jobs have gone where no active workflow takes them from. */
async function untendedHints(
	jobs: JobStore,
	queues: ReadonlySet<string>,
): Promise<NodeExecutionHint[]> {
	const nowMs = systemClock.wallMs();
	// The jobs are in: a store that cannot tell just now is no reason to fail.
	const use = await jobs.queues().catch(() => undefined);
	if (use === undefined) return [];
	const tended = new Set(use.filter((each) => isWorkedOff(each, nowMs)).map(({ name }) => name));
	const untended = [...queues].filter((name) => !tended.has(name));
	if (untended.length === 0) return [];
	const named = untended.slice(0, QUEUES_NAMED).map((name) => `'${name}'`);
	const more = untended.length > named.length ? ` and ${untended.length - named.length} more` : '';
	const [queue, they] = untended.length === 1 ? ['queue', 'it'] : ['queues', 'them'];
	const message =
		`No active workflow works off the ${queue} ${named.join(', ')}${more}: the jobs wait. ` +
		`Publish a workflow with a TikLiveAPI Queue Trigger whose 'Queue' names ${they}.`;
	return [{ message, type: 'warning', location: 'outputPane' }];
}

function addedJson(job: NewJob, { id, duplicate }: AddedJob): IDataObject {
	const decoded = decodePayload(job.kind, job.payload);
	return {
		jobId: id,
		duplicate,
		queue: job.queue,
		kind: job.kind,
		...userFields(decoded.ok ? decoded.request.user : undefined),
	};
}

async function getJobs(context: IExecuteFunctions, jobs: JobStore) {
	const listed = await jobs.list({
		queue: readQueue(context),
		limit: readLimit(context, 0) ?? Number.MAX_SAFE_INTEGER,
		states: chosen(statesOption, optionsOf(context, 0), JOB_STATES),
		kinds: chosen(kindsOption, optionsOf(context, 0), JOB_KINDS),
	});
	const pairedItem = everyItem(context);
	return listed.map((job) => ({ json: jobJson(job), pairedItem }));
}

async function getStatus(context: IExecuteFunctions, jobs: JobStore) {
	const standing = await queueStanding(jobs, readQueue(context), systemClock.wallMs());
	return [{ json: { ...queueStatus(standing) }, pairedItem: everyItem(context) }];
}

async function getDeadLetters(context: IExecuteFunctions, jobs: JobStore) {
	const dead = await jobs.listDead({
		queue: readQueue(context),
		limit: readLimit(context, 0) ?? Number.MAX_SAFE_INTEGER,
		kinds: chosen(kindsOption, optionsOf(context, 0), JOB_KINDS),
	});
	const pairedItem = everyItem(context);
	return dead.map((letter) => ({ json: deadLetterJson(letter), pairedItem }));
}

/** One job for each input item, or all of a queue once. */
async function eachJob(
	context: IExecuteFunctions,
	verb: 'retried' | 'deleted',
	change: {
		one: (id: string) => Promise<number>;
		all: (queue: string) => Promise<number>;
	},
): Promise<INodeExecutionData[]> {
	if (context.getNodeParameter('scope', 0) === 'all') {
		const json = { [verb]: await change.all(readQueue(context)) };
		return [{ json, pairedItem: everyItem(context) }];
	}
	const ids = await eachItem(context, (itemIndex) => readJobId(context, itemIndex));
	const outcomes: Outcome[] = [];
	for (const jobId of ids) {
		if (isCancelled(context)) break;
		if (typeof jobId !== 'string') outcomes.push(jobId);
		else outcomes.push({ json: { jobId, [verb]: (await change.one(jobId)) > 0 } });
	}
	return toItems(context, outcomes);
}

function readQueue(context: IExecuteFunctions): string {
	return readQueueName(context.getNodeParameter('queue', 0));
}

function readFilter(context: IExecuteFunctions): JobFilter {
	const options = optionsOf(context, 0);
	return {
		kinds: chosen(kindsOption, options, JOB_KINDS),
		priorities: chosen(prioritiesOption, options, JOB_PRIORITIES),
	};
}

function readJobId(context: IExecuteFunctions, itemIndex: number): string {
	const jobId = text(context.getNodeParameter('jobId', itemIndex));
	if (jobId !== undefined) return jobId;
	throw new InvalidInput('Job ID', 'Job ID is empty', 'Map it from the output of Get Many.');
}

/** Reads the parameters of all items before anything is done; what is wrong with one stays with that one. */
async function eachItem<T>(
	context: IExecuteFunctions,
	read: (itemIndex: number) => T,
): Promise<(T | { problem: unknown })[]> {
	const values: (T | { problem: unknown })[] = [];
	for (const itemIndex of context.getInputData().keys()) {
		if (itemIndex % ITEMS_PREPARED_AT_ONCE === 0) await setImmediate();
		if (isCancelled(context)) break;
		try {
			values.push(read(itemIndex));
		} catch (problem) {
			if (!context.continueOnFail()) {
				throw toNodeError(problem, { node: context.getNode(), itemIndex, apiKey: '' });
			}
			values.push({ problem });
		}
	}
	return values;
}

/** The outputs of all items in their order. Without an `error` in the json: n8n would run the node again for it. */
function toItems(context: IExecuteFunctions, outcomes: readonly Outcome[]): INodeExecutionData[] {
	const node = context.getNode();
	return outcomes.map((outcome, itemIndex) => ({
		...('json' in outcome
			? outcome
			: { json: {}, error: toNodeError(outcome.problem, { node, itemIndex, apiKey: '' }) }),
		pairedItem: { item: itemIndex },
	}));
}

function isJob(value: NewJob | { problem: unknown }): value is NewJob {
	return 'payload' in value;
}

function isCancelled(context: IExecuteFunctions): boolean {
	return context.getExecutionCancelSignal()?.aborted ?? false;
}

function everyItem(context: IExecuteFunctions): { item: number }[] {
	return context.getInputData().map((_, item) => ({ item }));
}
