import fc from 'fast-check';
import { classify, type Verdict } from '../../nodes/shared/api/classify';
import { ENDPOINTS, type Endpoint, type EndpointName } from '../../nodes/shared/api/endpoints';
import { isJsonObject, parseBody } from '../../nodes/shared/api/json';
import { MAX_RETRY_AFTER_MS } from '../../nodes/shared/api/retryAfter';
import { anyUtf16, endsSoon, runs } from '../support/property';

const NOW = Date.UTC(2026, 10, 22, 12);
const NAMES = Object.keys(ENDPOINTS) as EndpointName[];

const endpoints = fc.constantFrom(...NAMES);
const statuses = fc.oneof(
	{ weight: 3, arbitrary: fc.constant(200) },
	fc.integer({ min: 100, max: 999 }),
);

/** What this API and its like have been seen to put into a body, each as it should be or as anything else. */
const field = (usual: fc.Arbitrary<unknown>) =>
	fc.oneof({ weight: 3, arbitrary: usual }, fc.jsonValue());
const words = fc.oneof(
	anyUtf16({ maxLength: 400 }),
	fc.constantFrom(
		'success',
		'Not found user',
		'Api-Key is not available',
		'Too many requests',
		'credits',
	),
);
const bodies = fc.record(
	{
		status: field(fc.constantFrom('error', 'Error', 'success')),
		message: field(words),
		msg: field(words),
		code: field(fc.integer({ min: -1, max: 1 })),
		id: field(fc.constantFrom('107955', 107955, '6943972350728700930')),
		user: field(fc.record({ id: field(fc.constant('107955')) }, { requiredKeys: [] })),
		stats: field(fc.constant({})),
		followers: field(fc.array(fc.jsonValue())),
		followings: field(fc.array(fc.jsonValue())),
		videos: field(fc.array(fc.jsonValue())),
		hasMore: field(fc.boolean()),
		cursor: field(fc.constantFrom('0', '1700000000000', 5)),
	},
	{ requiredKeys: [] },
);
const texts = fc.oneof(
	{ weight: 4, arbitrary: bodies.map((body) => JSON.stringify(body)) },
	bodies.map((data) => JSON.stringify({ code: 0, msg: 'success', data })),
	words.map((message) => JSON.stringify({ message })),
	fc.string(),
	fc.json(),
);
const headers = fc.dictionary(
	fc.constantFrom('retry-after', 'date', 'content-type', 'x-ratelimit-reset'),
	fc.oneof(fc.string(), fc.nat().map(String), fc.constantFrom('text/html', 'application/json')),
);

function expectSound(verdict: Verdict): void {
	if (verdict.ok) {
		expect(isJsonObject(verdict.body)).toBe(true);
		return;
	}
	const { failure, billed } = verdict;
	expect(failure.kind).toMatch(/^[a-z]+(-[a-z]+)*$/);
	expect(failure.detail).toMatch(/^\S.{0,299}$/);
	expect(failure.detail).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
	expect(['spent', 'returned', 'unknown']).toContain(billed);
	if ('retryAfterMs' in failure) {
		expect(Number.isInteger(failure.retryAfterMs)).toBe(true);
		expect(failure.retryAfterMs).toBeGreaterThanOrEqual(0);
		expect(failure.retryAfterMs).toBeLessThanOrEqual(MAX_RETRY_AFTER_MS);
	}
}

describe('whatever the API answers', () => {
	test('there is a verdict with a short, clean text, and only status 200 is a success', () => {
		fc.assert(
			fc.property(endpoints, statuses, headers, texts, (endpoint, status, its, body) => {
				const verdict = classify(endpoint, { status, headers: its, body }, NOW);
				expectSound(verdict);
				if (verdict.ok) expect(status).toBe(200);
			}),
			runs(300),
		);
	});

	test('a success has what the endpoint always has, and reads as that when it comes from the store', () => {
		fc.assert(
			fc.property(endpoints, fc.boolean(), texts, (endpoint, warned, text) => {
				const body = warned ? `<br />\n${text}` : text;
				const verdict = classify(endpoint, { status: 200, headers: {}, body }, NOW);
				fc.pre(verdict.ok);
				const { list }: Endpoint = ENDPOINTS[endpoint];
				if (list) expect(Array.isArray(verdict.body[list.key])).toBe(true);
				const stored = verdict.text ?? body;
				expect(parseBody(stored)).toEqual(verdict.body);
				const again = classify(endpoint, { status: 200, headers: {}, body: stored }, NOW);
				expect(again).toEqual({ ok: true, body: verdict.body });
			}),
			runs(200),
		);
	});

	test('a list that PHP wrote as an object is the list in the order of its numbers', () => {
		const lists = fc.constantFrom('userFollowers', 'userFollowing', 'userPosts');
		fc.assert(
			fc.property(lists, fc.uniqueArray(fc.nat(1e9)), (endpoint, numbers) => {
				const { key } = ENDPOINTS[endpoint].list;
				const list = Object.fromEntries(numbers.map((number) => [number, { id: `${number}` }]));
				const body = JSON.stringify({ [key]: list, hasMore: true });
				const verdict = classify(endpoint, { status: 200, headers: {}, body }, NOW);
				const sorted = [...numbers].sort((a, b) => a - b).map((number) => ({ id: `${number}` }));
				expect(verdict).toMatchObject({ ok: true, body: { [key]: sorted } });
			}),
			runs(100),
		);
	});

	test.each([
		' ',
		'a',
		'not ',
		'rate ',
		'requests ',
		'request per',
		'top ',
		'n',
		'api ',
		'\u0000',
		'\ud800',
	])('a message of very many %j is understood in no time', (unit) => {
		endsSoon((message) => {
			for (const body of [JSON.stringify({ message }), message, `<br>${message}`]) {
				for (const status of [200, 403, 404]) {
					expectSound(classify('userInfoById', { status, headers: {}, body }, NOW));
				}
			}
		}, unit);
	});
});
