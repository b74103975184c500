import { plainText } from '../../nodes/shared/api/plainText';

describe('plainText', () => {
	test.each([
		['what people write', 'Not found user', 'Not found user'],
		['control characters', 'a\u0000b\u001b[31m\tc\u009fd', 'a b [31m c d'],
		['line breaks', '\r\none\n\ntwo\u2028three\u2029', 'one two three'],
		['bidi and zero-width characters', 'safe\u202Egpj\u200B.exe\uFEFF', 'safe gpj .exe'],
		['no-break spaces', 'a\u00A0\u3000b', 'a b'],
		['unpaired surrogates', 'a\uD800b\uDC00', 'ab'],
		['an unpaired surrogate between blanks', '!\u0000\ud800\u0000\u00a1', '! \u00a1'],
		['emoji', 'ok \u{1F600}', 'ok \u{1F600}'],
		['nothing', '', ''],
	])('%s', (_title, text, expected) => {
		expect(plainText(text)).toBe(expected);
	});

	test('cuts what is longer than the maximum, not what just fits', () => {
		expect(plainText('x'.repeat(200))).toBe('x'.repeat(200));
		expect(plainText('x'.repeat(201))).toBe(`${'x'.repeat(199)}…`);
		expect(plainText('x'.repeat(20), 5)).toBe('xxxx…');
	});

	test('does not cut a character in two', () => {
		expect(plainText('abc\u{1F600}def', 5)).toBe('abc…');
	});

	test('finds the words behind a long run of control characters', () => {
		expect(plainText(`${'\u0000'.repeat(1_000)}words`)).toBe('words');
	});
});
