import fc from 'fast-check';
import { parseRateLimitReset } from '../../nodes/shared/api/rateLimitReset';
import { MAX_RETRY_AFTER_MS } from '../../nodes/shared/api/retryAfter';
import { endsSoon, runs } from '../support/property';

const NOW = Date.UTC(2026, 10, 22, 12);
/** Six times what undici takes for all headers of an answer together. */
const LONG_HEADER = 100_000;

const NAMES = [
	...['x-ratelimit-reset', 'x-ratelimit-remaining', 'x-rate-limit-reset', 'x-rate-limit-remaining'],
	...['ratelimit-reset', 'ratelimit-remaining', 'ratelimit', 'date'],
];

const texts = fc.oneof(
	fc.string(),
	fc.double().map(String),
	fc.nat({ max: 2 ** 40 }).map(String),
	fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
	fc.string({
		unit: fc.constantFrom('1', ',', ';', '=', '"', ' ', 'r=0', 't=3', 'reset=9', 'remaining=0'),
	}),
);

describe('the headers of a rate limit', () => {
	test('ask for no wait, or for one of whole milliseconds above 0 and within 24 h', () => {
		fc.assert(
			fc.property(fc.dictionary(fc.constantFrom(...NAMES), texts), (headers) => {
				const wait = parseRateLimitReset(headers, NOW);
				if (wait === undefined) return;
				expect(Number.isInteger(wait)).toBe(true);
				expect(wait).toBeGreaterThan(0);
				expect(wait).toBeLessThanOrEqual(MAX_RETRY_AFTER_MS);
			}),
			runs(200),
		);
	});

	test('say the same in seconds left, in seconds and in milliseconds since 1970', () => {
		const reset = fc.constantFrom('x-ratelimit-reset', 'x-rate-limit-reset', 'ratelimit-reset');
		fc.assert(
			fc.property(reset, fc.integer({ min: 1, max: 200_000 }), (name, seconds) => {
				const wait = Math.min(seconds * 1_000, MAX_RETRY_AFTER_MS);
				for (const value of [seconds, NOW / 1_000 + seconds, NOW + seconds * 1_000]) {
					expect(parseRateLimitReset({ [name]: String(value) }, NOW)).toBe(wait);
				}
				for (const draft of [
					`limit=9, remaining=0, reset=${seconds}`,
					`"default";r=0;t=${seconds}`,
				]) {
					expect(parseRateLimitReset({ ratelimit: draft }, NOW)).toBe(wait);
				}
			}),
			runs(100),
		);
	});

	test.each(['1', '1,', ',', ' ', '"', ';', '=', 'a=1;', 'a=1,', '"a";r=0;t=1,', '1.'])(
		'of very many %j are read in no time',
		(unit) => {
			endsSoon(
				(text) => parseRateLimitReset(Object.fromEntries(NAMES.map((name) => [name, text])), NOW),
				...([unit, LONG_HEADER] as const),
			);
		},
	);
});
