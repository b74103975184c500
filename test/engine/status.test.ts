import type { IDataObject, INodeExecutionData } from 'n8n-workflow';
import { processRuntimes } from '../../nodes/shared/n8n/runtime';
import { startSimulator, type Simulator } from '../simulator/server';
import {
	asText,
	closeRuntimes,
	logged,
	removeUserFolder,
	runNode,
	type RunOptions,
	type RunOutcome,
} from './harness';

const CANARY = 'canary-7b0e4d';
const KEYS = Array.from({ length: 20 }, (_, index) => `${CANARY}-${index}`);
const FAST = { requestsPerMinute: 100_000, burst: 1_000, dailyBudget: '', criticalReserve: 0 };

let simulator: Simulator;
let keysUsed = 0;
const outcomes: RunOutcome[] = [];

beforeAll(async () => {
	simulator = await startSimulator({ keys: KEYS, enforceLimits: false });
});

afterEach(async () => {
	await closeRuntimes();
	simulator.reset();
});

afterAll(async () => {
	await simulator.close();
	await removeUserFolder();
});

function credential(over: IDataObject = {}): IDataObject {
	return { baseUrl: simulator.url, apiKey: KEYS[keysUsed++] as string, ...FAST, ...over };
}

async function status(
	operation: string,
	connection: IDataObject,
	options: Partial<RunOptions> = {},
): Promise<RunOutcome> {
	const outcome = await runNode({
		node: 'tikLiveStatus',
		items: [{}],
		credential: connection,
		...options,
		parameters: { operation, ...options.parameters },
	});
	outcomes.push(outcome);
	return outcome;
}

async function lookUp(connection: IDataObject, count: number, from = 0): Promise<RunOutcome> {
	const items = Array.from({ length: count }, (_, index) => ({
		name: simulator.population.username(from + index),
	}));
	const outcome = await runNode({
		node: 'tikLiveUserInfo',
		items,
		credential: connection,
		settings: { onError: 'continueRegularOutput' },
		parameters: {
			user: { __rl: true, mode: 'username', value: '={{ $json.name }}' },
			options: { maxAttempts: 1 },
		} as never,
	});
	outcomes.push(outcome);
	return outcome;
}

const first = ({ output }: RunOutcome) => (output[0] as INodeExecutionData).json;

describe('Get', () => {
	it('tells what the other nodes have done, and costs nothing', async () => {
		const connection = credential({ dailyBudget: '100', criticalReserve: 10 });
		await lookUp(connection, 7);
		const json = first(await status('get', connection));
		expect(json).toMatchObject({
			stateStore: 'embedded',
			breaker: { state: 'closed' },
			rate: { requestsPerMinute: 100_000, usedInWindow: 7 },
			budget: { level: 'ok', spentToday: { total: 7 }, remaining: { critical: 93, backfill: 83 } },
			last5Minutes: {
				requests: 7,
				successRate: 1,
				endpoints: { userInfoByUsername: { requests: 7 } },
			},
		});
		expect(simulator.ledger.report().billed).toBe(7);
	});

	it('gives one item for any number of input items, paired with all of them', async () => {
		const { output, downstream } = await status('get', credential(), { items: [{}, {}, {}] });
		expect(downstream).toHaveLength(1);
		expect(output[0]?.pairedItem).toEqual([{ item: 0 }, { item: 1 }, { item: 2 }]);
	});

	it('warns once for each budget level when it is asked for changes only', async () => {
		const connection = credential({ dailyBudget: '10', criticalReserve: 1 });
		const levels: unknown[][] = [];
		const ask = async () => {
			const options = { onlyWhenBudgetLevelChanges: true };
			const { output } = await status('get', connection, { parameters: { options } });
			levels.push(output.map(({ json }) => (json['budget'] as IDataObject)['level']));
		};
		await ask();
		await lookUp(connection, 8);
		await ask();
		await ask();
		await lookUp(connection, 1, 8);
		await ask();
		await ask();
		expect(levels).toEqual([[], ['80-percent'], [], ['reserve'], []]);
	});
});

describe('Metrics', () => {
	it('gives the text that Prometheus reads, with nothing of n8n’s own', async () => {
		const connection = credential();
		await lookUp(connection, 3);
		const text = String(first(await status('metrics', connection))['metrics']);
		expect(text).toMatch(
			/^tiklive_requests_total\{endpoint="userInfoByUsername",outcome="success"\} \d+$/m,
		);
		expect(text).toMatch(/^tiklive_circuit_state\{state="closed"\} 1$/m);
		expect(text).not.toMatch(/^(?!tiklive_|#|$)/m);
	});
});

describe('Report', () => {
	it('is a page, as text and as a file', async () => {
		const connection = credential();
		await lookUp(connection, 3);
		const { output } = await status('report', connection, {
			parameters: { binaryPropertyName: 'page' },
		});
		const { json, binary } = output[0] as INodeExecutionData;
		expect(json['html']).toMatch(/^<!doctype html>/);
		expect(binary?.['page']).toMatchObject({
			mimeType: 'text/html',
			fileExtension: 'html',
			fileName: json['fileName'],
		});
		const file = Buffer.from(String(binary?.['page']?.data), 'base64').toString();
		expect(file === json['html']).toBe(true);
	});
});

describe('Reset Circuit Breaker', () => {
	it('lets requests through at once', async () => {
		const connection = credential();
		await simulator.faults.outage(true);
		await lookUp(connection, 6);
		expect(first(await status('get', connection))).toMatchObject({ breaker: { state: 'open' } });
		await simulator.faults.outage(false);
		expect(first(await status('resetBreaker', connection))).toMatchObject({
			previousState: 'open',
			breaker: { state: 'closed', reopensAt: null },
		});
		const { output } = await lookUp(connection, 1);
		expect(first({ output } as RunOutcome)).toHaveProperty('username');
	});
});

describe('all operations', () => {
	it('say what is wrong with the credential, as the node settings want it', async () => {
		const wrong = credential({ burst: 0 });
		const failed = await status('get', wrong);
		expect(failed.error?.message).toContain("'Burst'");
		const { errorOutput } = await status('get', wrong, {
			settings: { onError: 'continueErrorOutput' },
		});
		expect(errorOutput).toHaveLength(1);
	});

	it('do nothing once the execution is cancelled', async () => {
		const used = jest.spyOn(processRuntimes(), 'use');
		await status('get', credential(), { started: (cancel) => cancel() });
		expect(used).not.toHaveBeenCalled();
		used.mockRestore();
	});
});

describe('the OpenTelemetry span of a node run', () => {
	it('gets what the run has cost, in numbers', async () => {
		const connection = credential();
		await lookUp(connection, 2);
		const { task } = await lookUp(connection, 3);
		expect(task?.metadata?.tracing).toEqual({
			'tiklive.credits': 1,
			'tiklive.cache_hits': 2,
			'tiklive.retries': 0,
			'tiklive.pages': 0,
		});
	});

	it('gets it from a run that fails, too', async () => {
		simulator.faults.set({ rate5xx: 1 });
		const { task } = await runNode({
			node: 'tikLiveUserInfo',
			items: [{}],
			credential: credential(),
			parameters: {
				user: { __rl: true, mode: 'username', value: 'creator000017' },
				options: { maxAttempts: 2 },
			} as never,
		});
		expect(task?.error).toBeDefined();
		expect(task?.metadata?.tracing).toMatchObject({ 'tiklive.retries': 1 });
	});
});

it('shows the API key nowhere', () => {
	expect(outcomes.length).toBeGreaterThan(10);
	expect(asText([outcomes, logged])).not.toContain(CANARY);
});
