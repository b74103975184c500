import { parseRateLimitReset } from '../../nodes/shared/api/rateLimitReset';
import { MAX_RETRY_AFTER_MS } from '../../nodes/shared/api/retryAfter';

const NOW = Date.UTC(2026, 10, 22, 12);
const SECONDS = NOW / 1_000;

const parse = (headers: Record<string, string>) => parseRateLimitReset(headers, NOW);

describe.each(['x-ratelimit', 'x-rate-limit', 'ratelimit'])('%s-reset', (prefix) => {
	const [reset, remaining] = [`${prefix}-reset`, `${prefix}-remaining`];

	test.each([
		['seconds left', '30', 30_000],
		['a fraction of them', '0.5', 500],
		['spaces', ' 30 ', 30_000],
		['seconds since 1970', String(SECONDS + 30), 30_000],
		['milliseconds since 1970', String(NOW + 30_000), 30_000],
		['a day and more', '100000', MAX_RETRY_AFTER_MS],
		['a time next year', String(SECONDS + 31_536_000), MAX_RETRY_AFTER_MS],
		['more than a number holds', '9'.repeat(400), MAX_RETRY_AFTER_MS],
	])('%s', (_title, value, expected) => {
		expect(parse({ [reset]: value })).toBe(expected);
		expect(parse({ [reset]: value, [remaining]: '0' })).toBe(expected);
		expect(parse({ [reset]: value, [remaining]: 'none' })).toBe(expected);
	});

	test.each(['0', '', '-5', 'soon', '1e3', '30s', String(SECONDS - 1), String(NOW - 1)])(
		'%p tells of no wait',
		(value) => {
			expect(parse({ [reset]: value })).toBeUndefined();
		},
	);

	test('of a limit that has requests left is not meant', () => {
		expect(parse({ [reset]: '30', [remaining]: '12' })).toBeUndefined();
	});

	test('of several limits the longest that is used up counts', () => {
		expect(parse({ [reset]: '30, 3600', [remaining]: '0, 100' })).toBe(30_000);
		expect(parse({ [reset]: '30, 3600', [remaining]: '0, 0' })).toBe(3_600_000);
		expect(parse({ [reset]: '30, 3600' })).toBe(3_600_000);
	});

	test("is measured against the server's own clock", () => {
		const date = new Date(NOW + 3_600_000).toUTCString();
		expect(parse({ [reset]: String(SECONDS + 3_630), date })).toBe(30_000);
		expect(parse({ [reset]: '30', date })).toBe(30_000);
	});
});

describe('the RateLimit header of the IETF', () => {
	test.each([
		['the newer form', '"default";r=0;t=30', 30_000],
		['without quotes', 'default;r=0;t=30', 30_000],
		['with spaces', '"default" ; r=0 ; t=30', 30_000],
		['a name with a comma', '"a,b;t=5";r=0;t=30', 30_000],
		['without what is left', '"default";t=30', 30_000],
		['two limits, one used up', '"minute";r=0;t=30, "day";r=5000;t=40000', 30_000],
		['two limits, both used up', '"minute";r=0;t=30, "day";r=0;t=40000', 40_000_000],
		['the older form', 'limit=100, remaining=0, reset=50', 50_000],
		['the older form without spaces', 'limit=100,remaining=0,reset=50', 50_000],
	])('%s', (_title, ratelimit, expected) => {
		expect(parse({ ratelimit })).toBe(expected);
	});

	test.each([
		'"default";r=5;t=30',
		'limit=100, remaining=1, reset=50',
		'"default";r=0',
		'100, 200',
		'',
		'";;==,,"',
	])('%p tells of no wait', (ratelimit) => {
		expect(parse({ ratelimit })).toBeUndefined();
	});
});

test('no header, no wait', () => {
	expect(parse({})).toBeUndefined();
});
