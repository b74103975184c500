import fc from 'fast-check';
import type { IDataObject, INodeProperties } from 'n8n-workflow';
import { InvalidInput } from '../../nodes/shared/api';
import { choice, flag, number, text, time } from '../../nodes/shared/n8n/optionValues';
import { anyUtf16, endsSoon, runs } from '../support/property';

const OPTION: INodeProperties = {
	displayName: 'Some Option',
	name: 'it',
	type: 'string',
	default: '',
};
/** What a JavaScript Date can hold. */
const MOST_MS = 8.64e15;
/** From then on a number can only be milliseconds; smaller ones are seconds. */
const LEAST_MS = 1e11;

const zones = fc.constantFrom(
	'UTC',
	'Europe/Berlin',
	'America/New_York',
	'Asia/Kathmandu',
	'Nowhere/Land',
);
const soup = fc.string({
	unit: fc.constantFrom(
		'1',
		'20',
		'2026',
		'-',
		':',
		'T',
		'Z',
		'+',
		'.',
		' ',
		'W',
		'Nov',
		'e',
		'GMT',
		',',
	),
	maxLength: 12,
});
const values = fc.oneof(
	soup,
	anyUtf16(),
	fc.double(),
	fc.integer({ min: -1e12, max: 1e12 }),
	fc.date().map((date) => date.toString()),
	fc.anything({ withNullPrototype: true, withDate: true, withBigInt: true }),
);

/** What `read` gives, or undefined for what is refused as it should be. */
function given<T>(read: () => T): T | undefined {
	try {
		return read();
	} catch (error) {
		expect(error).toBeInstanceOf(InvalidInput);
		const { parameter, message, advice } = error as InvalidInput;
		expect(parameter).toBe('Some Option');
		for (const part of [message, advice]) {
			expect(part).toMatch(/^\S.{0,199}$/);
			expect(part).not.toMatch(/[\p{Cc}\p{Cs}]/u);
		}
		return undefined;
	}
}

describe('a time', () => {
	it('is a whole number of milliseconds since 1970 that a date can hold, or refused', () => {
		fc.assert(
			fc.property(values, zones, (value, zone) => {
				const ms = given(() => time(OPTION, value, zone));
				if (ms === undefined) return;
				expect(Number.isSafeInteger(ms)).toBe(true);
				expect(ms).toBeGreaterThanOrEqual(0);
				expect(ms).toBeLessThanOrEqual(MOST_MS);
			}),
			runs(300),
		);
	});

	it('is the same as ISO 8601, as a Date, and in milliseconds or seconds since 1970', () => {
		const moments = fc.integer({ min: LEAST_MS, max: LEAST_MS * 900 });
		fc.assert(
			fc.property(
				moments,
				zones.filter((zone) => zone !== 'Nowhere/Land'),
				(ms, zone) => {
					const date = new Date(ms);
					for (const value of [date, date.toISOString(), ms, String(ms), ` ${ms} `]) {
						expect(time(OPTION, value, zone)).toBe(ms);
					}
					const wholeMs = ms - (ms % 1_000);
					fc.pre(wholeMs / 1_000 < LEAST_MS && wholeMs / 1_000 >= 1e9);
					for (const value of [wholeMs / 1_000, String(wholeMs / 1_000), date.toUTCString()]) {
						expect(time(OPTION, value, zone)).toBe(wholeMs);
					}
				},
			),
			runs(100),
		);
	});

	it.each(['1', '20', '-', ':', ' ', '1:', '1-', '2026-', 'T', 'Z', '.', '(', 'Mon, ', '\u200b'])(
		'of very many %j is refused in no time',
		(unit) => {
			endsSoon((long) => given(() => time(OPTION, long, 'UTC')), unit);
		},
	);
});

describe('an option', () => {
	it('is what it may be, or refused', () => {
		fc.assert(
			fc.property(values, (value) => {
				const options = { it: value } as IDataObject;
				const count = given(() => number(OPTION, options, 1, 50));
				if (count !== undefined) {
					expect(Number.isInteger(count) && count >= 1 && count <= 50).toBe(true);
				}
				expect([undefined, 'a', 'b']).toContain(given(() => choice(OPTION, options, ['a', 'b'])));
				expect([undefined, true, false]).toContain(given(() => flag(OPTION, options)));
				const said = text(value);
				expect(said === undefined || said === said.trim()).toBe(true);
			}),
			runs(300),
		);
	});
});
