import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { IDataObject, INodeExecutionData, NodeApiError } from 'n8n-workflow';
import { startSimulator, type Simulator } from '../simulator/server';
import {
	asText,
	closeRuntimes,
	logged,
	removeUserFolder,
	runNode,
	userFolder,
	type NodeName,
	type RunOptions,
	type RunOutcome,
} from './harness';

/** In every key, and nowhere else: what leaks it shows. */
const CANARY = 'canary-5f1d2c';
const KEYS = Array.from({ length: 100 }, (_, index) => `${CANARY}-${index}`);
/** Fast enough that no test waits for the rate window. */
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

/** A key that no other test has used: nothing is stored for it, and nothing counted. */
function credential(over: IDataObject = {}): IDataObject {
	return { baseUrl: simulator.url, apiKey: KEYS[keysUsed++] as string, ...FAST, ...over };
}

async function run(
	node: NodeName,
	items: IDataObject[],
	options: Partial<RunOptions> = {},
): Promise<RunOutcome> {
	const outcome = await runNode({
		node,
		items,
		credential: options.credential ?? credential(),
		...options,
		parameters: { user: by('username', '={{ $json.name }}'), ...options.parameters },
	});
	outcomes.push(outcome);
	return outcome;
}

function by(mode: 'username' | 'url' | 'id', value: unknown) {
	return { __rl: true, mode, value } as never;
}

function names(count: number, from = 0): IDataObject[] {
	return Array.from({ length: count }, (_, index) => ({
		name: simulator.population.username(from + index),
	}));
}

const jsons = (items: INodeExecutionData[]) => items.map(({ json }) => json);
const pairs = (items: INodeExecutionData[]) => items.map(({ pairedItem }) => pairedItem);
const billed = () => simulator.ledger.report().billed;
const arrivals = () => simulator.report().judge.arrivals;
/** Calls back when the simulator has got so many requests. */
function whenArrived(count: number, callback: () => void): void {
	const timer = setInterval(() => {
		if (arrivals() < count) return;
		clearInterval(timer);
		callback();
	}, 5).unref();
}

const failureOf = (error: unknown) => (error as NodeApiError).failure;

describe('User Info', () => {
	it('reads 500 users, named by expressions, in the order of the input, each for one credit', async () => {
		const items = names(500);
		const { output, downstream, hints, tries, error } = await run('tikLiveUserInfo', items);
		expect(error).toBeUndefined();
		expect(jsons(output)).toEqual(
			items.map(({ name }) => simulator.truth.userInfo(name as string)),
		);
		expect(pairs(output)).toEqual(items.map((_, item) => ({ item })));
		expect(downstream).toHaveLength(500);
		expect({ tries, billed: billed() }).toEqual({ tries: 1, billed: 500 });
		expect(simulator.report().judge.inFlightPeak).toBeLessThanOrEqual(20);
		expect(hints).toEqual(['Credits spent: 500']);
	});

	it('takes the same user as name, address and ID, however it is written', async () => {
		const user = simulator.population.person(7);
		const connection = credential();
		const expected = simulator.truth.userInfo(user.username);
		for (const [mode, value] of [
			['username', `  @${user.username.toUpperCase()} `],
			['username', `https://www.tiktok.com/@${user.username}`],
			['url', `https://www.tiktok.com/@${user.username}/video/7123?lang=en`],
			['url', `tiktok.com/@${user.username}`],
			['id', user.id],
			['id', `={{ "${user.id}" }}`],
		] as const) {
			const { output } = await run('tikLiveUserInfo', [{}], {
				credential: connection,
				parameters: { user: by(mode, value) },
			});
			expect(jsons(output)).toEqual([expected]);
		}
		// Once by name and once by ID; the rest came from the store.
		expect(billed()).toBe(2);
	});

	it('pays once for one user in several items, and says so', async () => {
		const [item] = names(1) as [IDataObject];
		const { output, hints } = await run('tikLiveUserInfo', [item, item, item]);
		expect(output).toHaveLength(3);
		expect(billed()).toBe(1);
		expect(hints).toEqual(['Credits spent: 1, free stored answers: 2']);
	});

	it('asks again within an hour only when Max Age says so', async () => {
		const connection = credential();
		const ask = async (maxAge?: number) =>
			await run('tikLiveUserInfo', names(1), {
				credential: connection,
				parameters: { options: maxAge === undefined ? {} : { maxAge } },
			});
		await ask();
		await ask();
		expect(billed()).toBe(1);
		await ask(0);
		expect(billed()).toBe(2);
	});

	it('leaves the answer as it is when Simplify is off, but for ids as strings', async () => {
		const { output } = await run('tikLiveUserInfo', [{ name: 'huge_numbers' }], {
			parameters: { simplify: false },
		});
		expect(jsons(output)[0]).toMatchObject({
			user: { uniqueId: 'huge_numbers', id: simulator.population.id('huge_numbers') },
			stats: { followerCount: '9007199254740993' },
		});
	});

	it('keeps what a hostile body brings away from objects', async () => {
		const { output } = await run('tikLiveUserInfo', [{ name: 'proto_body' }], {
			parameters: { simplify: false },
		});
		expect(Object.getPrototypeOf(jsons(output)[0])).toBe(Object.prototype);
		expect(asText(output)).not.toContain('__proto__');
		expect(({} as IDataObject)['polluted']).toBeUndefined();
	});
});

