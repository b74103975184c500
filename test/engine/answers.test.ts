import type { IDataObject, NodeApiError } from 'n8n-workflow';
import type { FaultStep } from '../simulator/faults';
import { startSimulator, type Simulator } from '../simulator/server';
import { closeRuntimes, logged, removeUserFolder, runNode, type NodeName } from './harness';

/** Answers in other forms, and failures that cannot heal, over real sockets and through n8n's engine. */

const KEYS = Array.from({ length: 50 }, (_, index) => `key-${index}`);
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

const credential = (over: IDataObject = {}): IDataObject => ({
	...{ baseUrl: simulator.url, apiKey: KEYS[keysUsed++] as string, ...FAST, ...over },
});

async function run(
	node: NodeName,
	username: string,
	over: IDataObject = {},
	parameters: IDataObject = {},
) {
	const user = { __rl: true, mode: 'username', value: username };
	const { output, error } = await runNode({
		node,
		items: [{}],
		credential: credential(over),
		parameters: {
			user,
			...(node !== 'tikLiveUserInfo' && { returnAll: true }),
			...parameters,
		} as never,
	});
	return { records: output.map(({ json }) => json), error: error as NodeApiError | undefined };
}

const spent = () => {
	const { ledger, answers } = simulator.report();
	return { billed: ledger.billed, answers };
};

it.each([
	'wrapped_bodies',
	'php_lists',
	'php_warnings',
	'no_list_at_end',
	'null_list_at_end',
	'no_list_at_all',
])('%s: profile and lists are whole, and no page is paid for twice', async (username) => {
	expect((await run('tikLiveUserInfo', username)).records).toEqual([
		simulator.truth.userInfo(username),
	]);
	for (const [node, list, pageSize] of [
		['tikLiveFollowers', 'followers', 200],
		['tikLiveFollowing', 'following', 200],
		['tikLivePosts', 'posts', 35],
	] as const) {
		const before = simulator.ledger.report().billed;
		const { records, error } = await run(node, username);
		const truth = simulator.truth[list](username);
		expect(error).toBeUndefined();
		expect(records).toEqual(truth);
		// The look-up of the id, and the page that ends the list.
		const most = 1 + Math.ceil(truth.length / pageSize) + 1;
		expect(simulator.ledger.report().billed - before).toBeLessThanOrEqual(most);
	}
});

it('a warning in front of the answers is in the log, once', async () => {
	logged.length = 0;
	await run('tikLivePosts', 'php_warnings');
	expect(logged.filter((line) => line.includes('in front of its JSON'))).toHaveLength(1);
});

it.each<FaultStep>([
	{ kind: 'compressed', encoding: 'gzip' },
	{ kind: 'compressed', encoding: 'deflate' },
	{ kind: 'compressed', encoding: 'br' },
	{ kind: 'compressed', encoding: 'zstd' },
	'wrapped',
	'php-warning',
	'bom',
])('%p is read at the first try', async (step) => {
	simulator.faults.script('/userinfo-by-username/', [step]);
	expect((await run('tikLiveUserInfo', 'no_stats')).records).toEqual([
		simulator.truth.userInfo('no_stats'),
	]);
	expect(spent().billed).toBe(1);
});

it('one broken byte costs one letter', async () => {
	simulator.faults.script('/user-followers/', ['broken-byte']);
	const { records } = await run('tikLiveFollowers', 'creator000017');
	const truth = simulator.truth.followers('creator000017');
	expect(records.slice(1)).toEqual(truth.slice(1));
	expect(records[0]).toEqual({
		...truth[0],
		nickname: truth[0]?.nickname.replace(/^./, '\ufffd'),
	});
});

it('a bomb and a stream that was cut are asked for again', async () => {
	simulator.faults.script('/userinfo-by-username/', [
		'bomb',
		{ kind: 'compressed-cut', encoding: 'gzip' },
	]);
	expect((await run('tikLiveUserInfo', 'no_stats')).records).toEqual([
		simulator.truth.userInfo('no_stats'),
	]);
	expect(spent().billed).toBe(3);
});

it('ids that are floats are null in a list, and refused where one is needed', async () => {
	simulator.faults.script('/user-followers/', ['float-ids']);
	const raw = { simplify: false };
	const { records } = await run('tikLiveFollowers', 'creator000017', {}, raw);
	const [first] = simulator.truth.followers('creator000017');
	expect(records[0]).toMatchObject({ id: null, unique_id: first?.username });

	simulator.faults.script('/userinfo-by-username/', ['float-ids']);
	const { error } = await run('tikLiveUserInfo', 'no_stats');
	expect(error?.description).toContain('user.id as a number with a point or an exponent');
});

it('the page of a CDN is told as what it is, and says nothing of the key', async () => {
	simulator.faults.script('/userinfo-by-username/', ['challenge']);
	const over = credential();
	const { error } = await run('tikLiveUserInfo', 'no_stats', over);
	expect(error?.message).toMatch(/^Something between n8n and TikLiveAPI refused the request/);
	expect(error?.description).toContain('HTTP 403 came with a web page, "Just a moment..."');
	expect((await run('tikLiveUserInfo', 'no_stats', over)).records).toHaveLength(1);
	expect(spent()).toEqual({ billed: 1, answers: { 200: 1, 403: 1 } });
});

it('no TLS at the other end is tried once, and told with its cure', async () => {
	const over = { baseUrl: simulator.url.replace('http:', 'https:') };
	const { error } = await run('tikLiveUserInfo', 'no_stats', over);
	expect(error?.message).toMatch(/^TikLiveAPI cannot be reached from here/);
	expect(error?.description).toContain("Correct the port in 'Base URL' of the credential.");
	expect(error?.description).toContain('What answers there does not speak TLS');
	expect(simulator.report().answers).toEqual({});
});
