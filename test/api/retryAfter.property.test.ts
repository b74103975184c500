import fc from 'fast-check';
import { MAX_RETRY_AFTER_MS, parseRetryAfter } from '../../nodes/shared/api/retryAfter';
import { endsSoon, runs } from '../support/property';

/** Sunday. */
const NOW = Date.UTC(2026, 10, 22, 12, 0, 0);
const SECOND_MS = 1_000;
/** Six times what undici takes for all headers of an answer together. */
const LONG_HEADER = 100_000;

const parse = (value: string | undefined, date?: string) =>
	parseRetryAfter({ 'retry-after': value, date }, NOW);

const imf = (ms: number) => new Date(ms).toUTCString();
/** `Sunday, 06-Nov-94 08:49:37 GMT`; two digits name the year only while it is less than 50 years away. */
const rfc850 = (ms: number) => {
	const [day = '', date = '', month = '', year = '', ...rest] = imf(ms).split(' ');
	return `${day.slice(0, 3)}day, ${date}-${month}-${year.slice(2)} ${rest.join(' ')}`;
};
/** `Sun Nov  6 08:49:37 1994`. */
const asctime = (ms: number) => {
	const [day = '', date = '', month, year, time] = imf(ms).split(' ');
	return `${day.slice(0, 3)} ${month} ${date.replace(/^0/, ' ')} ${time} ${year}`;
};

const YEAR_MS = 365 * 86_400_000;
const instants = fc
	.integer({ min: (NOW - 40 * YEAR_MS) / SECOND_MS, max: (NOW + 40 * YEAR_MS) / SECOND_MS })
	.map((seconds) => seconds * SECOND_MS);
const nearby = fc
	.integer({ min: -2 * 86_400, max: 2 * 86_400 })
	.map((seconds) => NOW + seconds * SECOND_MS);
const dates = fc
	.tuple(fc.constantFrom(imf, rfc850, asctime), fc.oneof(instants, nearby))
	.map(([write, ms]) => ({ text: write(ms), ms }));

const texts = fc.oneof(
	fc.string(),
	fc.double().map(String),
	fc.bigInt().map(String),
	dates.map(({ text }) => text),
	fc.string({
		unit: fc.constantFrom('1', '9', ',', ', ', ' ', '-', '.', ':', 'Sun', 'Sunday', 'Nov', 'GMT'),
		maxLength: 12,
	}),
	// A date with a character too many, too few or exchanged.
	fc
		.tuple(dates, fc.nat({ max: 40 }), fc.nat({ max: 1 }), fc.string({ maxLength: 1 }))
		.map(([{ text }, at, gone, put]) => text.slice(0, at) + put + text.slice(at + gone)),
);

describe('a Retry-After header', () => {
	test('asks for no wait, or for whole milliseconds between 0 and 24 h', () => {
		const names = fc.constantFrom('x-ratelimit-reset', 'ratelimit-reset', 'ratelimit', 'x-other');
		fc.assert(
			fc.property(
				...[fc.option(texts, { nil: undefined }), fc.option(texts, { nil: undefined })],
				...[fc.dictionary(names, texts, { maxKeys: 2 }), fc.oneof(instants, fc.maxSafeInteger())],
				(value, date, others, nowMs) => {
					const wait = parseRetryAfter({ ...others, 'retry-after': value, date }, nowMs);
					if (wait === undefined) return;
					expect(Number.isInteger(wait)).toBe(true);
					expect(wait).toBeGreaterThanOrEqual(0);
					expect(wait).toBeLessThanOrEqual(MAX_RETRY_AFTER_MS);
				},
			),
			runs(200),
		);
	});

	test('in seconds is never shorter than asked, and less than a millisecond longer', () => {
		const seconds = fc.tuple(fc.nat({ max: 200_000 }), fc.nat({ max: 999_999 }));
		fc.assert(
			fc.property(seconds, ([whole, millionths]) => {
				const text = `${whole}.${String(millionths).padStart(6, '0')}`;
				const askedMs = Math.min(Number(text) * SECOND_MS, MAX_RETRY_AFTER_MS);
				const wait = parse(text);
				expect(wait).toBeGreaterThanOrEqual(askedMs);
				expect(wait).toBeLessThan(askedMs + 1);
				expect(parse(String(whole))).toBe(Math.min(whole * SECOND_MS, MAX_RETRY_AFTER_MS));
			}),
			runs(100),
		);
	});

	test('with a date, in any of the three forms, waits until then by the clock of the server', () => {
		fc.assert(
			fc.property(dates, fc.option(nearby, { nil: undefined }), (until, serverMs) => {
				const wait = parse(until.text, serverMs === undefined ? undefined : imf(serverMs));
				const missingMs = until.ms - (serverMs ?? NOW);
				expect(wait).toBe(Math.min(Math.max(missingMs, 0), MAX_RETRY_AFTER_MS));
			}),
			runs(100),
		);
	});

	test('that is there twice asks for the longer wait', () => {
		const whole = fc.oneof(
			dates.map(({ text }) => text),
			fc.nat({ max: 100_000 }).map(String),
			fc.constantFrom('soon', '', '-1'),
		);
		fc.assert(
			fc.property(fc.array(whole, { minLength: 1, maxLength: 4 }), (values) => {
				const waits = values.map((value) => parse(value)).filter((wait) => wait !== undefined);
				const longest = waits.length === 0 ? undefined : Math.max(...waits);
				expect(parse(values.join(', '))).toBe(longest);
				expect(parse(values.join(','))).toBe(longest);
			}),
			runs(100),
		);
	});

	test.each([
		' ',
		',',
		', ',
		' ,',
		'1',
		'1.',
		'1,',
		'Sun',
		'Sun ',
		'Sun,',
		'Sun, ',
		'\t',
		'Sunday ',
	])('of very many %j is read in no time', (unit) => {
		endsSoon((text) => parse(text, text), unit, LONG_HEADER);
	});
});
