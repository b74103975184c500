import type { Failure } from '../../nodes/shared/api';
import type { CallOptions, Client } from '../../nodes/shared/resilience/client';
import { noMetrics } from '../../nodes/shared/resilience/metrics';
import { TransportError } from '../../nodes/shared/resilience/ports';
import { clockWithBottleneck } from '../support/bottleneck';
import {
	CANARY_KEY,
	PROFILE,
	reset,
	scriptedClient,
	SETTINGS,
	type Script,
} from '../support/client';
import type { ManualClock } from '../support/clock';

const ok: Script = () => ({ body: PROFILE() });
const down: Script = () => ({ status: 503, body: 'down' });
const never = new AbortController().signal;

const info = (client: Client, username = 'creator000017', options: CallOptions = {}) => {
	const call = client.call('userInfoByUsername', { username }, options);
	call.catch(() => {});
	return call;
};
const failureOf = async (call: Promise<unknown>): Promise<Failure> =>
	await call.then(
		() => {
			throw new Error('expected a failure');
		},
		(error: { failure: Failure }) => error.failure,
	);
const used = async (client: Client) => {
	const { byPriority } = (await client.status()).budget;
	return {
		spent: byPriority.backfill.spent + byPriority.critical.spent,
		unknown: byPriority.backfill.unknown + byPriority.critical.unknown,
		reserved: byPriority.backfill.reserved + byPriority.critical.reserved,
	};
};

let clock: ManualClock;
beforeEach(() => {
	jest.useFakeTimers();
	clock = clockWithBottleneck();
});
afterEach(() => {
	jest.useRealTimers();
});

describe('the way of one request', () => {
	it('asks with the key in the header and hands the parsed body back', async () => {
		const { client, sent } = scriptedClient(clock, ok);
		const result = await clock.runUntil(info(client));
		expect(result).toMatchObject({ source: 'network', attempts: 1, credits: 1, body: PROFILE() });
		expect(sent[0]).toMatchObject({
			url: 'https://api.tikliveapi.com/userinfo-by-username/?username=creator000017',
			headers: { 'x-api-key': CANARY_KEY },
			timeoutMs: 30_000,
		});
	});

	it('a fresh stored answer costs nothing, an old one is asked for again', async () => {
		const { client, sent } = scriptedClient(clock, ok);
		await clock.runUntil(info(client));
		expect(await clock.runUntil(info(client))).toMatchObject({ source: 'cache', credits: 0 });
		await clock.advance(3_600_000);
		expect(await clock.runUntil(info(client))).toMatchObject({ source: 'network' });
		await clock.advance(1);
		expect(await clock.runUntil(info(client, undefined, { maxAgeMs: 0 }))).toMatchObject({
			source: 'network',
		});
		expect(sent).toHaveLength(3);
	});

	it('each caller gets an object of its own', async () => {
		const { client } = scriptedClient(clock, ok);
		const one = await clock.runUntil(info(client));
		one.body['user'] = 'changed';
		expect((await clock.runUntil(info(client))).body).toEqual(PROFILE());
	});

	it('50 callers for one user pay once', async () => {
		const { client, sent } = scriptedClient(clock, () => ({ body: PROFILE(), afterMs: 200 }));
		const all = await clock.runUntil(
			Promise.all(Array.from({ length: 50 }, () => info(client, undefined, { maxAgeMs: 0 }))),
		);
		expect(sent).toHaveLength(1);
		expect(all.reduce((sum, { credits }) => sum + credits, 0)).toBe(1);
		expect(all.filter(({ source }) => source === 'shared')).toHaveLength(49);
	});

	it('remembers a missing user for a while', async () => {
		const { client, sent } = scriptedClient(clock, () => ({
			body: { status: 'error', message: 'Not found user' },
		}));
		for (let time = 0; time < 3; time += 1) {
			expect(await failureOf(clock.runUntil(info(client)))).toMatchObject({ kind: 'not-found' });
		}
		expect(sent).toHaveLength(1);
		await clock.advance(10 * 60_000);
		await failureOf(clock.runUntil(info(client)));
		expect(sent).toHaveLength(2);
		expect(await used(client)).toMatchObject({ spent: 2 });
	});

	it('a profile that was paid for tells the id: no credit for the look-up', async () => {
		const { client, sent } = scriptedClient(clock, ok);
		await clock.runUntil(info(client));
		const id = await clock.runUntil(client.call('userId', { username: 'creator000017' }));
		expect(id).toMatchObject({ body: { id: '6943972350728700930' }, source: 'cache', credits: 0 });
		expect(sent).toHaveLength(1);
	});

	it('serves an old answer marked stale when asked to and the API is down', async () => {
		let script = ok;
		const { client } = scriptedClient(clock, (request, index) => script(request, index));
		await clock.runUntil(info(client));
		await clock.advance(7_200_000);
		script = down;
		expect(await failureOf(clock.runUntil(info(client)))).toMatchObject({
			kind: expect.any(String),
		});
		expect(await clock.runUntil(info(client, undefined, { staleOk: true }))).toMatchObject({
			source: 'stale',
			body: PROFILE(),
		});
		expect(await failureOf(clock.runUntil(info(client, 'other', { staleOk: true })))).toMatchObject(
			{
				kind: 'circuit-open',
			},
		);
	});

	it('new settings take effect with the next call and lose nothing that is counted', async () => {
		const { client } = scriptedClient(clock, ok);
		await clock.runUntil(info(client, 'a'));
		client.configure({
			...SETTINGS,
			budget: { ...SETTINGS.budget, dailyBudget: 1, criticalReserve: 0 },
		});
		expect(await failureOf(clock.runUntil(info(client, 'b')))).toMatchObject({
			kind: 'budget-exhausted',
			resetsAtMs: Date.UTC(2026, 0, 16),
		});
	});
});

