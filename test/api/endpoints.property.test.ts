import fc from 'fast-check';
import { buildUrl, canonicalParams } from '../../nodes/shared/api/endpoints';
import { anyUtf16, runs } from '../support/property';

const BASE = 'https://api.tikliveapi.com';

describe('buildUrl', () => {
	test('no value can add a parameter, change the path or break the header block', () => {
		fc.assert(
			fc.property(anyUtf16({ minLength: 1 }), (username) => {
				const url = buildUrl(BASE, 'userId', { username });
				expect(url).toMatch(/^https:\/\/api\.tikliveapi\.com\/userid\/\?username=[\w.*+%-]*$/);
				expect([...new URL(url).searchParams.keys()]).toEqual(['username']);
				expect(new URL(url).searchParams.get('username')).toBe(username.toWellFormed());
			}),
			runs(100),
		);
	});
});

describe('canonicalParams', () => {
	test('two different sets of parameters never share a text', () => {
		const params = fc.dictionary(anyUtf16(), fc.oneof(anyUtf16(), fc.integer()), { maxKeys: 4 });
		fc.assert(
			fc.property(params, (some) => {
				const text = canonicalParams(some);
				expect(Object.fromEntries(JSON.parse(text))).toEqual({ ...some });
				const reversed = Object.fromEntries(Object.entries(some).reverse());
				expect(canonicalParams(reversed)).toBe(text);
			}),
			runs(100),
		);
	});
});