describe('lists', () => {
	it.each<[NodeName, 'followers' | 'following' | 'posts', number]>([
		['tikLiveFollowers', 'followers', 250],
		['tikLiveFollowing', 'following', 220],
		['tikLivePosts', 'posts', 50],
	])('%s with Return All holds the whole list', async (node, list, length) => {
		const { output, hints } = await run(node, [{ name: 'pinned_first' }, { name: 'empty_user' }], {
			parameters: { returnAll: true },
		});
		expect(jsons(output)).toEqual(simulator.truth[list]('pinned_first'));
		expect(output).toHaveLength(length);
		expect(new Set(pairs(output).map((pair) => (pair as { item: number }).item))).toEqual(
			new Set([0]),
		);
		// Two look-ups of an id, two pages, one empty page.
		expect({ billed: billed(), hints }).toEqual({
			billed: 5,
			hints: ['Credits spent: 5, pages: 3'],
		});
	});

	it('stops at the limit, over pages and with the smallest bill', async () => {
		const connection = credential();
		const ask = async (limit: number) =>
			await run('tikLivePosts', [{ name: 'pinned_first' }], {
				credential: connection,
				parameters: { limit },
			});
		const truth = simulator.truth.posts('pinned_first');
		expect(jsons((await ask(40)).output)).toEqual(truth.slice(0, 40));
		expect(billed()).toBe(3);
	});

	it('keeps the records of several items in order', async () => {
		const { output } = await run(
			'tikLivePosts',
			[{ name: 'null_titles' }, { name: 'pinned_first' }],
			{ parameters: { limit: 3 } },
		);
		expect(pairs(output)).toEqual([0, 0, 0, 1, 1, 1].map((item) => ({ item })));
		expect(jsons(output)).toEqual([
			...simulator.truth.posts('null_titles').slice(0, 3),
			...simulator.truth.posts('pinned_first').slice(0, 3),
		]);
	});

	it('goes on from a bookmark without a gap, a repeat or a second look-up', async () => {
		const connection = credential();
		const ask = async (options: IDataObject, limit = 120) =>
			await run('tikLiveFollowers', [{ name: 'short_pages' }], {
				credential: connection,
				parameters: { limit, options: { includeBookmark: true, ...options } as never },
			});
		const first = jsons((await ask({})).output);
		const bookmark = first[0]?.['bookmark'];
		expect(bookmark).toEqual(expect.any(String));
		expect(new Set(first.map((record) => record['bookmark']))).toEqual(new Set([bookmark]));

		const rest = jsons((await ask({ startFrom: bookmark }, 1_000)).output);
		expect(new Set(rest.map((record) => record['bookmark']))).toEqual(new Set([null]));
		const records = [...first, ...rest].map(({ bookmark: _, ...record }) => record);
		expect(records).toEqual(simulator.truth.followers('short_pages'));
		expect(simulator.ledger.report().perEndpoint['/userid/']).toBe(1);
	});

	it('says when Max Pages has ended a list, and how to go on', async () => {
		const { output, hints } = await run('tikLivePosts', [{ name: 'pinned_first' }], {
			parameters: { returnAll: true, options: { maxPages: 1 } },
		});
		expect(output).toHaveLength(35);
		expect(hints[1]).toMatch(/'Max Pages' ended the list of item 0\..*'Start From'/);
	});

	it('ends a list that has no end, and says so', async () => {
		const { output, hints } = await run('tikLivePosts', [{ name: 'endless_pages' }], {
			parameters: { returnAll: true },
		});
		expect(output).toHaveLength(35);
		expect(hints[1]).toMatch(/gave nothing new/);
	});

	it('reads only posts newer than a time, in the time zone of the workflow', async () => {
		const truth = simulator.truth.posts('null_titles');
		const cut = new Date(truth[9]?.postedAt as string);
		// As the date picker writes it: no offset. Berlin is an hour ahead of UTC in winter, two in summer.
		const berlin = cut.toLocaleString('sv', { timeZone: 'Europe/Berlin' }).replace(' ', 'T');
		const { output } = await run('tikLivePosts', [{ name: 'null_titles' }], {
			parameters: { returnAll: true, options: { newerThan: berlin } },
		});
		expect(jsons(output)).toEqual(truth.slice(0, 9));
	});

	it('gives raw records when Simplify is off', async () => {
		const { output } = await run('tikLiveFollowers', [{ name: 'proto_body' }], {
			parameters: { limit: 1, simplify: false },
		});
		expect(jsons(output)[0]).toMatchObject({ unique_id: expect.any(String) });
		expect(jsons(output)[0]).not.toHaveProperty('username');
	});
});

