import {
	buildUrl,
	canonicalParams,
	ENDPOINTS,
	type EndpointName,
	type Params,
} from '../../nodes/shared/api/endpoints';
import { InvalidInput } from '../../nodes/shared/api/failure';

const BASE = 'https://api.tikliveapi.com';

describe('ENDPOINTS', () => {
	const username = { name: 'username', type: 'text', required: true };
	const userid = { name: 'userid', type: 'id', required: true };
	const count = { name: 'count', type: 'count', required: false };
	test.each([
		['userId', '/userid/', [username]],
		['userInfoByUsername', '/userinfo-by-username/', [username]],
		['userInfoById', '/userinfo-by-id/', [userid]],
		[
			'userFollowers',
			'/user-followers/',
			[userid, { ...count, max: 200 }, { name: 'time', type: 'cursor', required: false }],
		],
		[
			'userFollowing',
			'/user-following/',
			[userid, { ...count, max: 200 }, { name: 'time', type: 'cursor', required: false }],
		],
		[
			'userPosts',
			'/user-posts/',
			[userid, { ...count, max: 35 }, { name: 'cursor', type: 'cursor', required: false }],
		],
	] as const)('%s: path and parameters', (name, path, parameters) => {
		expect(ENDPOINTS[name].path).toBe(path);
		expect(ENDPOINTS[name].parameters).toEqual(parameters);
	});

	test.each(['userId', 'userInfoByUsername', 'userInfoById'] as const)('%s is no list', (name) => {
		expect(ENDPOINTS[name].list).toBeNull();
	});

	test('each list names its key, its cursor and its largest page', () => {
		expect(ENDPOINTS.userFollowers.list).toEqual({
			key: 'followers',
			paging: 'time',
			maxPageSize: 200,
		});
		expect(ENDPOINTS.userFollowing.list).toEqual({
			key: 'followings',
			paging: 'time',
			maxPageSize: 200,
		});
		expect(ENDPOINTS.userPosts.list).toEqual({ key: 'videos', paging: 'cursor', maxPageSize: 35 });
	});

	test.each([
		['userId', 2_592_000_000, 2_592_000_000],
		['userInfoByUsername', 3_600_000, 86_400_000],
		['userInfoById', 3_600_000, 86_400_000],
		['userFollowers', 60_000, 86_400_000],
		['userFollowing', 60_000, 86_400_000],
		['userPosts', 60_000, 86_400_000],
	] as const)('%s: ages', (name, defaultMaxAgeMs, keepMs) => {
		expect(ENDPOINTS[name]).toMatchObject({ defaultMaxAgeMs, keepMs, notFoundMs: 600_000 });
	});
});

describe('buildUrl', () => {
	test('keeps the slash before the question mark and sorts the parameters', () => {
		expect(buildUrl(BASE, 'userPosts', { userid: '1', cursor: 0, count: 35 })).toBe(
			`${BASE}/user-posts/?count=35&cursor=0&userid=1`,
		);
	});

	test('optional parameters may be left out', () => {
		expect(buildUrl(BASE, 'userFollowers', { userid: '1' })).toBe(
			`${BASE}/user-followers/?userid=1`,
		);
	});

	test.each([
		[`${BASE}/`, `${BASE}/userid/?username=a`],
		['http://127.0.0.1:8080//', 'http://127.0.0.1:8080/userid/?username=a'],
		['https://proxy.example/tiklive', 'https://proxy.example/tiklive/userid/?username=a'],
	])('joins base URL %s', (baseUrl, expected) => {
		expect(buildUrl(baseUrl, 'userId', { username: 'a' })).toBe(expected);
	});

	test('a cursor goes back digit by digit, as text or as a number', () => {
		const url = (cursor: string | number) => buildUrl(BASE, 'userPosts', { userid: '1', cursor });
		expect(url('16393127240001639312724')).toBe(
			`${BASE}/user-posts/?cursor=16393127240001639312724&userid=1`,
		);
		expect(url(1639312724.5)).toBe(`${BASE}/user-posts/?cursor=1639312724.5&userid=1`);
	});

	test.each<[string, EndpointName, Params, string]>([
		['a missing parameter', 'userId', {}, 'username'],
		['an empty text', 'userId', { username: '' }, 'username'],
		['a number for a text', 'userId', { username: 1 }, 'username'],
		['an id as a number', 'userInfoById', { userid: 107955 }, 'userid'],
		['an id that is not digits', 'userInfoById', { userid: '1&count=200' }, 'userid'],
		['a page size of 0', 'userPosts', { userid: '1', count: 0 }, 'count'],
		['a page size over the maximum', 'userPosts', { userid: '1', count: 36 }, 'count'],
		['a page size over 200', 'userFollowing', { userid: '1', count: 201 }, 'count'],
		['half an item', 'userPosts', { userid: '1', count: 1.5 }, 'count'],
		['a page size as text', 'userPosts', { userid: '1', count: '35' }, 'count'],
		['an empty cursor', 'userPosts', { userid: '1', cursor: '' }, 'cursor'],
		['a cursor that is no number', 'userFollowers', { userid: '1', time: NaN }, 'time'],
		['an unknown parameter', 'userId', { username: 'a', secUid: 'b' }, 'secUid'],
		['the cursor of the other paging style', 'userPosts', { userid: '1', time: 0 }, 'time'],
	])('refuses %s', (_title, endpoint, params, parameter) => {
		const build = () => buildUrl(BASE, endpoint, params);
		expect(build).toThrow(InvalidInput);
		expect(build).toThrow(expect.objectContaining({ parameter }));
	});

	test('says what a parameter has to be', () => {
		expect(() => buildUrl(BASE, 'userPosts', { userid: '1', count: 36 })).toThrow(
			expect.objectContaining({
				message: '/user-posts/ needs count to be a whole number from 1 to 35',
				advice: 'Give count as a whole number from 1 to 35.',
			}),
		);
		expect(() => buildUrl(BASE, 'userId', { username: 'a', secUid: 'b' })).toThrow(
			expect.objectContaining({
				message: '/userid/ has no parameter secUid',
				advice: 'Remove secUid.',
			}),
		);
		expect(() => buildUrl(BASE, 'userInfoById', { userid: 'x' })).toThrow('an id in digits');
		expect(() => buildUrl(BASE, 'userId', { username: '' })).toThrow('a text that is not empty');
		expect(() => buildUrl(BASE, 'userPosts', { userid: '1', cursor: '' })).toThrow(
			'a cursor of an earlier page, or 0',
		);
	});

	test.each([1, 35])('takes a page size of %d', (count) => {
		expect(buildUrl(BASE, 'userPosts', { userid: '1', count })).toContain(`count=${count}`);
	});
});

describe('canonicalParams', () => {
	test('does not depend on the order', () => {
		expect(canonicalParams({ b: '2', a: 1 })).toBe(canonicalParams({ a: 1, b: '2' }));
	});

	test.each<[string, Params, Params]>([
		['text and number', { a: 1 }, { a: '1' }],
		['& and = in a value', { a: '1&b=2' }, { a: '1', b: '2' }],
		['= in a name', { 'a=b': 'c' }, { a: 'b=c' }],
		['quotes and brackets in a value', { a: '1"],["b","2' }, { a: '1', b: '2' }],
		['plus and space', { a: 'x+y' }, { a: 'x y' }],
		['case', { a: 'X' }, { a: 'x' }],
	])('tells apart: %s', (_title, left, right) => {
		expect(canonicalParams(left)).not.toBe(canonicalParams(right));
	});
});
