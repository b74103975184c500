import { setImmediate } from 'node:timers/promises';
import type { IDataObject, IExecuteFunctions, INodeExecutionData } from 'n8n-workflow';
import type { Call } from '../api';
import { boundCall } from './boundCall';
import { defer, type ItemAsJob } from './deferral';
import { toNodeError } from './errors';
import { RunReport } from './hints';
import type { AskOptions } from './options';
import { inOrder } from './pool';
import { hostOf, processRuntimes } from './runtime';
import { readCredential } from './settings';

/** Requests are capped by the client; this caps what is kept ready for it. */
const MAX_ITEMS_UNDER_WAY = 40;
/** Expressions take up to a millisecond an item: in between, n8n has to serve others and see a cancel. */
const ITEMS_PREPARED_AT_ONCE = 50;

/** What a node does with one input item. */
export interface ItemTask<P extends AskOptions> {
	/**
	 * Reads and checks the parameters of one item. Done for all items before anything is sent.
	 *
	 * @throws InvalidInput
	 */
	prepare(itemIndex: number): P;
	/** The records of one item. */
	read(call: Call, item: P, itemIndex: number, report: RunReport): Promise<IDataObject[]>;
	toJob(item: P): ItemAsJob;
}

/**
 * Runs a task for all input items, several at a time. Outputs are in input order; the second one, for items that
 * became jobs, is there when any item may become one.
 */
export async function executeItems<P extends AskOptions>(
	context: IExecuteFunctions,
	task: ItemTask<P>,
): Promise<INodeExecutionData[][]> {
	const cancelled = context.getExecutionCancelSignal();
	// With Retry On Fail, n8n runs the node again although the execution was cancelled.
	if (cancelled?.aborted) return [[]];

	const node = context.getNode();
	const continues = context.continueOnFail();
	const report = new RunReport();
	const outputs: (INodeExecutionData[] | undefined)[] = context.getInputData().map(() => undefined);
	const deferred: (INodeExecutionData | undefined)[] = [];
	let apiKey = '';

	const fail = (itemIndex: number, problem: unknown) => {
		const error = toNodeError(problem, { node, itemIndex, apiKey });
		if (!continues) throw error;
		// Without an `error` in its json: n8n runs the whole node again for that, and fills it in by itself.
		outputs[itemIndex] = [{ json: {}, error, pairedItem: { item: itemIndex } }];
	};

	const prepare = (itemIndex: number) => {
		try {
			return task.prepare(itemIndex);
		} catch (error) {
			return fail(itemIndex, error);
		}
	};
	const items: (P | void)[] = [];
	for (const itemIndex of outputs.keys()) {
		if (itemIndex % ITEMS_PREPARED_AT_ONCE === 0) await setImmediate();
		if (cancelled?.aborted) return [[]];
		items.push(prepare(itemIndex));
	}

	const readItem = async (call: Call, item: P, itemIndex: number) => {
		const records = await task.read(call, item, itemIndex, report);
		outputs[itemIndex] = records.map((json) => ({ json, pairedItem: { item: itemIndex } }));
	};

	try {
		const connection = readCredential(node, await context.getCredentials('tikLiveApi'));
		({ apiKey } = connection.settings);
		await processRuntimes().use(connection, hostOf(context), async (runtime) => {
			const { client, stores, firstTryMs } = runtime;
			const run = runName(context);
			const notBeforeMs = run === undefined ? undefined : firstTryMs(run);
			await inOrder(items.length, MAX_ITEMS_UNDER_WAY, cancelled, async (itemIndex, signal) => {
				const item = items[itemIndex];
				if (!item) return;
				const options = { ...item.call, notBeforeMs, signal };
				const call = boundCall(client, options, report);
				await readItem(call, item, itemIndex).catch(async (error: unknown) => {
					if (signal.aborted) return;
					const mayDefer = item.whenUnavailable === 'queue';
					const json =
						mayDefer && (await defer(error, task.toJob(item), options, stores.jobs, item.queue));
					if (!json) return fail(itemIndex, error);
					outputs[itemIndex] = [];
					deferred[itemIndex] = { json, pairedItem: { item: itemIndex } };
				});
			});
		});
	} catch (error) {
		for (const [itemIndex, output] of outputs.entries()) if (!output) fail(itemIndex, error);
	} finally {
		// A run that fails has cost something too.
		context.setMetadata?.({ tracing: report.spanAttributes() });
	}

	const queued = deferred.filter((item) => item !== undefined);
	report.deferred(queued.length);
	report.unfinished(outputs.filter((output) => output === undefined).length);
	context.addExecutionHints(...report.hints());
	const results = outputs.flatMap((output) => output ?? []);
	const mayDefer = items.some((item) => item?.whenUnavailable === 'queue');
	// An AI agent gets to see the first output only.
	const hasSecondOutput = mayDefer && context.isToolExecution?.() !== true;
	return hasSecondOutput ? [results, queued] : [[...results, ...queued]];
}

/** The same for each try of n8n's Retry On Fail, different for each round of a loop. */
function runName(context: IExecuteFunctions): string | undefined {
	const executionId = context.getExecutionId();
	if (!executionId) return undefined;
	const { $runIndex } = context.getWorkflowDataProxy(0);
	return JSON.stringify([executionId, context.getNode().name, $runIndex]);
}
