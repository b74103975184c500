import { setTimeout as sleep } from 'node:timers/promises';
import type { IDataObject, INodeParameters } from 'n8n-workflow';
import { Redis } from 'ioredis';
import { RedisServer } from '../redis/server.ts';
import { startSimulator, type Simulator } from '../simulator/server';
import { describeWithRedis } from '../support/redis';
import { asText, closeRuntimes, logged, removeUserFolder, runNode, type NodeName } from './harness';
import { activate } from './triggerHarness';

const API_KEY = 'engine-redis-key-7c41e0';
const PASSWORD = 'redis-password-93ab';

describeWithRedis(
	'nodes whose credential names a Redis',
	() => {
		let redis: RedisServer;
		let simulator: Simulator;
		let credential: IDataObject;

		beforeAll(async () => {
			redis = await RedisServer.start(['--requirepass', PASSWORD]);
			simulator = await startSimulator({ keys: [API_KEY], enforceLimits: false });
			credential = {
				...{ apiKey: API_KEY, baseUrl: simulator.url, requestsPerMinute: 100_000, burst: 1_000 },
				...{ dailyBudget: '50', criticalReserve: 10, stateStore: 'redis' },
				...{ redisHost: '127.0.0.1', redisPort: redis.port, redisPassword: PASSWORD },
			};
		});

		afterEach(async () => {
			await closeRuntimes();
		});

		afterAll(async () => {
			await simulator.close();
			await redis.stop();
			await removeUserFolder();
		});

		const usernames = (count: number) =>
			Array.from({ length: count }, (_, index) => simulator.population.username(index));

		const run = async (node: NodeName, parameters: INodeParameters, items: IDataObject[]) =>
			await runNode({ node, credential, parameters, items });

		const lookUp = async (count: number) =>
			await run(
				'tikLiveUserInfo',
				{ user: byName },
				usernames(count).map((name) => ({ name })),
			);

		it('keep answers, credits and limits there, for the next process too', async () => {
			const { output, hints } = await lookUp(5);
			expect(output.map(({ json }) => json['username'])).toEqual(usernames(5));
			expect(hints).toEqual([expect.stringContaining('Credits spent: 5')]);
			await closeRuntimes();

			const again = await lookUp(5);
			expect(again.output.map(({ json }) => json)).toEqual(output.map(({ json }) => json));
			expect(again.hints).toEqual([expect.stringContaining('Credits spent: 0')]);
			expect(simulator.report().ledger.billed).toBe(5);
			const { output: status } = await run('tikLiveStatus', { operation: 'get' }, [{}]);
			expect(status[0]?.json['budget']).toMatchObject({
				remaining: { backfill: 35, critical: 45 },
			});
		});

		it('work a queue off that is there', async () => {
			const add = { resource: 'job', operation: 'add', user: byName };
			const { output } = await run(
				'tikLiveQueue',
				add,
				usernames(6).map((name) => ({ name })),
			);
			expect(output.map(({ json }) => json['duplicate'])).toEqual(Array(6).fill(false));
			await closeRuntimes();

			const workflow = await activate({ credential, parameters: { batchSize: 6 } });
			const endMs = performance.now() + 15_000;
			while (workflow.executions[0]?.run === undefined && performance.now() < endMs)
				await sleep(50);
			await workflow.deactivate();
			const { results } = workflow.executions[0] ?? { results: [] };
			expect(results.map(({ json }) => json['username']).sort()).toEqual(usernames(6));
			const status = await run('tikLiveQueue', { resource: 'job', operation: 'getStatus' }, [{}]);
			expect(status.output[0]?.json).toMatchObject({ waiting: 0, active: 0, done: 6, dead: 0 });
		});

		it('say in the error and once in the log what is wrong when it is away', async () => {
			await redis.kill();
			logged.length = 0;
			const { error } = await run('tikLiveQueue', { resource: 'job', operation: 'getStatus' }, [
				{},
			]);
			expect(error?.message).toContain('Redis');
			expect(asText(error)).toContain(`127.0.0.1:${redis.port}`);
			expect(logged.filter((line) => line.includes('Until it is back'))).toHaveLength(1);
			await redis.begin();
			await closeRuntimes();
			expect((await lookUp(1)).output).toHaveLength(1);
		}, 60_000);

		it('tell neither the API key nor the password of Redis to anybody', async () => {
			const client = new Redis({ port: redis.port, password: PASSWORD });
			try {
				for (const key of await client.keys('*')) {
					expect(key).toMatch(/^\{tiklive:/);
					expect(key).not.toContain(API_KEY);
				}
			} finally {
				client.disconnect();
			}
			const said = logged.join('\n');
			expect(said).not.toContain(API_KEY);
			expect(said).not.toContain(PASSWORD);
		});
	},
	'own',
);

const byName = { __rl: true, mode: 'username', value: '={{ $json.name }}' };
