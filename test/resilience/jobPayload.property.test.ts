import fc from 'fast-check';
import {
	decodePayload,
	defaultDedupeKey,
	encodePayload,
	type JobRequest,
} from '../../nodes/shared/resilience/jobPayload';
import { JOB_KINDS } from '../../nodes/shared/resilience/jobs';
import { endsSoon, runs } from '../support/property';

const kinds = fc.constantFrom(...JOB_KINDS);
const users = fc.oneof(
	fc.record({ kind: fc.constant('id' as const), id: fc.stringMatching(/^\d{1,19}$/) }),
	fc.record({ kind: fc.constant('username' as const), username: fc.string({ minLength: 1 }) }),
);
const optional = { requiredKeys: [] as [] };
const requests: fc.Arbitrary<JobRequest> = fc.record({
	user: users,
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
	call: fc.record(
		{ maxAgeMs: fc.nat(), timeoutMs: fc.nat(), maxAttempts: fc.nat(), answersSinceMs: fc.nat() },
		optional,
	),
});

/** A path in a payload, and the payload with something else there. */
const PLACES = [
	...[['v'], ['user'], ['user', 'kind'], ['user', 'id'], ['user', 'username'], ['simplify']],
	...[['call'], ['call', 'maxAgeMs'], ['call', 'other'], ['call', '__proto__']],
	...[
		['list'],
		['list', 'limit'],
		['list', 'startFrom'],
		['list', 'newerThanMs'],
		['list', '__proto__'],
	],
];
const damaged = fc
	.tuple(requests, fc.constantFrom(...PLACES), fc.json(), fc.boolean())
	.map(([request, place, value, isGone]) => {
		const [outer = '', inner] = place;
		const payload = JSON.parse(encodePayload(request)) as Record<string, unknown>;
		const holder = inner === undefined ? payload : (payload[outer] as Record<string, unknown>);
		const name = inner ?? outer;
		if (isGone) delete holder[name];
		else Object.defineProperty(holder, name, { value: JSON.parse(value), enumerable: true });
		return JSON.stringify(payload);
	});
const cut = fc
	.tuple(requests.map(encodePayload), fc.nat(), fc.nat({ max: 3 }), fc.string({ maxLength: 3 }))
	.map(([text, at, gone, put]) => {
		const place = at % (text.length + 1);
		return text.slice(0, place) + put + text.slice(place + gone);
	});

const isCount = (value: unknown) =>
	value === undefined || (Number.isSafeInteger(value) && Number(value) >= 0);

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
			runs(100),
		);
	});

	it('is a request of the right form, or one with a reason why it is none', () => {
		const texts = fc.oneof(damaged, cut, fc.string(), fc.json());
		fc.assert(
			fc.property(kinds, texts, (kind, text) => {
				const decoded = decodePayload(kind, text);
				if (!decoded.ok) {
					expect(['damaged', 'version']).toContain(decoded.reason);
					expect(decoded.problem).toMatch(/^[A-Za-z].{0,120}$/);
					return;
				}
				const { user, simplify, list, call } = decoded.request;
				expect(typeof (user.kind === 'id' ? user.id : user.username)).toBe('string');
				expect(typeof simplify).toBe('boolean');
				for (const value of Object.values(call)) expect(isCount(value)).toBe(true);
				expect(list === undefined).toBe(kind === 'userInfo');
				for (const name of ['limit', 'maxPages', 'newerThanMs'] as const) {
					expect(isCount(list?.[name])).toBe(true);
				}
				expect(['string', 'undefined']).toContain(typeof list?.startFrom);
				for (const part of [user, call, list ?? {}]) {
					expect(Object.getPrototypeOf(part)).toBe(Object.prototype);
				}
				expect(decodePayload(kind, encodePayload(decoded.request))).toEqual(decoded);
				expect(defaultDedupeKey(kind, decoded.request)).toMatch(/^[\w-]{22}$/);
			}),
			runs(300),
		);
	});

	it.each(['{', '[', '"', '{"v":', '{"v":1,', ' ', '\\', '1'])(
		'of very many %j is damaged, and that is seen in no time',
		(unit) => {
			endsSoon((text) => expect(decodePayload('posts', text).ok).toBe(false), unit);
		},
	);
});
