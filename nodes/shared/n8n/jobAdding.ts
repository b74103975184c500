import { setImmediate } from 'node:timers/promises';
import type {
	IDataObject,
	IExecuteFunctions,
	INodeExecutionData,
	NodeExecutionHint,
} from 'n8n-workflow';
import { decodePayload } from '../resilience/jobPayload';
import type { AddedJob, JobStore, NewJob } from '../resilience/jobs';
import { isWorkedOff } from '../resilience/queues';
import { ItemRuntimes } from './itemRuntimes';
import { userFields } from './jobItems';
import { readJob } from './jobParameters';
import { eachItem, isCancelled, toItems, type Outcome, type Problem } from './queueOutcomes';
import { systemClock } from './systemClock';

/** One transaction each; a hundred thousand at once would hold up n8n for seconds. */
const JOBS_ADDED_AT_ONCE = 1_000;
/** Of the queues that a hint is about. */
const QUEUES_NAMED = 5;

/** A job, and the store of the key that its item belongs to. */
interface ReadyJob {
	job: NewJob;
	jobs: JobStore;
}

/** One job of each input item, in the queue of the item's own API key. */
export async function addJobs(context: IExecuteFunctions): Promise<INodeExecutionData[]> {
	const runtimes = await ItemRuntimes.open(context);
	try {
		const ready = await eachItem(context, (itemIndex): ReadyJob => ({
			job: readJob(context, itemIndex),
			jobs: runtimes.of(itemIndex).stores.jobs,
		}));
		const outcomes: Outcome[] = [];
		for (let from = 0; from < ready.length; from += JOBS_ADDED_AT_ONCE) {
			if (isCancelled(context)) break;
			outcomes.push(...(await addPortion(ready.slice(from, from + JOBS_ADDED_AT_ONCE))));
			await setImmediate();
		}
		context.addExecutionHints(summary(outcomes), ...(await untendedHints(ready.filter(isReady))));
		return toItems(context, outcomes);
	} finally {
		runtimes.release();
	}
}

async function addPortion(portion: readonly (ReadyJob | Problem)[]): Promise<Outcome[]> {
	const outcomes: Outcome[] = portion.map((item) => (isReady(item) ? { problem: item } : item));
	const stores = new Set(portion.filter(isReady).map(({ jobs }) => jobs));
	for (const jobs of stores) {
		const own = [...portion.entries()].flatMap(([index, item]) =>
			isReady(item) && item.jobs === jobs ? [{ index, job: item.job }] : [],
		);
		const added = await jobs.add(own.map(({ job }) => job));
		for (const [position, { index, job }] of own.entries()) {
			outcomes[index] = { json: addedJson(job, added[position] as AddedJob) };
		}
	}
	return outcomes;
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

function summary(outcomes: readonly Outcome[]): NodeExecutionHint {
	const done = outcomes.flatMap((outcome) => ('json' in outcome ? [outcome.json] : []));
	const known = done.filter(({ duplicate }) => duplicate).length;
	const waiting = known > 0 ? `, already in the queue: ${known}` : '';
	const message = `Jobs added: ${done.length - known}${waiting}`;
	return { message, type: 'info', location: 'outputPane' };
}

/** Says so when the jobs have gone where no active workflow takes them from. */
async function untendedHints(ready: readonly ReadyJob[]): Promise<NodeExecutionHint[]> {
	const untended = new Set<string>();
	for (const jobs of new Set(ready.map((each) => each.jobs))) {
		const queues = ready.filter((each) => each.jobs === jobs).map(({ job }) => job.queue);
		for (const name of await untendedOf(jobs, new Set(queues))) untended.add(name);
	}
	if (untended.size === 0) return [];
	const named = [...untended].slice(0, QUEUES_NAMED).map((name) => `'${name}'`);
	const more = untended.size > named.length ? ` and ${untended.size - named.length} more` : '';
	const [queue, they] = untended.size === 1 ? ['queue', 'it'] : ['queues', 'them'];
	const message =
		`No active workflow works off the ${queue} ${named.join(', ')}${more}: the jobs wait. ` +
		`Publish a workflow with a TikLiveAPI Queue Trigger whose 'Queue' names ${they}.`;
	return [{ message, type: 'warning', location: 'outputPane' }];
}

async function untendedOf(jobs: JobStore, queues: ReadonlySet<string>): Promise<string[]> {
	// The jobs are in: a store that cannot tell just now is no reason to fail.
	const use = await jobs.queues().catch(() => undefined);
	if (use === undefined) return [];
	const nowMs = systemClock.wallMs();
	const tended = new Set(use.filter((each) => isWorkedOff(each, nowMs)).map(({ name }) => name));
	return [...queues].filter((name) => !tended.has(name));
}

function isReady(value: ReadyJob | Problem): value is ReadyJob {
	return 'job' in value;
}
