import { InvalidInput } from '../../nodes/shared/api/failure';
import {
	isUserId,
	looksLikeId,
	parseProfileUrl,
	parseUser,
	parseUserId,
	parseUsername,
} from '../../nodes/shared/api/user';

const refusal = (parse: () => unknown): InvalidInput => {
	try {
		parse();
	} catch (error) {
		if (error instanceof InvalidInput) return error;
		throw error;
	}
	throw new Error('was not refused');
};

const named = (username: string) => ({ kind: 'username', username });

describe('parseUsername', () => {
	test.each([
		['tiktok', 'tiktok'],
		['@TikTok ', 'tiktok'],
		['\t@name\n', 'name'],
		['\u200B@name\uFEFF', 'name'],
		[' \u200B \u2060@name\u200B \uFEFF \n', 'name'],
		['name_1.x', 'name_1.x'],
		['.king_of_larp', '.king_of_larp'],
		['_', '_'],
		['a', 'a'],
		['x'.repeat(24), 'x'.repeat(24)],
		['123456', '123456'],
		[123456, '123456'],
		['https://www.tiktok.com/@Name?lang=en', 'name'],
		['tiktok.com/@name', 'name'],
		['TikTok.com/@Name', 'name'],
		['＠name', 'name'],
		['ｎａｍｅ', 'name'],
		['"@name"', 'name'],
		['“name”', 'name'],
		['`name`', 'name'],
		['<https://www.tiktok.com/@name>', 'name'],
		['[Name](https://www.tiktok.com/@name)', 'name'],
		['[Name]( <https://www.tiktok.com/@name> )', 'name'],
		['694397235072870093', '694397235072870093'],
	])('%p', (input, username) => {
		expect(parseUsername(input)).toEqual(named(username));
	});

	test.each([
		'@',
		'@@name',
		'two words',
		'name.',
		'.',
		'x'.repeat(25),
		'naïve',
		'name/video',
		'../userid',
		'name?count=1',
		'name\r\nX-Api-Key: x',
		'name\nother',
		'#tag',
		'user@example.com',
		'[object Object]',
		'na\u200Bme',
	])('refuses %p', (input) => {
		const error = refusal(() => parseUsername(input));
		expect(error.parameter).toBe('User');
		expect(error.message).toMatch(/^".*" is not a TikTok username$/);
		expect(error.advice).toMatch(/up to 24 letters/);
	});

	test.each([
		['', 'User is empty'],
		['  \u200B ', 'User is empty'],
		[undefined, 'User is missing'],
		[null, 'User is missing'],
	])('refuses %p as empty or missing', (input, message) => {
		const error = refusal(() => parseUsername(input));
		expect(error).toMatchObject({ parameter: 'User', message });
		expect(error.advice).toBe('Enter a username such as "tiktok", without spaces.');
	});

	test.each([
		[
			{},
			'User is an object, not one user',
			/^Give the one of its fields .* \{\{ \$json.username \}\}/,
		],
		[
			{ username: 'nba', row_number: 3 },
			'User is an object with the fields username, row_number, not one user',
			/^Give the one of its fields/,
		],
		[['nba', 'espn'], 'User is a list of 2, not one user', /Split Out/],
		[true, 'User is a boolean, which names nobody', /^Enter a username/],
	])('says what %p is', (input, message, advice) => {
		expect(refusal(() => parseUsername(input))).toMatchObject({ parameter: 'User', message });
		expect(refusal(() => parseUsername(input)).advice).toMatch(advice);
	});

	test.each([6943972350728700930, 2 ** 53, 1e21])(
		'an id that arrived as a number is refused, as by id: %p',
		(input) => {
			expect(refusal(() => parseUsername(input))).toMatchObject({
				message: 'The user id arrived as a number and has lost its last digits',
				advice: 'Pass the id as text, or give the username.',
			});
		},
	);

	test.each([
		'MS4wLjABAAAAv7iSuuXDJGDvJkmH_vz1qkDZYo1apxgzaxdBSeIuPiM',
		'@MS4wLjABAAAAv7iSuuXDJGDvJkmH_vz1qkDZYo1apxgzaxdBSeIuPiM',
		'https://www.tiktok.com/@MS4wLjABAAAAv7iSuuXDJGDvJkmH_vz1qkDZYo1apxgzaxdBSeIuPiM',
	])('a secUid is refused as such: %p', (input) => {
		const error = refusal(() => parseUsername(input));
		expect(error.message).toMatch(/is a secUid, an inner id of TikTok/);
		expect(error.advice).toMatch(/username that the profile shows after the @/);
	});

	test('an address of another site is refused as such', () => {
		expect(refusal(() => parseUsername('https://www.instagram.com/name')).message).toBe(
			'"https://www.instagram.com/name" is not an address on tiktok.com',
		);
	});

	test('quotes little of what was typed, and nothing that is not text', () => {
		const { message } = refusal(() => parseUsername(`bad\u0000${'x'.repeat(500)}`));
		expect(message).toBe(`"bad ${'x'.repeat(75)}…" is not a TikTok username`);
	});
});