describe('one item that fails among good ones', () => {
	const items = () => [...names(2), { name: 'deleted_user' }, { name: 'a b' }, ...names(2, 2)];

	it('costs the others nothing with Continue (using regular output), also with Retry On Fail', async () => {
		const { output, tries, error } = await run('tikLiveUserInfo', items(), {
			settings: { onError: 'continueRegularOutput', retryOnFail: true, maxTries: 5 },
		});
		expect(error).toBeUndefined();
		expect(pairs(output)).toEqual([0, 1, 2, 3, 4, 5].map((item) => ({ item })));
		expect(output[2]?.json).toEqual({
			name: 'deleted_user',
			error: '@deleted_user was not found on TikTok',
			details: {
				kind: 'not-found',
				advice:
					'Check the spelling. The account may also have been renamed, banned or deleted. TikLiveAPI answered HTTP 200: Not found user.',
				user: '@deleted_user',
				creditsSpent: 1,
			},
		});
		expect(output[3]?.json).toEqual({
			name: 'a b',
			error: `"a b" is not a TikTok username (parameter 'User')`,
			details: {
				kind: 'invalid-input',
				advice: expect.stringMatching(/^Usernames have up to 24/) as string,
				user: 'a b',
			},
		});
		expect(output[5]?.json['username']).toBe(simulator.population.username(3));
		expect({ tries, billed: billed() }).toEqual({ tries: 1, billed: 5 });
	});

	describe.each(['continueRegularOutput', 'continueErrorOutput'] as const)(
		'with %s and Retry On Fail',
		(onError) => {
			const settings = { onError, retryOnFail: true, maxTries: 3, waitBetweenTries: 1 };
			it.each<[string, () => IDataObject[], number]>([
				['the first item fails', () => [{ name: 'missing_keys' }, ...names(2)], 3],
				['the first item is fine', () => [...names(2), { name: 'missing_keys' }], 3],
				['all fail', () => [{ name: 'deleted_user' }, { name: 'missing_keys' }], 2],
			])('pays for nothing twice when %s', async (_, given, credits) => {
				const items = given();
				const { output, errorOutput, error } = await run('tikLiveUserInfo', items, { settings });
				expect(error).toBeUndefined();
				expect(output.length + errorOutput.length).toBe(items.length);
				expect({ billed: billed(), twice: simulator.ledger.report().paidTwice }).toEqual({
					billed: credits,
					twice: [],
				});
			});

			it('pays once for the refusal of a list', async () => {
				const { output, errorOutput } = await run('tikLiveFollowers', [{ name: 'private_user' }], {
					settings,
				});
				expect([...output, ...errorOutput].map(({ json }) => json['error'])).toEqual([
					'@private_user keeps this private',
				]);
				// The look-up of the id and the refusal.
				expect(billed()).toBe(2);
			});

			it('tells the same on both outputs, with the fields of the input item', async () => {
				const { output, errorOutput } = await run(
					'tikLiveUserInfo',
					[
						{ name: names(1)[0]?.['name'] as string, row: 1 },
						{ name: 'deleted_user', row: 2 },
					],
					{ settings },
				);
				const failed = onError === 'continueErrorOutput' ? errorOutput[0] : output[1];
				expect(failed?.json).toEqual({
					name: 'deleted_user',
					row: 2,
					error: '@deleted_user was not found on TikTok',
					details: {
						kind: 'not-found',
						advice: expect.stringContaining('Check the spelling.') as string,
						user: '@deleted_user',
						creditsSpent: 1,
					},
				});
				expect(failed?.pairedItem).toEqual({ item: 1 });
			});

			it('gives one failed item for each input item when the credential cannot be used', async () => {
				const { output, errorOutput } = await run('tikLiveUserInfo', names(3), {
					settings,
					credential: credential({ baseUrl: 'http://example.com' }),
				});
				const failed = onError === 'continueErrorOutput' ? errorOutput : output;
				expect(failed.map(({ json }) => json['name'])).toEqual(names(3).map(({ name }) => name));
				expect(failed[0]?.json).toMatchObject({
					error: "'Base URL' of the TikLiveAPI credential does not begin with https://",
					details: { kind: 'invalid-input' },
				});
			});
		},
	);

	it('stands behind the records for the error output, so that n8n does not run the node again', async () => {
		const { tries, output, errorOutput } = await run(
			'tikLiveUserInfo',
			[{ name: 'deleted_user' }, ...names(2)],
			{ settings: { onError: 'continueErrorOutput', retryOnFail: true, maxTries: 5 } },
		);
		expect({ tries, billed: billed() }).toEqual({ tries: 1, billed: 3 });
		expect([pairs(output), pairs(errorOutput)]).toEqual([
			[{ item: 1 }, { item: 2 }],
			[{ item: 0 }],
		]);
	});

	it('goes to the error output with Continue (using error output)', async () => {
		const { output, errorOutput, downstream } = await run('tikLiveUserInfo', items(), {
			settings: { onError: 'continueErrorOutput', retryOnFail: true },
		});
		expect(pairs(output)).toEqual([0, 1, 4, 5].map((item) => ({ item })));
		expect(pairs(errorOutput)).toEqual([2, 3].map((item) => ({ item })));
		expect(errorOutput[0]?.json['error']).toMatch(/not found/);
		expect(downstream).toHaveLength(4);
	});

	it('ends the node before any request when the input itself is bad', async () => {
		const { error, output } = await run('tikLiveUserInfo', items());
		expect(error?.message).toBe(`"a b" is not a TikTok username (parameter 'User') [item 3]`);
		expect(error?.context['itemIndex']).toBe(3);
		expect({ arrivals: arrivals(), output }).toEqual({ arrivals: 0, output: [] });
	});

	it('ends the node at the first failing item, whichever fails first', async () => {
		const slow = simulator.population.username(0);
		simulator.faults.script({ params: { username: 'deleted_user' } }, [
			{ kind: 'slow-headers', ms: 150 },
		]);
		simulator.faults.script({ params: { username: slow } }, [{ kind: 'slow-headers', ms: 300 }]);
		const { error } = await run('tikLiveUserInfo', [
			{ name: slow },
			{ name: 'deleted_user' },
			{ name: 'missing_keys' },
		]);
		expect(error?.message).toMatch(/not found on TikTok \[item 1\]/);
	});
});

