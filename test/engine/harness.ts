import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type {
	ICredentialDataDecryptedObject,
	ICredentialsHelper,
	IDataObject,
	IExecuteFunctions,
	INode,
	INodeExecutionData,
	INodeParameters,
	INodeType,
	INodeTypes,
	IRun,
	ITaskData,
	IWorkflowExecuteAdditionalData,
} from 'n8n-workflow';
import { TikLiveApi } from '../../credentials/TikLiveApi.credentials';
import { TikLiveFollowers } from '../../nodes/Followers/TikLiveFollowers.node';
import { TikLiveFollowing } from '../../nodes/Following/TikLiveFollowing.node';
import { TikLivePosts } from '../../nodes/Posts/TikLivePosts.node';
import { TikLiveQueue } from '../../nodes/Queue/TikLiveQueue.node';
import { TikLiveStatus } from '../../nodes/Status/TikLiveStatus.node';
import { TikLiveUserInfo } from '../../nodes/UserInfo/TikLiveUserInfo.node';
import { processRuntimes } from '../../nodes/shared/n8n/runtime';

/** n8n writes its settings here; has to be known before n8n-core is loaded. */
export const userFolder = mkdtempSync(join(tmpdir(), 'tiklive-engine-'));
process.env['N8N_USER_FOLDER'] = userFolder;
process.env['N8N_ENFORCE_SETTINGS_FILE_PERMISSIONS'] = 'false';

// By require(): the "import" entry of one of its dependencies points to a file that is not shipped.
export const core = require('n8n-core') as typeof import('n8n-core');
const { ErrorReporter, ExecutionLifecycleHooks, WorkflowExecute } = core;
const { LoggerProxy, NodeHelpers, Workflow } =
	require('n8n-workflow') as typeof import('n8n-workflow');
const { Container } = require('@n8n/di') as typeof import('@n8n/di');
const { Logger } = require('@n8n/backend-common') as typeof import('@n8n/backend-common');

export type NodeName =
	| 'tikLiveUserInfo'
	| 'tikLiveFollowers'
	| 'tikLiveFollowing'
	| 'tikLivePosts'
	| 'tikLiveStatus'
	| 'tikLiveQueue';

/** Everything that was logged, as text. */
export const logged: string[] = [];
const log = (...parts: unknown[]) => void logged.push(parts.map(asText).join(' '));
const logger = { error: log, warn: log, info: log, debug: log, scoped: () => logger };
Container.set(Logger, logger as never);
Container.set(ErrorReporter, { error: log, warn: log, info: log } as never);
LoggerProxy.init(logger as never);

export interface RunOptions {
	node: NodeName;
	/** Plain values, or expressions that begin with "=". */
	parameters?: INodeParameters;
	items: IDataObject[];
	credential: IDataObject;
	/** As under Settings of the node. */
	settings?: Partial<INode>;
	executionId?: string;
	/** Called when the run has begun, with the way to cancel it as a person would. */
	started?: (cancel: () => void) => void;
}

export interface RunOutcome {
	run: IRun;
	/** The last try of the node; undefined when it was never reached. */
	task: ITaskData | undefined;
	/** First output. */
	output: INodeExecutionData[];
	/** The error output, where the node has one. */
	errorOutput: INodeExecutionData[];
	/** What the next node got. */
	downstream: INodeExecutionData[];
	/** How often n8n ran the node. */
	tries: number;
	/** Of the node or of the whole run. */
	error: IRun['data']['resultData']['error'];
	/** All texts of the hints. */
	hints: string[];
}

const NODES: Readonly<Record<NodeName, new () => INodeType>> = {
	tikLiveUserInfo: TikLiveUserInfo,
	tikLiveFollowers: TikLiveFollowers,
	tikLiveFollowing: TikLiveFollowing,
	tikLivePosts: TikLivePosts,
	tikLiveStatus: TikLiveStatus,
	tikLiveQueue: TikLiveQueue,
};
export const PACKAGE = 'n8n-nodes-tikliveapi';
const UNDER_TEST = 'Under Test';

let executions = 0;

/** A workflow of three nodes in n8n's own engine: Input, the node under test, Output. */
export async function runNode(options: RunOptions): Promise<RunOutcome> {
	const { settings = {}, parameters = {} } = options;
	const tried = { count: 0 };
	const nodeTypes = typesFor(options, tried);
	const node: INode = {
		id: 'under-test',
		name: UNDER_TEST,
		type: `${PACKAGE}.${options.node}`,
		typeVersion: 1,
		position: [200, 0],
		credentials: { tikLiveApi: { id: '1', name: 'TikLiveAPI' } },
		...settings,
		parameters,
	};
	const to = (name: string) => [{ node: name, type: 'main' as const, index: 0 }];
	const workflow = new Workflow({
		id: 'workflow',
		name: 'Test',
		active: false,
		nodes: [plain('Input', 'input', 0), node, plain('Output', 'output', 400)],
		connections: { Input: { main: [to(UNDER_TEST)] }, [UNDER_TEST]: { main: [to('Output')] } },
		nodeTypes,
		settings: { executionOrder: 'v1', timezone: 'Europe/Berlin' },
	});
	const executionId = options.executionId ?? `execution-${++executions}`;
	const data = additionalData(executionId, options.credential);
	const execution = new WorkflowExecute(data, 'trigger');
	const running = execution.run({ workflow, startNode: workflow.getNode('Input') as INode });
	options.started?.(() => running.cancel());
	const run = await running;

	const { runData, error } = run.data.resultData;
	const task = runData[UNDER_TEST]?.at(-1);
	return {
		run,
		task,
		output: task?.data?.['main']?.[0] ?? [],
		errorOutput: task?.data?.['main']?.[1] ?? [],
		downstream: runData['Output']?.at(-1)?.data?.['main']?.[0] ?? [],
		tries: tried.count,
		error: task?.error ?? error,
		hints: (task?.hints ?? []).map(({ message }) => message),
	};
}

