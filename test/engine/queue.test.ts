import { setTimeout as sleep } from 'node:timers/promises';
import type { IDataObject, INodeParameters } from 'n8n-workflow';
import { startSimulator, type Simulator } from '../simulator/server';
import {
	asText,
	closeRuntimes,
	logged,
	removeUserFolder,
	runNode,
	type RunOptions,
} from './harness';
import {
	activate,
	makeJobsDue,
	outputOf,
	testRun,
	type ActiveWorkflow,
	type TriggerOptions,
} from './triggerHarness';

const CANARY = 'canary-5f1d2c';
const KEYS = Array.from({ length: 60 }, (_, index) => `${CANARY}-${index}`);
const FAST = { requestsPerMinute: 100_000, burst: 1_000, dailyBudget: '', criticalReserve: 0 };

let simulator: Simulator;
let keysUsed = 0;
const active: ActiveWorkflow[] = [];

beforeAll(async () => {
	simulator = await startSimulator({ keys: KEYS, enforceLimits: false });
});

afterEach(async () => {
	for (const workflow of active.splice(0)) await workflow.deactivate();
	await closeRuntimes();
	simulator.reset();
});

afterAll(async () => {
	await simulator.close();
	await removeUserFolder();
});

/** A key that no other test has used: its queue is empty. */
const newKey = (over: IDataObject = {}): IDataObject => ({
	baseUrl: simulator.url,
	apiKey: KEYS[keysUsed++] as string,
	...FAST,
	...over,
});

const creator = (index: number) => simulator.population.username(index);

const queue = async (
	credential: IDataObject,
	parameters: INodeParameters,
	items: IDataObject[] = [{}],
	settings: RunOptions['settings'] = {},
) => await runNode({ node: 'tikLiveQueue', credential, parameters, items, settings });

const ADD: INodeParameters = {
	resource: 'job',
	operation: 'add',
	user: { __rl: true, mode: 'username', value: '={{ $json.name }}' },
};

const add = async (
	credential: IDataObject,
	names: string[],
	over: INodeParameters = {},
	settings: RunOptions['settings'] = {},
) => {
	const items = names.map((name) => ({ name }));
	return await queue(credential, { ...ADD, ...over }, items, settings);
};

const status = async (credential: IDataObject) => {
	const { output } = await queue(credential, { resource: 'job', operation: 'getStatus' });
	return output[0]?.json ?? {};
};

const deadLetters = async (credential: IDataObject) => {
	const parameters = { resource: 'deadLetter', operation: 'getAll', returnAll: true };
	return (await queue(credential, parameters)).output.map(({ json }) => json);
};