describe('invariant 1: never above the plan in any 60 s, never above the cap in flight', () => {
	it('holds for 3 minutes of full demand with faults and retries, and uses 97 % of the plan', async () => {
		let inFlight = 0;
		let peak = 0;
		const { client, sent } = scriptedClient(clock, (_, index) => {
			inFlight += 1;
			peak = Math.max(peak, inFlight);
			void clock.sleep(400).then(() => (inFlight -= 1));
			if (index % 11 === 3) return { status: 500, body: '', afterMs: 400 };
			return { body: PROFILE(), afterMs: 400 };
		});
		let n = 0;
		const abort = new AbortController();
		const worker = async () => {
			while (!abort.signal.aborted)
				await info(client, `user${(n += 1)}`, { signal: abort.signal }).catch(() => {});
		};
		const workers = Array.from({ length: 60 }, worker);
		await clock.advance(180_000);
		abort.abort();
		await clock.advance(1_000);
		await Promise.all(workers);

		const stamps = sent.map(({ atMs }) => atMs);
		let worst = 0;
		for (let first = 0, last = 0; last < stamps.length; last += 1) {
			while (stamps[last]! - stamps[first]! >= 60_000) first += 1;
			worst = Math.max(worst, last - first + 1);
		}
		expect(worst).toBeLessThanOrEqual(200);
		expect(peak).toBeLessThanOrEqual(20);
		expect(sent.length).toBeGreaterThanOrEqual(0.97 * 600);
		expect(sent.length).toBeLessThanOrEqual(600);
	}, 60_000);

	it('a 429 holds everybody for as long as the server asks', async () => {
		const { client, sent } = scriptedClient(clock, (_, index) =>
			index === 0
				? { status: 429, headers: { 'retry-after': '20' }, body: '' }
				: { body: PROFILE() },
		);
		const all = Promise.all(['a', 'b', 'c'].map((name) => info(client, name)));
		const startMs = clock.monotonicMs();
		await clock.runUntil(all);
		const later = sent.filter(({ atMs }) => atMs > startMs);
		expect(Math.min(...later.map(({ atMs }) => atMs))).toBeGreaterThanOrEqual(startMs + 20_000);
		expect((await client.status()).breaker).toEqual({ state: 'closed', failures: 0 });
	});
});

describe('invariant 2: an open breaker uses no token, credit or attempt, and nothing spins', () => {
	it('leaves at once and says when to come back', async () => {
		const { client, sent } = scriptedClient(clock, down);
		await failureOf(clock.runUntil(info(client)));
		const before = { sent: sent.length, status: await client.status() };
		expect(before.status.breaker.state).toBe('open');
		for (let n = 0; n < 200; n += 1) {
			const failure = await failureOf(clock.runUntil(info(client, `user${n}`)));
			expect(failure).toMatchObject({ kind: 'circuit-open' });
		}
		const after = await client.status();
		expect(sent).toHaveLength(before.sent);
		expect(after.admission.usedInWindow).toBe(before.status.admission.usedInWindow);
		expect(after.budget.byPriority).toEqual(before.status.budget.byPriority);
	});

	it('calls that were already waiting for a token leave too when it opens', async () => {
		const { client, sent } = scriptedClient(clock, () => ({ status: 503, body: '', afterMs: 50 }), {
			settings: { limits: { ...SETTINGS.limits, burst: 5 } },
		});
		const calls = Array.from({ length: 30 }, (_, n) => info(client, `user${n}`));
		const failures = await clock.runUntil(Promise.all(calls.map(failureOf)));
		expect(failures.filter(({ kind }) => kind === 'circuit-open').length).toBe(30);
		expect(sent.length).toBeLessThanOrEqual(10);
		expect(clock.pending()).toBeLessThanOrEqual(3);
	});

	it('one probe closes it again', async () => {
		let script = down;
		const { client, sent } = scriptedClient(clock, (request, index) => script(request, index));
		await failureOf(clock.runUntil(info(client)));
		script = () => ({ body: PROFILE(), afterMs: 1_000 });
		await clock.advance(30_000);
		const before = sent.length;
		const calls = Array.from({ length: 20 }, (_, n) => info(client, `user${n}`));
		const settled = await clock.runUntil(Promise.allSettled(calls));
		expect(sent.length - before).toBe(1);
		expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
		expect((await client.status()).breaker.state).toBe('closed');
	});
});

