import { MAX_RETRY_AFTER_MS, serverTimeMs } from './retryAfter';

type Headers = Readonly<Record<string, string | undefined>>;

/** Pairs of headers for "requests left" and "when there are more": common names, and the IETF's first drafts. */
const PAIRS = [
	['x-ratelimit-remaining', 'x-ratelimit-reset'],
	['x-rate-limit-remaining', 'x-rate-limit-reset'],
	['ratelimit-remaining', 'ratelimit-reset'],
] as const;

/** As seconds this would be 30 years ahead: it is a time since 1970. */
const EPOCH_SECONDS = 1e9;
/** As seconds since 1970 this would be the year 5138: it counts milliseconds. */
const EPOCH_MS = 1e11;

/**
 * The wait that the rate limit headers of a 429 tell, in ms from now, where no `Retry-After` does. Read are
 * `x-ratelimit-reset` and its kin (seconds left, seconds or milliseconds since 1970), and the `RateLimit` header of
 * the IETF in both forms, `limit=100, remaining=0, reset=30` and `"default";r=0;t=30`. A limit that has requests
 * left is not what the 429 is about. Undefined when nothing says that there is a wait; capped at 24 h.
 *
 * @param headers lower-case names; repeated headers joined by a comma
 * @param nowWallMs used for a time since 1970 when the response carries no `Date`
 */
export function parseRateLimitReset(headers: Headers, nowWallMs: number): number | undefined {
	const nowMs = serverTimeMs(headers, nowWallMs);
	const waits = [...pairedResets(headers), ...draftResets(headers['ratelimit'] ?? '')]
		.map((reset) => toWaitMs(reset, nowMs))
		.filter((wait) => wait > 0);
	return waits.length === 0 ? undefined : Math.min(Math.max(...waits), MAX_RETRY_AFTER_MS);
}

/** Where there are several limits, the n-th reset belongs to the n-th remainder. */
function pairedResets(headers: Headers): number[] {
	return PAIRS.flatMap(([remaining, reset]) => {
		const left = (headers[remaining] ?? '').split(',').map(toNumber);
		return (headers[reset] ?? '')
			.split(',')
			.map(toNumber)
			.filter((_, index) => !isLeft(left[index]));
	});
}

/** Each limit of the newer form is a name with parameters; the older form is one limit, cut at its commas. */
function draftResets(header: string): number[] {
	const unquoted = header.replace(/"[^"]*"/g, 'name');
	const limits =
		unquoted.includes('=') && !unquoted.includes(';') ? [unquoted] : unquoted.split(',');
	return limits
		.map((limit) => new Map(limit.split(/[;,]/).map(toParameter)))
		.filter((limit) => !isLeft(limit.get('remaining') ?? limit.get('r')))
		.map((limit) => limit.get('reset') ?? limit.get('t') ?? NaN);
}

function toParameter(text: string): [string, number] {
	const [name = '', value = ''] = text.split('=');
	return [name.trim().toLowerCase(), toNumber(value)];
}

/** NaN for what is no number from 0. */
function toNumber(text: string): number {
	const trimmed = text.trim();
	return /^\d+(?:\.\d+)?$/.test(trimmed) ? Number(trimmed) : NaN;
}

/** Requests are left: said, and more than none. */
function isLeft(remaining: number | undefined): boolean {
	return remaining !== undefined && remaining > 0;
}

function toWaitMs(reset: number, nowMs: number): number {
	if (reset >= EPOCH_MS) return Math.ceil(reset - nowMs);
	return Math.ceil(reset >= EPOCH_SECONDS ? reset * 1_000 - nowMs : reset * 1_000);
}