describe('parseProfileUrl', () => {
	test.each([
		'https://www.tiktok.com/@Name',
		'https://tiktok.com/@name',
		'http://m.tiktok.com/@name',
		'HTTPS://WWW.TIKTOK.COM/@name',
		'www.tiktok.com/@name',
		'tiktok.com/@name',
		'm.tiktok.com/@name/',
		'//www.tiktok.com/@name',
		' https://www.tiktok.com/@name ',
		'https://www.tiktok.com/@name?_t=8abc&_r=1',
		'https://www.tiktok.com/@name#top',
		'https://www.tiktok.com/@name/video/7621307384165666079?is_from_webapp=1',
		'https://www.tiktok.com/@name/photo/7621307384165666079',
		'https://www.tiktok.com/@name/live',
		'https://www.tiktok.com/%40name',
		'https://www.tiktok.com//@name',
		'https://www.tiktok.com:443/@name',
		'https://us.tiktok.com/@name',
		'https://ads.tiktok.com/@name',
		'https://www.tiktok.com./@name',
		'https://www.tiktok.com/@name,',
		'(https://www.tiktok.com/@name)'.slice(1),
	])('%p', (input) => {
		expect(parseProfileUrl(input)).toEqual(named('name'));
	});

	test.each([
		'https://www.instagram.com/@name',
		'https://tiktok.com.evil.example/@name',
		'https://eviltiktok.com/@name',
		'https://evil.example/tiktok.com/@name',
		'https://tiktok.com@evil.example/@name',
		'https://tiktok.com.co/@name',
		'https://-tiktok.com/@name',
		'https://evil.example/t/ZSLSYb3sb/',
		'ftp://www.tiktok.com/@name',
		'xhttps://www.tiktok.com/@name',
		'name',
	])('refuses another site: %p', (input) => {
		const error = refusal(() => parseProfileUrl(input));
		expect(error.message).toMatch(/^".*" is not an address on tiktok\.com$/);
		expect(error).toMatchObject({
			parameter: 'User',
			advice: 'Enter the address of a profile, such as https://www.tiktok.com/@tiktok.',
		});
	});

	test.each([
		'https://vm.tiktok.com/ZSLSYb3sb/',
		'vt.tiktok.com/ZSLSYb3sb',
		'https://www.tiktok.com/t/ZSLSYb3sb/',
	])('says what to do with a short link: %p', (input) => {
		const error = refusal(() => parseProfileUrl(input));
		expect(error.message).toMatch(/is a short link, which does not name the user$/);
		expect(error.advice).toMatch(/^Open the link in a browser and enter the address/);
		expect(error.parameter).toBe('User');
	});

	test.each([
		'https://m.tiktok.com/h5/share/usr/6943972350728700930.html',
		'https://www.tiktok.com/share/user/6943972350728700930?u_code=d',
	])('reads the id in an older share address: %p', (input) => {
		expect(parseProfileUrl(input)).toEqual({ kind: 'id', id: '6943972350728700930' });
	});

	test.each([
		'https://www.tiktok.com',
		'https://www.tiktok.com/',
		'https://www.tiktok.com/foryou',
		'https://www.tiktok.com/name',
		'https://www.tiktok.com/@',
		'https://www.tiktok.com/tag/@name',
		'https://www.tiktok.com/?u=/@name',
		'https://www.tiktok.com/x/t/@name',
	])('refuses an address that is no profile: %p', (input) => {
		expect(refusal(() => parseProfileUrl(input)).message).toMatch(
			/is not the address of a profile$/,
		);
	});

	test.each(['https://', 'https://[', 'www.tiktok.com:x/@name', 'javascript:alert(1)'])(
		'refuses what is no address: %p',
		(input) => {
			const error = refusal(() => parseProfileUrl(input));
			expect(error.message).toMatch(/is not a web address$/);
			expect(error.advice).toMatch(/^Enter the address of a profile/);
		},
	);

	test.each([
		'https://www.tiktok.com/@name.',
		'https://www.tiktok.com/@na%2Fme',
		'tiktok.com/@%E0%A4',
	])('refuses a name that TikTok does not allow: %p', (input) => {
		expect(refusal(() => parseProfileUrl(input)).message).toMatch(/is not a TikTok username$/);
	});

	test('nothing typed', () => {
		expect(refusal(() => parseProfileUrl(' ')).advice).toMatch(/^Enter the address of a profile/);
	});
});

