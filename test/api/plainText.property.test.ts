import fc from 'fast-check';
import { MAX_QUOTE, plainText } from '../../nodes/shared/api/plainText';
import { anyUtf16, runs } from '../support/property';

/** The characters that the cleaning is about come often, so that they meet. */
const texts = fc.oneof(
	anyUtf16({ maxLength: 2_000 }),
	fc.string({
		unit: fc.constantFrom(...'a\u00a1 \u00a0\u0000\n\u200b\ufeff'.split(''), '\ud800', '\udc00'),
		maxLength: 30,
	}),
);
const words = fc.stringMatching(/^[\w!?.,\u00a1-\u00ac\u{1f600}-\u{1f64f}]{1,15}$/u);

describe('plainText', () => {
	test('is one short, well-formed line, and stays the same when it is cleaned again', () => {
		fc.assert(
			fc.property(texts, fc.constantFrom(1, 2, 5, 80, MAX_QUOTE), (text, maxLength) => {
				const plain = plainText(text, maxLength);
				expect(plain.length).toBeLessThanOrEqual(maxLength);
				expect(plain).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|^\s|\s$|\s\s/u);
				expect(plainText(plain, maxLength)).toBe(plain);
			}),
			runs(300),
		);
	});

	test('leaves what is clean and short as it is', () => {
		fc.assert(
			fc.property(fc.array(words, { minLength: 1, maxLength: 10 }), (parts) => {
				const text = parts.join(' ');
				expect(plainText(text)).toBe(text);
			}),
			runs(100),
		);
	});
});