describe('invariant 3: each attempt takes its own token, permit and reservation', () => {
	it('three attempts are three tokens; only what may be billed is counted', async () => {
		const answers = [reset(), { status: 500, body: '' }, { body: PROFILE() }];
		const { client } = scriptedClient(clock, (_, index) => answers[index]!);
		const result = await clock.runUntil(info(client));
		expect(result).toMatchObject({ attempts: 3, credits: 2 });
		const status = await client.status();
		expect(status.admission).toMatchObject({ usedInWindow: 3, inFlight: 0 });
		expect(await used(client)).toEqual({ spent: 1, unknown: 1, reserved: 0 });
	});

	it('a connection that was refused bills nothing', async () => {
		const answers = [reset(false), { body: PROFILE() }];
		const { client } = scriptedClient(clock, (_, index) => answers[index]!);
		expect(await clock.runUntil(info(client))).toMatchObject({ attempts: 2, credits: 1 });
		expect(await used(client)).toEqual({ spent: 1, unknown: 0, reserved: 0 });
	});
});

describe('invariant 4: a paid answer is stored before anything else can fail', () => {
	it('is served from the store although the caller left while it was on its way', async () => {
		const { client, sent } = scriptedClient(clock, () => ({ body: PROFILE(), afterMs: 5_000 }));
		const abort = new AbortController();
		const call = info(client, undefined, { signal: abort.signal });
		await clock.advance(1_000);
		abort.abort(new Error('stop'));
		expect(await failureOf(call)).toMatchObject({ kind: 'cancelled' });
		await clock.advance(5_000);
		expect(await clock.runUntil(info(client))).toMatchObject({ source: 'cache', credits: 0 });
		expect(sent).toHaveLength(1);
		expect(await used(client)).toEqual({ spent: 1, unknown: 0, reserved: 0 });
	});

	it('is handed over although the store is in trouble, with one warning', async () => {
		const { client, stores, said } = scriptedClient(clock, ok);
		stores.ledger.settle = async () => await Promise.reject(new Error('disk is full'));
		for (let i = 0; i < 2; i++) {
			const answer = await clock.runUntil(info(client, undefined, { maxAgeMs: 0 }));
			expect(answer).toMatchObject({ source: 'network' });
		}
		expect(said).toEqual([expect.stringContaining('disk is full')]);
	});

	it('the same question in the same node run or job is never paid twice', async () => {
		const { client, sent } = scriptedClient(clock, ok);
		const notBeforeMs = clock.wallMs();
		await clock.runUntil(info(client, undefined, { maxAgeMs: 0, notBeforeMs }));
		await clock.advance(20 * 3_600_000);
		const again = await clock.runUntil(info(client, undefined, { maxAgeMs: 0, notBeforeMs }));
		expect(again).toMatchObject({ source: 'cache', credits: 0 });
		expect(sent).toHaveLength(1);
	});
});