const start = async (options: TriggerOptions): Promise<ActiveWorkflow> => {
	const workflow = await activate({
		...options,
		parameters: { batchSize: 3, options: { batchWait: 0 }, ...options.parameters },
	});
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

const finished = (workflow: ActiveWorkflow) => workflow.executions.filter(({ run }) => run);
const users = (workflow: ActiveWorkflow) =>
	workflow.executions.flatMap(({ results }) => results.map(({ json }) => json['username']));

/** The record alone. */
const withoutJob = ({ jobId: _id, jobQueue: _queue, jobUser: _user, ...record }: IDataObject) =>
	record;

describe('the Queue node', () => {
	it('adds one job for each item, in order, and says which were there already', async () => {
		const credential = newKey();
		const { output, hints } = await add(credential, [creator(1), creator(2), creator(1)]);
		expect(output.map(({ json, pairedItem }) => ({ ...json, pairedItem }))).toEqual([
			{
				jobId: expect.any(String) as string,
				duplicate: false,
				queue: 'default',
				kind: 'userInfo',
				username: creator(1),
				userId: null,
				pairedItem: { item: 0 },
			},
			expect.objectContaining({ duplicate: false, username: creator(2), pairedItem: { item: 1 } }),
			expect.objectContaining({
				jobId: output[0]?.json['jobId'],
				duplicate: true,
				pairedItem: { item: 2 },
			}),
		]);
		expect(hints).toEqual([
			'Jobs added: 2, already in the queue: 1',
			expect.stringContaining("No active workflow works off the queue 'default'"),
		]);
		expect(await status(credential)).toEqual({
			queue: 'default',
			waiting: 2,
			active: 0,
			delayed: 0,
			done: 0,
			dead: 0,
			oldestSeconds: expect.any(Number) as number,
			workedOff: false,
			lastWorkedOffAt: null,
			lastAddedAt: expect.any(String) as string,
		});
		expect(simulator.report().ledger.billed).toBe(0);
	});

	it('adds nothing when one user is impossible', async () => {
		const credential = newKey();
		const { error, tries } = await add(credential, [creator(1), 'no spaces please']);
		expect(error?.message).toContain("(parameter 'User') [item 1]");
		expect(tries).toBe(1);
		expect(await status(credential)).toMatchObject({ waiting: 0 });
	});

	it('lets an impossible user fail alone where the node goes on', async () => {
		const credential = newKey();
		const { output, errorOutput, tries } = await add(
			credential,
			[creator(1), 'no spaces please', creator(2)],
			{},
			{ onError: 'continueErrorOutput', retryOnFail: true },
		);
		expect(tries).toBe(1);
		expect(output.map(({ json }) => json['username'])).toEqual([creator(1), creator(2)]);
		expect(errorOutput).toHaveLength(1);
		expect(await status(credential)).toMatchObject({ waiting: 2 });
	});

	it.each([
		[{ notBefore: 'next week maybe' }, 'Not Before'],
		[{ maxAttempts: 0 }, 'Max Attempts'],
		[{ priority: 'urgent' }, 'Priority'],
		[{ maxAge: -1 }, 'Max Age'],
	])('names the option in %j', async (options, label) => {
		const { error } = await add(newKey(), [creator(1)], { options });
		expect(error?.message).toContain(`(parameter '${label}')`);
	});

	it('tells jobs apart by what they ask for, or by a key of one’s own', async () => {
		const credential = newKey();
		const one = [creator(1)];
		const duplicates: unknown[] = [];
		for (const parameters of [
			{ kind: 'posts' },
			{ kind: 'followers' },
			{ kind: 'posts', limit: 5 },
			{ kind: 'posts', options: { dedupeKey: 'mine' } },
			{ kind: 'posts' },
			{ kind: 'following', options: { dedupeKey: 'mine' } },
		]) {
			const { output } = await add(credential, one, parameters);
			duplicates.push(output[0]?.json['duplicate']);
		}
		expect(duplicates).toEqual([false, false, false, false, true, true]);
	});

	it('holds a job back until its time', async () => {
		const credential = newKey();
		await add(credential, [creator(1)], { options: { notBefore: '2099-01-01T00:00:00' } });
		expect(await status(credential)).toMatchObject({ waiting: 0, delayed: 1 });
	});

	it('adds ten thousand items without holding up n8n for long', async () => {
		const credential = newKey();
		let last = performance.now();
		let longestMs = 0;
		const timer = setInterval(() => {
			longestMs = Math.max(longestMs, performance.now() - last);
			last = performance.now();
		}, 5);
		const names = Array.from({ length: 10_000 }, (_, index) => `someone${index}`);
		const { output } = await add(credential, names);
		clearInterval(timer);
		expect(output).toHaveLength(10_000);
		expect(new Set(output.map(({ json }) => json['jobId'])).size).toBe(10_000);
		expect(longestMs).toBeLessThan(2_500);
	}, 60_000);
});

describe('dead letters', () => {
	it('are listed with reason and history, retried and deleted one by one or all at once', async () => {
		const credential = newKey();
		const gone = ['gone_one', 'gone_two', 'gone_three'];
		await add(credential, gone, { options: { priority: 'critical' } });
		const workflow = await start({ credential });
		await until(async () => (await status(credential))['dead'] === 3);
		await workflow.deactivate();

		const letters = await deadLetters(credential);
		expect(letters.map(({ username }) => username).sort()).toEqual([...gone].sort());
		expect(letters[0]).toMatchObject({
			kind: 'userInfo',
			reason: 'not-found',
			lastError: expect.stringContaining('not-found: ') as string,
			attempts: 0,
			history: [{ at: expect.any(String) as string, error: expect.any(String) as string }],
		});

		const [first, second] = letters.map(({ jobId }) => ({ jobId }));
		const one = { resource: 'deadLetter', scope: 'one', jobId: '={{ $json.jobId }}' };
		const retried = await queue(credential, { ...one, operation: 'retry' }, [first as IDataObject]);
		expect(retried.output.map(({ json }) => json)).toEqual([{ ...first, retried: true }]);
		const deleted = await queue(credential, { ...one, operation: 'delete' }, [
			second as IDataObject,
			first as IDataObject,
		]);
		expect(deleted.output.map(({ json }) => json)).toEqual([
			{ ...second, deleted: true },
			{ ...first, deleted: false },
		]);
		expect(await status(credential)).toMatchObject({ waiting: 1, dead: 1 });
		const all = { resource: 'deadLetter', operation: 'retry', scope: 'all' };
		const rest = await queue(credential, all, [{}, {}]);
		expect(rest.output).toEqual([{ json: { retried: 1 }, pairedItem: [{ item: 0 }, { item: 1 }] }]);
	});
});

describe('the Queue Trigger', () => {
	it('delivers all jobs and completes them when the workflow succeeds', async () => {
		const credential = newKey();
		const names = Array.from({ length: 8 }, (_, index) => creator(index));
		await add(credential, names);
		const workflow = await start({ credential });
		await until(async () => (await status(credential))['done'] === 8);
		expect(users(workflow).sort()).toEqual([...names].sort());
		for (const { results } of workflow.executions) expect(results.length).toBeLessThanOrEqual(3);
		expect(workflow.executions[0]?.results[0]?.json).toMatchObject({
			...simulator.truth.userInfo(users(workflow)[0] as string),
			jobQueue: 'default',
			jobUser: users(workflow)[0],
		});
		expect(simulator.report().ledger.billed).toBe(8);
		expect(await status(credential)).toMatchObject({ waiting: 0, active: 0, dead: 0 });
	});

	it('reads the jobs of an action node’s lists to their end', async () => {
		const credential = newKey();
		await add(credential, ['pinned_first'], { kind: 'followers', returnAll: true });
		const workflow = await start({ credential });
		await until(() => finished(workflow).length === 1);
		expect(workflow.executions[0]?.results.map(({ json }) => withoutJob(json))).toEqual(
			simulator.truth.followers('pinned_first'),
		);
	});

	it('brings the jobs of a failed workflow back, without a new credit', async () => {
		const credential = newKey();
		const names = [creator(1), creator(2)];
		await add(credential, [names[0] as string], { options: { maxAttempts: 1 } });
		await add(credential, [names[1] as string], { options: { maxAttempts: 2 } });
		const failing = await start({
			credential,
			onResults: () => {
				throw new Error('Postgres is down');
			},
		});
		await until(async () => {
			const { delayed, dead } = await status(credential);
			return delayed === 1 && dead === 1;
		});
		await failing.deactivate();
		expect(finished(failing)[0]?.run?.status).toBe('error');
		expect(await deadLetters(credential)).toMatchObject([
			{ reason: 'attempts', lastError: expect.stringContaining('Postgres is down') as string },
		]);
		expect(simulator.report().ledger.billed).toBe(2);

		await queue(credential, { resource: 'deadLetter', operation: 'retry', scope: 'all' });
		makeJobsDue();
		const workflow = await start({ credential });
		await until(async () => (await status(credential))['done'] === 2);
		expect(users(workflow).sort()).toEqual([...names].sort());
		expect(simulator.report().ledger.billed).toBe(2);
	});

	it.each(['finished', 'immediately'])(
		'completes jobs %s although the workflow fails',
		async (completeWhen) => {
			const credential = newKey();
			await add(credential, [creator(1)]);
			const workflow = await start({
				credential,
				parameters: { completeWhen },
				onResults: () => {
					throw new Error('broken');
				},
			});
			await until(async () => (await status(credential))['done'] === 1);
			await until(() => finished(workflow).length === 1);
			expect(workflow.executions).toHaveLength(1);
		},
	);

	it('sends dead letters to the second output', async () => {
		const credential = newKey();
		await add(credential, ['gone_one', 'private_user']);
		await add(credential, ['private_user'], { kind: 'posts' });
		const workflow = await start({ credential });
		await until(() => workflow.executions.flatMap(({ deadLetters: dead }) => dead).length === 2);
		const dead = workflow.executions.flatMap(({ deadLetters: letters }) => letters);
		expect(dead.map(({ json }) => [json['username'], json['reason']]).sort()).toEqual([
			['gone_one', 'not-found'],
			['private_user', 'private'],
		]);
		await until(async () => (await status(credential))['done'] === 1);
		expect(users(workflow)).toEqual(['private_user']);
	});

	it('takes what it is told to: kinds and priorities', async () => {
		const credential = newKey();
		await add(credential, [creator(1)], { kind: 'posts', limit: 1 });
		await add(credential, [creator(2)]);
		await add(credential, [creator(3)], { options: { priority: 'critical' } });
		const workflow = await start({
			credential,
			parameters: { options: { batchWait: 0, kinds: ['userInfo'], priorities: ['critical'] } },
		});
		await until(async () => (await status(credential))['done'] === 1);
		await sleep(1_500);
		expect(users(workflow)).toEqual([creator(3)]);
		expect(await status(credential)).toMatchObject({ waiting: 2 });
	});

	it('on deactivation waits for the open execution, completes it and hands back the rest', async () => {
		const credential = newKey();
		let finish = () => {};
		const held = new Promise<void>((resolve) => (finish = resolve));
		await add(credential, [creator(1), creator(2), creator(3), creator(4)]);
		const workflow = await start({
			credential,
			parameters: { options: { batchWait: 60 } },
			onResults: async (items) => {
				await held;
				return items;
			},
		});
		await until(() => workflow.executions.length === 1);
		let isClosed = false;
		const closing = workflow.deactivate().then(() => (isClosed = true));
		await until(async () => (await status(credential))['waiting'] === 1);
		await sleep(300);
		expect(isClosed).toBe(false);
		expect(await status(credential)).toMatchObject({ active: 3, done: 0 });
		finish();
		await closing;
		expect(await status(credential)).toMatchObject({ waiting: 1, active: 0, done: 3 });
	});

	it('is refused a credential that makes no sense', async () => {
		await expect(start({ credential: newKey({ burst: 0 }) })).rejects.toThrow("'Burst'");
		await expect(start({ credential: newKey(), parameters: { batchSize: 0 } })).rejects.toThrow(
			'Batch Size',
		);
	});

	it('takes one batch in a manual test, and completes it when the test succeeds', async () => {
		const credential = newKey();
		await add(credential, [creator(1), creator(2), creator(3)]);
		const { run } = testRun({ credential, parameters: { batchSize: 2 } });
		const done = await run;
		expect(done.status).toBe('success');
		expect(outputOf(done).map(({ json }) => json['username'])).toEqual([creator(1), creator(2)]);
		await until(async () => (await status(credential))['done'] === 2);
		expect(await status(credential)).toMatchObject({ waiting: 1, active: 0 });
	});

	it('hands the jobs of a cancelled manual test back', async () => {
		const credential = newKey();
		const test = testRun({ credential, parameters: { batchSize: 2 } });
		await sleep(500);
		test.cancel();
		await add(credential, [creator(1)]);
		await sleep(1_500);
		expect(await status(credential)).toMatchObject({ waiting: 1, active: 0 });
		await Promise.race([test.run, sleep(100)]);
	});
});

it('no key shows in what was logged', () => {
	expect(asText(logged)).not.toContain(CANARY);
});
