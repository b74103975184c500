import { exchange, pathOf } from './asking.ts';
import type { FaultStep } from './faults.ts';
import { createResponder, type Responder, type SimulatorOptions } from './responder.ts';

const INFO = '/userinfo-by-username/';
const HEADERS = { 'x-api-key': 'test-key' };

/** A responder whose clock the test moves. */
function timed(options: SimulatorOptions = {}): { respond: Responder; clock: { ms: number } } {
	const clock = { ms: 1_000 };
	return { respond: createResponder({ size: 1_000, ...options, now: () => clock.ms }), clock };
}

function statuses(respond: Responder, count: number): number[] {
	return Array.from(
		{ length: count },
		() => exchange(respond, INFO, { username: 'no_stats' }).status,
	);
}

describe('keys and credits', () => {
	it.each([
		[null, '{"message":"Please sign up to tikliveapi.com"}', 401],
		['', '{"message":"Please sign up to tikliveapi.com"}', 401],
		['wrong', '{"message":"Api-Key is not available"}', 403],
	])('key %p: status 200 and a lone message, or a status of its own; free', (key, body, status) => {
		for (const authStyle of ['message', 'status'] as const) {
			const { respond } = timed({ authStyle });
			const answer = exchange(respond, INFO, { username: 'no_stats' }, key);
			expect(answer.body).toBe(body);
			expect(answer.status).toBe(authStyle === 'status' ? status : 200);
			expect(respond.report()).toMatchObject({ ledger: { billed: 0 }, judge: { arrivals: 1 } });
		}
	});

	it('an exhausted account answers 200 with a lone message about the balance, and bills nothing', () => {
		const { respond } = timed({ credits: 2 });
		statuses(respond, 2);
		const body = JSON.parse(exchange(respond, INFO, { username: 'no_stats' }).body) as object;
		expect(Object.keys(body)).toEqual(['message']);
		expect(body).toMatchObject({ message: expect.stringMatching(/balance/) });
		expect(respond.ledger.report()).toMatchObject({ billed: 2, balance: { 'test-key': 0 } });
		respond.ledger.topUp('test-key', 1);
		expect(exchange(respond, INFO, { username: 'no_stats' }).body).toContain('"user"');
	});

	it('keys have accounts and limits of their own', () => {
		const { respond } = timed({ keys: ['a', 'b'], credits: 1, limits: { requestsPerMinute: 1 } });
		const query = { username: 'no_stats' };
		expect(exchange(respond, INFO, query, 'a').status).toBe(200);
		expect(exchange(respond, INFO, query, 'b').status).toBe(200);
		expect(exchange(respond, INFO, query, 'b').status).toBe(429);
		const { perKey, ledger, judge } = respond.report();
		expect(perKey).toMatchObject({ a: { arrivals: 1 }, b: { arrivals: 2 } });
		expect(ledger.perKey).toEqual({ a: 1, b: 1 });
		expect(judge.arrivals).toBe(3);
	});

	it.each([
		[true, 2],
		[false, 0],
	])('missing and private users with billNotFound %p cost %d', (billNotFound, billed) => {
		const { respond } = timed({ billNotFound });
		exchange(respond, INFO, { username: 'deleted_user' });
		exchange(respond, '/user-posts/', { userid: respond.population.id('private_user') });
		expect(respond.ledger.report().billed).toBe(billed);
	});
});