describe('Retry On Fail', () => {
	it('pays for no item twice when one fails in the first try', async () => {
		const items = names(10);
		simulator.faults.script({ params: { username: items[9]?.['name'] as string } }, [503]);
		const { output, tries, error } = await run('tikLiveUserInfo', items, {
			parameters: { options: { maxAge: 0, maxAttempts: 1 } },
			settings: { retryOnFail: true, maxTries: 3, waitBetweenTries: 1 },
		});
		expect(error).toBeUndefined();
		expect(jsons(output)).toEqual(
			items.map(({ name }) => simulator.truth.userInfo(name as string)),
		);
		expect({ tries, billed: billed(), twice: simulator.ledger.report().paidTwice }).toEqual({
			tries: 2,
			billed: 10,
			twice: [],
		});
	});

	it('pays for no page twice', async () => {
		simulator.faults.script({ endpoint: '/user-posts/' }, ['none', 503]);
		const { output, tries } = await run('tikLivePosts', [{ name: 'pinned_first' }], {
			parameters: { returnAll: true, options: { maxAge: 0, maxAttempts: 1 } },
			settings: { retryOnFail: true, maxTries: 3, waitBetweenTries: 1 },
		});
		expect(jsons(output)).toEqual(simulator.truth.posts('pinned_first'));
		expect({ tries, billed: billed() }).toEqual({ tries: 2, billed: 3 });
	});

	it('does not run a success again', async () => {
		const { tries } = await run('tikLiveUserInfo', names(3), {
			settings: { retryOnFail: true, maxTries: 5 },
		});
		expect({ tries, billed: billed() }).toEqual({ tries: 1, billed: 3 });
	});

	it('asks anew in another execution', async () => {
		const connection = credential();
		const options = { credential: connection, parameters: { options: { maxAge: 0 } } };
		await run('tikLiveUserInfo', names(2), options);
		await run('tikLiveUserInfo', names(2), options);
		expect(billed()).toBe(4);
	});
});

