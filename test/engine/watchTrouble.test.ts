import { setTimeout as sleep } from 'node:timers/promises';
import type { IDataObject, INodeParameters, WorkflowActivateMode } from 'n8n-workflow';
import { RedisServer } from '../redis/server.ts';
import { describeWithRedis } from '../support/redis';
import { closeRuntimes, logged } from './harness';
import { fetchTestEvent, WatchingWorkflow } from './pollHarness';
import {
	api,
	arrivals,
	billed,
	creator,
	hurry,
	newest,
	newKey,
	options,
	pass,
	setUp,
	warnings,
	watching,
} from './stage';

setUp();

const MINUTE_MS = 60_000;
const MODES: readonly WorkflowActivateMode[] = ['init', 'leadershipChange', 'activate', 'update'];
const ONCE = { options: { maxAttempts: 1 } };
const REST = 1_000;

/** Something that keeps a trigger from reading anybody. */
interface Trouble {
	name: string;
	/** What n8n is told. */
	message: RegExp;
	begin?: (credential: IDataObject, user: string) => void | Promise<void>;
	end?: (credential: IDataObject) => void | Promise<void>;
	/** Requests that each poll sends at most; 0: they could not succeed. */
	requests: 0 | 1;
	/** Between polls. Default a minute, n8n's shortest. */
	paceMs?: number;
	/** A person has to mend it. */
	isForAPerson?: true;
	/** What the options of the node are meanwhile. */
	options?: INodeParameters;
}

const faulty = (steps: Parameters<Simulator['faults']['script']>[1][number]) => ({
	begin: () =>
		api().faults.script(
			() => true,
			Array.from({ length: REST }, () => steps),
		),
	end: () => api().faults.reset(),
});
type Simulator = ReturnType<typeof api>;

const TROUBLES: readonly Trouble[] = [
	{
		name: 'an outage',
		message: /could not answer for @\w+ just now/,
		begin: async () => await api().faults.outage(true),
		end: async () => await api().faults.outage(false),
		requests: 1,
	},
	{
		name: 'a 429 with Retry-After',
		message: /too many requests/,
		...faulty({ kind: 'status', status: 429, headers: { 'retry-after': '20' } }),
		requests: 1,
	},
	{
		name: 'an open breaker',
		message: /left alone for another \d+ second/,
		async begin(credential, user) {
			await api().faults.outage(true);
			const workflow = new WatchingWorkflow(options([user], ONCE, { credential }));
			await workflow.activate();
			for (let failures = 0; failures < 5; failures++) await workflow.poll();
			await api().faults.outage(false);
		},
		// Its trial comes after 30 s.
		paceMs: 1_000,
		requests: 0,
	},
	{
		name: 'a spent budget',
		message: /budget does not allow/,
		begin: (credential) => void (credential['dailyBudget'] = '0'),
		end: (credential) => void (credential['dailyBudget'] = ''),
		requests: 0,
	},
	{
		name: 'an account without credits',
		message: /no credits left/,
		...faulty(402),
		requests: 1,
	},
	{
		name: 'a timeout',
		message: /did not answer for @\w+ within/,
		...faulty('never'),
		requests: 1,
		options: { timeout: 100 },
	},
	{
		name: 'a wrong key',
		message: /did not accept the API key/,
		begin: (credential) => void (credential['apiKey'] = `${String(credential['apiKey'])}x`),
		end: (credential) => void (credential['apiKey'] = String(credential['apiKey']).slice(0, -1)),
		requests: 1,
		isForAPerson: true,
	},
	{
		name: 'a credential that makes no sense',
		message: /'Burst' of the TikLiveAPI credential/,
		begin: (credential) => void (credential['burst'] = 0),
		end: (credential) => void (credential['burst'] = 1_000),
		requests: 0,
		isForAPerson: true,
	},
	{
		name: 'a wrong parameter',
		message: /'Max Pages'/,
		requests: 0,
		isForAPerson: true,
		options: { maxPages: 0 },
	},
];