describe('invariant 5: the API key appears nowhere but in the request header', () => {
	it('not in an answer that quotes it, nor in what is stored of it', async () => {
		const body = { user: { id: '1', uniqueId: 'x', signature: `my key is ${CANARY_KEY}` } };
		const { client } = scriptedClient(clock, () => ({ body }));
		for (const source of ['network', 'cache']) {
			const result = await clock.runUntil(info(client));
			expect(result.source).toBe(source);
			expect(JSON.stringify(result)).not.toContain(CANARY_KEY);
		}
	});

	it('not in failures, warnings, addresses or stored rows', async () => {
		const answers = [
			{ body: { message: `Api-Key is not available` } },
			{ status: 500, body: `oops ${CANARY_KEY}` },
			{ body: { status: 'error', message: `Not found user for ${CANARY_KEY}` } },
			{ body: { message: `${CANARY_KEY} is not available` } },
			new TransportError('network', 'reset', true, 'ECONNRESET'),
			{ body: '<html>' },
		];
		for (const [index, answer] of answers.entries()) {
			const { client, sent, said } = scriptedClient(clock, () => answer);
			const error: Error = await clock
				.runUntil(info(client, `user${index}`, { maxAttempts: 1 }))
				.then(
					() => new Error('expected a failure'),
					(caught: Error) => caught,
				);
			const texts = [
				JSON.stringify(error),
				error.message,
				String(error.stack),
				...said,
				sent[0]!.url,
			];
			expect(texts.join('\n')).not.toContain(CANARY_KEY);
		}
	});
});

describe('invariant 6: after a cancel nothing new is sent, and tokens and slots go back', () => {
	it('callers leave at once', async () => {
		const { client, sent } = scriptedClient(clock, () => ({ body: PROFILE(), afterMs: 100 }));
		const abort = new AbortController();
		const calls = Array.from({ length: 100 }, (_, n) =>
			info(client, `user${n}`, { signal: abort.signal }),
		);
		await clock.advance(500);
		const sentBefore = sent.length;
		abort.abort(new Error('stop'));
		const failures = await Promise.all(calls.slice(sentBefore).map(failureOf));
		expect(new Set(failures.map(({ kind }) => kind))).toEqual(new Set(['cancelled']));
		await clock.advance(1_000);
		const status = await client.status();
		expect(status.admission).toMatchObject({ usedInWindow: sentBefore, inFlight: 0 });
		expect(status.waiting).toEqual({ critical: 0, backfill: 0 });
		expect(await used(client)).toMatchObject({ reserved: 0 });
		await clock.advance(60_000);
		expect(sent).toHaveLength(sentBefore);
	});

	it('a call that was cancelled before it began asks nothing', async () => {
		const { client, sent } = scriptedClient(clock, ok);
		const failure = await failureOf(info(client, undefined, { signal: AbortSignal.abort() }));
		expect(failure.kind).toBe('cancelled');
		expect(sent).toHaveLength(0);
	});
});

describe('failures', () => {
	it.each([
		['a wrong key', { body: { message: 'Api-Key is not available' } }, 'invalid-key'],
		['an empty account', { body: { message: 'Your balance is exhausted' } }, 'out-of-credits'],
		[
			'a private user',
			{ body: { status: 'error', message: 'This account is private' } },
			'private',
		],
		['a bad request', { status: 400, body: '' }, 'rejected'],
		['an object without the expected fields', { body: { other: 1 } }, 'unexpected-body'],
	])('%s is not asked twice', async (_, answer, kind) => {
		const { client, sent } = scriptedClient(clock, () => answer);
		expect(await failureOf(clock.runUntil(info(client)))).toMatchObject({ kind });
		expect(sent).toHaveLength(1);
	});

	it.each([
		['429', { status: 429, body: '' }],
		['a server error', { status: 502, body: '' }],
		['a web page', { body: '<html></html>' }],
		['a cut body', new TransportError('body', 'cut', true)],
		['a timeout', new TransportError('timeout', 'slow', true)],
		['a reset', reset()],
	])('%s is asked again', async (_, first) => {
		const { client, sent } = scriptedClient(clock, (__, index) =>
			index === 0 ? first : { body: PROFILE() },
		);
		await clock.runUntil(info(client));
		expect(sent).toHaveLength(2);
	});

	it('a refused key is remembered for a moment, so that 1,000 items do not ask 1,000 times', async () => {
		const { client, sent } = scriptedClient(clock, () => ({
			body: { message: 'Api-Key is not available' },
		}));
		for (let n = 0; n < 20; n += 1) {
			expect((await failureOf(clock.runUntil(info(client, `user${n}`)))).kind).toBe('invalid-key');
		}
		expect(sent).toHaveLength(1);
		await clock.advance(30_000);
		await failureOf(clock.runUntil(info(client)));
		expect(sent).toHaveLength(2);
	});

	it('a refused key stops those that wait for a token as well', async () => {
		const { client, sent } = scriptedClient(clock, () => ({
			body: { message: 'Api-Key is not available' },
			afterMs: 50,
		}));
		const calls = Array.from({ length: 40 }, (_, n) => info(client, `user${n}`));
		const failures = await clock.runUntil(Promise.all(calls.map(failureOf)));
		expect(new Set(failures.map(({ kind }) => kind))).toEqual(new Set(['invalid-key']));
		expect(sent.length).toBeLessThanOrEqual(10);
	});

	it('a total outage sends at most a tenth more than was asked for', async () => {
		const { client, sent } = scriptedClient(clock, down);
		const offered = 500;
		for (let n = 0; n < offered; n += 1) {
			await failureOf(clock.runUntil(info(client, `user${n}`)));
			await clock.advance(1_000);
		}
		expect(sent.length).toBeLessThanOrEqual(offered * 0.1);
	});

	it('attempts and timeout can be chosen', async () => {
		const { client, sent } = scriptedClient(clock, down);
		await failureOf(clock.runUntil(info(client, undefined, { maxAttempts: 2, timeoutMs: 1_234 })));
		expect(sent.map(({ timeoutMs }) => timeoutMs)).toEqual([1_234, 1_234]);
	});

	it('a bug of our own is not dressed up as a failure of the API', async () => {
		const { client } = scriptedClient(clock, () => {
			throw new TypeError('bug');
		});
		await expect(clock.runUntil(info(client))).rejects.toThrow(TypeError);
		expect((await client.status()).admission.inFlight).toBe(0);
	});
});

