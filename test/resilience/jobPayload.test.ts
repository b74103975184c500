import {
	decodePayload,
	defaultDedupeKey,
	type JobRequest,
} from '../../nodes/shared/resilience/jobPayload';
import type { JobKind } from '../../nodes/shared/resilience/jobs';

describe('the payload of a job', () => {
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
