import { MAX_RETRY_AFTER_MS, parseRetryAfter } from '../../nodes/shared/api/retryAfter';

/** Sunday. */
const NOW = Date.UTC(2026, 10, 22, 12, 0, 0);
const IMF_NOW = 'Sun, 22 Nov 2026 12:00:00 GMT';

const parse = (value: string | undefined, date?: string, now = NOW) =>
	parseRetryAfter({ 'retry-after': value, date }, now);

describe('seconds', () => {
	test.each([
		['7', 7_000],
		[' 7 ', 7_000],
		['007', 7_000],
		['0', 0],
		['1.5', 1_500],
		['0.0001', 1],
		['86400', 86_400_000],
		['86401', MAX_RETRY_AFTER_MS],
		['9999999999', MAX_RETRY_AFTER_MS],
		['9'.repeat(400), MAX_RETRY_AFTER_MS],
	])('%p', (value, expected) => {
		expect(parse(value)).toBe(expected);
	});

	test.each([
		'',
		'  ',
		'-1',
		'+1',
		'soon',
		'7s',
		'1e3',
		'0x10',
		'.5',
		'1.',
		'1.5.2',
		'NaN',
		'Infinity',
	])('%p asks for no wait that can be understood', (value) => {
		expect(parse(value)).toBeUndefined();
	});

	test('no header, no wait', () => {
		expect(parseRetryAfter({}, NOW)).toBeUndefined();
		expect(parse(undefined)).toBeUndefined();
	});
});

describe('dates', () => {
	test.each([
		['IMF-fixdate', 'Sun, 22 Nov 2026 12:00:30 GMT', 30_000],
		['RFC 850', 'Sunday, 22-Nov-26 12:00:30 GMT', 30_000],
		['asctime', 'Sun Nov 22 12:00:30 2026', 30_000],
		['asctime with a one-digit day', 'Tue Dec  1 00:00:00 2026', MAX_RETRY_AFTER_MS],
		['UTC for GMT', 'Sun, 22 Nov 2026 12:00:30 UTC', 30_000],
		['lower case', 'sun, 22 nov 2026 12:00:30 gmt', 30_000],
		['RFC 850 in lower case', 'sunday, 22-nov-26 12:00:30 gmt', 30_000],
		['RFC 850 with UTC', 'Sunday, 22-Nov-26 12:00:30 UTC', 30_000],
		['asctime in lower case', 'sun nov 22 12:00:30 2026', 30_000],
		['spaces around', '  Sun, 22 Nov 2026 12:00:30 GMT ', 30_000],
		['now', IMF_NOW, 0],
		['the past', 'Sun, 22 Nov 2026 11:59:59 GMT', 0],
		['the distant past', 'Sun Nov  6 08:49:37 1994', 0],
		['the distant future', 'Fri, 31 Dec 9999 23:59:59 GMT', MAX_RETRY_AFTER_MS],
		['a leap second', 'Sun, 22 Nov 2026 12:00:60 GMT', 60_000],
		['the last second of the day', 'Sun, 22 Nov 2026 23:59:59 GMT', 43_199_000],
	])('%s', (_title, value, expected) => {
		expect(parse(value)).toBe(expected);
	});

	test.each([
		'Sun, 31 Feb 2026 12:00:00 GMT',
		'Sun, 00 Nov 2026 12:00:00 GMT',
		'Sun, 32 Nov 2026 12:00:00 GMT',
		'Sun, 22 Foo 2026 12:00:00 GMT',
		'Sun, 22 Nov 2026 24:00:00 GMT',
		'Sun, 22 Nov 2026 12:60:00 GMT',
		'Sun, 22 Nov 2026 12:00:61 GMT',
		'Sun, 22 Nov 2026 12:00:30',
		'Sun, 22 Nov 2026 12:00:30 PST',
		'x Sun, 22 Nov 2026 12:00:30 GMT',
		'Sun, 22 Nov 2026 12:00:30 GMT x',
		'x Sunday, 22-Nov-26 12:00:30 GMT',
		'Sunday, 22-Nov-26 12:00:30 GMT x',
		'xSun Nov 22 12:00:30 2026',
		'Sun Nov 22 12:00:30 20261',
		'2026-11-22T12:00:30Z',
		'22 Nov 2026',
	])('%p is not an HTTP date', (value) => {
		expect(parse(value)).toBeUndefined();
	});

	test.each([
		[2026, '70', 'next half century'],
		[2026, '76', 'fifty years ahead'],
	])('in %d, year %s is in the %s', (_year, twoDigits) => {
		expect(parse(`Sunday, 22-Nov-${twoDigits} 12:00:30 GMT`)).toBe(MAX_RETRY_AFTER_MS);
	});

	test('a two-digit year more than fifty years ahead is in the past', () => {
		expect(parse('Monday, 22-Nov-77 12:00:30 GMT')).toBe(0);
		expect(parse('Monday, 22-Nov-99 12:00:30 GMT')).toBe(0);
	});

	test('a two-digit year over the turn of a century', () => {
		const newYearsEve = Date.UTC(2099, 11, 31, 23, 59, 50);
		expect(parse('Friday, 01-Jan-00 00:00:00 GMT', undefined, newYearsEve)).toBe(10_000);
		const newYear = Date.UTC(2100, 0, 1);
		expect(parse('Thursday, 31-Dec-99 23:59:59 GMT', undefined, newYear)).toBe(0);
		const date = 'Thursday, 31-Dec-99 23:59:50 GMT';
		expect(parse('Fri, 01 Jan 2100 00:00:00 GMT', date, newYear)).toBe(10_000);
	});

	test('a two-digit year exactly fifty years away is ahead', () => {
		const late = Date.UTC(2099, 5, 1);
		expect(parse('Tuesday, 01-Jun-49 00:00:00 GMT', undefined, late)).toBe(MAX_RETRY_AFTER_MS);
		expect(parse('Wednesday, 01-Jun-50 00:00:00 GMT', undefined, late)).toBe(0);
	});

	test('each month is read', () => {
		const months = [
			'Jan',
			'Feb',
			'Mar',
			'Apr',
			'May',
			'Jun',
			'Jul',
			'Aug',
			'Sep',
			'Oct',
			'Nov',
			'Dec',
		];
		for (const [index, month] of months.entries()) {
			const now = Date.UTC(2026, index, 10);
			expect(parse(`Mon, 10 ${month} 2026 00:00:05 GMT`, undefined, now)).toBe(5_000);
		}
	});
});