describe('budget', () => {
	const settings = { budget: { ...SETTINGS.budget, dailyBudget: 5, criticalReserve: 2 } };

	it('stops backfill at the reserve; critical goes on to zero; nothing is sent beyond', async () => {
		const { client, sent } = scriptedClient(clock, ok, { settings });
		const ask = async (name: string, priority: 'critical' | 'backfill') =>
			await clock.runUntil(
				info(client, name, { priority }).then(
					() => 'paid',
					(e: { failure: Failure }) => e.failure.kind,
				),
			);
		const backfill = [];
		for (const name of ['a', 'b', 'c', 'd']) backfill.push(await ask(name, 'backfill'));
		expect(backfill).toEqual(['paid', 'paid', 'paid', 'budget-exhausted']);
		const critical = [];
		for (const name of ['e', 'f', 'g']) critical.push(await ask(name, 'critical'));
		expect(critical).toEqual(['paid', 'paid', 'budget-exhausted']);
		expect(sent).toHaveLength(5);
		expect((await client.status()).admission.usedInWindow).toBe(5);
	});

	it('a critical call does not fail with a backfill call for the same user', async () => {
		const { client } = scriptedClient(clock, ok, {
			settings: { budget: { ...SETTINGS.budget, dailyBudget: 2, criticalReserve: 2 } },
		});
		const backfill = failureOf(info(client, 'same'));
		const critical = info(client, 'same', { priority: 'critical' });
		expect(await clock.runUntil(backfill)).toMatchObject({ kind: 'budget-exhausted' });
		expect(await clock.runUntil(critical)).toMatchObject({ source: 'network' });
	});

	it('begins anew at midnight', async () => {
		const { client } = scriptedClient(clock, ok, {
			settings: { budget: { ...settings.budget, criticalReserve: 4 } },
		});
		await clock.runUntil(info(client, 'a'));
		expect((await failureOf(clock.runUntil(info(client, 'b')))).kind).toBe('budget-exhausted');
		await clock.advance(12 * 3_600_000);
		await expect(clock.runUntil(info(client, 'b'))).resolves.toMatchObject({ source: 'network' });
	});
});

describe('metrics', () => {
	it('tell each request, retry, wait and credit', async () => {
		const told: unknown[][] = [];
		const metrics = new Proxy(noMetrics, {
			get:
				(_, name) =>
				(...args: unknown[]) =>
					void told.push([name, ...args]),
		});
		const answers = [
			{ status: 500, body: '' },
			{ body: PROFILE(), afterMs: 250 },
		];
		const { client } = scriptedClient(clock, (_, index) => answers[index]!, { metrics });
		await clock.runUntil(info(client, 'x', { signal: never }));
		await clock.runUntil(info(client, 'x'));
		const endpoint = 'userInfoByUsername';
		expect(told.filter(([name]) => name !== 'rateWait' && name !== 'inFlight')).toEqual([
			['cache', endpoint, 'miss'],
			['request', endpoint, 'server-error', 0],
			['credit', 'backfill', 'returned'],
			['retry', endpoint, 'server-error'],
			['request', endpoint, 'success', 0.25],
			['credit', 'backfill', 'spent'],
			['cache', endpoint, 'hit-memory'],
		]);
		expect(told.filter(([name]) => name === 'inFlight').map(([, change]) => change)).toEqual([
			1, -1, 1, -1,
		]);
		expect(told.filter(([name]) => name === 'rateWait')).toHaveLength(2);
	});
});
