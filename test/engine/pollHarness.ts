import type {
	IDataObject,
	INode,
	INodeExecutionData,
	INodeParameters,
	INodeType,
	INodeTypes,
	IRun,
	Workflow as WorkflowType,
} from 'n8n-workflow';
import { TikLiveTrigger } from '../../nodes/Trigger/TikLiveTrigger.node';
import { additionalData, core, PACKAGE, plain, simpleNode } from './harness';

const { PollContext, PollTriggerExecutor, WorkflowExecute } = core;
const { createRunExecutionData, Workflow } =
	require('n8n-workflow') as typeof import('n8n-workflow');
const { Container } = require('@n8n/di') as typeof import('@n8n/di');

export interface WatchOptions {
	parameters: INodeParameters;
	credential: IDataObject;
	/** n8n's durable poll cursors: each poll works on a copy that is committed with its hand-over. Default false. */
	durable?: boolean;
	/** What n8n gives a poll, ms. */
	budgetMs?: number;
}

const TRIGGER = 'Watch';
let count = 0;

/** A workflow with the TikLiveAPI Trigger, active as n8n's main process would have it. */
export class WatchingWorkflow {
	/** The items of each execution that was started, in order. */
	readonly executions: INodeExecutionData[][] = [];
	/** What the next node of each execution got. */
	readonly received: IDataObject[][] = [];
	/** Failed polls, as the error workflow gets them. */
	readonly errors: Error[] = [];
	/** What n8n's database holds of the static data. */
	saved: IDataObject = {};
	#tick: (isActivation: boolean) => Promise<void> = async () => {};
	#runs: Promise<void>[] = [];

	constructor(private readonly options: WatchOptions) {}

	/**
	 * What publishing the workflow and starting n8n do: the first poll.
	 *
	 * @throws what the poll throws: the workflow is not active then
	 */
	async activate(over: Partial<WatchOptions> = {}): Promise<IDataObject[] | undefined> {
		const { parameters, credential, durable = false, budgetMs } = { ...this.options, ...over };
		const workflow = workflowOf(parameters, structuredClone(this.saved));
		const node = workflow.getNode(TRIGGER) as INode;
		const key = `node:${TRIGGER}`;
		let staged: IDataObject = {};
		const save = () => {
			this.saved = durable ? { [key]: staged } : plainCopy(workflow.staticData);
		};
		const context = new PollContext(
			workflow,
			node,
			additionalData(`activation-${++count}`, credential),
			'trigger',
			'activate',
			(data) => {
				save();
				this.#runs.push(this.#execute(workflow, node, data, credential));
			},
			(error) => void this.errors.push(error),
			async () => {
				if (durable) save();
			},
			async (poll) => {
				staged = plainCopy((this.saved[key] ?? {}) as IDataObject);
				return await poll();
			},
			durable ? () => staged : undefined,
			budgetMs === undefined ? undefined : () => budgetMs,
		);
		this.#tick = Container.get(PollTriggerExecutor).create(
			workflow,
			node,
			context as never,
			() => true,
		);
		const items = await this.#events(async () => await this.#tick(true));
		// Durable cursors are committed with an execution or after a scheduled poll only.
		if (!durable) save();
		return items;
	}

	/** One poll of the schedule. Undefined: it has started no execution. */
	async poll(): Promise<IDataObject[] | undefined> {
		return await this.#events(async () => await this.#tick(false));
	}

	async #events(work: () => Promise<void>): Promise<IDataObject[] | undefined> {
		const { length } = this.executions;
		await work();
		await Promise.all(this.#runs);
		return this.executions[length]?.map(({ json }) => json);
	}

	async #execute(
		workflow: WorkflowType,
		node: INode,
		data: INodeExecutionData[][],
		credential: IDataObject,
	): Promise<void> {
		this.executions.push(data[0] ?? []);
		const start = createRunExecutionData({
			executionData: { nodeExecutionStack: [{ node, data: { main: data }, source: null }] },
		});
		const context = additionalData(`polled-${++count}`, credential);
		const run = await new WorkflowExecute(context, 'trigger', start).processRunExecutionData(
			workflow,
		);
		this.received.push(outputOf(run, 'Output'));
	}
}

/** "Fetch test event" in the editor. */
export async function fetchTestEvent({ parameters, credential }: WatchOptions): Promise<IRun> {
	const workflow = workflowOf(parameters, {});
	const context = additionalData(`manual-${++count}`, credential);
	return await new WorkflowExecute(context, 'manual').run({
		workflow,
		startNode: workflow.getNode(TRIGGER) as INode,
	});
}

export function outputOf(run: IRun, node = TRIGGER): IDataObject[] {
	const data = run.data.resultData.runData[node]?.at(-1)?.data?.['main']?.[0] ?? [];
	return data.map(({ json }) => json);
}

function plainCopy(data: IDataObject): IDataObject {
	return JSON.parse(JSON.stringify(data)) as IDataObject;
}

function workflowOf(parameters: INodeParameters, staticData: IDataObject): WorkflowType {
	const types: Record<string, INodeType> = {
		[`${PACKAGE}.tikLiveTrigger`]: new TikLiveTrigger(),
		output: simpleNode('output', (items) => items),
	};
	const find = (type: string) => types[type] as INodeType;
	const nodeTypes: INodeTypes = {
		getByName: find,
		getByNameAndVersion: find,
		getKnownTypes: () => ({}),
	};
	const trigger: INode = {
		...plain(TRIGGER, `${PACKAGE}.tikLiveTrigger`, 0),
		credentials: { tikLiveApi: { id: '1', name: 'TikLiveAPI' } },
		parameters,
	};
	return new Workflow({
		id: 'watching',
		name: 'Watching',
		active: true,
		nodes: [trigger, plain('Output', 'output', 200)],
		connections: { [TRIGGER]: { main: [[{ node: 'Output', type: 'main', index: 0 }]] } },
		nodeTypes,
		staticData,
		settings: { executionOrder: 'v1', timezone: 'Europe/Berlin' },
	});
}