describe('a server clock that is off', () => {
	test.each([
		['an hour ahead', 'Sun, 22 Nov 2026 13:00:00 GMT', 'Sun, 22 Nov 2026 13:00:20 GMT'],
		['an hour behind', 'Sun, 22 Nov 2026 11:00:00 GMT', 'Sun, 22 Nov 2026 11:00:20 GMT'],
	])('%s: the Date header of the answer is what counts', (_title, date, value) => {
		expect(parse(value, date)).toBe(20_000);
	});

	test('without a readable Date our own clock has to do', () => {
		expect(parse('Sun, 22 Nov 2026 12:00:20 GMT', 'yesterday')).toBe(20_000);
		expect(parse('Sun, 22 Nov 2026 12:00:20 GMT', '')).toBe(20_000);
	});

	test('seconds do not depend on any clock', () => {
		expect(parse('20', 'Sun, 22 Nov 2026 13:00:00 GMT')).toBe(20_000);
	});
});

describe('two headers', () => {
	const later = 'Sun, 22 Nov 2026 12:00:30 GMT';
	test.each([
		['two numbers', '5, 10', 10_000],
		['the longer one first', '10,5', 10_000],
		['a number and garbage', 'soon, 5', 5_000],
		['only garbage', 'soon, later', undefined],
		['a date and a number', `${later}, 10`, 30_000],
		['a number and a date', `60, ${later}`, 60_000],
		['two dates', `${later}, ${IMF_NOW}`, 30_000],
		['two RFC 850 dates', 'Sunday, 22-Nov-26 12:00:10 GMT, Sunday, 22-Nov-26 12:00:40 GMT', 40_000],
	])('%s: the longer wait counts', (_title, value, expected) => {
		expect(parse(value)).toBe(expected);
	});

	test.each(['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'])('%s keeps its comma', (day) => {
		expect(parse(`${day}, 22 Nov 2026 12:00:30 GMT, 1`)).toBe(30_000);
	});

	test.each(['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'])(
		'%s keeps its comma',
		(day) => {
			expect(parse(`${day}, 22-Nov-26 12:00:30 GMT, 1`)).toBe(30_000);
		},
	);
});
