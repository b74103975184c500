import fc from 'fast-check';
import { cacheKey } from '../../nodes/shared/resilience/cache';
import { runs } from '../support/property';

const BASE = 'https://api.tikliveapi.com';

test('no key can be imitated by values that hold & or =', () => {
	fc.assert(
		fc.property(fc.string(), fc.string(), fc.string(), fc.string(), (a, b, c, d) => {
			fc.pre(a !== c || b !== d);
			const one = cacheKey(BASE, 'k', 'userId', { username: a, other: b });
			const two = cacheKey(BASE, 'k', 'userId', { username: c, other: d });
			expect(one).not.toBe(two);
		}),
		runs(100),
	);
});