describe('limits', () => {
	it('answer 429 above 200 arrivals in any minute, and 429s count as arrivals', () => {
		const { respond, clock } = timed();
		const results: number[] = [];
		for (let second = 0; second < 60; second++) {
			results.push(...statuses(respond, 4));
			clock.ms += 1_000;
		}
		expect(results.indexOf(429)).toBe(200);
		expect(new Set(results.slice(200))).toEqual(new Set([429]));
		expect(respond.report()).toMatchObject({
			answers: { 200: 200, 429: 40 },
			ledger: { billed: 200 },
			judge: { arrivals: 240, worstWindow: 240, worstSecond: 4 },
		});
		// The oldest ten seconds leave the window; four a second would still be too many for long.
		clock.ms += 10_000;
		expect(statuses(respond, 1)).toEqual([200]);
	});

	it('answer 429 above 50 in a second', () => {
		const { respond, clock } = timed();
		expect(statuses(respond, 51).filter((status) => status === 429)).toHaveLength(1);
		clock.ms += 1_000;
		expect(statuses(respond, 1)).toEqual([200]);
	});

	it('can be compressed, tell the wait, and be switched off', () => {
		const { respond, clock } = timed({
			limits: { requestsPerMinute: 10, windowMs: 1_000, burst: Infinity, retryAfter: true },
		});
		expect(statuses(respond, 10)).not.toContain(429);
		clock.ms += 400;
		const refused = exchange(respond, INFO, { username: 'no_stats' });
		expect(refused).toMatchObject({ status: 429, headers: { 'retry-after': '1' } });
		clock.ms += 600;
		expect(statuses(respond, 1)).toEqual([200]);
		expect(respond.judge.report()).toMatchObject({ windowMs: 1_000, worstWindow: 11 });
		expect(statuses(timed({ enforceLimits: false }).respond, 300)).not.toContain(429);
	});
});

const kindOf = (step: FaultStep) => (typeof step === 'object' ? step.kind : step);

describe('faults', () => {
	/** kind, credits billed, whether it is listed as paid and not delivered, status and body */
	const table: Array<[FaultStep, number, boolean, number, RegExp]> = [
		['none', 1, false, 200, /^\{"user".*\}$/],
		[429, 0, false, 429, /^\{"message"/],
		[502, 0, false, 502, /^<html>/],
		[404, 0, false, 404, /^\{"message"/],
		[{ kind: 'status', status: 200, body: '{"user":{}}' }, 1, false, 200, /^\{"user":\{\}\}$/],
		[{ kind: 'status', status: 200, body: '{"message":"no credit"}' }, 0, false, 200, /no credit/],
		['reset', 0, false, 0, /^$/],
		['never', 0, false, 0, /^$/],
		['redirect', 0, false, 302, /^$/],
		['no-content', 0, false, 204, /^$/],
		['truncated', 1, true, 200, /^\{"user".*[^}]$/],
		['html', 1, true, 200, /^<!DOCTYPE html>/],
		['empty', 1, true, 200, /^$/],
		['null', 1, true, 200, /^null$/],
		['bom', 1, false, 200, /^\ufeff\{"user".*\}$/],
		['wrapped', 1, false, 200, /^\{"code":0,"msg":"success",.*"data":\{"user".*\}\}$/],
		['php-lists', 1, false, 200, /^\{"user".*\}$/],
		['php-warning', 1, false, 200, /^<br \/>\n<b>Warning<.*\n\{"user".*\}$/s],
		['float-ids', 1, false, 200, /^\{"user":\{"id":6\.\d{16}e\+18,/],
		['broken-byte', 1, false, 200, /^\{"user".*\}$/],
		[{ kind: 'compressed', encoding: 'br' }, 1, false, 200, /^\{"user".*\}$/],
		[{ kind: 'compressed-cut', encoding: 'gzip' }, 1, true, 200, /^\{"user".*\}$/],
		[{ kind: 'bomb', bytes: 1e9 }, 1, true, 200, /^\{"user".*\}$/],
		['challenge', 0, false, 403, /<title>Just a moment\.\.\.<\/title>/],
		['reset-mid-body', 1, true, 200, /\}$/],
		['short-length', 1, true, 200, /\}$/],
		['short-body', 1, true, 200, /\}$/],
		['chunked-cut', 1, true, 200, /\}$/],
		['huge', 1, true, 200, /\}$/],
		[{ kind: 'slow-headers', ms: 9 }, 1, false, 200, /\}$/],
		[{ kind: 'slow-body', everyMs: 9 }, 1, false, 200, /\}$/],
	];

	it.each(table)('%p bills %d, undelivered %p', (step, billed, lost, status, body) => {
		const { respond } = timed();
		respond.faults.script(INFO, [step]);
		const answer = exchange(respond, INFO, { username: 'no_stats' });
		expect(answer.status).toBe(status);
		expect(answer.body).toMatch(body);
		const { ledger } = respond.report();
		expect(ledger.billed).toBe(billed);
		expect(ledger.undelivered).toEqual(
			lost ? [{ request: `${INFO}?username=no_stats`, reason: kindOf(step) }] : [],
		);
	});

	it('list a loss once, also when the caller leaves', () => {
		const { respond } = timed();
		respond.faults.script(INFO, ['short-body']);
		const url = pathOf(INFO, { username: 'no_stats' });
		respond({ url, headers: HEADERS }).end(false);
		expect(respond.ledger.report().undelivered).toMatchObject([{ reason: 'short-body' }]);
	});

	it('bill nothing when the answer under them was free', () => {
		const { respond } = timed();
		respond.faults.script(INFO, ['truncated', 'html']);
		exchange(respond, INFO, { username: 'no_stats' }, 'wrong');
		exchange(respond, INFO, {});
		expect(respond.ledger.report()).toMatchObject({ billed: 0, undelivered: [] });
	});

	it('on the wire are handed to the carrier, delays as well', () => {
		const { respond } = timed();
		respond.faults.set({ latencyMs: [50, 50] });
		respond.faults.script(INFO, ['reset', { kind: 'slow-headers', ms: 200 }]);
		expect(exchange(respond, INFO, { username: 'no_stats' }).fault).toEqual({ kind: 'reset' });
		const slow = exchange(respond, INFO, { username: 'no_stats' });
		expect(slow.delayMs).toBe(250);
		expect(slow).not.toHaveProperty('fault');
		expect(respond.report().answers).toEqual({ reset: 1, 200: 1 });
	});

	it('scripts go before limits, limits before rates', () => {
		const { respond } = timed({ limits: { requestsPerMinute: 1 } });
		respond.faults.script(INFO, ['none', 'none']);
		respond.faults.set({ rate5xx: 1 });
		expect(statuses(respond, 3)).toEqual([200, 200, 429]);
	});

	it('show what was paid again after a loss', () => {
		const { respond } = timed();
		respond.faults.script(INFO, ['truncated']);
		statuses(respond, 3);
		expect(respond.ledger.report().paidTwice).toEqual([
			{ request: `${INFO}?username=no_stats`, times: 3, undelivered: 1 },
		]);
		expect(respond.ledger.billedFor('no_stats')).toBe(3);
	});
});

