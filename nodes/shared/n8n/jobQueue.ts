import type { IExecuteFunctions, INodeExecutionData } from 'n8n-workflow';
import { InvalidInput } from '../api';
import { JOB_KINDS, JOB_STATES, type JobFilter, type JobStore } from '../resilience/jobs';
import { queueStanding } from '../resilience/queues';
import { toNodeError } from './errors';
import { allFailed, failedItem } from './failedItem';
import { addJobs } from './jobAdding';
import { deadLetterJson, jobJson } from './jobItems';
import {
	chosen,
	JOB_PRIORITIES,
	kindsOption,
	prioritiesOption,
	statesOption,
} from './jobParameters';
import { readLimit } from './listParameters';
import { optionsOf, text } from './optionValues';
import { eachItem, isCancelled, toItems, type Outcome } from './queueOutcomes';
import { readQueueName } from './queueName';
import { hostOf, processRuntimes } from './runtime';
import { readCredential } from './settings';
import { queueStatus } from './status';
import { systemClock } from './systemClock';

type Operation = (context: IExecuteFunctions, jobs: JobStore) => Promise<INodeExecutionData[]>;

const OPERATIONS: Readonly<Record<string, Operation>> = {
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
		if (resource === 'job' && operation === 'add') return [await addJobs(context)];
		const connection = readCredential(node, await context.getCredentials('tikLiveApi'));
		({ apiKey } = connection.settings);
		return await processRuntimes().use(connection, hostOf(context), async ({ stores }) => [
			(await OPERATIONS[`${resource}.${operation}`]?.(context, stores.jobs)) ?? [],
		]);
	} catch (problem) {
		if (!context.continueOnFail()) throw toNodeError(problem, { node, itemIndex: 0, apiKey });
		return [
			answersOncePerItem(context)
				? allFailed(context, problem, apiKey)
				: [failedItem(context, problem, { apiKey }, everyItem(context))],
		];
	}
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

/** Whether each input item has an output of its own. */
function answersOncePerItem(context: IExecuteFunctions): boolean {
	const { operation, scope } = context.getNode().parameters;
	return (
		operation === 'add' || ((operation === 'delete' || operation === 'retry') && scope === 'one')
	);
}

function everyItem(context: IExecuteFunctions): { item: number }[] {
	return context.getInputData().map((_, item) => ({ item }));
}
