import fc from 'fast-check';
import { InvalidInput } from '../../nodes/shared/api/failure';
import {
	isUserId,
	parseProfileUrl,
	parseUser,
	parseUserId,
	parseUsername,
	type UserRef,
} from '../../nodes/shared/api/user';
import { anyUtf16, endsSoon, runs } from '../support/property';

const modes = fc.constantFrom('username', 'url', 'id');

/** TikTok's own rule for names, as `parseUsername` documents it. */
const names = fc.stringMatching(/^[A-Za-z0-9_.]{0,23}[A-Za-z0-9_]$/);
const ids = fc.stringMatching(/^\d{1,25}$/);

/** What names, addresses and their slips are made of. */
const pieces = fc.oneof(
	fc.constantFrom(
		'@',
		'＠',
		'%40',
		'.',
		'/',
		'//',
		':',
		'?',
		'#',
		'\\',
		' ',
		'\u200b',
		'\u0000',
		'\ud800',
	),
	fc.constantFrom(
		'https://',
		'http://',
		'ftp://',
		'javascript:',
		'www.',
		'm.',
		'vm.',
		'us.',
		'evil.',
	),
	fc.constantFrom(
		'tiktok.com',
		'tiktok.com/',
		'tiktok.com.evil.com/',
		'tiktok.com@evil.com/',
		'TikTok',
	),
	fc.constantFrom('name', 'video', 't/', 'MS4wLjAB', '107955', '9'.repeat(19), 'é', 'ｎ', '[::1]'),
	fc.string({ maxLength: 3 }),
);
const pasted = fc.array(pieces, { maxLength: 8 }).map((parts) => parts.join(''));
const inputs = fc.oneof(
	{ weight: 3, arbitrary: pasted },
	anyUtf16(),
	fc.double(),
	fc.bigInt(),
	fc.anything({ withNullPrototype: true, withDate: true, withMap: true, withSet: true }),
);

/** The user, or undefined for what is refused as it should be. */
function read(parse: () => UserRef): UserRef | undefined {
	try {
		return parse();
	} catch (error) {
		expect(error).toBeInstanceOf(InvalidInput);
		const { parameter, message, advice } = error as InvalidInput;
		expect(parameter).toBe('User');
		for (const text of [message, advice]) {
			expect(text).toMatch(/^\S.{0,399}$/);
			expect(text).not.toMatch(/[\p{Cc}\p{Cs}]/u);
		}
		return undefined;
	}
}

const textOf = (user: UserRef) => (user.kind === 'id' ? user.id : user.username);

describe('a user, as people give one', () => {
	test('is a name or an id that can be asked for, or refused with InvalidInput', () => {
		fc.assert(
			fc.property(modes, inputs, (mode, input) => {
				const user = read(() => parseUser(mode, input));
				if (user === undefined) return;
				if (user.kind === 'id') expect(isUserId(user.id)).toBe(true);
				else expect(user.username).toMatch(/^[a-z0-9_.]{0,23}[a-z0-9_]$/);
				expect(user.kind === 'id').toBe(mode === 'id');
				expect(parseUser(mode === 'id' ? 'id' : 'username', textOf(user))).toEqual(user);
			}),
			runs(300),
		);
	});

	test('is the same in each form that a name is pasted in', () => {
		const around = fc.constantFrom('', ' ', '\n', '\u200b', '\ufeff', ' \u2060 ');
		const form = fc.constantFrom(
			...['#', '@#', 'https://www.tiktok.com/@#', 'tiktok.com/@#', 'm.tiktok.com/@#?lang=en'],
			...['http://tiktok.com/@#/video/7621307384165666079', 'HTTPS://WWW.TIKTOK.COM/@#/'],
		);
		fc.assert(
			fc.property(names, form, around, around, (name, text, before, after) => {
				const pastedText = before + text.replace('#', name) + after;
				const user = { kind: 'username', username: name.toLowerCase() };
				expect(parseUsername(pastedText)).toEqual(user);
				if (text.includes('/')) expect(parseProfileUrl(pastedText)).toEqual(user);
			}),
			runs(100),
		);
	});

	test('is never read from an address of another site', () => {
		const host = fc.oneof(
			fc.webAuthority(),
			fc.domain().map((domain) => `tiktok.com.${domain}`),
			fc.domain().map((domain) => `www.tiktok.com@${domain}`),
			fc.domain().map((domain) => `my${domain}`),
		);
		fc.assert(
			fc.property(fc.constantFrom('https', 'http'), host, names, (protocol, authority, name) => {
				const address = `${protocol}://${authority}/@${name}`;
				fc.pre(!/(^|\.)tiktok\.com$/.test(new URL(address).hostname));
				expect(read(() => parseUser('url', address))).toBeUndefined();
				expect(read(() => parseUser('username', address))).toBeUndefined();
			}),
			runs(100),
		);
	});

	test('keeps each digit of its id, and a number that has lost some is refused', () => {
		fc.assert(
			fc.property(ids, fc.double({ noNaN: true }), fc.maxSafeNat(), (id, number, exact) => {
				expect(parseUserId(` ${id} `)).toEqual({ kind: 'id', id });
				expect(parseUserId(exact)).toEqual({ kind: 'id', id: String(exact) });
				if (Number.isSafeInteger(number) && number >= 0) return;
				expect(read(() => parseUserId(number))).toBeUndefined();
			}),
			runs(100),
		);
	});

	test.each([
		'a',
		'@',
		'.',
		'/',
		'//',
		'https://',
		'tiktok.com/',
		'tiktok.com/@',
		'%40',
		'1',
		'\u0000',
	])('of very many %j is refused in no time', (unit) => {
		endsSoon((text) => {
			for (const mode of ['username', 'url', 'id'] as const) read(() => parseUser(mode, text));
		}, unit);
	});
});
