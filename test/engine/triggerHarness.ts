import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type {
	IDataObject,
	INode,
	INodeExecutionData,
	INodeParameters,
	INodeType,
	INodeTypes,
	IRun,
	ITriggerFunctions,
	Workflow as WorkflowType,
	WorkflowActivateMode,
} from 'n8n-workflow';
import { TikLiveQueueTrigger } from '../../nodes/Queue/TikLiveQueueTrigger.node';
import { additionalData, core, PACKAGE, plain, simpleNode, userFolder } from './harness';

const { TriggerContext, TriggersAndPollers, WorkflowExecute } = core;
const { createRunExecutionData, Workflow } =
	require('n8n-workflow') as typeof import('n8n-workflow');
const { Container } = require('@n8n/di') as typeof import('@n8n/di');

export interface TriggerOptions {
	parameters?: INodeParameters;
	/** Read whenever the trigger asks for it. */
	credential: IDataObject;
	/** Of the workflow. Default: another one each time. */
	id?: string;
	/** Default `activate`: a person publishes the workflow. */
	mode?: WorkflowActivateMode;
	/** An n8n of before it could save a failed execution for a trigger that goes on. */
	isOld?: boolean;
	/** The node behind the first output; what it throws fails the execution. */
	onResults?: (items: INodeExecutionData[]) => INodeExecutionData[] | Promise<INodeExecutionData[]>;
}

export interface Execution {
	results: INodeExecutionData[];
	deadLetters: INodeExecutionData[];
	/** Undefined while it runs. */
	run: IRun | undefined;
}

export interface ActiveWorkflow {
	/** In the order in which they were started. */
	executions: Execution[];
	/** What the trigger has reported as fatal. */
	errors: Error[];
	/** What it has reported as executions that failed. */
	failed: Error[];
	/** What n8n does to a workflow that is deactivated. */
	deactivate(): Promise<void>;
}

const TRIGGER = 'Queue Trigger';
let count = 0;

/** A workflow with the Queue Trigger, active as n8n's main process would have it. */
export async function activate(options: TriggerOptions): Promise<ActiveWorkflow> {
	const workflow = workflowOf(options);
	const node = workflow.getNode(TRIGGER) as INode;
	const executions: Execution[] = [];
	const errors: Error[] = [];
	const failed: Error[] = [];

	const emit: ITriggerFunctions['emit'] = (data, _response, done) => {
		const [results = [], deadLetters = []] = data;
		const execution: Execution = { results, deadLetters, run: undefined };
		executions.push(execution);
		const start = createRunExecutionData({
			executionData: { nodeExecutionStack: [{ node, data: { main: data }, source: null }] },
		});
		const context = additionalData(`triggered-${++count}`, options.credential);
		void new WorkflowExecute(context, 'trigger', start)
			.processRunExecutionData(workflow)
			.then((run) => {
				execution.run = run;
				done?.resolve(run);
			});
	};
	const response = await Container.get(TriggersAndPollers).runTriggerFunction(
		workflow,
		node,
		(...args) => {
			const fatal = (error: Error) => void errors.push(error);
			const context = new TriggerContext(...args, emit, fatal, (error) => void failed.push(error));
			if (options.isOld) Object.assign(context, { saveFailedExecution: undefined });
			return context as never;
		},
		additionalData(`activation-${++count}`, options.credential),
		'trigger',
		options.mode ?? 'activate',
	);
	return {
		executions,
		errors,
		failed,
		deactivate: async () => await response?.closeFunction?.(),
	};
}

/** "Execute step" in the editor. `cancel` ends it as a person would. */
export function testRun(options: TriggerOptions): { run: Promise<IRun>; cancel: () => void } {
	const workflow = workflowOf(options);
	const context = additionalData(`manual-${++count}`, options.credential);
	const running = new WorkflowExecute(context, 'manual').run({
		workflow,
		startNode: workflow.getNode(TRIGGER) as INode,
	});
	return { run: running, cancel: () => running.cancel() };
}

/** As if the time of all delayed jobs had come. */
export function makeJobsDue(): void {
	const file = join(userFolder, '.n8n', 'storage', PACKAGE, 'tiklive.db');
	const database = new DatabaseSync(file);
	database.exec("UPDATE jobs SET due_wall_ms = 0 WHERE state = 'delayed'");
	database.close();
}

/** What a node of a test run has put out. */
export function outputOf(run: IRun, node = TRIGGER, output = 0): INodeExecutionData[] {
	return run.data.resultData.runData[node]?.at(-1)?.data?.['main']?.[output] ?? [];
}

function workflowOf({
	id = `triggered-${++count}`,
	parameters = {},
	onResults = (items) => items,
}: TriggerOptions): WorkflowType {
	const types: Record<string, INodeType> = {
		[`${PACKAGE}.tikLiveQueueTrigger`]: new TikLiveQueueTrigger(),
		results: simpleNode('results', onResults),
		deadLetters: simpleNode('deadLetters', (items) => items),
	};
	const find = (type: string) => types[type] as INodeType;
	const nodeTypes: INodeTypes = {
		getByName: find,
		getByNameAndVersion: find,
		getKnownTypes: () => ({}),
	};
	const trigger: INode = {
		...plain(TRIGGER, `${PACKAGE}.tikLiveQueueTrigger`, 0),
		credentials: { tikLiveApi: { id: '1', name: 'TikLiveAPI' } },
		parameters,
	};
	const to = (name: string) => [{ node: name, type: 'main' as const, index: 0 }];
	return new Workflow({
		id,
		name: 'Triggered',
		active: true,
		nodes: [trigger, plain('Results', 'results', 200), plain('Dead Letters', 'deadLetters', 200)],
		connections: { [TRIGGER]: { main: [to('Results'), to('Dead Letters')] } },
		nodeTypes,
		settings: { executionOrder: 'v1', timezone: 'Europe/Berlin' },
	});
}