describe('cancel', () => {
	it.each([false, true])(
		'sends nothing more, ends the node and keeps what was done (Retry On Fail: %s)',
		async (retryOnFail) => {
			simulator.faults.set({ latencyMs: [100, 100] });
			let cancelledAtMs = 0;
			let arrivedAtCancel = 0;
			const {
				run: result,
				output,
				downstream,
				hints,
				tries,
			} = await run('tikLiveUserInfo', names(400), {
				credential: credential({ maxConcurrent: 5 }),
				settings: { retryOnFail, maxTries: 5, waitBetweenTries: 1_000 },
				started: (cancel) =>
					whenArrived(20, () => {
						cancelledAtMs = performance.now();
						arrivedAtCancel = arrivals();
						cancel();
					}),
			});
			expect(performance.now() - cancelledAtMs).toBeLessThan(250);
			expect(result.status).toBe('canceled');
			await new Promise((resolve) => setTimeout(resolve, 400));
			// Requests that were on their way at that moment may still come in.
			expect(arrivals() - arrivedAtCancel).toBeLessThanOrEqual(5);
			expect(tries).toBe(1);
			expect(output.length).toBeGreaterThan(0);
			expect(output.length).toBeLessThanOrEqual(arrivedAtCancel);
			expect(hints[1]).toBe(`Cancelled with ${400 - output.length} items left to do`);
			expect(downstream).toEqual([]);
		},
	);

	it('ends a list between its pages', async () => {
		simulator.faults.set({ latencyMs: [100, 100] });
		const { run: result, output } = await run('tikLivePosts', [{ name: 'pinned_first' }], {
			parameters: { returnAll: true },
			started: (cancel) => whenArrived(2, cancel),
		});
		expect(result.status).toBe('canceled');
		expect(output).toEqual([]);
		await new Promise((resolve) => setTimeout(resolve, 300));
		expect(arrivals()).toBe(2);
	});
});

