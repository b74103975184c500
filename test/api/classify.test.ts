import { classify, type Billed, type Verdict } from '../../nodes/shared/api/classify';
import { ENDPOINTS, type EndpointName } from '../../nodes/shared/api/endpoints';
import type { Failure, FailureKind } from '../../nodes/shared/api/failure';

const NOW = Date.UTC(2026, 10, 22, 12);
const NAMES = Object.keys(ENDPOINTS) as EndpointName[];

const USABLE: Record<EndpointName, object> = {
	userId: { id: '107955' },
	userInfoByUsername: { user: { id: '107955' }, stats: {} },
	userInfoById: { user: { id: '107955' }, stats: {} },
	userFollowers: { followers: [], hasMore: false },
	userFollowing: { followings: [], hasMore: false },
	userPosts: { videos: [], hasMore: false },
};

function answer(
	status: number,
	body: unknown,
	headers: Record<string, string> = {},
	endpoint: EndpointName = 'userId',
): Verdict {
	const text = typeof body === 'string' ? body : JSON.stringify(body);
	return classify(endpoint, { status, headers, body: text }, NOW);
}

function failed(verdict: Verdict): { failure: Failure; billed: Billed } {
	if (verdict.ok !== false) throw new Error('was a success');
	return verdict;
}

const kindOf = (verdict: Verdict): [FailureKind, Billed] => {
	const { failure, billed } = failed(verdict);
	return [failure.kind, billed];
};

describe('status 200 with what the endpoint always has is a success', () => {
	test.each(NAMES)('%s', (endpoint) => {
		expect(answer(200, USABLE[endpoint], {}, endpoint)).toEqual({
			ok: true,
			body: USABLE[endpoint],
		});
	});

	test.each<[string, EndpointName, object]>([
		['a numeric id', 'userId', { id: 107955 }],
		['an id beyond 2^53', 'userId', JSON.parse('{"id":"6943972350728700930"}')],
		['null and missing fields', 'userInfoById', { user: { id: '1', nickname: null }, stats: null }],
		['a message beside the answer', 'userId', { id: '1', message: 'Too many requests' }],
		['another status', 'userId', { id: '1', status: 'ok' }],
		['a status that is no text', 'userId', { id: '1', status: 0 }],
		['strange elements', 'userPosts', { videos: [null, 1, {}] }],
		['no hasMore', 'userFollowers', { followers: [{}] }],
	])('%s is tolerated', (_title, endpoint, body) => {
		expect(answer(200, body, {}, endpoint).ok).toBe(true);
	});

	test('ids and big integers come as text', () => {
		expect(answer(200, '{"id":6943972350728700930}')).toEqual({
			ok: true,
			body: { id: '6943972350728700930' },
		});
	});
});

