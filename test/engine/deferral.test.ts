import { setTimeout as sleep } from 'node:timers/promises';
import type { IDataObject, INode } from 'n8n-workflow';
import { startSimulator, type Simulator } from '../simulator/server';
import {
	closeRuntimes,
	removeUserFolder,
	runNode,
	type NodeName,
	type RunOptions,
} from './harness';
import { activate, makeJobsDue } from './triggerHarness';

const KEYS = Array.from({ length: 30 }, (_, index) => `canary-5f1d2c-${index}`);
const FAST = { requestsPerMinute: 100_000, burst: 1_000, dailyBudget: '', criticalReserve: 0 };

let simulator: Simulator;
let keysUsed = 0;

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

const newKey = (over: IDataObject = {}): IDataObject => ({
	baseUrl: simulator.url,
	apiKey: KEYS[keysUsed++] as string,
	...FAST,
	...over,
});

const creator = (index: number) => simulator.population.username(index);

const run = async (
	names: string[],
	credential: IDataObject,
	over: Partial<RunOptions> & { options?: IDataObject } = {},
) => {
	const { node = 'tikLiveUserInfo' as NodeName, parameters, options = {}, ...rest } = over;
	const outcome = await runNode({
		node,
		items: names.map((name) => ({ name })),
		credential,
		...rest,
		parameters: {
			user: { __rl: true, mode: 'username', value: '={{ $json.name }}' },
			...parameters,
			options: { whenUnavailable: 'queue', ...options },
		} as INode['parameters'],
	});
	return { ...outcome, outputs: outcome.task?.data?.['main'] ?? [] };
};

const sentIn = () => simulator.report().judge.arrivals;

/** Works the queue off; returns what was delivered. */
const workOff = async (credential: IDataObject, count: number): Promise<IDataObject[]> => {
	const workflow = await activate({ credential, parameters: { options: { batchWait: 0 } } });
	const delivered = () => workflow.executions.flatMap(({ results }) => results);
	for (let tries = 0; delivered().length < count && tries < 400; tries++) await sleep(50);
	await workflow.deactivate();
	return delivered().map(({ json }) => json);
};

it('without the option the node has one output', async () => {
	const { outputs } = await run([creator(1)], newKey(), { options: { whenUnavailable: 'error' } });
	expect(outputs).toHaveLength(1);
});

it('items that do not fit into the budget leave by Deferred, with job id and the time of the next try', async () => {
	const { outputs, hints } = await run(
		[creator(1), creator(2), creator(3)],
		newKey({ dailyBudget: '2' }),
	);
	expect(outputs[0]?.map(({ json, pairedItem }) => [json['username'], pairedItem])).toEqual([
		[creator(1), { item: 0 }],
		[creator(2), { item: 1 }],
	]);
	const midnight = new Date(new Date().setUTCHours(24, 0, 0, 0)).getTime();
	expect(outputs[1]).toEqual([
		{
			json: {
				jobId: expect.any(String) as string,
				duplicate: false,
				queue: 'default',
				kind: 'userInfo',
				username: creator(3),
				userId: null,
				nextTryAt: expect.any(String) as string,
				reason: 'budget-exhausted',
			},
			pairedItem: { item: 2 },
		},
	]);
	const nextTryMs = Date.parse(outputs[1]?.[0]?.json['nextTryAt'] as string);
	expect(nextTryMs).toBeGreaterThanOrEqual(midnight);
	expect(nextTryMs).toBeLessThan(midnight + 10_000);
	expect(hints.join()).toContain('1 item could not be done just now and went into the queue');
});

it('a second run makes no second job', async () => {
	const credential = newKey({ dailyBudget: '0' });
	const [first, second] = [await run(['a'], credential), await run(['a'], credential)];
	expect(second.outputs[1]?.[0]?.json).toMatchObject({
		jobId: first.outputs[1]?.[0]?.json['jobId'],
		duplicate: true,
		nextTryAt: null,
	});
});

it('the job goes to the queue that is named, and a name that is none is refused before a credit is spent', async () => {
	const credential = newKey({ dailyBudget: '1' });
	const names = [creator(1), creator(2)];
	const { outputs } = await run(names, credential, { options: { queue: 'nights' } });
	expect(outputs[1]?.map(({ json }) => [json['queue'], json['duplicate']])).toEqual([
		['nights', false],
	]);
	const again = await run([creator(2)], credential, { options: {} });
	expect(again.outputs[1]?.[0]?.json).toMatchObject({ queue: 'default', duplicate: false });
	const before = sentIn();
	const wrong = await run([creator(3)], newKey(), { options: { queue: 'two words' } });
	expect(wrong.error?.message).toContain("(parameter 'Queue')");
	// Hidden in the form, and then it does not count.
	const hidden = { whenUnavailable: 'error', queue: 'two words' };
	expect((await run([creator(1)], newKey(), { options: hidden })).error).toBeUndefined();
	expect(sentIn()).toBe(before + 1);
});

it('an outage turns items into jobs, which are delivered once it is over', async () => {
	const credential = newKey();
	await simulator.faults.outage(true);
	const names = Array.from({ length: 12 }, (_, index) => creator(index));
	const { outputs, error } = await run(names, credential, { options: { maxAttempts: 1 } });
	expect(error).toBeUndefined();
	expect(outputs[0]).toEqual([]);
	expect(outputs[1]?.map(({ json }) => json['username'])).toEqual(names);
	const reasons = new Set(outputs[1]?.map(({ json }) => json['reason']));
	expect([...reasons].sort()).toEqual(['circuit-open', 'server-error']);
	await simulator.faults.outage(false);
	const status = { node: 'tikLiveStatus' as const, items: [{}], credential };
	await runNode({ ...status, parameters: { operation: 'resetBreaker' } });
	makeJobsDue();
	const records = await workOff(credential, 12);
	expect(records.map(({ username }) => username).sort()).toEqual([...names].sort());
}, 60_000);

it('a list that was interrupted goes on as a job, and no page is paid for twice', async () => {
	const credential = newKey();
	const poor = { ...credential, dailyBudget: '2' };
	const { outputs } = await run(['pinned_first'], poor, {
		node: 'tikLiveFollowers',
		parameters: { returnAll: true },
		options: { maxAge: 0 },
	});
	expect(outputs[0]).toEqual([]);
	expect(outputs[1]?.map(({ json }) => json)).toMatchObject([
		{ kind: 'followers', username: 'pinned_first', reason: 'budget-exhausted' },
	]);
	expect(sentIn()).toBe(2);

	makeJobsDue();
	const people = simulator.truth.followers('pinned_first');
	const records = await workOff(credential, people.length);
	expect(
		records.map(({ jobId: _id, jobQueue: _queue, jobUser: _user, ...record }) => record),
	).toEqual(people);
	expect(simulator.report().ledger.paidTwice).toEqual([]);
});

it('what no waiting can mend stays an error', async () => {
	const credential = newKey();
	const { outputs } = await run([creator(1), 'gone_one'], credential, {
		settings: { onError: 'continueErrorOutput' },
	});
	expect(outputs.map((items) => items?.length)).toEqual([1, 0, 1]);
	const wrong = await run([creator(1)], { ...credential, apiKey: 'wrong-key-1234' });
	expect(wrong.error?.message).toContain('did not accept the API key');
});
