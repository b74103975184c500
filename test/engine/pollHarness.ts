import type {
	IDataObject,
	INode,
	INodeExecutionData,
	INodeParameters,
	INodeType,
	INodeTypes,
	IRun,
	Workflow as WorkflowType,
	WorkflowActivateMode,
} from 'n8n-workflow';
import { TikLiveTrigger } from '../../nodes/Trigger/TikLiveTrigger.node';
import { additionalData, core, PACKAGE, plain, simpleNode } from './harness';

const {
	commitStagedCursor,
	PollContext,
	PollTriggerExecutor,
	runPollInStagingScope,
	TriggersAndPollers,
	WorkflowExecute,
} = core;
const { createRunExecutionData, Workflow } =
	require('n8n-workflow') as typeof import('n8n-workflow');
const { Container } = require('@n8n/di') as typeof import('@n8n/di');

export interface WatchOptions {
	parameters: INodeParameters;
	/** Read at each poll: whatever changes in it counts with the next one. */
	credential: IDataObject;
	/**
	 * n8n's durable scheduler and poll cursors: each poll has a context and a time limit of its own, and works on a copy
	 * of the static data that is committed with its hand-over. Default false.
	 */
	durable?: boolean;
	/** What n8n gives a poll of the durable scheduler, ms. Default 36 s, as n8n's own settings make it. */
	budgetMs?: number;
	/** Default `activate`: a person publishes the workflow. */
	mode?: WorkflowActivateMode;
}

const TRIGGER = 'Watch';
const KEY = `node:${TRIGGER}`;
const DURABLE_BUDGET_MS = 36_000;
/** n8n's TRIGGER_ACTIVATION_MAX_ATTEMPTS. */
const ACTIVATION_TRIES = 5;
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
	options: WatchOptions;
	#tick: () => Promise<void> = async () => {};
	#runs: Promise<void>[] = [];

	constructor(options: WatchOptions) {
		this.options = options;
	}

	/**
	 * What publishing the workflow and starting n8n do: the first poll.
	 *
	 * @throws what the poll throws: the workflow is not active then, unless n8n tries again
	 */
	async activate(over: Partial<WatchOptions> = {}): Promise<IDataObject[] | undefined> {
		this.options = { ...this.options, ...over };
		const { durable = false, mode = 'activate' } = this.options;
		const workflow = this.#workflow();
		const node = workflow.getNode(TRIGGER) as INode;
		const context = this.#context(workflow, node, mode);
		const tick = Container.get(PollTriggerExecutor).create(
			workflow,
			node,
			context as never,
			() => true,
		);
		this.#tick = durable ? async () => await this.#durablePoll() : tick;
		// n8n saves what an activation has learned also when it failed, but not staged cursors.
		const save = () => {
			if (!durable) this.saved = plainCopy(workflow.staticData);
		};
		return await this.#events(async () => await tick(true)).finally(save);
	}

	/**
	 * As n8n does it when it starts: five tries.
	 *
	 * @throws what the last of them throws: the trigger is dead then
	 */
	async start(over: Partial<WatchOptions> = {}): Promise<IDataObject[] | undefined> {
		for (let tries = 1; ; tries++) {
			try {
				return await this.activate({ mode: 'init', ...over });
			} catch (error) {
				if (tries === ACTIVATION_TRIES) throw error;
			}
		}
	}

	/** One poll of the schedule. Undefined: it has started no execution. */
	async poll(): Promise<IDataObject[] | undefined> {
		return await this.#events(async () => await this.#tick());
	}

	/** What n8n's task handler does: everything of this poll is new but what was saved. */
	async #durablePoll(): Promise<void> {
		const workflow = this.#workflow();
		const node = workflow.getNode(TRIGGER) as INode;
		const context = this.#context(
			workflow,
			node,
			'update',
			this.options.budgetMs ?? DURABLE_BUDGET_MS,
		);
		await runPollInStagingScope(context as never, async () => {
			try {
				const items = await Container.get(TriggersAndPollers).runPollFunction(
					workflow,
					node,
					context as never,
				);
				if (items !== null) context.__emit(items);
				else await commitStagedCursor(context as never);
			} catch (error) {
				context.__emitError(error as Error);
			}
		});
	}

	#workflow(): WorkflowType {
		return workflowOf(this.options.parameters, structuredClone(this.saved));
	}

	#context(
		workflow: WorkflowType,
		node: INode,
		mode: WorkflowActivateMode,
		budgetMs?: number,
	): InstanceType<typeof PollContext> {
		const { credential, durable = false } = this.options;
		let staged: IDataObject = {};
		const save = () => {
			this.saved = durable ? { [KEY]: staged } : plainCopy(workflow.staticData);
		};
		return new PollContext(
			workflow,
			node,
			additionalData(`activation-${++count}`, credential),
			'trigger',
			mode,
			(data) => {
				save();
				this.#runs.push(this.#execute(workflow, node, data, credential));
			},
			(error) => void this.errors.push(error),
			async () => {
				if (durable) save();
			},
			async (poll) => {
				staged = plainCopy((this.saved[KEY] ?? {}) as IDataObject);
				return await poll();
			},
			durable ? () => staged : undefined,
			budgetMs === undefined ? undefined : () => budgetMs,
		);
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
