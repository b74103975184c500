import fc from 'fast-check';
import {
	decodePayload,
	defaultDedupeKey,
	encodePayload,
	type JobRequest,
} from '../../nodes/shared/resilience/jobPayload';
import { JOB_KINDS, type JobKind } from '../../nodes/shared/resilience/jobs';

const user = fc.oneof(
	fc.record({ kind: fc.constant('id' as const), id: fc.stringMatching(/^\d{1,19}$/) }),
	fc.record({ kind: fc.constant('username' as const), username: fc.string({ minLength: 1 }) }),
);
const optional = { requiredKeys: [] as [] };
const requests: fc.Arbitrary<JobRequest> = fc.record({
	user,
	simplify: fc.boolean(),
	list: fc.record(
		{
			limit: fc.nat(),
			maxPages: fc.nat(),
			startFrom: fc.string(),
			newerThanMs: fc.nat(),
			includeBookmark: fc.boolean(),
		},
		optional,
	),
	call: fc.record({ maxAgeMs: fc.nat(), timeoutMs: fc.nat(), maxAttempts: fc.nat() }, optional),
});
const kinds = fc.constantFrom(...JOB_KINDS);

describe('the payload of a job', () => {
	it('comes back as it went in', () => {
		fc.assert(
			fc.property(kinds, requests, (kind, request) => {
				const { list, ...rest } = request;
				expect(decodePayload(kind, encodePayload(request))).toEqual({
					ok: true,
					request: kind === 'userInfo' ? rest : { ...rest, list },
				});
			}),
		);
	});

	it('never throws, whatever the text is', () => {
		fc.assert(
			fc.property(kinds, fc.oneof(fc.string(), fc.json()), (kind, text) => {
				expect(decodePayload(kind, text).ok).toBe(false);
			}),
		);
	});

	it.each<[string, JobKind, string]>([
		['version', 'posts', '{"v":2}'],
		['damaged', 'posts', '{}'],
		['damaged', 'posts', '{"v":"1"}'],
		['damaged', 'userInfo', '{"v":1,"simplify":true,"call":{}}'],
		['damaged', 'userInfo', '{"v":1,"user":{"kind":"id","id":5},"simplify":true,"call":{}}'],
		['damaged', 'userInfo', '{"v":1,"user":{"kind":"id","id":"5"},"simplify":1,"call":{}}'],
		[
			'damaged',
			'userInfo',
			'{"v":1,"user":{"kind":"id","id":"5"},"simplify":true,"call":{"a":"b"}}',
		],
		['damaged', 'posts', '{"v":1,"user":{"kind":"id","id":"5"},"simplify":true,"call":{}}'],
		[
			'damaged',
			'posts',
			'{"v":1,"user":{"kind":"id","id":"5"},"simplify":true,"call":{},"list":{"limit":-1}}',
		],
	])('is %s as %s: %s', (reason, kind, text) => {
		expect(decodePayload(kind, text)).toMatchObject({ ok: false, reason });
	});
});

describe('the dedupe key', () => {
	const request: JobRequest = {
		user: { kind: 'username', username: 'a' },
		simplify: true,
		list: { limit: 5, maxPages: 2 },
		call: {},
	};

	it('is the same for the same question, in whatever order it was put', () => {
		const { user, simplify, list, call } = request;
		const other = { call, list: { maxPages: 2, limit: 5 }, simplify, user };
		expect(list).toEqual(other.list);
		expect(defaultDedupeKey('posts', other)).toBe(defaultDedupeKey('posts', request));
	});

	it('differs with kind, user and parameters, and names nobody', () => {
		const keys = [
			defaultDedupeKey('posts', request),
			defaultDedupeKey('followers', request),
			defaultDedupeKey('posts', { ...request, user: { kind: 'id', id: 'a' } }),
			defaultDedupeKey('posts', { ...request, simplify: false }),
			defaultDedupeKey('posts', { ...request, list: { limit: 6, maxPages: 2 } }),
		];
		expect(new Set(keys).size).toBe(keys.length);
		for (const key of keys) expect(key).toMatch(/^[\w-]{22}$/);
	});
});