describe('parseUserId', () => {
	test.each([
		['107955', '107955'],
		[' 6943972350728700930 ', '6943972350728700930'],
		['9'.repeat(25), '9'.repeat(25)],
		[107955, '107955'],
		[9007199254740991, '9007199254740991'],
	])('%p', (input, id) => {
		expect(parseUserId(input)).toEqual({ kind: 'id', id });
	});

	test.each(['9'.repeat(26), '12a', '-1', '1.5', '1e5', '٣', '@107955', 1.5, -1, NaN])(
		'refuses %p',
		(input) => {
			const error = refusal(() => parseUserId(input));
			expect(error).toMatchObject({
				parameter: 'User',
				advice: 'Enter the numeric user id, such as 107955.',
			});
			expect(error.message).toMatch(/is not a TikTok user id$/);
		},
	);

	test.each([6943972350728700930, 9007199254740992, Infinity])(
		'a number that has lost digits is not guessed at: %p',
		(input) => {
			const error = refusal(() => parseUserId(input));
			expect(error.message).toBe('The user id arrived as a number and has lost its last digits');
			expect(error).toMatchObject({
				parameter: 'User',
				advice: 'Pass the id as text, or give the username.',
			});
		},
	);

	test('nothing typed', () => {
		expect(refusal(() => parseUserId('')).advice).toMatch(/^Enter the numeric user id/);
	});
});

test('parseUser reads by mode', () => {
	expect(parseUser('username', '@a')).toEqual(named('a'));
	expect(parseUser('url', 'tiktok.com/@a')).toEqual(named('a'));
	expect(parseUser('id', '1')).toEqual({ kind: 'id', id: '1' });
	expect(() => parseUser('url', '@a')).toThrow(InvalidInput);
	expect(() => parseUser('id', '@a')).toThrow(InvalidInput);
});

test.each([
	['6943972350728700930', true],
	['123456789012345', true],
	['12345678901234', false],
	['user6943972350728700', false],
])('%p looks like an id: %p', (username, expected) => {
	expect(looksLikeId(username)).toBe(expected);
});

test('isUserId wants text', () => {
	expect(isUserId('1')).toBe(true);
	expect(isUserId(1)).toBe(false);
	expect(isUserId('')).toBe(false);
	expect(isUserId('1\n')).toBe(false);
});
