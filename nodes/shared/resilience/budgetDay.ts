const HOUR_MS = 3_600_000;

export interface BudgetDay {
	/** YYYY-MM-DD in the time zone. */
	readonly day: string;
	/** Wall clock: the first millisecond of the next day. */
	readonly endsAtMs: number;
}

interface Zone {
	format: Intl.DateTimeFormat;
	/** The day last asked for, known to hold from `fromMs` on. */
	last: (BudgetDay & { fromMs: number }) | undefined;
}

const zones = new Map<string, Zone>();

/**
 * The calendar day of a moment and the moment at which it ends, by the rules of an IANA time zone: right for
 * days of 23 and 25 hours, for days that begin at 1 am, and for days that a zone leaves out.
 * @throws RangeError for a time zone that does not exist
 */
export function budgetDay(wallMs: number, timezone: string): BudgetDay {
	const zone = zoneOf(timezone);
	if (zone.last && wallMs >= zone.last.fromMs && wallMs < zone.last.endsAtMs) return zone.last;
	const day = dayIn(zone, wallMs);
	let beforeMs = Math.floor(wallMs);
	let afterMs = beforeMs + 26 * HOUR_MS;
	while (dayIn(zone, afterMs) === day) afterMs += 24 * HOUR_MS;
	while (afterMs - beforeMs > 1) {
		const middleMs = Math.floor((beforeMs + afterMs) / 2);
		if (dayIn(zone, middleMs) === day) beforeMs = middleMs;
		else afterMs = middleMs;
	}
	zone.last = { day, endsAtMs: afterMs, fromMs: wallMs };
	return zone.last;
}

/** The calendar day `days` after (before, when negative) a day written YYYY-MM-DD. */
export function shiftDay(day: string, days: number): string {
	return new Date(Date.parse(day) + days * 24 * HOUR_MS).toISOString().slice(0, 10);
}

function zoneOf(timezone: string): Zone {
	let zone = zones.get(timezone);
	if (!zone) {
		const format = new Intl.DateTimeFormat('en-US', {
			timeZone: timezone,
			calendar: 'gregory',
			numberingSystem: 'latn',
			year: 'numeric',
			month: '2-digit',
			day: '2-digit',
		});
		zone = { format, last: undefined };
		zones.set(timezone, zone);
	}
	return zone;
}

function dayIn(zone: Zone, wallMs: number): string {
	const parts: Partial<Record<Intl.DateTimeFormatPartTypes, string>> = {};
	for (const { type, value } of zone.format.formatToParts(wallMs)) parts[type] = value;
	return `${parts.year}-${parts.month}-${parts.day}`;
}