describe.each(TROUBLES)('$name', ({ message, begin, end, isForAPerson, requests, ...trouble }) => {
	const { paceMs = MINUTE_MS } = trouble;
	it.each(MODES)('costs a trigger neither its life nor its events: %s', async (mode) => {
		const user = creator(17);
		const well = options([user], ONCE);
		const { credential } = well;
		const workflow = new WatchingWorkflow(well);
		await workflow.activate();
		api().population.publish(user, 2);
		await closeRuntimes();
		await begin?.(credential, user);
		logged.length = 0;

		const ill = options([user], { options: { ...ONCE.options, ...trouble.options } });
		const isRefused = isForAPerson === true && (mode === 'activate' || mode === 'update');
		const started = workflow.start({ mode, parameters: ill.parameters });
		if (isRefused) await expect(started).rejects.toThrow(message);
		else {
			expect(await started).toBeUndefined();
			expect(warnings().filter((line) => message.test(line))).toHaveLength(1);
			const before = arrivals();
			for (let polls = 1; polls <= 3; polls++) {
				pass(paceMs);
				expect(await workflow.poll()).toBeUndefined();
			}
			expect(workflow.errors.map((error) => error.message)).toEqual([
				expect.stringMatching(message) as string,
			]);
			expect(arrivals() - before).toBeLessThanOrEqual(3 * requests);
		}

		await end?.(credential);
		pass(MINUTE_MS);
		// What is wrong with the workflow itself is mended by publishing it again.
		const isPublished = isRefused || trouble.options !== undefined;
		const told = isPublished
			? await workflow.activate({ mode: 'update', parameters: well.parameters })
			: await workflow.poll();
		expect(told).toEqual(newest(user, 2));
		expect(await workflow.poll()).toBeUndefined();
		expect(workflow.errors).toHaveLength(isRefused ? 0 : 1);
	});

	it('is what a person sees who fetches a test event', async () => {
		const user = creator(17);
		const given = options([user], { options: { ...ONCE.options, ...trouble.options } });
		await begin?.(given.credential, user);
		const run = await fetchTestEvent(given);
		expect(run.data.resultData.error?.message).toMatch(message);
	});

	it('leaves a trigger that has never seen its user without a baseline until it has', async () => {
		const user = creator(17);
		const given = options([user], ONCE);
		const ill = { options: { ...ONCE.options, ...trouble.options } };
		await begin?.(given.credential, user);
		const workflow = new WatchingWorkflow(given);
		await workflow.start({ parameters: options([user], ill).parameters });
		pass(paceMs);
		await workflow.poll();
		await end?.(given.credential);
		pass(MINUTE_MS);
		api().population.publish(user);
		expect(await workflow.start({ parameters: given.parameters })).toBeUndefined();
		api().population.publish(user, 2);
		expect(await workflow.poll()).toEqual(newest(user, 2));
		expect(await workflow.poll()).toBeUndefined();
	});
});

describe('a night of failing polls', () => {
	/** Polls a minute apart; in which of them n8n was told. */
	const night = async (
		workflow: WatchingWorkflow,
		hours: number,
		eachPoll: (poll: number) => void | Promise<void> = () => {},
	): Promise<number[]> => {
		const told: number[] = [];
		for (let poll = 0; poll < hours * 60; poll++) {
			await eachPoll(poll);
			const { length } = workflow.errors;
			await workflow.poll();
			if (workflow.errors.length > length) told.push(poll);
			pass(MINUTE_MS);
		}
		return told;
	};
	const AT_ONCE_AFTER_AN_HOUR_AND_SIX_MORE = [0, 60, 420];

	it.each([false, true])(
		'is three alerts in 8 hours; durable cursors: %s',
		async (durable) => {
			const users = Array.from({ length: 20 }, (_, index) => creator(index));
			const workflow = await watching(users, ONCE, { durable });
			await workflow.poll();
			for (const user of users) api().population.publish(user, 2);
			await api().faults.outage(true);
			logged.length = 0;
			expect(await night(workflow, 8)).toEqual(AT_ONCE_AFTER_AN_HOUR_AND_SIX_MORE);
			expect(warnings().filter((line) => !line.includes('0 users read'))).toEqual([]);

			await api().faults.outage(false);
			// The breaker has its next trial within five minutes.
			pass(5 * MINUTE_MS);
			const told = (await workflow.poll()) ?? [];
			const ids = users.flatMap((user) => newest(user, 2).map(({ id }) => String(id)));
			expect(told.map(({ id }) => String(id)).sort()).toEqual(ids.sort());
			expect(await workflow.poll()).toBeUndefined();
			expect(warnings().filter((line) => line.includes('works again'))).toEqual([
				expect.stringMatching(/it had not since \d{4}-.*Z \(outage\)$/) as string,
			]);
		},
		120_000,
	);

	it('asks once a poll, not once a user, with a key that is refused', async () => {
		const users = Array.from({ length: 20 }, (_, index) => creator(index));
		const workflow = await watching(users, ONCE);
		for (const user of users) api().population.publish(user);
		const { credential } = workflow.options;
		const { apiKey } = credential;
		credential['apiKey'] = 'refused';
		const before = arrivals();
		expect(await night(workflow, 8)).toEqual(AT_ONCE_AFTER_AN_HOUR_AND_SIX_MORE);
		// The first poll has asked for several users at once.
		expect(arrivals() - before).toBeLessThan(480 + users.length);

		credential['apiKey'] = apiKey as string;
		expect(await workflow.poll()).toHaveLength(users.length);
		expect(await workflow.poll()).toBeUndefined();
	}, 120_000);

	it('is no alert for each poll that fails when every other one does', async () => {
		const workflow = await watching([creator(17)], ONCE);
		const told = await night(
			workflow,
			8,
			async (poll) => await api().faults.outage(poll % 2 === 0),
		);
		expect(told).toEqual(AT_ONCE_AFTER_AN_HOUR_AND_SIX_MORE);
	}, 120_000);

	it('tells each of two causes that take turns as often as if it were alone', async () => {
		const workflow = await watching([creator(17)], ONCE);
		const { credential } = workflow.options;
		credential['dailyBudget'] = '0';
		const told = await night(workflow, 8, (poll) => {
			credential['burst'] = poll % 2 === 0 ? 1_000 : 0;
		});
		expect(told).toEqual([0, 1, 60, 61, 420, 421]);
	}, 120_000);

	it('tells another cause at once, and the first one not again when it comes back', async () => {
		const workflow = await watching([creator(17)], ONCE);
		const { credential } = workflow.options;
		await api().faults.outage(true);
		await workflow.poll();
		await workflow.poll();
		expect(workflow.errors).toHaveLength(1);
		credential['burst'] = 0;
		await workflow.poll();
		await workflow.poll();
		expect(workflow.errors).toHaveLength(2);
		credential['burst'] = 1_000;
		await workflow.poll();
		expect(workflow.errors).toHaveLength(2);
	});
});