describe('in flight', () => {
	it('counts from arrival to end, an end once; a caller that left a paid answer is noted', () => {
		const { respond } = timed();
		const url = pathOf(INFO, { username: 'no_stats' });
		const answers = [1, 2, 3].map(() => respond({ url, headers: HEADERS }));
		expect(respond.judge.report()).toMatchObject({ inFlight: 3, inFlightPeak: 3 });
		answers[0]!.end();
		answers[0]!.end();
		answers[1]!.end(false);
		const { judge, ledger, perKey } = respond.report();
		expect(judge).toMatchObject({ inFlight: 1, inFlightPeak: 3 });
		expect(perKey['test-key']).toMatchObject({ inFlight: 1 });
		expect(ledger.undelivered).toEqual([
			{ request: `${INFO}?username=no_stats`, reason: 'caller-left' },
		]);
	});
});

describe('reset', () => {
	it('forgets everything but the population', () => {
		const { respond } = timed({ credits: 10 });
		respond.faults.set({ rate5xx: 1 });
		respond.faults.script(INFO, ['none']);
		respond.population.publish('no_stats');
		statuses(respond, 3);
		respond.reset();
		expect(respond.report()).toMatchObject({
			judge: { arrivals: 0, inFlightPeak: 0 },
			perKey: { 'test-key': { arrivals: 0 } },
			ledger: { billed: 0, balance: {} },
			answers: {},
			scriptsPending: 0,
		});
		expect(statuses(respond, 1)).toEqual([200]);
		expect(respond.truth.posts('no_stats')).toHaveLength(50);
	});
});

describe('speed', () => {
	it('20,000 profiles cost little time, and each is paid once', () => {
		const respond = createResponder({ enforceLimits: false });
		const startedMs = performance.now();
		for (let n = 0; n < 20_000; n++) {
			exchange(respond, INFO, { username: respond.population.username(n) });
		}
		expect(performance.now() - startedMs).toBeLessThan(10_000);
		const paid = { billed: 20_000, distinct: 20_000, users: 20_000, paidTwice: [] };
		expect(respond.ledger.report()).toMatchObject(paid);
	});
});
