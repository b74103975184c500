/** No wait that a server asks for is taken longer than this; a job is better asked again the next day. */
export const MAX_RETRY_AFTER_MS = 24 * 60 * 60_000;

/** A comma separates two headers, unless it follows the day name of a date. */
const BETWEEN_HEADERS = /(?<!(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\s*),/i;

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** RFC 9110 5.6.7: `Sun, 06 Nov 1994 08:49:37 GMT`. */
const IMF_DATE =
	/^\w+, (?<day>\d{1,2}) (?<month>\w{3}) (?<year>\d{4}) (?<time>[\d:]{8}) (?:GMT|UTC)$/i;
/** `Sunday, 06-Nov-94 08:49:37 GMT`. */
const RFC850_DATE =
	/^\w+, (?<day>\d{1,2})-(?<month>\w{3})-(?<year>\d{2}) (?<time>[\d:]{8}) (?:GMT|UTC)$/i;
/** `Sun Nov  6 08:49:37 1994`. */
const ASCTIME_DATE = /^\w{3} (?<month>\w{3}) +(?<day>\d{1,2}) (?<time>[\d:]{8}) (?<year>\d{4})$/;

/**
 * The wait that a `Retry-After` header asks for, in ms from now, or undefined when it asks for none that
 * can be understood. Of two headers the longer wait counts: never shorter than asked. A date is measured
 * against the response's own `Date` header, so that a server clock that is off does not matter; a date in
 * the past is 0. Capped at 24 h.
 *
 * @param headers lower-case names; repeated headers joined by a comma
 * @param nowWallMs used for a date when the response carries no `Date`
 */
export function parseRetryAfter(
	headers: Readonly<Record<string, string | undefined>>,
	nowWallMs: number,
): number | undefined {
	const value = headers['retry-after'];
	if (value === undefined) return undefined;
	const serverNowMs = serverTimeMs(headers, nowWallMs);
	const waits = value
		.split(BETWEEN_HEADERS)
		.map((part) => parseWait(part.trim(), serverNowMs))
		.filter((wait) => wait !== undefined);
	return waits.length === 0 ? undefined : Math.min(Math.max(...waits), MAX_RETRY_AFTER_MS);
}

/** What the server's clock says, by the answer's `Date` header; else our own. ms since the epoch. */
export function serverTimeMs(
	headers: Readonly<Record<string, string | undefined>>,
	nowWallMs: number,
): number {
	return parseHttpDate(headers['date'] ?? '', nowWallMs) ?? nowWallMs;
}

function parseWait(text: string, serverNowMs: number): number | undefined {
	if (/^\d+(?:\.\d+)?$/.test(text)) return Math.ceil(Number(text) * 1_000);
	const dateMs = parseHttpDate(text, serverNowMs);
	return dateMs === undefined ? undefined : Math.max(0, dateMs - serverNowMs);
}

/** Our own reader: `Date.parse` takes far more than HTTP dates and guesses at the rest. */
function parseHttpDate(text: string, nowMs: number): number | undefined {
	const match = IMF_DATE.exec(text) ?? RFC850_DATE.exec(text) ?? ASCTIME_DATE.exec(text);
	const { day, month, year, time } = match?.groups ?? {};
	if (!day || !month || !year || !time) return undefined;

	const monthIndex = MONTHS.indexOf(month.toLowerCase());
	const clock = /([01]\d|2[0-3]):([0-5]\d):([0-5]\d|60)/.exec(time);
	if (monthIndex < 0 || !clock) return undefined;
	const fullYear = year.length === 2 ? nearestCentury(Number(year), nowMs) : Number(year);
	const [hours, minutes, seconds] = clock.slice(1).map(Number);
	const dateMs = Date.UTC(fullYear, monthIndex, Number(day), hours, minutes, seconds);
	// Date.UTC rolls 31 February over into March; such a date is garbage.
	return new Date(Date.UTC(fullYear, monthIndex, Number(day))).getUTCDate() === Number(day)
		? dateMs
		: undefined;
}

/** RFC 9110: a two-digit year means the one nearest to now. */
function nearestCentury(twoDigits: number, nowMs: number): number {
	const thisYear = new Date(nowMs).getUTCFullYear();
	const guess = thisYear - (thisYear % 100) + twoDigits;
	if (guess > thisYear + 50) return guess - 100;
	return guess <= thisYear - 50 ? guess + 100 : guess;
}