describe('users who are all missing', () => {
	const MISSING = ['deleted_user', 'gone_one'];

	it('refuse the publishing, in each of the five tries of n8n, for one look at them', async () => {
		const workflow = new WatchingWorkflow(options(MISSING, ONCE));
		await expect(workflow.start({ mode: 'activate' })).rejects.toThrow('not found on TikTok');
		expect(billed()).toBe(MISSING.length);
		pass(5 * MINUTE_MS);
		await expect(workflow.start({ mode: 'update' })).rejects.toThrow('not found on TikTok');
	});

	it('are told by the poll after the start of n8n, and again after an hour', async () => {
		const workflow = new WatchingWorkflow(options(MISSING, ONCE));
		expect(await workflow.start()).toBeUndefined();
		const told: number[] = [];
		for (let poll = 0; poll < 90; poll++) {
			const { length } = workflow.errors;
			expect(await workflow.poll()).toBeUndefined();
			if (workflow.errors.length > length) told.push(poll);
			pass(MINUTE_MS);
		}
		expect(told).toEqual([0, 60]);
		// Each of them is asked for once an hour.
		expect(billed()).toBe(2 * MISSING.length);
	});
});

describeWithRedis(
	'a Redis that is away',
	() => {
		let redis: RedisServer;

		beforeAll(async () => {
			redis = await RedisServer.start();
		});

		afterAll(async () => {
			await redis.stop();
		});

		it.each(MODES)(
			'costs a trigger neither its life nor its events: %s',
			async (mode) => {
				const user = creator(17);
				const store = { stateStore: 'redis', redisHost: '127.0.0.1', redisPort: redis.port };
				const workflow = await watching([user], ONCE, { credential: newKey(store) });
				api().population.publish(user, 2);
				await closeRuntimes();
				await redis.kill();
				hurry(20);
				const before = arrivals();
				expect(await workflow.start({ mode })).toBeUndefined();
				for (let polls = 1; polls <= 3; polls++) expect(await workflow.poll()).toBeUndefined();
				expect(workflow.errors).toMatchObject([{ failure: { cause: 'temporarily-unavailable' } }]);
				expect(arrivals()).toBe(before);

				await redis.begin();
				const told: IDataObject[] = [];
				const endMs = performance.now() + 20_000;
				while (told.length === 0 && performance.now() < endMs) {
					await sleep(200);
					told.push(...((await workflow.poll()) ?? []));
				}
				expect(told).toEqual(newest(user, 2));
				expect(await workflow.poll()).toBeUndefined();
				expect(workflow.errors).toHaveLength(1);
			},
			60_000,
		);
	},
	'own',
);
