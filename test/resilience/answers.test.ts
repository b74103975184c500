import type { Failure } from '../../nodes/shared/api';
import type { CallOptions, Client } from '../../nodes/shared/resilience/client';
import { TransportError } from '../../nodes/shared/resilience/ports';
import { clockWithBottleneck } from '../support/bottleneck';
import { PROFILE, scriptedClient, type Script } from '../support/client';
import type { ManualClock } from '../support/clock';

/** What strange answers and failures that cannot heal do to the client: tries, credits, breaker, store and log. */

let clock: ManualClock;
beforeEach(() => {
	jest.useFakeTimers();
	clock = clockWithBottleneck();
});
afterEach(() => {
	jest.useRealTimers();
});

const WARNING = '<br />\n<b>Warning</b>:  x in <b>/var/www/x.php</b> on line <b>1</b><br />\n';

const info = async (client: Client, username: string, options: CallOptions = {}) =>
	await clock.runUntil(client.call('userInfoByUsername', { username }, options));

const failureOf = async (call: Promise<unknown>): Promise<Failure & { credits?: number }> =>
	await call.then(
		() => {
			throw new Error('expected a failure');
		},
		(error: { failure: Failure }) => error.failure,
	);

const credits = async (client: Client) => {
	const { backfill } = (await client.status()).budget.byPriority;
	return { spent: backfill.spent, unknown: backfill.unknown };
};

describe('an answer in another form', () => {
	const forms: [string, string][] = [
		['in an envelope', JSON.stringify({ code: 0, msg: 'success', data: PROFILE() })],
		['behind a warning', WARNING + JSON.stringify(PROFILE())],
	];

	test.each(forms)(
		'%s is the same from the API, from the store and for the look-up',
		async (_title, body) => {
			const { client, sent, stores, said } = scriptedClient(clock, () => ({ body }));
			expect(await info(client, 'creator000017')).toMatchObject({
				source: 'network',
				body: PROFILE(),
			});
			expect(await info(client, 'creator000017')).toMatchObject({
				source: 'cache',
				body: PROFILE(),
			});
			const fresh = scriptedClient(clock, () => ({ body: '' }), { stores });
			expect(await info(fresh.client, 'creator000017')).toMatchObject({
				source: 'cache',
				body: PROFILE(),
			});
			const lookup = client.call('userId', { username: 'creator000017' });
			expect((await clock.runUntil(lookup)).body).toEqual({ id: '6943972350728700930' });
			expect(sent).toHaveLength(1);
			expect(await credits(client)).toEqual({ spent: 1, unknown: 0 });
			expect(said).toHaveLength(body.startsWith('<') ? 1 : 0);
		},
	);

	test('a list without a list is an empty list from the store, too', async () => {
		const body = { cursor: '0', hasMore: false };
		const { client, sent } = scriptedClient(clock, () => ({ body }));
		const call = () =>
			clock.runUntil(client.call('userPosts', { userid: '77', count: 35, cursor: 0 }));
		for (const source of ['network', 'cache']) {
			expect(await call()).toMatchObject({ source, body: { ...body, videos: [] } });
		}
		expect(sent).toHaveLength(1);
	});

	test('what is strange about it is said once', async () => {
		const { client, said } = scriptedClient(clock, () => ({
			body: WARNING + JSON.stringify(PROFILE()),
		}));
		for (const username of ['a', 'b', 'c']) await info(client, username);
		expect(said).toEqual([expect.stringMatching(/^TikLiveAPI answers .* in front of its JSON/)]);
	});
});

