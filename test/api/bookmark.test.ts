import { decodeBookmark, encodeBookmark, type Bookmark } from '../../nodes/shared/api/bookmark';
import { InvalidInput } from '../../nodes/shared/api/failure';
import type { UserRef } from '../../nodes/shared/api/user';

const BOOKMARK: Bookmark = {
	endpoint: 'userPosts',
	userId: '107955',
	username: 'tiktok',
	cursor: '1639312724000',
	delivered: 3,
	count: 35,
};
const BY_ID: UserRef = { kind: 'id', id: '107955' };
const BY_NAME: UserRef = { kind: 'username', username: 'tiktok' };

const encodeFields = (fields: unknown) => Buffer.from(JSON.stringify(fields)).toString('base64url');

const FIELDS = [1, 'userPosts', '107955', 'tiktok', '1639312724000', 3, 35];
const changed = (index: number, value: unknown) =>
	encodeFields(FIELDS.map((field, at) => (at === index ? value : field)));

function refusal(text: string, user = BY_ID, endpoint: Bookmark['endpoint'] = 'userPosts') {
	try {
		decodeBookmark(text, endpoint, user);
	} catch (error) {
		if (error instanceof InvalidInput) return error;
		throw error;
	}
	throw new Error('was not refused');
}

test('the type of the cursor is kept', () => {
	const read = (cursor: string | number) =>
		decodeBookmark(encodeBookmark({ ...BOOKMARK, cursor }), 'userPosts', BY_ID).cursor;
	expect(read('5')).toBe('5');
	expect(read(5)).toBe(5);
	expect(read(0)).toBe(0);
});

test('a page of one that brought more is a page of one', () => {
	const bookmark = { ...BOOKMARK, delivered: 1, count: 1 };
	expect(decodeBookmark(encodeBookmark(bookmark), 'userPosts', BY_ID)).toEqual(bookmark);
});

test('white space around it does not matter', () => {
	expect(decodeBookmark(` ${encodeBookmark(BOOKMARK)}\n`, 'userPosts', BY_ID)).toEqual(BOOKMARK);
});

test('the format of version 1 stays readable', () => {
	expect(
		decodeBookmark(
			'WzEsInVzZXJQb3N0cyIsIjEwNzk1NSIsInRpa3RvayIsIjE2MzkzMTI3MjQwMDAiLDMsMzVd',
			'userPosts',
			BY_NAME,
		),
	).toEqual(BOOKMARK);
});

describe('refuses', () => {
	test.each([
		['nothing', ''],
		['words', 'page two'],
		['an address', 'https://www.tiktok.com/@x'],
		['a number', '1639312724000'],
		['ordinary base 64', Buffer.from('[1,"\u00ff\u00fe"]').toString('base64') + '=='],
		['JSON that is no list', encodeFields({ cursor: 1 })],
		['null', encodeFields(null)],
		['a list that is too short', encodeFields(FIELDS.slice(0, 6))],
		['a list that is too long', encodeFields([...FIELDS, 1])],
		['an unknown list', changed(1, 'userLikes')],
		['an endpoint that is no list', changed(1, 'userId')],
		['a list name from the prototype', changed(1, 'constructor')],
		['a list name that is no text', changed(1, 5)],
		['a user id that is no id', changed(2, 'x')],
		['a user id that is a number', changed(2, 107955)],
		['a username that is no text', changed(3, 5)],
		['no cursor', changed(4, null)],
		['an empty cursor', changed(4, '')],
		['a cursor that is an object', changed(4, {})],
		['no number of items', changed(5, null)],
		['fewer than no items', changed(5, -1)],
		['fewer than no items, without a page size', encodeFields([...FIELDS.slice(0, 5), -1, null])],
		['half an item', changed(5, 0.5)],
		['items without a page size', changed(6, null)],
		['a page size of 0', changed(6, 0)],
		['a page size over the maximum', changed(6, 36)],
		['half a page size', changed(6, 1.5)],
		['a page size without items', encodeFields([...FIELDS.slice(0, 5), 0, 35])],
	])('%s', (_title, text) => {
		const error = refusal(text);
		expect(error.parameter).toBe('Start From');
		expect(error.message).toBe('Start From does not hold a bookmark');
		expect(error.advice).toMatch(/^Leave Start From empty/);
	});

	test('a bookmark with other characters before, in or after it', () => {
		const text = encodeBookmark(BOOKMARK);
		for (const damaged of [`*${text}`, `${text}*`, `${text.slice(0, 8)} ${text.slice(8)}`]) {
			expect(refusal(damaged).message).toBe('Start From does not hold a bookmark');
		}
	});

	test('another version', () => {
		for (const version of [0, 2, '1', null]) {
			expect(refusal(changed(0, version)).message).toBe(
				'The bookmark is from another version of this package',
			);
		}
	});

	test('another list', () => {
		expect(refusal(encodeBookmark(BOOKMARK), BY_ID, 'userFollowers').message).toBe(
			'The bookmark is for userPosts, not for userFollowers',
		);
	});

	test('another user', () => {
		const message = 'The bookmark is for another user';
		const text = encodeBookmark(BOOKMARK);
		expect(refusal(text, { kind: 'id', id: '107956' }).message).toBe(message);
		expect(refusal(text, { kind: 'username', username: 'tiktok2' }).message).toBe(message);
	});

	test('a bookmark that was cut, at every place', () => {
		const text = encodeBookmark(BOOKMARK);
		for (let length = 0; length < text.length - 1; length++) {
			expect(() => decodeBookmark(text.slice(0, length), 'userPosts', BY_ID)).toThrow(InvalidInput);
		}
	});
});

test('whose bookmark: by id, by name, or not known yet', () => {
	const text = encodeBookmark(BOOKMARK);
	expect(decodeBookmark(text, 'userPosts', BY_ID).userId).toBe('107955');
	expect(decodeBookmark(text, 'userPosts', BY_NAME).userId).toBe('107955');
	const nameless = encodeBookmark({ ...BOOKMARK, username: undefined });
	expect(decodeBookmark(nameless, 'userPosts', BY_NAME).username).toBeUndefined();
	expect(refusal(nameless, { kind: 'id', id: '2' }).message).toMatch(/another user/);
});
