import { setImmediate } from 'node:timers/promises';
import type { IDataObject, IExecuteFunctions, INodeExecutionData } from 'n8n-workflow';
import { userKey, type Call, type UserRef } from '../api';
import type { CallOptions, Client } from '../resilience/client';
import type { JobStore } from '../resilience/jobs';
import type { Stores } from '../resilience/ports';
import { boundCall, rememberingRefusals } from './boundCall';
import { defer, type ItemAsJob } from './deferral';
import { toNodeError } from './errors';
import { failedItem, hasErrorOutput } from './failedItem';
import { RunReport } from './hints';
import { ItemRuntimes } from './itemRuntimes';
import type { AskOptions } from './options';
import { inOrder } from './pool';
import { problemOf } from './problem';
import type { Runtime } from './runtime';
import { userNamed } from './userParameter';
import { PartialList } from './wholeList';

/** Requests are capped by the client; this caps what is kept ready for it. */
const MAX_ITEMS_UNDER_WAY = 40;
/** Expressions take up to a millisecond an item: in between, n8n has to serve others and see a cancel. */
const ITEMS_PREPARED_AT_ONCE = 50;

/** What one input item asks for. */
export interface PreparedItem extends AskOptions {
	user: UserRef;
}

/** What the work on one item may use. */
export interface ItemRun {
	readonly itemIndex: number;
	readonly call: Call;
	/** How `call` asks; what is changed here holds from the next call on. */
	readonly options: CallOptions;
	readonly client: Client;
	readonly stores: Stores;
	readonly report: RunReport;
}

/** What a node does with one input item. */
export interface ItemTask<P extends PreparedItem> {
	/**
	 * Reads and checks the parameters of one item. Done for all items before anything is sent.
	 *
	 * @throws InvalidInput
	 */
	prepare(itemIndex: number): P;
	/**
	 * The records of one item.
	 *
	 * @throws PartialList with those that were read before it failed
	 */
	read(run: ItemRun, item: P): Promise<IDataObject[]>;
	toJob(item: P): ItemAsJob;
}

/** What became of one item; undefined as long as it is not known. */
interface Outcome {
	records: INodeExecutionData[];
	failed?: INodeExecutionData;
	deferred?: INodeExecutionData;
}

/**
 * Runs a task for all input items, several at a time, each through the client of its own credential. Outputs are in
 * input order; the second one, for items that became jobs, is there when any item may become one.
 */
export async function executeItems<P extends PreparedItem>(
	context: IExecuteFunctions,
	task: ItemTask<P>,
): Promise<INodeExecutionData[][]> {
	// With Retry On Fail, n8n runs the node again although the execution was cancelled.
	if (context.getExecutionCancelSignal()?.aborted) return [[]];
	return await new ItemLoop(context, task).run();
}

class ItemLoop<P extends PreparedItem> {
	readonly #report = new RunReport();
	readonly #items: (P | undefined)[] = [];
	readonly #outcomes: (Outcome | undefined)[];
	#runtimes: ItemRuntimes | undefined;

	constructor(
		private readonly context: IExecuteFunctions,
		private readonly task: ItemTask<P>,
	) {
		this.#outcomes = context.getInputData().map(() => undefined);
	}

