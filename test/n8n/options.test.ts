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
	])('reads the time %j in %s as %s', (newerThan, timezone, expected) => {
		const { newerThanMs } = list({ newerThan } as IDataObject, timezone);
		expect(new Date(newerThanMs as number).toISOString()).toBe(expected);
	});

	it.each<[string, unknown]>([
		['Newer Than', 'yesterday'],
		['Newer Than', 1_700_000_000],
		['Newer Than', '1700000000'],
		['Max Pages', 0],
		['Max Pages', 1.5],
	])('refuses %s %j', (parameter, value) => {
		const name = parameter === 'Newer Than' ? 'newerThan' : 'maxPages';
		expect(() => list({ [name]: value } as IDataObject)).toThrow(
			expect.objectContaining({ parameter }),
		);
	});
});