/** Closes what the runs have opened, so that the next run begins anew. */
export async function closeRuntimes(): Promise<void> {
	await processRuntimes().closeIdle(0);
}

export async function removeUserFolder(): Promise<void> {
	await closeRuntimes();
	rmSync(userFolder, { recursive: true, force: true });
}

export function asText(value: unknown): string {
	if (typeof value === 'string') return value;
	const seen = new Set<unknown>();
	return (
		JSON.stringify(value, (_key, inner: unknown) => {
			if (typeof inner === 'bigint') return String(inner);
			if (typeof inner !== 'object' || inner === null) return inner;
			if (seen.has(inner)) return undefined;
			seen.add(inner);
			if (!(inner instanceof Error)) return inner;
			const { message, stack, cause } = inner;
			return { ...inner, message, stack, cause };
		}) ?? ''
	);
}

/** A node of a test workflow without parameters. */
export function plain(name: string, type: string, x: number): INode {
	return { id: name, name, type, typeVersion: 1, position: [x, 0], parameters: {} };
}

function typesFor({ node, items }: RunOptions, tried: { count: number }): INodeTypes {
	const underTest = new NODES[node]();
	const { execute } = underTest;
	underTest.execute = async function (this: IExecuteFunctions) {
		tried.count += 1;
		return (await execute?.call(this)) ?? null;
	};
	const source = simpleNode('input', () =>
		items.map((json, item) => ({ json, pairedItem: { item } })),
	);
	const sink = simpleNode('output', (input) => input);
	const types: Record<string, INodeType> = {
		input: source,
		output: sink,
		[`${PACKAGE}.${node}`]: underTest,
	};
	const find = (type: string) => types[type] as INodeType;
	return {
		getByName: find,
		getByNameAndVersion: find,
		getKnownTypes: () => ({}),
	};
}

/** A node type that maps its input items. */
export function simpleNode(
	name: string,
	execute: (input: INodeExecutionData[]) => INodeExecutionData[] | Promise<INodeExecutionData[]>,
): INodeType {
	return {
		description: {
			displayName: name,
			name,
			group: ['input'],
			version: 1,
			description: name,
			defaults: { name },
			inputs: ['main'],
			outputs: ['main'],
			properties: [],
		},
		async execute(this: IExecuteFunctions) {
			return [await execute(this.getInputData())];
		},
	};
}

type GetDecrypted = Parameters<ICredentialsHelper['getDecrypted']>;

/** How often a credential was read from n8n's database, expressions resolved. */
export const credentialReads = { count: 0 };

/** What n8n gives to an execution beside the workflow. */
export function additionalData(
	executionId: string,
	credential: IDataObject,
): IWorkflowExecuteAdditionalData {
	const { properties } = new TikLiveApi();
	const workflowData = {
		id: 'workflow',
		name: 'Test',
		active: false,
		isArchived: false,
		activeVersionId: null,
		createdAt: new Date(),
		updatedAt: new Date(),
		nodes: [],
		connections: {},
	};
	return {
		hooks: new ExecutionLifecycleHooks('trigger', executionId, workflowData as never),
		executionId,
		currentNodeExecutionIndex: 0,
		// As n8n does: defaults for fields that were never touched, and only the fields that the form shows.
		credentialsHelper: {
			getDecrypted: async (...[, , , mode, executeData, raw, resolve]: GetDecrypted) => {
				if (raw) return credential as ICredentialDataDecryptedObject;
				credentialReads.count += 1;
				const data = NodeHelpers.getNodeParameters(
					...[properties, credential as INodeParameters],
					...([true, false, null, null] as const),
				) as INodeParameters;
				if (!resolve) return data as ICredentialDataDecryptedObject;
				const { workflow, runExecutionData, runIndex, itemIndex, node, connectionInputData } =
					resolve;
				return workflow.expression.getParameterValue(
					...[data, runExecutionData, runIndex, itemIndex, node.name, connectionInputData],
					...([mode, {}, executeData, false] as const),
				) as ICredentialDataDecryptedObject;
			},
			isCredentialUsableByNode: () => true,
			getCredentialsProperties: () => properties,
			getParentTypes: () => [],
		},
		variables: {},
		restApiUrl: 'http://localhost/rest',
		instanceBaseUrl: 'http://localhost/',
		webhookBaseUrl: 'http://localhost/webhook',
		webhookWaitingBaseUrl: 'http://localhost/webhook-waiting',
		webhookTestBaseUrl: 'http://localhost/webhook-test',
		formWaitingBaseUrl: 'http://localhost/form-waiting',
		setExecutionStatus: () => {},
	} as unknown as IWorkflowExecuteAdditionalData;
}