describe('what cannot heal by itself', () => {
	const untrusted = (): TransportError =>
		new TransportError('unreachable', 'Not trusted', false, 'SELF_SIGNED', 'Give the CA.');
	const challenge = {
		status: 403,
		body: '<html><title>Just a moment...</title></html>',
		headers: { 'content-type': 'text/html' },
	};

	test('no way to the API: tried once, told with its cure, costs nothing, opens no breaker', async () => {
		const { client, sent } = scriptedClient(clock, untrusted);
		expect(await failureOf(info(client, 'a'))).toEqual({
			kind: 'unreachable',
			detail: 'Not trusted',
			cure: 'Give the CA.',
			code: 'SELF_SIGNED',
		});
		expect(sent).toHaveLength(1);
		expect(await credits(client)).toEqual({ spent: 0, unknown: 0 });
		for (let n = 0; n < 20; n += 1) {
			await clock.advance(10_000);
			expect(await failureOf(info(client, `user${n}`))).toMatchObject({ kind: 'unreachable' });
		}
		expect(sent).toHaveLength(21);
		expect((await client.status()).breaker.state).toBe('closed');
	});

	test('no way to the API: of many items one is tried', async () => {
		const { client, sent } = scriptedClient(clock, untrusted);
		for (let n = 0; n < 100; n += 1) {
			expect(await failureOf(info(client, `user${n}`))).toMatchObject({ kind: 'unreachable' });
		}
		expect(sent).toHaveLength(1);
	});

	test('a page in between: tried once, opens no breaker, holds nobody back', async () => {
		const { client, sent } = scriptedClient(clock, (_request, index) =>
			index < 10 ? challenge : { body: PROFILE() },
		);
		for (let n = 0; n < 10; n += 1) {
			expect(await failureOf(info(client, `user${n}`))).toMatchObject({
				kind: 'intercepted',
				status: 403,
				detail: expect.stringContaining('Just a moment...'),
			});
		}
		expect(sent).toHaveLength(10);
		expect(await credits(client)).toEqual({ spent: 0, unknown: 0 });
		expect((await client.status()).breaker.state).toBe('closed');
		expect(await info(client, 'somebody')).toMatchObject({ source: 'network' });
	});

	test.each<[string, Script]>([
		['no way to the API', untrusted],
		['a page in between', () => challenge],
	])('%s: an old stored answer may serve', async (_title, trouble) => {
		let script: Script = () => ({ body: PROFILE() });
		const { client } = scriptedClient(clock, (request, index) => script(request, index));
		await info(client, 'a');
		await clock.advance(7_200_000);
		script = trouble;
		expect(await info(client, 'a', { staleOk: true })).toMatchObject({ source: 'stale' });
	});
});

describe('a 200 that says that the server is in trouble', () => {
	test('is tried again, and what it may have cost is counted', async () => {
		const { client, sent } = scriptedClient(clock, (_request, index) => ({
			body:
				index < 2
					? { status: 'error', message: 'Server error, please try again later' }
					: PROFILE(),
		}));
		expect(await info(client, 'a')).toMatchObject({ attempts: 3, body: PROFILE() });
		expect(sent).toHaveLength(3);
		expect(await credits(client)).toEqual({ spent: 1, unknown: 2 });
	});
});

describe('a 429 with rate limit headers', () => {
	test.each<[string, number, unknown]>([
		['429', 429, ''],
		['200', 200, { message: 'Too many requests' }],
	])('%s: nobody asks before the time that they tell', async (_title, status, body) => {
		const { client, sent } = scriptedClient(clock, (_request, index) => {
			if (index > 0) return { body: PROFILE() };
			const resetsAt = Math.ceil(clock.wallMs() / 1_000) + 45;
			return {
				...{ status, body },
				headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(resetsAt) },
			};
		});
		await info(client, 'a');
		expect(sent).toHaveLength(2);
		expect((sent[1]?.atMs ?? 0) - (sent[0]?.atMs ?? 0)).toBeGreaterThanOrEqual(45_000);
	});
});

describe('a connection that does not come about in time', () => {
	test('sent nothing, so nothing is counted', async () => {
		const { client } = scriptedClient(
			clock,
			() => new TransportError('network', 'No connection came about', false, 'X'),
		);
		expect(await failureOf(info(client, 'a', { maxAttempts: 3 }))).toMatchObject({
			kind: 'network',
		});
		expect(await credits(client)).toEqual({ spent: 0, unknown: 0 });
	});
});
