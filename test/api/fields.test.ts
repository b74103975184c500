import { address, amount, count, id, optionalId, text, word } from '../../nodes/shared/api/fields';
import { parseBody } from '../../nodes/shared/api/json';

describe('count', () => {
	const counted = (n: unknown) => count(parseBody(JSON.stringify({ n })), ['n']);

	test.each([
		['207900', 207900],
		[' 207900 ', 207900],
		['000', 0],
		['007', 7],
		['9007199254740991', 9007199254740991],
		['9007199254740992', '9007199254740992'],
		['0009007199254740992', '9007199254740992'],
		['1'.repeat(400), '1'.repeat(400)],
	])('digits %s', (printed, expected) => {
		expect(counted(printed)).toBe(expected);
	});

	test.each([
		['12,345', 12345],
		['1,234,567', 1234567],
		['1,234', 1234],
		['12 345', 12345],
		['12\u00a0345', 12345],
		['1\u202f234\u202f567', 1234567],
		["12'345", 12345],
		['12’345', 12345],
		['1.234.567', 1234567],
		['9,007,199,254,740,993', '9007199254740993'],
		['12,34', null],
		['12,3456', null],
		['1234,567', null],
		['1,234 567', null],
		[',345', null],
		['12,', null],
	])('grouped %s', (printed, expected) => {
		expect(counted(printed)).toBe(expected);
	});

	test.each([
		['1.2M', 1_200_000],
		['1.2m', 1_200_000],
		['1.2 M', 1_200_000],
		['1,2M', 1_200_000],
		['1,25 M', 1_250_000],
		['1.15M', 1_150_000],
		['1.001M', 1_001_000],
		['12.34567k', 12_345],
		['3K', 3_000],
		['0.5K', 500],
		['2B', 2_000_000_000],
		['1,234K', 1_234_000],
		['9999999B', '9999999000000000'],
		['1.2T', null],
		['1.2MM', null],
		['M', null],
		['.5M', null],
		['1.M', null],
	])('short %s', (printed, expected) => {
		expect(counted(printed)).toBe(expected);
	});

	test.each([
		['12.0', 12],
		['12.7', 12],
		['12.55', 12],
		['1234.567', 1234],
		['12,345.0', 12345],
		[12.7, 12],
		[0.9, 0],
		[12.345, 12],
	])('what is below one is cut off: %p', (value, expected) => {
		expect(counted(value)).toBe(expected);
	});

	test.each([
		['a thousand more or less, who knows', '1.234'],
		['the same', '12.345'],
		['negative', '-3'],
		['negative', '-9007199254740992'],
		['negative', -1],
		['negative', -0.5],
		['hexadecimal', '0x10'],
		['an exponent in a text', '1e6'],
		['empty', ''],
		['words', 'many'],
		['a boolean', true],
		['a list', [1]],
		['nothing', null],
	])('no count: %s', (_title, value) => {
		expect(counted(value)).toBeNull();
	});

	test('a number beyond 2^53 keeps its digits, one beyond all numbers is nothing', () => {
		const source = (digits: string) => count(parseBody(`{"n":${digits}}`), ['n']);
		expect(source('12345678901234567890')).toBe('12345678901234567890');
		expect(source('1e20')).toBe('100000000000000000000');
		expect(source('1e999')).toBeNull();
	});

	test('what has no count in it does not hide the next name', () => {
		expect(count({ a: -1, b: 'many', c: 5 }, ['a', 'b', 'c'])).toBe(5);
	});
});

describe('id', () => {
	const read = (value: unknown) => id(parseBody(JSON.stringify({ value })), ['value']);

	test.each([
		['6943972350728700930', '6943972350728700930'],
		[' 107955 ', '107955'],
		[107955, '107955'],
		['v15044gf0000d724', 'v15044gf0000d724'],
		['6.9000000000000000e+18', null],
		['6.9E18', null],
		['69e17', null],
		['107955.0', null],
		[12.5, null],
		['0', '0'],
		['-1', null],
		['', null],
		[true, null],
		[null, null],
	])('%p', (value, expected) => {
		expect(read(value)).toBe(expected);
	});

	test('a float is no id', () => {
		expect(id({ value: 6.9e18 }, ['value'])).toBeNull();
	});

	test('0 says that there is none, where there need not be one', () => {
		for (const value of [0, '0', '00', '', null]) {
			expect(optionalId({ value }, ['value'])).toBeNull();
		}
		expect(optionalId({ value: 10 }, ['value'])).toBe('10');
	});
});

describe('address', () => {
	test.each([
		['https://p16/a.jpeg?x=1', 'https://p16/a.jpeg?x=1'],
		['HTTP://p16/a.jpeg', 'HTTP://p16/a.jpeg'],
		['//p16/a.jpeg', 'https://p16/a.jpeg'],
		[' https://p16/a b.jpeg\n', 'https://p16/a%20b.jpeg'],
		['https://p16/a\nb', 'https://p16/a%0Ab'],
		['https://p16/\ud83da\0', 'https://p16/\ufffda'],
		['/video/avatar/x.jpeg', null],
		['/origin.jpeg', null],
		['origin.jpeg', null],
		['https://', null],
		['https:///a', null],
		['javascript:alert(1)', null],
		['', null],
		[5, null],
	])('%p', (value, expected) => {
		expect(address({ value }, ['value'])).toBe(expected);
	});
});

test.each([
	[124, 124],
	[124.5, 124.5],
	['124', 124],
	[' 124.5 ', 124.5],
	[0, 0],
	[-1, null],
	['-1', null],
	['2:04', null],
	['', null],
	[Infinity, null],
	[[5], null],
	[null, null],
])('amount %p', (value, expected) => {
	expect(amount({ value }, ['value'])).toBe(expected);
});

test('a text may be empty, a word may not', () => {
	for (const value of ['', ' \n']) {
		expect(text({ value }, ['value'])).toBe(value);
		expect(word({ value }, ['value'])).toBeNull();
	}
	expect(word({ value: ' x\0 ' }, ['value'])).toBe('x');
	expect(text({ value: 5 }, ['value'])).toBeNull();
});
