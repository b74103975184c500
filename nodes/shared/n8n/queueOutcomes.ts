import { setImmediate } from 'node:timers/promises';
import type { IDataObject, IExecuteFunctions, INodeExecutionData } from 'n8n-workflow';
import { toNodeError } from './errors';
import { failedItem, hasErrorOutput } from './failedItem';
import { userNamed } from './userParameter';

/** Expressions take up to a millisecond an item: in between, n8n has to serve others and see a cancel. */
const ITEMS_PREPARED_AT_ONCE = 50;

/** What went wrong with one input item. */
export interface Problem {
	problem: unknown;
}

/** What one input item becomes: its output, or what went wrong with it. */
export type Outcome = { json: IDataObject } | Problem;

/** Reads the parameters of all items before anything is done; what is wrong with one stays with that one. */
export async function eachItem<T extends object | string>(
	context: IExecuteFunctions,
	read: (itemIndex: number) => T,
): Promise<(T | Problem)[]> {
	const values: (T | Problem)[] = [];
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

/** The outputs of all items in their order; where failed ones have an output of their own, they stand behind the others. */
export function toItems(
	context: IExecuteFunctions,
	outcomes: readonly Outcome[],
): INodeExecutionData[] {
	const done: INodeExecutionData[] = [];
	const failed: INodeExecutionData[] = hasErrorOutput(context) ? [] : done;
	for (const [item, outcome] of outcomes.entries()) {
		const pairedItem = { item };
		if ('json' in outcome) {
			done.push({ ...outcome, pairedItem });
			continue;
		}
		const users = userNamed(context, item);
		failed.push(failedItem(context, outcome.problem, { users, apiKey: '' }, pairedItem));
	}
	return failed === done ? done : [...done, ...failed];
}

export function isCancelled(context: IExecuteFunctions): boolean {
	return context.getExecutionCancelSignal()?.aborted ?? false;
}