describe('failures that come as status 200', () => {
	it('wrong key', async () => {
		const { error } = await run('tikLiveUserInfo', names(1), {
			credential: credential({ apiKey: `${CANARY}-unknown` }),
		});
		expect(error?.message).toBe(
			'TikLiveAPI did not accept the API key for @creator000000 [item 0]',
		);
		expect(failureOf(error)).toEqual({ cause: 'credential-invalid' });
		expect(arrivals()).toBe(1);
	});

	it('wrong key with many items: hardly a request', async () => {
		const { output } = await run('tikLiveUserInfo', names(200), {
			credential: credential({ apiKey: `${CANARY}-unknown-2` }),
			settings: { onError: 'continueRegularOutput' },
		});
		expect(output).toHaveLength(200);
		for (const { json } of output) expect(json['error']).toMatch(/did not accept the API key/);
		expect(arrivals()).toBeLessThanOrEqual(40);
	});

	it('empty account', async () => {
		const poor = await startSimulator({ keys: KEYS, credits: 0 });
		const { error } = await run('tikLiveUserInfo', names(1), {
			credential: credential({ baseUrl: poor.url }),
		});
		await poor.close();
		expect(error?.message).toBe(
			'The TikLiveAPI account has no credits left for @creator000000 [item 0]',
		);
		expect(failureOf(error)).toEqual({ cause: 'quota-exhausted' });
		expect(poor.report().judge.arrivals).toBe(1);
	});

	it('private user', async () => {
		const { error } = await run('tikLiveFollowers', [{ name: 'private_user' }]);
		expect(error?.message).toBe('@private_user keeps this private [item 0]');
		expect(failureOf(error)).toEqual({ cause: 'configuration-invalid' });
		expect(arrivals()).toBe(2);
	});

	it('user who does not exist', async () => {
		const { error } = await run('tikLiveUserInfo', [{ name: 'deleted_user' }]);
		expect(failureOf(error)).toEqual({ cause: 'configuration-invalid' });
		expect(arrivals()).toBe(1);
	});

	it('object without the usual keys', async () => {
		const { error } = await run('tikLiveUserInfo', [{ name: 'missing_keys' }]);
		expect(error?.message).toMatch(/does not hold what was asked for/);
		expect(arrivals()).toBe(1);
	});
});

describe('an API that is not there', () => {
	it('is declared as temporarily unavailable', async () => {
		simulator.faults.set({ rate5xx: 1 });
		const { error } = await run('tikLiveUserInfo', names(1), {
			parameters: { options: { maxAttempts: 1 } },
		});
		expect(error?.message).toBe('TikLiveAPI could not answer for @creator000000 just now [item 0]');
		expect(failureOf(error)).toEqual({ cause: 'temporarily-unavailable' });
	});

	it('is hidden by a stored answer where that is wanted, and each record says so', async () => {
		const connection = credential();
		const options = { maxAge: 0, maxAttempts: 1, whenUnavailable: 'stale' };
		const ask = async () =>
			await run('tikLiveUserInfo', names(1), { credential: connection, parameters: { options } });
		expect(jsons((await ask()).output)[0]?.['stale']).toBe(false);
		simulator.faults.set({ rate5xx: 1 });
		const { output, hints } = await ask();
		expect(jsons(output)[0]).toMatchObject({ ...(names(1)[0] && { stale: true }) });
		expect(hints[1]).toMatch(/Old stored answers were used once/);
	});

	it('stops at the daily budget and says when it starts again', async () => {
		const { output } = await run('tikLiveUserInfo', names(6), {
			credential: credential({ dailyBudget: '4', criticalReserve: 1 }),
			settings: { onError: 'continueErrorOutput' },
		});
		expect(output).toHaveLength(3);
		expect(billed()).toBe(3);
		const { error } = await run('tikLiveUserInfo', names(1), {
			credential: credential({ dailyBudget: '0', criticalReserve: 0 }),
		});
		expect(error?.message).toBe(
			'The credit budget does not allow this request for @creator000000 [item 0]',
		);
		expect(failureOf(error)).toEqual({
			cause: 'quota-exhausted',
			resetsAtEpochMs: expect.any(Number),
		});
	});
});

