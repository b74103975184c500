import type { IDataObject, IExecuteFunctions } from 'n8n-workflow';
import { InvalidInput } from '../../nodes/shared/api';
import { readAskOptions, readListOptions } from '../../nodes/shared/n8n/options';

function context(options: IDataObject, timezone = 'UTC'): IExecuteFunctions {
	return {
		getNodeParameter: () => options,
		getTimezone: () => timezone,
	} as unknown as IExecuteFunctions;
}

const ask = (options: IDataObject) => readAskOptions(context(options), 0);
const list = (options: IDataObject, timezone?: string) =>
	readListOptions(context(options, timezone), 0);

describe('readAskOptions', () => {
	it('leaves to the client what is not set', () => {
		const expected = {
			call: {
				priority: 'backfill',
				maxAgeMs: undefined,
				timeoutMs: undefined,
				maxAttempts: undefined,
				staleOk: false,
			},
			whenUnavailable: 'error',
			includeInputFields: false,
			queue: 'default',
		};
		expect(ask({})).toEqual(expected);
		// As n8n hands over fields that were emptied, and expressions without a value.
		expect(ask({ maxAge: '', timeout: null, priority: undefined })).toEqual(expected);
	});

	it('reads what is set, also as text', () => {
		expect(
			ask({
				priority: 'critical',
				maxAge: '90',
				timeout: 5_000,
				maxAttempts: 1,
				whenUnavailable: 'stale',
				queue: 'Night-2_b',
			}),
		).toEqual({
			call: {
				priority: 'critical',
				maxAgeMs: 90_000,
				timeoutMs: 5_000,
				maxAttempts: 1,
				staleOk: true,
			},
			whenUnavailable: 'stale',
			includeInputFields: false,
			queue: 'Night-2_b',
		});
	});

	it('tells an age of 0 from no age', () => {
		expect(ask({ maxAge: 0 }).call.maxAgeMs).toBe(0);
	});

	it.each<[string, IDataObject]>([
		['Max Age', { maxAge: -1 }],
		['Max Age', { maxAge: '1h' }],
		['Max Age', { maxAge: true }],
		['Timeout', { timeout: 0 }],
		['Timeout', { timeout: 600_001 }],
		['Max Attempts', { maxAttempts: 0 }],
		['Max Attempts', { maxAttempts: 11 }],
		['Max Attempts', { maxAttempts: NaN }],
		['Priority', { priority: 'urgent' }],
		['When Unavailable', { whenUnavailable: 'panic' }],
		['Queue', { queue: 'two words' }],
		['Queue', { queue: '' }],
		['Queue', { queue: null }],
	])('refuses %s in %j', (parameter, options) => {
		expect(() => ask(options)).toThrow(InvalidInput);
		expect(() => ask(options)).toThrow(expect.objectContaining({ parameter }));
	});
});

describe('readListOptions', () => {
	it('caps pages and begins at the start when nothing is set', () => {
		expect(list({})).toMatchObject({
			maxPages: 100,
			startFrom: undefined,
			newerThanMs: undefined,
			includeBookmark: false,
		});
		expect(list({ startFrom: '  ' }).startFrom).toBeUndefined();
	});

	it.each<[unknown, string, string]>([
		['2026-01-15T08:00:00', 'UTC', '2026-01-15T08:00:00.000Z'],
		['2026-01-15T08:00:00', 'Europe/Berlin', '2026-01-15T07:00:00.000Z'],
		['2026-07-15T08:00:00', 'Europe/Berlin', '2026-07-15T06:00:00.000Z'],
		['2026-01-15T08:00:00+05:30', 'Europe/Berlin', '2026-01-15T02:30:00.000Z'],
		['2026-01-15', 'America/New_York', '2026-01-15T05:00:00.000Z'],
		[Date.UTC(2026, 0, 15), 'Europe/Berlin', '2026-01-15T00:00:00.000Z'],
		['1770000000000', 'Europe/Berlin', '2026-02-02T02:40:00.000Z'],
		[1_770_000_000, 'UTC', '2026-02-02T02:40:00.000Z'],
		['1770000000', 'UTC', '2026-02-02T02:40:00.000Z'],
		[1_770_000_000.5, 'UTC', '2026-02-02T02:40:00.500Z'],
		[' 1770000000.25 ', 'UTC', '2026-02-02T02:40:00.250Z'],
		['20260115', 'UTC', '2026-01-15T00:00:00.000Z'],
	])('reads the time %j in %s as %s', (newerThan, timezone, expected) => {
		const { newerThanMs } = list({ newerThan } as IDataObject, timezone);
		expect(new Date(newerThanMs as number).toISOString()).toBe(expected);
	});

	it.each([
		['of $now.toSeconds()', 1_770_000_000.1234, 1_770_000_000_123],
		['of milliseconds with decimals', '1770000000123.75', 1_770_000_000_124],
		['before 1970', '1960-01-01T00:00:00Z', 0],
	])(
		'makes whole milliseconds, as a job keeps them, of a time %s',
		(_title, newerThan, expected) => {
			expect(list({ newerThan }).newerThanMs).toBe(expected);
		},
	);

	it.each<[string, unknown]>([
		['Newer Than', Object.create(null)],
		['Newer Than', 'yesterday'],
		['Newer Than', 17_000_000],
		['Newer Than', Infinity],
		['Newer Than', { date: '2026-01-15' }],
		['Newer Than', '2999-01-01'],
		['Newer Than', Date.UTC(2999, 0)],
		['Max Pages', 0],
		['Max Pages', 1.5],
	])('refuses %s %j', (parameter, value) => {
		const name = parameter === 'Newer Than' ? 'newerThan' : 'maxPages';
		expect(() => list({ [name]: value } as IDataObject)).toThrow(
			expect.objectContaining({ parameter }),
		);
	});
});

describe('a time that is still to come', () => {
	it('is refused before a credit is spent, and says so', () => {
		expect(() => list({ newerThan: '2999-01-01T00:00:00Z' })).toThrow(
			'Newer Than is 2999-01-01T00:00:00.000Z, which is still to come',
		);
	});
});

describe('options that are one expression as a whole', () => {
	// What n8n makes of such a text: it looks for each option in it by name, and every text has a length.
	it.each([{ length: 18 }, '{"maxPages": 2}', ['maxPages'], null])(
		'are refused, not ignored: %j',
		(given) => {
			expect(() => list(given as IDataObject)).toThrow(
				expect.objectContaining({
					parameter: 'Options',
					advice: expect.stringContaining('{{ $json.opts.maxPages }}') as string,
				}),
			);
		},
	);
});

describe('yes or no', () => {
	it.each([
		[true, true],
		['true', true],
		['false', false],
		['', false],
		[undefined, false],
	])('%j is %p', (includeBookmark, expected) => {
		expect(list({ includeBookmark } as IDataObject).includeBookmark).toBe(expected);
	});

	it('is nothing else', () => {
		expect(() => list({ includeBookmark: 'maybe' })).toThrow(
			expect.objectContaining({ parameter: 'Include Bookmark' }),
		);
	});
});
