import fc from 'fast-check';
import { InvalidInput } from '../../nodes/shared/api/failure';
import { parseUserList, userKey } from '../../nodes/shared/api/userList';
import { endsSoon, runs } from '../support/property';

const MOST = 500;

const names = fc.stringMatching(/^[a-z0-9_]{1,24}$/);
const separators = fc.constantFrom(',', ', ', ';', '\n', '\r\n', '\t', ',,', ' ;\n', '\n\u200b\n');

/** The keys, or undefined for what is refused as it should be. */
function keys(value: unknown, most = MOST): string[] | undefined {
	try {
		return parseUserList(value, 'Users', most).map(userKey);
	} catch (error) {
		expect(error).toBeInstanceOf(InvalidInput);
		const { parameter, message, advice } = error as InvalidInput;
		expect(parameter).toBe('Users');
		for (const text of [message, advice]) {
			expect(text).toMatch(/^\S.{0,499}$/);
			expect(text).not.toMatch(/[\p{Cc}\p{Cs}]/u);
		}
		return undefined;
	}
}

describe('a list of users, as people give one', () => {
	it('is one to 500 users, each once and with a key that is safe, or refused with InvalidInput', () => {
		const { entries } = fc.letrec((tie) => ({
			entries: fc.oneof(
				{ weight: 2, arbitrary: names },
				{ weight: 2, arbitrary: fc.array(tie('entries'), { maxLength: 4 }) },
				fc.tuple(names, separators, names).map((parts) => parts.join('')),
				fc.anything({ withNullPrototype: true, withSparseArray: true, withDate: true }),
			),
		}));
		fc.assert(
			fc.property(fc.oneof(entries, fc.anything({ withNullPrototype: true })), (value) => {
				const found = keys(value);
				if (found === undefined) return;
				expect(found.length).toBeGreaterThan(0);
				expect(new Set(found).size).toBe(found.length);
				for (const key of found) {
					expect(key).toMatch(/^(@[a-z0-9_.]{0,23}[a-z0-9_]|\d{1,25})$/);
					expect(key in {}).toBe(false);
				}
				expect(keys(found)).toEqual(found);
			}),
			runs(200),
		);
	});

	it('is read alike as a list and as pasted text, and nobody is in it twice', () => {
		fc.assert(
			fc.property(
				fc.array(names, { minLength: 1, maxLength: 20 }),
				fc.array(separators, { minLength: 20, maxLength: 20 }),
				fc.integer({ min: 1, max: 20 }),
				(some, between, most) => {
					const given = some.map((name) => `@${name}`);
					const unique = [...new Set(given)];
					const expected = unique.length <= most ? unique : undefined;
					const text = given.map((name, index) => name + between[index]).join('');
					expect(keys(given, most)).toEqual(expected);
					expect(keys(text, most)).toEqual(expected);
				},
			),
			runs(100),
		);
	});

	it.each(['a', 'a,', ',', ', ', '\n', '\t', '@', '1', '1,', ';\u200b'])(
		'of very many %j is read or refused in no time',
		(unit) => {
			endsSoon((text) => keys(text), unit);
		},
	);
});
