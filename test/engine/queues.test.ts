import { setTimeout as sleep } from 'node:timers/promises';
import type { IDataObject, INodeParameters } from 'n8n-workflow';
import { RedisServer } from '../redis/server.ts';
import { startSimulator, type Simulator } from '../simulator/server';
import { describeWithRedis } from '../support/redis';
import { closeRuntimes, removeUserFolder, runNode, type RunOptions } from './harness';
import { activate, outputOf, testRun, type ActiveWorkflow } from './triggerHarness';

const KEYS = Array.from({ length: 40 }, (_, index) => `engine-queues-key-${index}`);
const FAST = { requestsPerMinute: 100_000, burst: 1_000, dailyBudget: '', criticalReserve: 0 };
const byName = { __rl: true, mode: 'username', value: '={{ $json.name }}' };

let simulator: Simulator;
let keysUsed = 0;

beforeAll(async () => {
	simulator = await startSimulator({ keys: KEYS, enforceLimits: false });
});

afterAll(async () => {
	await simulator.close();
	await removeUserFolder();
});

describe('over the embedded store', () => {
	testsOn(() => ({}));
});

describeWithRedis(
	'over Redis',
	() => {
		let redis: RedisServer;

		beforeAll(async () => {
			redis = await RedisServer.start();
		});

		afterAll(async () => {
			await redis.stop();
		});

		testsOn(() => ({
			stateStore: 'redis',
			redisHost: '127.0.0.1',
			redisPort: redis.port,
		}));
	},
	'own',
);

