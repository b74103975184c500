import fc from 'fast-check';
import { decodeBookmark, encodeBookmark, type Bookmark } from '../../nodes/shared/api/bookmark';
import { ENDPOINTS } from '../../nodes/shared/api/endpoints';
import { InvalidInput } from '../../nodes/shared/api/failure';
import { isUserId, type UserRef } from '../../nodes/shared/api/user';
import { anyUtf16, endsSoon, runs } from '../support/property';

const endpoints = fc.constantFrom('userFollowers', 'userFollowing', 'userPosts');
const userIds = fc.stringMatching(/^\d{1,25}$/);
const usernames = fc.stringMatching(/^[a-z0-9_.]{1,24}$/);
const cursors = fc.oneof(
	fc.string({ minLength: 1, unit: 'binary' }),
	anyUtf16({ minLength: 1 }),
	// JSON does not tell 0 from -0.
	fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0),
);
const bookmarks = fc
	.record({
		endpoint: endpoints,
		userId: userIds,
		username: fc.option(usernames, { nil: undefined }),
		cursor: cursors,
		delivered: fc.nat({ max: 35 }),
	})
	.map((value): Bookmark => ({ ...value, count: value.delivered > 0 ? 35 : undefined }));

const written = (fields: unknown) => Buffer.from(JSON.stringify(fields)).toString('base64url');

/** A bookmark that has been tampered with, and what was never one. */
const hostile = fc.oneof(
	fc.string(),
	anyUtf16(),
	fc.json().map((json) => Buffer.from(json).toString('base64url')),
	fc
		.tuple(
			fc.constant(1),
			endpoints,
			userIds,
			fc.option(usernames),
			cursors,
			fc.nat(40),
			fc.nat(40),
		)
		.chain((fields) =>
			fc.tuple(fc.nat({ max: 7 }), fc.jsonValue()).map(([index, value]) => {
				const changed: unknown[] = [...fields];
				changed[index] = value;
				return written(changed);
			}),
		),
	fc
		.tuple(bookmarks.map(encodeBookmark), fc.nat(), fc.nat({ max: 3 }), fc.string({ maxLength: 3 }))
		.map(([text, at, gone, put]) => {
			const place = at % (text.length + 1);
			return text.slice(0, place) + put + text.slice(place + gone);
		}),
);
const users: fc.Arbitrary<UserRef> = fc.oneof(
	userIds.map((id): UserRef => ({ kind: 'id', id })),
	usernames.map((username): UserRef => ({ kind: 'username', username })),
);

/** The bookmark, or undefined for what is refused as it should be. */
function read(...parameters: Parameters<typeof decodeBookmark>): Bookmark | undefined {
	try {
		return decodeBookmark(...parameters);
	} catch (error) {
		expect(error).toBeInstanceOf(InvalidInput);
		expect((error as InvalidInput).parameter).toBe('Start From');
		expect((error as InvalidInput).message).toMatch(/^\S.{0,199}$/);
		return undefined;
	}
}

describe('a bookmark', () => {
	test('that is written is read, whatever the cursor is', () => {
		fc.assert(
			fc.property(bookmarks, (bookmark) => {
				const text = encodeBookmark(bookmark);
				expect(text).toMatch(/^[A-Za-z0-9_-]+$/);
				const user = { kind: 'id', id: bookmark.userId } as const;
				expect(decodeBookmark(` ${text}\n`, bookmark.endpoint, user)).toEqual(bookmark);
			}),
			runs(100),
		);
	});

	test('from anywhere is a place in the list of this user, or refused with InvalidInput', () => {
		fc.assert(
			fc.property(hostile, endpoints, users, (text, endpoint, asked) => {
				const byId = /^[\w-]+$/.test(text.trim()) ? idIn(text) : undefined;
				for (const user of [asked, ...(byId === undefined ? [] : [byId])]) {
					const bookmark = read(text, endpoint, user);
					if (bookmark === undefined) continue;
					const { cursor, delivered, count, userId, username } = bookmark;
					expect(bookmark.endpoint).toBe(endpoint);
					expect(isUserId(userId)).toBe(true);
					if (user.kind === 'id') expect(userId).toBe(user.id);
					else expect([undefined, user.username]).toContain(username);
					expect(cursor === '' || Number.isNaN(cursor)).toBe(false);
					expect(Number.isSafeInteger(delivered) && delivered >= 0).toBe(true);
					expect(count !== undefined).toBe(delivered > 0);
					expect(count ?? 1).toBeLessThanOrEqual(ENDPOINTS[endpoint].list.maxPageSize);
					expect(read(encodeBookmark(bookmark), endpoint, user)).toEqual(bookmark);
				}
			}),
			runs(300),
		);
	});

	test.each(['a', '-', ' ', 'WzEs', 'W1tb', '\u0000', '='])(
		'of very many %j is refused in no time',
		(unit) => {
			endsSoon((text) => read(text, 'userPosts', { kind: 'id', id: '1' }), unit);
		},
	);
});

/** The user whose id it names, so that what is not refused for the user is looked at too. */
function idIn(text: string): UserRef | undefined {
	try {
		const fields: unknown = JSON.parse(Buffer.from(text.trim(), 'base64url').toString());
		return Array.isArray(fields) && isUserId(fields[2]) ? { kind: 'id', id: fields[2] } : undefined;
	} catch {
		return undefined;
	}
}