describe('bad input', () => {
	afterEach(() => expect(arrivals()).toBe(0));

	it.each<[string, NodeName, IDataObject, string]>([
		['empty username', 'tikLiveUserInfo', { user: by('username', '={{ "" }}') }, 'User'],
		['missing username', 'tikLiveUserInfo', { user: by('username', '={{ $json.no }}') }, 'User'],
		[
			'impossible username',
			'tikLiveUserInfo',
			{ user: by('username', '={{ "no way!" }}') },
			'User',
		],
		[
			'URL of another site',
			'tikLiveUserInfo',
			{ user: by('url', '={{ "https://instagram.com/@a" }}') },
			'User',
		],
		['id with letters', 'tikLiveUserInfo', { user: by('id', '={{ "12a4" }}') }, 'User'],
		[
			'id that was a number',
			'tikLiveUserInfo',
			{ user: by('id', '={{ 6943972350728700930 }}') },
			'User',
		],
		['limit 0', 'tikLivePosts', { limit: '={{ 0 }}' }, 'Limit'],
		['limit 2.5', 'tikLivePosts', { limit: '={{ 2.5 }}' }, 'Limit'],
		['limit that is text', 'tikLivePosts', { limit: '={{ "all" }}' }, 'Limit'],
		['max pages 0', 'tikLivePosts', { options: { maxPages: '={{ 0 }}' } }, 'Max Pages'],
		['max attempts 11', 'tikLivePosts', { options: { maxAttempts: '={{ 11 }}' } }, 'Max Attempts'],
		['timeout 0', 'tikLivePosts', { options: { timeout: '={{ 0 }}' } }, 'Timeout'],
		['negative age', 'tikLivePosts', { options: { maxAge: '={{ -1 }}' } }, 'Max Age'],
		['unknown priority', 'tikLivePosts', { options: { priority: '={{ "urgent" }}' } }, 'Priority'],
		['no time', 'tikLivePosts', { options: { newerThan: '={{ "yesterday" }}' } }, 'Newer Than'],
		['no bookmark', 'tikLivePosts', { options: { startFrom: 'abc' } }, 'Start From'],
	])('%s is refused with the parameter and the item', async (_, node, parameters, label) => {
		const { error } = await run(node, [{ name: 'tiktok' }], { parameters: parameters as never });
		expect(error?.message).toMatch(
			new RegExp(`\\(parameter '${label}'\\)( for @tiktok)? \\[item 0\\]$`),
		);
		expect(error?.name).toBe('NodeOperationError');
		expect(failureOf(error)).toEqual({ cause: 'configuration-invalid' });
		expect((error as NodeApiError).description).toMatch(/\.$/);
	});

	it('is stopped by the form already where it is no expression', async () => {
		await expect(
			run('tikLiveUserInfo', [{}], { parameters: { user: by('username', 'no way!') } }),
		).rejects.toThrow('A TikTok username has up to 24 letters');
		await expect(
			run('tikLiveUserInfo', [{}], { parameters: { user: by('url', 'https://x.com/@a') } }),
		).rejects.toThrow('Enter the address of a profile on tiktok.com');
		await expect(
			run('tikLiveUserInfo', [{}], { parameters: { user: by('id', '12a4') } }),
		).rejects.toThrow('A TikTok user ID consists of digits');
	});

	it.each<[string, IDataObject, RegExp]>([
		['no key', { apiKey: '' }, /'API Key' of the TikLiveAPI credential is empty/],
		['http to a public host', { baseUrl: 'http://api.tikliveapi.com' }, /'Base URL'.*https/],
		['user-info in the URL', { baseUrl: `https://u:${CANARY}@api.tikliveapi.com` }, /'Base URL'/],
		['reserve above the budget', { dailyBudget: '10', criticalReserve: 11 }, /'Critical Reserve'/],
		['Redis without a host', { stateStore: 'redis', redisHost: ' ' }, /'Redis Host'.*is empty/],
	])('credential with %s', async (_, over, complaint) => {
		const { error } = await run('tikLiveUserInfo', names(2), { credential: credential(over) });
		expect(error?.message).toMatch(complaint);
	});

	it('in the credential goes to the error output item by item', async () => {
		const { output, errorOutput } = await run('tikLiveUserInfo', names(2), {
			credential: credential({ apiKey: '' }),
			settings: { onError: 'continueErrorOutput' },
		});
		expect(output).toEqual([]);
		expect(jsons(errorOutput).map((json) => json['error'])).toEqual(
			Array(2).fill(expect.stringMatching(/'API Key'/)),
		);
	});
});