function testsOn(store: () => IDataObject): void {
	const active: ActiveWorkflow[] = [];

	afterEach(async () => {
		for (const workflow of active.splice(0)) await workflow.deactivate();
		await closeRuntimes();
		simulator.reset();
	});

	/** A key that no other test has used: its queues are empty. */
	const newKey = (): IDataObject => ({
		...{ baseUrl: simulator.url, apiKey: KEYS[keysUsed++] as string },
		...FAST,
		...store(),
	});
	const creators = (count: number, from = 0) =>
		Array.from({ length: count }, (_, index) => simulator.population.username(from + index));

	const queueNode = async (
		credential: IDataObject,
		parameters: INodeParameters,
		items: IDataObject[] = [{}],
		settings: RunOptions['settings'] = {},
	) => await runNode({ node: 'tikLiveQueue', credential, parameters, items, settings });

	const add = async (
		credential: IDataObject,
		queue: string,
		names: string[],
		over: INodeParameters = {},
	) => {
		const parameters = { resource: 'job', operation: 'add', user: byName, queue, ...over };
		return await queueNode(
			credential,
			parameters,
			names.map((name) => ({ name })),
		);
	};

	const status = async (credential: IDataObject, queue: string) => {
		const parameters = { resource: 'job', operation: 'getStatus', queue };
		return (await queueNode(credential, parameters)).output[0]?.json ?? {};
	};

	const listed = async (credential: IDataObject, over: INodeParameters) => {
		const parameters = { resource: 'job', operation: 'getAll', returnAll: true, ...over };
		return (await queueNode(credential, parameters)).output.map(({ json }) => json);
	};

	const start = async (credential: IDataObject, queue: string, over: INodeParameters = {}) => {
		const parameters = { queue, batchSize: 3, options: { batchWait: 0 }, ...over };
		const workflow = await activate({ credential, parameters });
		active.push(workflow);
		return workflow;
	};

	/** Waits for something that n8n does on its own. */
	const until = async (isSo: () => boolean | Promise<boolean>): Promise<void> => {
		const endMs = performance.now() + 15_000;
		while (!(await isSo())) {
			if (performance.now() > endMs) throw new Error('It did not come to pass');
			await sleep(50);
		}
	};

	const results = ({ executions }: ActiveWorkflow) =>
		executions.flatMap((execution) => execution.results.map(({ json }) => json));
	const deadLetters = ({ executions }: ActiveWorkflow) =>
		executions.flatMap((execution) => execution.deadLetters.map(({ json }) => json));

	it('two workflows on one key each get the jobs of their own queue, also for the same user', async () => {
		const credential = newKey();
		const names = creators(4);
		const [day, night] = [await start(credential, 'day'), await start(credential, 'night')];
		await add(credential, 'day', names);
		const { output } = await add(credential, 'night', names.slice(2));
		expect(output.map(({ json }) => json['duplicate'])).toEqual([false, false]);
		await until(() => results(day).length + results(night).length === 6);
		expect(
			results(day)
				.map(({ jobUser }) => jobUser)
				.sort(),
		).toEqual([...names].sort());
		expect(
			results(night)
				.map(({ jobUser }) => jobUser)
				.sort(),
		).toEqual(names.slice(2).sort());
		expect(new Set(results(night).map(({ jobQueue }) => jobQueue))).toEqual(new Set(['night']));
		// What one has paid for serves the other too.
		expect(simulator.report().ledger.billed).toBe(4);
	});

	it('a test run takes jobs of its own queue only', async () => {
		const credential = newKey();
		const [mine, theirs] = creators(2) as [string, string];
		await add(credential, 'default', [theirs]);
		await add(credential, 'building', [mine]);
		const done = await testRun({ credential, parameters: { queue: 'building', batchSize: 5 } }).run;
		expect(outputOf(done).map(({ json }) => json['jobUser'])).toEqual([mine]);
		expect(await status(credential, 'default')).toMatchObject({ waiting: 1, active: 0 });
	});

	it('a workflow that is active marks its queue, and Add says where none is', async () => {
		const credential = newKey();
		await start(credential, 'tended');
		await until(async () => (await status(credential, 'tended'))['workedOff'] === true);
		const tended = await add(credential, 'tended', creators(1));
		expect(tended.hints).toEqual(['Jobs added: 1']);
		const both = await queueNode(
			credential,
			{ resource: 'job', operation: 'add', user: byName, queue: '={{ $json.queue }}' },
			[
				{ name: 'tiktok', queue: 'tended' },
				{ name: 'tiktok', queue: 'lonely' },
			],
		);
		expect(both.output.map(({ json }) => [json['queue'], json['duplicate']])).toEqual([
			['tended', false],
			['lonely', false],
		]);
		expect(both.hints).toEqual([
			'Jobs added: 2',
			"No active workflow works off the queue 'lonely': the jobs wait. Publish a workflow with a TikLiveAPI Queue Trigger whose 'Queue' names it.",
		]);
		expect(await status(credential, 'lonely')).toMatchObject({
			...{ queue: 'lonely', waiting: 1, workedOff: false, lastWorkedOffAt: null },
		});
		const { output } = await runNode({
			...{ node: 'tikLiveStatus', credential, items: [{}], parameters: { operation: 'get' } },
		});
		expect(output[0]?.json['queues']).toMatchObject([
			{ queue: 'default', waiting: 0, workedOff: false, lastAddedAt: null },
			{ queue: 'lonely', waiting: 1, workedOff: false },
			{ queue: 'tended', workedOff: true, lastAddedAt: expect.any(String) as string },
		]);
	});

	it.each([
		['add', {}],
		['getStatus', {}],
		['getAll', { returnAll: true }],
		['delete', { scope: 'all' }],
	])('a queue name that is none is refused by %s', async (operation, over) => {
		const parameters = { resource: 'job', operation, queue: 'two words', user: byName, ...over };
		const { error } = await queueNode(newKey(), parameters, [{ name: 'tiktok' }]);
		expect(error?.message).toContain('"two words" cannot be the name of a queue (parameter');
	});

	it('an item with a wrong queue fails alone where the node goes on', async () => {
		const credential = newKey();
		const parameters = {
			...{ resource: 'job', operation: 'add', user: byName, queue: '={{ $json.queue }}' },
		};
		const items = [
			{ name: 'tiktok', queue: 'a' },
			{ name: 'tiktok', queue: '' },
			{ name: 'tiktok', queue: 'b' },
		];
		const outcome = await queueNode(credential, parameters, items, {
			onError: 'continueErrorOutput',
		});
		expect(outcome.output.map(({ json }) => json['queue'])).toEqual(['a', 'b']);
		expect(outcome.errorOutput).toHaveLength(1);
	});

	it('a trigger without a proper queue does not start', async () => {
		await expect(start(newKey(), 'a b')).rejects.toThrow("(parameter 'Queue')");
		await expect(start(newKey(), 'a', { options: { kinds: ['likes'] } })).rejects.toThrow(
			"(parameter 'Kinds')",
		);
	});

	it('jobs are listed and taken back by queue, state, kind and id', async () => {
		const credential = newKey();
		const later = { options: { notBefore: '2099-01-01T00:00:00Z' } };
		const [a, b, c] = creators(3) as [string, string, string];
		const first = await add(credential, 'big', [a, b]);
		await add(credential, 'big', [a], { kind: 'posts', ...later });
		await add(credential, 'default', [c]);

		expect(await listed(credential, { queue: 'big' })).toEqual([
			{
				jobId: first.output[0]?.json['jobId'],
				...{ queue: 'big', state: 'waiting', kind: 'userInfo', username: a, userId: null },
				...{ priority: 'backfill', attempts: 0, maxAttempts: 10, lastError: null },
				addedAt: expect.any(String) as string,
				dueAt: expect.any(String) as string,
			},
			expect.objectContaining({ username: b, state: 'waiting' }),
			expect.objectContaining({
				...{ kind: 'posts', state: 'delayed', dueAt: '2099-01-01T00:00:00.000Z' },
			}),
		]);
		const only = { queue: 'big', options: { states: ['delayed'], kinds: ['posts', 'userInfo'] } };
		expect(await listed(credential, only)).toHaveLength(1);
		expect(await listed(credential, { queue: 'big', returnAll: false, limit: 1 })).toHaveLength(1);

		const one = { resource: 'job', operation: 'delete', scope: 'one', jobId: '={{ $json.jobId }}' };
		const { jobId } = first.output[0]?.json ?? {};
		const deleted = await queueNode(credential, one, [{ jobId }, { jobId }, { jobId: 4711 }]);
		expect(deleted.output.map(({ json }) => json)).toEqual([
			{ jobId, deleted: true },
			{ jobId, deleted: false },
			{ jobId: '4711', deleted: false },
		]);
		const all = { resource: 'job', operation: 'delete', scope: 'all', queue: 'big' };
		const wrong = await queueNode(credential, { ...all, options: { kinds: ['post'] } });
		expect(wrong.error?.message).toContain("(parameter 'Kinds')");
		const posts = await queueNode(credential, { ...all, options: { kinds: ['posts'] } }, [{}, {}]);
		expect(posts.output).toEqual([
			{ json: { deleted: 1 }, pairedItem: [{ item: 0 }, { item: 1 }] },
		]);
		expect((await queueNode(credential, all)).output[0]?.json).toEqual({ deleted: 1 });
		expect(await status(credential, 'big')).toMatchObject({ waiting: 0, delayed: 0 });
		expect(await status(credential, 'default')).toMatchObject({ waiting: 1 });
		expect(simulator.report().ledger.billed).toBe(0);
	});

	it('dead letters are retried and deleted by queue, and by id without naming it', async () => {
		const credential = newKey();
		const workflow = await start(credential, 'mine');
		await add(credential, 'mine', ['gone_one', 'gone_two']);
		await until(() => deadLetters(workflow).length === 2);
		await workflow.deactivate();
		const dead = async (queue: string) => {
			const parameters = { resource: 'deadLetter', operation: 'getAll', returnAll: true, queue };
			return (await queueNode(credential, parameters)).output.map(({ json }) => json);
		};
		expect(await dead('default')).toEqual([]);
		const [letter] = await dead('mine');
		expect(letter).toMatchObject({ queue: 'mine', reason: 'not-found' });
		const change = async (over: INodeParameters, items: IDataObject[] = [{}]) =>
			(await queueNode(credential, { resource: 'deadLetter', ...over }, items)).output[0]?.json;
		const all = { scope: 'all', operation: 'delete' };
		expect(await change({ ...all, queue: 'default' })).toEqual({ deleted: 0 });
		const one = { scope: 'one', operation: 'retry', jobId: '={{ $json.jobId }}' };
		expect(await change(one, [letter as IDataObject])).toMatchObject({ retried: true });
		expect(await change({ ...all, queue: 'mine' })).toEqual({ deleted: 1 });
		expect(await status(credential, 'mine')).toMatchObject({ waiting: 1, dead: 0 });
	});

	it('a list that ends as a dead letter delivers what it has, and a retry pays only for the rest', async () => {
		const credential = newKey();
		const user = creators(500).find(
			(name) => simulator.truth.followers(name).length > 600,
		) as string;
		const people = simulator.truth.followers(user);
		const pages = Math.ceil(people.length / 200);
		simulator.faults.script('/user-followers/', ['none', 'none', 404]);
		await add(credential, 'lists', [user], { kind: 'followers', returnAll: true });
		const workflow = await start(credential, 'lists');
		await until(() => deadLetters(workflow).length === 1);

		const [letter] = deadLetters(workflow);
		expect(letter).toMatchObject({
			...{ queue: 'lists', kind: 'followers', username: user, reason: 'rejected' },
			details: {
				...{ kind: 'rejected', user: `@${user}`, recordsRead: 400, creditsSpent: 3 },
				bookmark: expect.any(String) as string,
			},
		});
		const { jobId } = letter as { jobId: string };
		const job = { jobId, jobQueue: 'lists', jobUser: user };
		expect(results(workflow)).toEqual(
			people.slice(0, 400).map((record) => ({ ...record, ...job, jobIncomplete: true })),
		);
		// The look-up of the id and two pages.
		expect(simulator.report().ledger.billed).toBe(3);

		const retry = { resource: 'deadLetter', operation: 'retry', scope: 'one', jobId };
		await queueNode(credential, retry);
		await until(async () => (await status(credential, 'lists'))['done'] === 1);
		expect(results(workflow).slice(400)).toEqual(people.map((record) => ({ ...record, ...job })));
		expect(simulator.report().ledger.billed).toBe(1 + pages);
		expect(simulator.report().ledger.paidTwice).toEqual([]);
	}, 30_000);
}