	async run(): Promise<INodeExecutionData[][]> {
		try {
			if (!(await this.#prepareAll())) return [[]];
			await this.#readAll();
		} catch (error) {
			for (const [itemIndex, outcome] of this.#outcomes.entries()) {
				if (!outcome) this.#fail(itemIndex, error);
			}
		} finally {
			// A run that fails has cost something too.
			this.context.setMetadata?.({ tracing: this.#report.spanAttributes() });
		}
		return this.#outputs();
	}

	/** False when the execution was cancelled. */
	async #prepareAll(): Promise<boolean> {
		for (const itemIndex of this.#outcomes.keys()) {
			if (itemIndex % ITEMS_PREPARED_AT_ONCE === 0) await setImmediate();
			if (this.#isCancelled()) return false;
			try {
				this.#items[itemIndex] = this.task.prepare(itemIndex);
			} catch (error) {
				this.#fail(itemIndex, error);
			}
		}
		return true;
	}

	async #readAll(): Promise<void> {
		const cancelled = this.context.getExecutionCancelSignal();
		const runtimes = (this.#runtimes = await ItemRuntimes.open(this.context));
		const count = this.#items.length;
		try {
			await inOrder(count, MAX_ITEMS_UNDER_WAY, cancelled, async (itemIndex, signal) => {
				const item = this.#items[itemIndex];
				if (item) await this.#readItem(item, itemIndex, signal, runtimes);
			});
		} finally {
			runtimes.release();
		}
	}

	async #readItem(
		item: P,
		itemIndex: number,
		signal: AbortSignal,
		runtimes: ItemRuntimes,
	): Promise<void> {
		const options: CallOptions = { ...item.call, signal };
		let jobs: JobStore | undefined;
		try {
			const runtime = runtimes.of(itemIndex);
			const { client, stores } = runtime;
			({ jobs } = stores);
			const call = this.#callOf(runtime, options);
			const run: ItemRun = { itemIndex, call, client, options, stores, report: this.#report };
			this.#outcomes[itemIndex] = {
				records: this.#recordItems(item, itemIndex, await this.task.read(run, item)),
			};
		} catch (error) {
			if (signal.aborted) return;
			const json =
				jobs !== undefined && item.whenUnavailable === 'queue'
					? await defer(error, this.task.toJob(item), options, jobs, item.queue)
					: undefined;
			if (!json) return this.#fail(itemIndex, error);
			const deferred = { json, pairedItem: { item: itemIndex } };
			this.#outcomes[itemIndex] = { records: [], deferred };
		}
	}

	/** n8n's Retry On Fail runs the whole node again: nothing that its first try has paid for is paid for twice. */
	#callOf({ client, runMemory }: Runtime, options: CallOptions): Call {
		const call = boundCall(client, options, this.#report);
		const name = runName(this.context);
		if (name === undefined) return call;
		const { firstTryMs, refusals } = runMemory(name);
		options.notBeforeMs = firstTryMs;
		return rememberingRefusals(call, refusals);
	}

	#recordItems(item: P, itemIndex: number, records: readonly IDataObject[]): INodeExecutionData[] {
		const pairedItem = { item: itemIndex };
		if (!item.includeInputFields) return records.map((json) => ({ json, pairedItem }));
		// An `error` of the input would look like one of ours, for which n8n runs the node again.
		const { error: _, ...fields } = this.context.getInputData()[itemIndex]?.json ?? {};
		return records.map((record) => ({ json: { ...fields, ...record }, pairedItem }));
	}

	/** @throws NodeApiError | NodeOperationError unless the node is to go on */
	#fail(itemIndex: number, error: unknown): void {
		const { context } = this;
		const item = this.#items[itemIndex];
		const users = item ? [userKey(item.user)] : userNamed(context, itemIndex);
		const apiKey = this.#runtimes?.apiKeyOf(itemIndex) ?? '';
		const concern = { users, apiKey };
		if (!context.continueOnFail()) {
			throw toNodeError(error, { node: context.getNode(), itemIndex, ...concern });
		}
		const records = error instanceof PartialList ? error.records : [];
		this.#outcomes[itemIndex] = {
			records: item ? this.#recordItems(item, itemIndex, records) : [],
			failed: failedItem(context, error, concern, { item: itemIndex }),
		};
		if (records.length > 0) {
			const { message } = problemOf(error, { apiKey });
			this.#report.interrupted(users.join(', '), records.length, message);
		}
	}

	#outputs(): INodeExecutionData[][] {
		const { context } = this;
		const outcomes = this.#outcomes.filter((outcome) => outcome !== undefined);
		const deferred = outcomes.flatMap((outcome) => outcome.deferred ?? []);
		this.#report.deferred(deferred.length);
		this.#report.unfinished(this.#outcomes.length - outcomes.length);
		context.addExecutionHints(...this.#report.hints());
		// Where n8n moves failed items to an output of their own, it runs the node again if the first item is one.
		const results = hasErrorOutput(context)
			? [
					...outcomes.flatMap(({ records }) => records),
					...outcomes.flatMap(({ failed }) => failed ?? []),
				]
			: outcomes.flatMap(({ records, failed }) => [...records, ...(failed ? [failed] : [])]);
		const mayDefer = this.#items.some((item) => item?.whenUnavailable === 'queue');
		// An AI agent gets to see the first output only.
		const hasSecondOutput = mayDefer && context.isToolExecution?.() !== true;
		return hasSecondOutput ? [results, deferred] : [[...results, ...deferred]];
	}

	#isCancelled(): boolean {
		return this.context.getExecutionCancelSignal()?.aborted === true;
	}
}

/** The same for each try of n8n's Retry On Fail, different for each round of a loop. */
function runName(context: IExecuteFunctions): string | undefined {
	const executionId = context.getExecutionId();
	if (!executionId) return undefined;
	const { $runIndex } = context.getWorkflowDataProxy(0);
	return JSON.stringify([executionId, context.getNode().name, $runIndex]);
}
