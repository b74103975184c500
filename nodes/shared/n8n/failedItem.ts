import type { IDataObject, IExecuteFunctions, INodeExecutionData } from 'n8n-workflow';
import { problemOf, type Concern, type Problem } from './problem';

type PairedItem = NonNullable<INodeExecutionData['pairedItem']>;

/**
 * The item that stands for one that failed, where a node goes on after an error. n8n takes it for a failed one only
 * without `item.error` and with no other keys than these in its json; it then adds the input item's fields on the
 * error output. On the regular output it adds none, so they are added here, and both read alike.
 *
 * @param pairedItem always given: without one n8n guesses, and may fail over it
 */
export function failedItem(
	context: IExecuteFunctions,
	error: unknown,
	concern: Concern,
	pairedItem: PairedItem,
): INodeExecutionData {
	const json = failedJson(error, concern);
	if (hasErrorOutput(context)) return { json, pairedItem };
	return { json: { ...context.getInputData()[firstOf(pairedItem)]?.json, ...json }, pairedItem };
}

/** One failed item for each input item, for a failure that concerns them all. */
export function allFailed(
	context: IExecuteFunctions,
	error: unknown,
	apiKey: string,
): INodeExecutionData[] {
	return context.getInputData().map((_, item) => failedItem(context, error, { apiKey }, { item }));
}

/** Whether failed items leave by an output of their own. */
export function hasErrorOutput(context: IExecuteFunctions): boolean {
	return context.getNode().onError === 'continueErrorOutput';
}

/** `error` is one sentence that names the user; `details` says the rest. */
function failedJson(error: unknown, concern: Concern): IDataObject {
	const problem = problemOf(error, concern);
	return { error: problem.message, details: detailsOf(problem, concern.users) };
}

/** What there is to know of a problem beside its sentence; absent where it does not apply. */
export function detailsOf(
	{ kind, advice, httpStatus, retryAtMs, bookmark, recordsRead, creditsSpent }: Problem,
	users: readonly string[] = [],
): IDataObject {
	return {
		...{ kind, advice, user: users.join(', ') || null },
		...(httpStatus !== undefined && { httpStatus }),
		...(retryAtMs !== undefined && { retryAt: new Date(retryAtMs).toISOString() }),
		...(bookmark !== undefined && { bookmark }),
		...(recordsRead !== undefined && { recordsRead }),
		...(creditsSpent !== undefined && { creditsSpent }),
	};
}

function firstOf(pairedItem: PairedItem): number {
	const [first] = [pairedItem].flat();
	return typeof first === 'number' ? first : (first?.item ?? 0);
}