describe('what people map from a sheet', () => {
	it('an id that arrived as a number is refused by username too, and nothing is spent', async () => {
		const { error } = await run('tikLiveUserInfo', [{ name: 6943972350728700930 }]);
		expect(error?.message).toBe(
			"The user id arrived as a number and has lost its last digits (parameter 'User') [item 0]",
		);
		expect(arrivals()).toBe(0);
	});

	it('a name of digits that is not found tells of ids', async () => {
		const { error } = await run('tikLiveUserInfo', [{ name: '694397235072870093' }]);
		expect(error?.message).toBe('@694397235072870093 was not found on TikTok [item 0]');
		expect((error as NodeApiError).description).toContain("choose By ID in 'User'");
	});

	it('options that n8n has lost are refused, and nothing is spent', async () => {
		const { error } = await run('tikLivePosts', [{ name: 'tiktok', opts: { maxPages: 2 } }], {
			parameters: { returnAll: true, options: '={{ $json.opts }}' as never },
		});
		expect(error?.message).toMatch(/^Options is one expression as a whole/);
		expect(arrivals()).toBe(0);
	});

	it('the fields of the input item can stand beside those of the record', async () => {
		const [item] = names(1);
		const { output } = await run(
			'tikLiveUserInfo',
			[{ ...item, row_number: 7, nickname: 'mine', error: 'of an earlier node' }],
			{ parameters: { options: { includeInputFields: true } } },
		);
		const record = simulator.truth.userInfo(item?.['name'] as string);
		expect(output[0]?.json).toEqual({ ...item, row_number: 7, ...record });
	});
});

describe('a bookmark of another user', () => {
	it('is refused before any request', async () => {
		const connection = credential();
		const options = { limit: 1, options: { includeBookmark: true } };
		const { output } = await run('tikLivePosts', [{ name: 'pinned_first' }], {
			credential: connection,
			parameters: options,
		});
		const before = arrivals();
		const { error } = await run('tikLivePosts', [{ name: 'null_titles' }], {
			credential: connection,
			parameters: { options: { startFrom: output[0]?.json['bookmark'] as string } },
		});
		expect(error?.message).toBe(
			"The bookmark is for another user (parameter 'Start From') for @null_titles [item 0]",
		);
		expect(arrivals()).toBe(before);
	});
});

describe('state on disk', () => {
	it('is one database in a folder of the package, closed to other users of the machine', async () => {
		const folder = join(userFolder, '.n8n/storage/n8n-nodes-tikliveapi');
		await run('tikLiveUserInfo', names(1));
		expect(readdirSync(folder)).toContain('tiklive.db');
		expect(statSync(folder).mode & 0o777).toBe(0o700);
		for (const file of readdirSync(folder)) {
			expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600);
			expect(readFileSync(join(folder, file)).includes(CANARY)).toBe(false);
		}
	});
});

describe('the API key', () => {
	it('is in no output, error, hint or log of all the runs above', () => {
		expect(outcomes.length).toBeGreaterThan(50);
		expect(asText(outcomes)).not.toContain(CANARY);
		expect(logged.join('\n')).not.toContain(CANARY);
	});
});
