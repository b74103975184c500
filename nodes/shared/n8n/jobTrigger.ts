import type {
	INodeExecutionData,
	INodeProperties,
	IRun,
	ITriggerFunctions,
	ITriggerResponse,
} from 'n8n-workflow';
import { InvalidInput } from '../api';
import { JOB_KINDS } from '../resilience/jobs';
import { failedWith } from './alarm';
import { chosen, JOB_PRIORITIES, kindsOption, prioritiesOption } from './jobParameters';
import type { CompleteWhen, JobRunnerOptions } from './jobRunner';
import { JobService, type JobSetup } from './jobService';
import { occasionOfTrigger } from './occasion';
import { checkedOptions, lostExpression } from './optionValues';
import { readQueueName } from './queueName';
import { readCredential, type Connection } from './settings';
import { systemClock } from './systemClock';
import { wholeNumber } from './wholeNumber';

const DEFAULT_BATCH_SIZE = 50;
const DEFAULT_BATCH_WAIT_SECONDS = 10;
const MOST_JOBS_IN_BATCH = 10_000;
const LONGEST_BATCH_WAIT_SECONDS = 3_600;

const COMPLETE_WHEN: readonly CompleteWhen[] = ['success', 'finished', 'immediately'];

export const batchSizeParameter: INodeProperties = {
	displayName: 'Batch Size',
	name: 'batchSize',
	type: 'number',
	typeOptions: { minValue: 1, maxValue: MOST_JOBS_IN_BATCH, numberPrecision: 0 },
	default: DEFAULT_BATCH_SIZE,
	description:
		'How many jobs go to one execution at most. A list job may bring many items. Jobs of an execution that failed come back in smaller batches.',
};

export const triggerOptions: INodeProperties = {
	displayName: 'Options',
	name: 'options',
	type: 'collection',
	placeholder: 'Add option',
	default: {},
	options: [
		{
			displayName: 'Batch Wait',
			name: 'batchWait',
			type: 'number',
			typeOptions: { minValue: 0, maxValue: LONGEST_BATCH_WAIT_SECONDS, numberPrecision: 0 },
			default: DEFAULT_BATCH_WAIT_SECONDS,
			description: 'How long to wait for a batch to fill up, in seconds',
		},
		{
			...kindsOption,
			description: 'Take only jobs of these kinds. Without this option all are taken.',
		},
		lostExpression,
		{
			...prioritiesOption,
			description: 'Take only jobs of these priorities. Without this option both are taken.',
		},
	],
};

/** The Queue Trigger: runs as long as the workflow is active, or for one batch in a manual test. */
export async function startQueueTrigger(context: ITriggerFunctions): Promise<ITriggerResponse> {
	const occasion = occasionOfTrigger(context);
	const read = setupReader(context, occasion === 'test');
	const service = new JobService({
		...{ context, clock: systemClock, read },
		deliver: async ({ completeWhen }, outputs) => await deliver(context, completeWhen, outputs),
	});
	const first = read();
	const problem = await first.then(
		() => undefined,
		(error: unknown) => failedWith(error, { node: context.getNode(), apiKey: '' }),
	);
	if (problem && (occasion === 'test' || (occasion === 'publish' && problem.isForAPerson))) {
		throw problem.error;
	}

	if (occasion !== 'test') {
		service.keepGoing(first, occasion === 'publish');
		return { closeFunction: async () => await service.close() };
	}
	let closings = 0;
	return {
		manualTriggerFunction: async () => service.runOnce(await first),
		// n8n closes a test once it has the data, and only then runs the nodes behind: waiting for them would
		// hold them up. It closes a second time when somebody cancels, and then the run never ends.
		closeFunction: async () => {
			closings += 1;
			if (closings === 1) service.stop();
			else service.giveUp();
		},
	};
}

/** Reads what a Queue Trigger is to do, each time anew as far as n8n lets it. */
function setupReader(context: ITriggerFunctions, once: boolean): () => Promise<JobSetup> {
	let connection: Connection | undefined;
	let options: JobRunnerOptions | undefined;
	return async () => {
		const data = await context.getCredentials('tikLiveApi').catch((error: unknown) => {
			// n8n evaluates an expression in a credential only while it activates the trigger.
			if (connection === undefined) throw error;
			return undefined;
		});
		if (data) connection = readCredential(context.getNode(), data);
		options ??= readOptions(context, once);
		return { connection: connection as Connection, options };
	};
}

/** Starts an execution and waits for its end where that matters. */
async function deliver(
	context: ITriggerFunctions,
	completeWhen: CompleteWhen,
	outputs: INodeExecutionData[][],
): Promise<string | undefined> {
	if (completeWhen === 'immediately') {
		context.emit(outputs);
		return undefined;
	}
	const done = context.helpers.createDeferredPromise<IRun>();
	context.emit(outputs, undefined, done);
	return problemOf(await done.promise);
}

/** An execution that waits is safe in n8n's own hands. Undefined: it was not started. */
function problemOf(run: IRun | undefined): string | undefined {
	if (run === undefined) return 'The execution was not started';
	const { error } = run.data?.resultData ?? {};
	if (error) return error.message;
	return ['error', 'canceled', 'crashed'].includes(run.status)
		? `The execution has ended as ${run.status}`
		: undefined;
}

function readOptions(context: ITriggerFunctions, once: boolean): JobRunnerOptions {
	const given = checkedOptions(context.getNodeParameter('options', {}));
	const completeWhen = COMPLETE_WHEN.find(
		(known) => known === context.getNodeParameter('completeWhen'),
	);
	if (completeWhen === undefined) {
		throw new InvalidInput(
			'Complete Jobs When',
			'Complete Jobs When is not set',
			'Choose one from the list.',
		);
	}
	const batchSize = context.getNodeParameter('batchSize');
	const batchWait = given['batchWait'] ?? DEFAULT_BATCH_WAIT_SECONDS;
	return {
		queue: readQueueName(context.getNodeParameter('queue')),
		completeWhen,
		batchSize: wholeNumber('Batch Size', batchSize, 1, MOST_JOBS_IN_BATCH),
		batchWaitMs: wholeNumber('Batch Wait', batchWait, 0, LONGEST_BATCH_WAIT_SECONDS) * 1_000,
		filter: {
			kinds: chosen(kindsOption, given, JOB_KINDS),
			priorities: chosen(prioritiesOption, given, JOB_PRIORITIES),
		},
		once,
	};
}
