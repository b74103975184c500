import { classify, type Verdict } from '../../nodes/shared/api/classify';
import { ENDPOINTS, type EndpointName, type ListEndpoint } from '../../nodes/shared/api/endpoints';
import { parseBody, type JsonObject } from '../../nodes/shared/api/json';

const NAMES = Object.keys(ENDPOINTS) as EndpointName[];
const LISTS = ['userFollowers', 'userFollowing', 'userPosts'] as const satisfies ListEndpoint[];
const SINGLES = ['userId', 'userInfoByUsername', 'userInfoById'] as const;

const keyOf = (endpoint: ListEndpoint) => ENDPOINTS[endpoint].list.key;
const cursorOf = (endpoint: ListEndpoint) => ENDPOINTS[endpoint].list.paging;

/** What each endpoint answers with, without anything around it. */
const plain = (endpoint: EndpointName): JsonObject => {
	if (endpoint === 'userId') return { id: '107955' };
	if (endpoint.startsWith('userInfo')) return { user: { id: '107955' }, stats: {} };
	const { key, paging } = ENDPOINTS[endpoint as ListEndpoint].list;
	return { [key]: [{ id: '1' }, { id: '2' }], [paging]: '1700000000000', hasMore: true };
};

function ask(endpoint: EndpointName, body: unknown): Verdict {
	const text = typeof body === 'string' ? body : JSON.stringify(body);
	return classify(endpoint, { status: 200, headers: {}, body: text }, 0);
}

/** The body of a success; what would be stored reads as the same. */
function bodyOf(endpoint: EndpointName, body: unknown): JsonObject {
	const verdict = ask(endpoint, body);
	if (!verdict.ok) throw new Error(verdict.failure.detail);
	if (verdict.text !== undefined) {
		expect(parseBody(verdict.text)).toEqual(verdict.body);
		expect(bodyOf(endpoint, verdict.text)).toEqual(verdict.body);
	}
	return verdict.body;
}

function kindOf(endpoint: EndpointName, body: unknown): string {
	const verdict = ask(endpoint, body);
	return verdict.ok ? 'success' : verdict.failure.kind;
}

describe('an envelope', () => {
	test.each(NAMES)('around %s is taken off', (endpoint) => {
		const data = plain(endpoint);
		for (const around of [
			{ code: 0, msg: 'success', processed_time: 0.2 },
			{ code: 200, message: 'OK' },
			{ code: '0', msg: '' },
			{ code: 1, msg: 'success' },
			{ status: 'success' },
			{},
		]) {
			expect(bodyOf(endpoint, { ...around, data })).toEqual(data);
			expect(bodyOf(endpoint, { data, ...around })).toEqual(data);
		}
	});

	test('an answer that is in none is stored as it came', () => {
		for (const endpoint of NAMES) expect(ask(endpoint, plain(endpoint))).not.toHaveProperty('text');
	});

	test.each(NAMES)('%s with data of its own is in none', (endpoint) => {
		const body = { ...plain(endpoint), data: plain('userId'), code: 0, msg: 'success' };
		expect(bodyOf(endpoint, body)).toEqual(body);
	});

	test.each(LISTS)('%s: data may be the list, beside what says how to go on', (endpoint) => {
		const { [keyOf(endpoint)]: items, ...paging } = plain(endpoint);
		expect(bodyOf(endpoint, { code: 0, msg: 'success', data: items, ...paging })).toMatchObject(
			plain(endpoint),
		);
		expect(bodyOf(endpoint, { ...paging, data: { [keyOf(endpoint)]: items } })).toEqual(
			plain(endpoint),
		);
		expect(bodyOf(endpoint, { ...paging, data: { 3: { id: '2' }, 0: { id: '1' } } })).toMatchObject(
			plain(endpoint),
		);
	});

	test.each(LISTS)('%s: nothing in a success is an empty list', (endpoint) => {
		for (const data of [null, [], {}]) {
			expect(bodyOf(endpoint, { code: 0, msg: 'success', data })).toMatchObject({
				[keyOf(endpoint)]: [],
			});
			expect(kindOf(endpoint, { data })).toBe('unexpected-body');
		}
	});

	test.each(SINGLES)('%s: nothing in a success is nothing', (endpoint) => {
		for (const data of [null, [], {}, 'x', 1]) {
			expect(kindOf(endpoint, { code: 0, msg: 'success', data })).toBe('unexpected-body');
		}
	});

	test.each(NAMES)('%s: a code that is no success is an error', (endpoint) => {
		const error = (msg: string, code: unknown = -1) => kindOf(endpoint, { code, msg });
		expect(error('unique_id is invalid')).toBe('not-found');
		expect(error('This account is private', 10_000)).toBe('private');
		expect(error('Too many requests', '429')).toBe('rate-limited');
		expect(error('Not enough credits')).toBe('out-of-credits');
		expect(error('Api-Key is not available', 401)).toBe('invalid-key');
		expect(error('Url parsing is failed! Please check url.')).toBe('rejected');
		expect(error('Server error, please try again later', 500)).toBe('server-error');
		expect(kindOf(endpoint, { code: -1, msg: 'private', data: [] })).toBe('private');
		expect(kindOf(endpoint, { code: -1, message: 'private', data: plain(endpoint) })).toBe(
			'private',
		);
	});

	test.each(NAMES)('%s: an error inside is told by its own words', (endpoint) => {
		const inside = (data: object) => kindOf(endpoint, { code: 0, msg: 'success', data });
		expect(inside({ status: 'error', message: 'Not found user' })).toBe('not-found');
		expect(inside({ message: 'Api-Key is not available' })).toBe('invalid-key');
		expect(inside({ message: 'Please sign up to tikliveapi.com' })).toBe('invalid-key');
		expect(inside({ code: -1, msg: 'private' })).toBe('private');
	});
});

