import { setTimeout as sleep } from 'node:timers/promises';
import type { IDataObject } from 'n8n-workflow';
import { RedisServer } from '../redis/server.ts';
import { describeWithRedis } from '../support/redis';
import { closeRuntimes, logged, runNode } from './harness';
import { hurry, newKey, setUp } from './stage';
import { activate, type ActiveWorkflow, type TriggerOptions } from './triggerHarness';

setUp();

const active: ActiveWorkflow[] = [];

afterEach(async () => {
	for (const workflow of active.splice(0)) await workflow.deactivate();
	await closeRuntimes();
});

const start = async (options: TriggerOptions): Promise<ActiveWorkflow> => {
	const parameters = { batchSize: 10, options: { batchWait: 0 }, ...options.parameters };
	const workflow = await activate({ mode: 'init', ...options, parameters });
	active.push(workflow);
	return workflow;
};

const NAMES = [3, 4].map((index) => `creator00000${index}`);
const user = { __rl: true, mode: 'username', value: '={{ $json.name }}' };

const addJobs = async (credential: IDataObject) =>
	await runNode({
		...{ node: 'tikLiveQueue', credential },
		parameters: { resource: 'job', operation: 'add', user },
		items: NAMES.map((name) => ({ name })),
	});

const workedOff = (workflow: ActiveWorkflow) =>
	workflow.executions.flatMap(({ results }) => results.map(({ json }) => json['username'])).sort();

const until = async (isSo: () => boolean): Promise<void> => {
	const endMs = performance.now() + 15_000;
	while (!isSo()) {
		if (performance.now() > endMs) throw new Error('It did not come to pass');
		await sleep(20);
	}
};

const lines = () => logged.filter((line) => line.includes('Queue Trigger in workflow Triggered'));
/** So that the pause of half a minute is half a second. */
const FACTOR = 60;

describe('a Queue Trigger that n8n starts', () => {
	it.each(['init', 'leadershipChange'] as const)(
		'with a credential that makes no sense tells it once, and works with the mended one: %s',
		async (mode) => {
			const credential = newKey();
			await addJobs(credential);
			credential['burst'] = 0;
			hurry(FACTOR);
			const workflow = await start({ credential, mode });
			await until(() => workflow.failed.length > 0);
			await sleep(600);
			expect(workflow.failed.map(({ message }) => message)).toEqual([
				"'Burst' of the TikLiveAPI credential is '0'",
			]);
			expect(lines()).toHaveLength(1);

			credential['burst'] = 1_000;
			await until(() => workedOff(workflow).length === NAMES.length);
			expect(workedOff(workflow)).toEqual(NAMES);
			expect(workflow.errors).toEqual([]);
			expect(lines().filter((line) => line.includes('works again'))).toHaveLength(1);
		},
	);

	it('with a wrong parameter tells it once', async () => {
		hurry(FACTOR);
		const workflow = await start({ credential: newKey(), parameters: { batchSize: 0 } });
		await sleep(600);
		expect(workflow.failed).toEqual([
			expect.objectContaining({
				message: expect.stringContaining('Batch Size') as string,
			}) as Error,
		]);
	});

	it('without a database to read the credential from comes to life with it', async () => {
		const { apiKey, ...credential } = newKey();
		await addJobs({ ...credential, apiKey });
		let isAway = true;
		Object.defineProperty(credential, 'apiKey', {
			enumerable: true,
			get: () => {
				if (isAway) throw new Error('The database is away');
				return apiKey as string;
			},
		});
		hurry(FACTOR);
		const workflow = await start({ credential });
		await sleep(600);
		expect(lines()).toEqual([expect.stringContaining('The database is away') as string]);
		isAway = false;
		await until(() => workedOff(workflow).length === NAMES.length);
		expect(workflow.failed).toEqual([]);
	});

	it('without a store that opens comes to life with it, whoever has published it', async () => {
		const credential = newKey();
		await addJobs(credential);
		await closeRuntimes();
		const stores = require('../../nodes/shared/stores/embedded') as object;
		const opening = jest.spyOn(stores as { openEmbeddedStores: () => never }, 'openEmbeddedStores');
		opening.mockImplementation(() => {
			throw new Error('The disk is away');
		});
		hurry(FACTOR);
		const workflow = await start({ credential, mode: 'activate' });
		await until(() => lines().length > 0);
		opening.mockRestore();
		await until(() => workedOff(workflow).length === NAMES.length);
		expect(lines()).toEqual([
			expect.stringContaining('The disk is away') as string,
			expect.stringContaining('works again') as string,
		]);
		expect([workflow.failed, workflow.errors]).toEqual([[], []]);
	});

	it('in an n8n that can only end it tells it once, however often n8n starts it anew', async () => {
		const given = { credential: newKey({ burst: 0 }), isOld: true, id: 'old' };
		const first = await start(given);
		await until(() => first.errors.length > 0);
		await first.deactivate();
		const second = await start(given);
		await sleep(100);
		expect([first.errors.length, second.errors.length]).toEqual([1, 0]);
	});

	it('ends at once while it pauses', async () => {
		const workflow = await start({ credential: newKey({ burst: 0 }) });
		await until(() => workflow.failed.length > 0);
		await workflow.deactivate();
		expect(workflow.executions).toEqual([]);
	});
});

describe('a Queue Trigger that a person publishes', () => {
	it.each(['activate', 'update'] as const)('refuses what makes no sense: %s', async (mode) => {
		await expect(start({ credential: newKey({ burst: 0 }), mode })).rejects.toThrow("'Burst'");
		const parameters = { batchSize: 0 };
		await expect(start({ credential: newKey(), mode, parameters })).rejects.toThrow('Batch Size');
	});

	it('goes on with the credential as it is edited', async () => {
		const [credential, edited] = [newKey(), newKey()];
		await addJobs(edited);
		const { apiKey } = edited;
		hurry(FACTOR);
		const workflow = await start({ credential, mode: 'activate' });
		await sleep(300);
		expect(workflow.executions).toEqual([]);
		credential['apiKey'] = apiKey as string;
		await until(() => workedOff(workflow).length === NAMES.length);
	});
});

describeWithRedis(
	'a Redis that is away when a Queue Trigger starts',
	() => {
		it.each(['init', 'activate'] as const)(
			'costs no job: %s',
			async (mode) => {
				const redis = await RedisServer.start(['--save', '', '--appendonly', 'yes']);
				try {
					const { port } = redis;
					const store = { stateStore: 'redis', redisHost: '127.0.0.1', redisPort: port };
					const credential = newKey(store);
					await addJobs(credential);
					await closeRuntimes();
					await redis.kill();
					const workflow = await start({ credential, mode });
					await sleep(1_000);
					expect(workflow.executions).toEqual([]);
					await redis.begin();
					await until(() => workedOff(workflow).length === NAMES.length);
					expect([workflow.failed, workflow.errors]).toEqual([[], []]);
				} finally {
					for (const workflow of active.splice(0)) await workflow.deactivate();
					await redis.stop();
				}
			},
			60_000,
		);
	},
	'own',
);
