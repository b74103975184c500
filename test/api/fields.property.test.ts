import fc from 'fast-check';
import { count, storable } from '../../nodes/shared/api/fields';
import { parseBody } from '../../nodes/shared/api/json';
import { runs } from '../support/property';

const counted = (n: unknown) => count(parseBody(JSON.stringify({ n })), ['n']);

test('a count is the number again, however it was printed', () => {
	fc.assert(
		fc.property(fc.maxSafeNat(), fc.constantFrom('en-US', 'fr-FR', 'de-CH'), (n, locale) => {
			expect(counted(n.toLocaleString(locale))).toBe(n);
			expect(counted(String(n))).toBe(n);
		}),
		runs(100),
	);
});

test('what is stored is well-formed and without NUL, and stays as it is when stored again', () => {
	const unit = fc.constantFrom('a', '\0', '\ud83d', '\udc00', '😀', '\n');
	fc.assert(
		fc.property(fc.string({ unit }), (value) => {
			const stored = storable(value);
			expect(stored.isWellFormed() && !stored.includes('\0')).toBe(true);
			expect(storable(stored)).toBe(stored);
		}),
		runs(100),
	);
	expect(storable('a😀b')).toBe('a😀b');
});