describe.each(LISTS)('the list of %s', (endpoint) => {
	const key = keyOf(endpoint);
	const cursor = cursorOf(endpoint);

	test('that is missing or null on a page that ends is empty', () => {
		for (const page of [
			{ [cursor]: '0', hasMore: false },
			{ [cursor]: 0, has_more: 0 },
			{ hasMore: false },
			{ [cursor]: '0', hasMore: false, [key]: null },
			{ [key]: null },
			{ [key]: {} },
			{ hasMore: false, extra: { now: 1 }, total: 0, log: [] },
		]) {
			expect(bodyOf(endpoint, page)).toEqual({ ...page, [key]: [] });
		}
	});

	test('that is missing where there is more is an empty page', () => {
		const page = { [cursor]: '1700000000000', hasMore: true };
		expect(bodyOf(endpoint, page)).toEqual({ ...page, [key]: [] });
	});

	test('that is missing beside words about the user is refused in those words', () => {
		for (const list of [{}, { [key]: null }]) {
			const page = { [cursor]: '0', hasMore: false, ...list };
			expect(kindOf(endpoint, { ...page, message: 'This account is private' })).toBe('private');
			expect(kindOf(endpoint, { ...page, msg: 'User not found' })).toBe('not-found');
			expect(kindOf(endpoint, { ...page, msg: 'success' })).toBe('success');
		}
	});

	test('that bears another name is not taken for an empty one', () => {
		expect(kindOf(endpoint, { items: [{ id: '1' }], hasMore: true, [cursor]: 5 })).toBe(
			'unexpected-body',
		);
	});

	test('that is something else is refused', () => {
		for (const list of ['x', '', 7, true, false, { a: 1 }, { 0: {}, next: 1 }]) {
			expect(kindOf(endpoint, { [key]: list, hasMore: true })).toBe('unexpected-body');
		}
		expect(kindOf(endpoint, {})).toBe('unexpected-body');
		expect(kindOf(endpoint, { [cursor]: 1 })).toBe('unexpected-body');
	});

	test('that PHP wrote as an object is the list in the order of its numbers', () => {
		const page = `{"${key}":{"10":{"id":"c"},"0":{"id":"a"},"02":{"id":"b"}},"hasMore":true,"${cursor}":9}`;
		expect(bodyOf(endpoint, page)).toEqual({
			[key]: [{ id: 'a' }, { id: 'b' }, { id: 'c' }],
			hasMore: true,
			[cursor]: 9,
		});
	});
});

describe('an id that is a float', () => {
	test.each(['6.9000000000000000e+18', '6943972350728700930.0', '"6.9e+18"', '1.07955e5'])(
		'%s is refused where it is needed, and the detail says so',
		(id) => {
			for (const [endpoint, body, field] of [
				['userId', `{"id":${id}}`, 'id'],
				['userInfoById', `{"user":{"id":${id},"uniqueId":"ana"},"stats":{}}`, 'user.id'],
				['userInfoByUsername', `{"code":0,"data":{"user":{ "id" : ${id} }}}`, 'user.id'],
			] as const) {
				expect(ask(endpoint, body)).toEqual({
					ok: false,
					failure: {
						kind: 'unexpected-body',
						detail: `TikLiveAPI answered HTTP 200 with ${field} as a number with a point or an exponent, which may be somebody else's id`,
					},
					billed: 'spent',
				});
			}
		},
	);

	test('of one follower costs the others nothing', () => {
		const page = '{"followers":[{"id":6.9e+18,"unique_id":"a"},{"id":107955}],"hasMore":false}';
		expect(bodyOf('userFollowers', page)['followers']).toEqual([
			{ id: null, unique_id: 'a' },
			{ id: '107955' },
		]);
	});
});

describe('a warning in front of the JSON', () => {
	const WARNING = '<br />\n<b>Warning</b>:  x in <b>/var/www/x.php</b> on line <b>1</b><br />\n';

	test.each(NAMES)('%s is read, stored without it, and noted', (endpoint) => {
		const body = plain(endpoint);
		expect(ask(endpoint, WARNING + JSON.stringify(body))).toEqual({
			ok: true,
			body,
			text: JSON.stringify(body),
			note: expect.stringContaining('warning'),
		});
	});

	test('in front of an error leaves the error what it is', () => {
		expect(kindOf('userId', `${WARNING}{"message":"Api-Key is not available"}`)).toBe(
			'invalid-key',
		);
	});
});