describe('status 200 without it is not', () => {
	test.each<[EndpointName, object, string]>([
		['userId', {}, 'id'],
		['userId', { id: '' }, 'id'],
		['userId', { id: null }, 'id'],
		['userId', { id: 'abc' }, 'id'],
		['userId', { user: { id: '1' } }, 'id'],
		['userInfoByUsername', {}, 'user.id'],
		['userInfoByUsername', { user: {} }, 'user.id'],
		['userInfoByUsername', { user: null, stats: {} }, 'user.id'],
		['userInfoById', { user: [{ id: '1' }] }, 'user.id'],
		['userInfoById', { id: '1' }, 'user.id'],
		['userFollowers', { followings: [] }, 'followers'],
		['userFollowing', { followers: [] }, 'followings'],
		['userPosts', { a: 1, b: 2 }, 'videos'],
	])('%s: %j', (endpoint, body, field) => {
		expect(answer(200, body, {}, endpoint)).toEqual({
			ok: false,
			failure: {
				kind: 'unexpected-body',
				detail: `TikLiveAPI answered HTTP 200 without ${field}`,
			},
			billed: 'spent',
		});
	});

	test.each([
		['', 'an empty body'],
		['   ', 'an empty body'],
		['<html>down for maintenance</html>', 'a web page instead of JSON'],
		['{"id":"1079', 'a body that is not valid JSON'],
		['OK', 'a body that is not valid JSON'],
	])('%p is unreadable and may have been billed', (body, what) => {
		expect(answer(200, body)).toEqual({
			ok: false,
			failure: { kind: 'unreadable-body', detail: `TikLiveAPI answered HTTP 200 with ${what}` },
			billed: 'unknown',
		});
	});

	test.each([
		['null', 'JSON that is not an object'],
		['[]', 'JSON that is not an object'],
		['"text"', 'JSON that is not an object'],
		[
			`{"id":"1","x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
			'JSON nested more than 100 levels deep',
		],
	])('%.20p is readable, so it was billed', (body, what) => {
		expect(answer(200, body)).toEqual({
			ok: false,
			failure: { kind: 'unexpected-body', detail: `TikLiveAPI answered HTTP 200 with ${what}` },
			billed: 'spent',
		});
	});
});

describe('status 200 with a lone message is about the account', () => {
	test.each<[string, FailureKind]>([
		// Observed word for word.
		['Please sign up to tikliveapi.com', 'invalid-key'],
		['Api-Key is not available', 'invalid-key'],
		// Likely.
		['API key not found', 'invalid-key'],
		['Invalid apikey', 'invalid-key'],
		['Wrong X-Api-Key', 'invalid-key'],
		['missing api_key', 'invalid-key'],
		['Unauthorized', 'invalid-key'],
		['Unauthorised', 'invalid-key'],
		['Please sign in', 'invalid-key'],
		['You must log in', 'invalid-key'],
		['Login required', 'invalid-key'],
		['Please log into your account', 'invalid-key'],
		['Forbidden', 'invalid-key'],
		['Access denied', 'invalid-key'],
		['Your credit balance is exhausted, please purchase more credits', 'out-of-credits'],
		['Not enough credits', 'out-of-credits'],
		['You need 1 credit', 'out-of-credits'],
		['Balance is 0', 'out-of-credits'],
		['Quota exceeded', 'out-of-credits'],
		['Your api-key has no credits', 'out-of-credits'],
		['Your Api-Key is exhausted', 'out-of-credits'],
		['Please purchase more', 'out-of-credits'],
		['Monthly limit reached', 'out-of-credits'],
		['You have hit your limits', 'out-of-credits'],
		['Your account is limited', 'out-of-credits'],
		['Please top up your account', 'out-of-credits'],
		['Top-up needed', 'out-of-credits'],
		['Topup needed', 'out-of-credits'],
		['Insufficient funds', 'out-of-credits'],
		['Payment required', 'out-of-credits'],
		['Recharge to go on', 'out-of-credits'],
		['Upgrade your account', 'out-of-credits'],
		['Please sign up to purchase', 'out-of-credits'],
		['Too many requests', 'rate-limited'],
		['Rate limit exceeded', 'rate-limited'],
		['rate-limited', 'rate-limited'],
		['Ratelimit of your credit plan', 'rate-limited'],
		['You are being throttled', 'rate-limited'],
		['Please slow down', 'rate-limited'],
		['Free Api Limit: 1 request/second.', 'rate-limited'],
		['Limit of 200 requests per minute reached', 'rate-limited'],
		['limit: 1 request every second', 'rate-limited'],
		['Only 10000 requests a hour', 'rate-limited'],
		['Too many requests, your quota is 200', 'rate-limited'],
	])('%p', (message, kind) => {
		expect(answer(200, { message })).toEqual({
			ok: false,
			failure: { kind, detail: `TikLiveAPI answered HTTP 200: ${message}` },
			billed: 'returned',
		});
	});

	test('a lone message about the user is about the user', () => {
		expect(kindOf(answer(200, { message: 'User not found' }))).toEqual(['not-found', 'spent']);
		expect(kindOf(answer(200, { message: 'This account is private' }))).toEqual([
			'private',
			'spent',
		]);
	});

	test.each([
		'Hello',
		'',
		'unlimited fun',
		'limitless',
		'design in',
		'blog in',
		'accredited',
		'to discredit',
		'creditor',
	])('%p is refused and not repeated, and counted as spent to be on the safe side', (message) => {
		const { failure, billed } = failed(answer(200, { message }));
		expect(failure).toMatchObject({ kind: 'rejected', status: 200 });
		expect(billed).toBe('spent');
	});

	test('a message that is no text, or an error of another name, is an unexpected body', () => {
		expect(kindOf(answer(200, { message: { a: 1 } }))).toEqual(['unexpected-body', 'spent']);
		expect(kindOf(answer(200, { error: 'purchase' }))).toEqual(['unexpected-body', 'spent']);
		expect(kindOf(answer(200, { error: { message: 'Api-Key' } }))).toEqual([
			'unexpected-body',
			'spent',
		]);
	});

	test.each(['msg', 'error', 'detail'])('unmistakable words count under %s too', (name) => {
		expect(kindOf(answer(200, { [name]: 'Api-Key is not available' }))).toEqual([
			'invalid-key',
			'returned',
		]);
		expect(kindOf(answer(200, { code: -1, [name]: 'unique_id is invalid' }))).toEqual([
			'not-found',
			'spent',
		]);
	});

	test('the first of several texts is taken', () => {
		const verdict = answer(200, { error: 'Too many requests', message: 'no credits', code: 1 });
		expect(kindOf(verdict)).toEqual(['out-of-credits', 'returned']);
	});
});

describe('status 200 with status: error is about the user', () => {
	test.each<[string, FailureKind, Billed]>([
		['Not found post', 'not-found', 'spent'],
		['Not found user', 'not-found', 'spent'],
		['NOT_FOUND', 'not-found', 'spent'],
		['user-not-found', 'not-found', 'spent'],
		['notfound', 'not-found', 'spent'],
		['No such user', 'not-found', 'spent'],
		['User does not exist', 'not-found', 'spent'],
		["User doesn't exist", 'not-found', 'spent'],
		['User doesn’t exist', 'not-found', 'spent'],
		['unique_id is invalid', 'not-found', 'spent'],
		['This account is private', 'private', 'spent'],
		['Private account', 'private', 'spent'],
		['Hidden by privacy settings', 'private', 'spent'],
		['userinfo is failed', 'rejected', 'spent'],
		['The user has limited who can see this', 'rejected', 'spent'],
		['Sign in to see this', 'rejected', 'spent'],
		['Too many requests', 'rate-limited', 'returned'],
		['Not enough credits', 'out-of-credits', 'returned'],
		['Api-Key not found', 'invalid-key', 'returned'],
		['Unauthorized', 'invalid-key', 'returned'],
	])('%p', (message, kind, billed) => {
		for (const endpoint of NAMES) {
			const verdict = answer(200, { status: 'error', message }, {}, endpoint);
			expect(kindOf(verdict)).toEqual([kind, billed]);
			expect(failed(verdict).failure.detail).toBe(`TikLiveAPI answered HTTP 200: ${message}`);
		}
	});

	test('even beside a list or an id', () => {
		const body = { status: 'ERROR', message: 'private', videos: [] };
		expect(kindOf(answer(200, body, {}, 'userPosts'))).toEqual(['private', 'spent']);
	});

	test('without a message', () => {
		expect(answer(200, { status: 'error' })).toEqual({
			ok: false,
			failure: { kind: 'rejected', detail: 'TikLiveAPI answered HTTP 200', status: 200 },
			billed: 'spent',
		});
		expect(kindOf(answer(200, { status: 'error', message: null }))[0]).toBe('rejected');
	});
});

describe('other statuses', () => {
	test.each<[number, FailureKind]>([
		[201, 'unreadable-body'],
		[204, 'unreadable-body'],
		[206, 'unreadable-body'],
		[299, 'unreadable-body'],
		[300, 'rejected'],
		[301, 'rejected'],
		[302, 'rejected'],
		[304, 'rejected'],
		[308, 'rejected'],
		[399, 'rejected'],
		[400, 'rejected'],
		[401, 'invalid-key'],
		[402, 'out-of-credits'],
		[403, 'invalid-key'],
		[404, 'rejected'],
		[405, 'rejected'],
		[408, 'server-error'],
		[409, 'rejected'],
		[410, 'rejected'],
		[418, 'rejected'],
		[422, 'rejected'],
		[425, 'server-error'],
		[426, 'rejected'],
		[429, 'rate-limited'],
		[499, 'rejected'],
		[500, 'server-error'],
		[502, 'server-error'],
		[503, 'server-error'],
		[504, 'server-error'],
		[520, 'server-error'],
		[599, 'server-error'],
	])('%d: %s, not billed', (status, kind) => {
		for (const body of ['', 'null', '"no"', '{"error":{"message":"no"}}', USABLE.userId]) {
			const { failure, billed } = failed(answer(status, body));
			expect(failure.kind).toBe(kind);
			expect(billed).toBe('returned');
			expect(failure.detail).toMatch(new RegExp(`^TikLiveAPI answered HTTP ${status}\\b`));
			if ('status' in failure) expect(failure.status).toBe(status);
		}
	});

	test.each(['rejected', 'server-error'])('%s carries the status', (kind) => {
		const { failure } = failed(answer(kind === 'rejected' ? 422 : 503, ''));
		expect(failure).toEqual({
			kind,
			detail: expect.any(String),
			status: kind === 'rejected' ? 422 : 503,
		});
	});

	test.each([300, 399])('%d is told as a redirect', (status) => {
		expect(failed(answer(status, '')).failure.detail).toMatch(
			/a redirect, which is never followed$/,
		);
	});

	test.each([299, 400])('%d is not', (status) => {
		expect(failed(answer(status, '')).failure.detail).not.toMatch(/redirect/);
	});

	test('a redirect says that it is not followed, and never where to', () => {
		const { failure } = failed(
			answer(302, { message: 'https://evil.example' }, { location: 'https://evil.example' }),
		);
		expect(failure).toEqual({
			kind: 'rejected',
			detail: 'TikLiveAPI answered HTTP 302, a redirect, which is never followed',
			status: 302,
		});
	});

	test.each([400, 404, 422])('%d with an error body about the user', (status) => {
		const kind = (body: object) => kindOf(answer(status, body));
		expect(kind({ status: 'error', message: 'Not found user' })).toEqual(['not-found', 'returned']);
		expect(kind({ status: 'error', message: 'This account is private' })).toEqual([
			'private',
			'returned',
		]);
		expect(failed(answer(status, { status: 'error', message: 'Not found user' })).failure).toEqual({
			kind: 'not-found',
			detail: `TikLiveAPI answered HTTP ${status}: Not found user`,
		});
		// A gateway says this of a wrong path, too.
		expect(kind({ message: 'Not Found' })).toEqual(['rejected', 'returned']);
		expect(kind({ status: 'error', message: 'Too many requests' })).toEqual([
			'rejected',
			'returned',
		]);
	});

	test.each([500, 502, 503, 504, 520, 408, 425])(
		'%d with a web page is the server in trouble',
		(status) => {
			expect(failed(answer(status, '<html>')).failure).toMatchObject({
				kind: 'server-error',
				status,
			});
		},
	);

	test('429 with a web page is a 429', () => {
		expect(failed(answer(429, '<html>')).failure.kind).toBe('rate-limited');
	});

	test('quotes the message, never a web page', () => {
		const detail = (body: unknown) => failed(answer(503, body)).failure.detail;
		expect(detail({ message: 'Maintenance' })).toBe('TikLiveAPI answered HTTP 503: Maintenance');
		expect(detail({ error: 'Busy' })).toBe('TikLiveAPI answered HTTP 503: Busy');
		expect(detail('<html>nginx</html>')).toBe('TikLiveAPI answered HTTP 503');
		expect(detail({ message: 'x'.repeat(500) })).toBe(
			`TikLiveAPI answered HTTP 503: ${'x'.repeat(149)}…`,
		);
		expect(failed(answer(204, { message: 'x' })).failure.detail).toBe(
			'TikLiveAPI answered HTTP 204',
		);
	});
});

describe('a status 4xx that does not come from the API', () => {
	const CHALLENGE =
		'<!DOCTYPE html><html lang="en-US"><head><title>Just a moment...</title></head><body>…</body></html>';

	test.each([400, 401, 402, 403, 404, 405, 418, 422, 499])(
		'%d with a web page says nothing of key, account or user',
		(status) => {
			expect(answer(status, CHALLENGE, { 'content-type': 'text/html; charset=UTF-8' })).toEqual({
				ok: false,
				failure: {
					kind: 'intercepted',
					detail: `HTTP ${status} came with a web page, "Just a moment...", in place of an answer of TikLiveAPI`,
					status,
				},
				billed: 'returned',
			});
		},
	);

	test.each<[string, string, Record<string, string>, string]>([
		['a page without a title', '<html><body>no</body></html>', {}, 'a web page in place'],
		['a page behind white space', '\n\n <HTML>', {}, 'a web page in place'],
		['a title on two lines', '<html><title\n>Access\nDenied</title>', {}, '"Access Denied"'],
		['XML', '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', {}, 'a web page'],
		['a page that could not be read', '', { 'content-type': 'text/html' }, 'a web page in place'],
		['plain words', 'error code: 1020', {}, 'text in place of JSON: error code: 1020'],
	])('403 with %s', (_title, body, headers, text) => {
		const { failure } = failed(answer(403, body, headers));
		expect(failure.kind).toBe('intercepted');
		expect(failure.detail).toContain(text);
	});

	test.each<[string, string, Record<string, string>]>([
		['JSON', '{"message":"Forbidden"}', {}],
		['JSON under a wrong type', '{"message":"Forbidden"}', { 'content-type': 'text/html' }],
		['JSON that is no object', '"Forbidden"', {}],
		['JSON behind a warning', '<br />\n<b>Warning</b>: x<br />\n{"message":"No"}', {}],
		['no body at all', '', { 'www-authenticate': 'Bearer' }],
	])('401 and 403 with %s are about the key', (_title, body, headers) => {
		for (const status of [401, 403]) {
			expect(kindOf(answer(status, body, headers))).toEqual(['invalid-key', 'returned']);
		}
	});

	test('plain words with another status are a refusal like any other', () => {
		expect(kindOf(answer(404, '404 page not found'))).toEqual(['rejected', 'returned']);
	});
});

describe('status 200 that says that the server is in trouble', () => {
	test.each([
		'Server error, please try again later',
		'Internal server error',
		'Internal Error',
		'Please try again.',
		'Please try it again in a minute',
		'Temporarily unavailable',
		'Request timeout',
		'Upstream timed out',
		'Time-out while reading',
		'The server is busy',
		'Down for maintenance',
		'Service overloaded',
	])('%p is tried again, and may have been billed', (message) => {
		for (const body of [
			{ status: 'error', message },
			{ message },
			{ code: -1, msg: message },
			{ code: 0, msg: 'success', data: { message } },
		]) {
			expect(answer(200, body, { 'retry-after': '7' })).toEqual({
				ok: false,
				failure: {
					kind: 'server-error',
					detail: `TikLiveAPI answered HTTP 200: ${message}`,
					status: 200,
					retryAfterMs: 7_000,
				},
				billed: 'unknown',
			});
		}
	});

	test.each<[string, FailureKind]>([
		['Your credits are used up, try again later', 'out-of-credits'],
		['Quota exceeded, try again tomorrow', 'out-of-credits'],
		['Too many requests, please try again later', 'rate-limited'],
		['User not found, please try again', 'not-found'],
		['This account is temporarily private', 'private'],
		['Api-Key is temporarily disabled', 'invalid-key'],
		['Daily limit reached, try again later', 'rejected'],
		['Invalid userid, try again', 'rejected'],
		['Please check the url and try again', 'rejected'],
		['busybody', 'rejected'],
	])('%p is %s', (message, kind) => {
		expect(kindOf(answer(200, { status: 'error', message }))[0]).toBe(kind);
	});
});

describe('Retry-After', () => {
	test.each<[string, number, unknown]>([
		['429', 429, ''],
		['408', 408, ''],
		['425', 425, ''],
		['500', 500, ''],
		['503', 503, '<html>'],
		['too many requests in a 200', 200, { message: 'Too many requests' }],
	])('is read from a %s', (_title, status, body) => {
		expect(failed(answer(status, body, { 'retry-after': '7' })).failure).toHaveProperty(
			'retryAfterMs',
			7_000,
		);
		const date = 'Sun, 22 Nov 2026 12:00:20 GMT';
		expect(failed(answer(status, body, { 'retry-after': date })).failure).toHaveProperty(
			'retryAfterMs',
			20_000,
		);
		expect(failed(answer(status, body, { 'retry-after': 'soon' })).failure).not.toHaveProperty(
			'retryAfterMs',
		);
	});
});

describe('when to come back after a 429', () => {
	test.each<[string, number, unknown]>([
		['429', 429, ''],
		['429 with a page', 429, '<html>'],
		['too many requests in a 200', 200, { status: 'error', message: 'Too many requests' }],
	])('%s: Retry-After goes before what the rate limit headers say', (_title, status, body) => {
		const wait = (headers: Record<string, string>) => failed(answer(status, body, headers)).failure;
		expect(wait({ 'x-ratelimit-reset': '20' })).toMatchObject({ retryAfterMs: 20_000 });
		expect(wait({ ratelimit: '"default";r=0;t=30' })).toMatchObject({ retryAfterMs: 30_000 });
		expect(wait({ 'retry-after': '7', 'x-ratelimit-reset': '20' })).toMatchObject({
			retryAfterMs: 7_000,
		});
		expect(wait({ 'retry-after': 'soon', 'x-ratelimit-reset': '20' })).toMatchObject({
			retryAfterMs: 20_000,
		});
		expect(wait({})).not.toHaveProperty('retryAfterMs');
	});

	test('a long wait is told as a time', () => {
		const detail = (seconds: number) =>
			failed(answer(429, { message: 'Slow down' }, { 'retry-after': String(seconds) })).failure
				.detail;
		expect(detail(3_600)).toBe(
			'TikLiveAPI answered HTTP 429: Slow down; it wants no request before 2026-11-22T13:00:00Z',
		);
		expect(detail(29)).toBe('TikLiveAPI answered HTTP 429: Slow down');
	});

	test('other failures know no such headers', () => {
		expect(failed(answer(503, '', { 'x-ratelimit-reset': '20' })).failure).not.toHaveProperty(
			'retryAfterMs',
		);
	});
});
