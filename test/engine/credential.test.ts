import type {
	IDataObject,
	IHttpRequestOptions,
	INode,
	INodeParameters,
	INodeType,
	IWorkflowExecuteAdditionalData,
	Workflow,
} from 'n8n-workflow';
import { TikLiveApi } from '../../credentials/TikLiveApi.credentials';
import { startSimulator, type Simulator } from '../simulator/server';
import { additionalData, core, removeUserFolder } from './harness';

const n8nWorkflow = require('n8n-workflow') as typeof import('n8n-workflow');

const KEY = 'canary-5f1d2c';
const TYPE = new TikLiveApi();

let simulator: Simulator;

beforeAll(async () => {
	simulator = await startSimulator({ keys: [KEY] });
});

afterEach(() => simulator.reset());

afterAll(async () => {
	await simulator.close();
	await removeUserFolder();
});

/** As CredentialsTester of n8n 2.41 does it: one declarative request, then the rules. */
async function test(credential: IDataObject): Promise<string> {
	const data = n8nWorkflow.NodeHelpers.getNodeParameters(
		TYPE.properties,
		credential as INodeParameters,
		true,
		false,
		null,
		null,
	) as never;
	const description = {
		displayName: 'No Operation',
		name: 'noOp',
		group: ['input'],
		version: 1,
		description: '',
		defaults: { name: 'No Operation' },
		inputs: ['main'],
		outputs: ['main'],
		credentials: [{ name: TYPE.name, required: true }],
		properties: [
			{
				displayName: 'Temp',
				name: 'temp',
				type: 'string',
				routing: { request: TYPE.test.request },
				default: '',
			},
		],
	};
	const nodeType = { description } as unknown as INodeType;
	const find = () => nodeType;
	const node: INode = {
		id: 'temp',
		name: 'Temp-Node',
		type: 'noOp',
		typeVersion: 1,
		position: [0, 0],
		parameters: {},
		credentials: { [TYPE.name]: { id: '1', name: 'TikLiveAPI' } },
	};
	const workflow = new n8nWorkflow.Workflow({
		nodes: [node],
		connections: {},
		active: false,
		nodeTypes: { getByName: find, getByNameAndVersion: find, getKnownTypes: () => ({}) },
	});
	const additional = additionalData('test', credential);
	Object.assign(additional.credentialsHelper, {
		preAuthentication: async () => undefined,
		authenticate: authenticateIn(workflow, node),
	} satisfies Partial<IWorkflowExecuteAdditionalData['credentialsHelper']>);
	const context = new core.ExecuteContext(
		workflow,
		node,
		additional,
		'internal',
		n8nWorkflow.createEmptyRunExecutionData(),
		0,
		[],
		{ main: [[{ json: {} }]] },
		{ node, data: {}, source: null },
		[],
	);
	const routing = new core.RoutingNode(context, nodeType, {
		id: '1',
		name: 'TikLiveAPI',
		type: TYPE.name,
		data,
	});
	await workflow.expression.acquireIsolate();
	try {
		const response = await routing.runNode();
		for (const { properties } of TYPE.test.rules ?? []) {
			if (!('key' in properties)) continue;
			if (response?.[0]?.[0]?.json[properties.key] === properties.value) {
				return properties.message;
			}
		}
		return 'OK';
	} catch (error) {
		return `Error: ${(error as Error).message}`;
	} finally {
		await workflow.expression.releaseIsolate();
	}
}

/** Only the headers of a generic `authenticate`, which is all that this credential has. */
function authenticateIn(workflow: Workflow, node: INode) {
	return async ($credentials: IDataObject, _type: string, options: IHttpRequestOptions) => {
		const headers = Object.entries(TYPE.authenticate.properties.headers ?? {}).map(
			([name, value]) => [
				name,
				workflow.expression.getSimpleParameterValue(node, value as string, 'internal', {
					$credentials,
				}),
			],
		);
		return { ...options, headers: { ...options.headers, ...Object.fromEntries(headers) } };
	};
}

describe('the credential test', () => {
	it.each(['', '/', '//'])('passes with a good key, for one credit (URL + "%s")', async (end) => {
		simulator.faults.script({ endpoint: '/userid/', params: { username: 'tiktok' } }, [
			{ kind: 'status', status: 200, body: '{"id":"107955"}' },
		]);
		expect(await test({ apiKey: KEY, baseUrl: `${simulator.url}${end}` })).toBe('OK');
		expect(simulator.ledger.report().perEndpoint).toEqual({ '/userid/': 1 });
	});

	it('fails with a wrong key, although the API answers 200', async () => {
		expect(await test({ apiKey: 'wrong', baseUrl: simulator.url })).toMatch(
			/does not know this API key/,
		);
	});

	it('fails without a key, although the API answers 200', async () => {
		expect(await test({ apiKey: '', baseUrl: simulator.url })).toMatch(/got no API key/);
	});

	it('fails with an empty account, although the API answers 200', async () => {
		const poor = await startSimulator({ keys: [KEY], credits: 0 });
		expect(await test({ apiKey: KEY, baseUrl: poor.url })).toMatch(/no credits left/);
		await poor.close();
	});

	it.each([
		['an unknown refusal', '{"message":"Something new"}'],
		['an error envelope', '{"status":"error","message":"Not found user"}'],
		['an empty object', '{}'],
		['a web page', '<html>Welcome</html>'],
		['a list', '[{"message":"hello"}]'],
		['a text', '"hello"'],
	])('fails with %s', async (_, body) => {
		simulator.faults.script('/userid/', [{ kind: 'status', status: 200, body }]);
		expect(await test({ apiKey: KEY, baseUrl: simulator.url })).toMatch(
			/not with the data that was asked for/,
		);
	});

	it.each([401, 403, 500])('fails with status %i', async (status) => {
		// n8n itself asks twice when it sees a 401.
		simulator.faults.script('/userid/', [status, status]);
		expect(await test({ apiKey: KEY, baseUrl: simulator.url })).toMatch(/^Error: /);
	});

	it('says beforehand what it costs', () => {
		expect(TYPE.properties[0]).toMatchObject({
			type: 'notice',
			displayName: expect.stringContaining('one credit'),
		});
	});
});
