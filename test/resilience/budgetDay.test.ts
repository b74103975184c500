import { budgetDay, shiftDay } from '../../nodes/shared/resilience/budgetDay';

const HOUR_MS = 3_600_000;
const at = (text: string) => Date.parse(text);

describe('budgetDay', () => {
	it.each([
		['UTC', '2026-01-15T12:00:00Z', '2026-01-15', 24],
		['Europe/Berlin', '2026-03-29T12:00:00Z', '2026-03-29', 23],
		['Europe/Berlin', '2026-10-25T12:00:00Z', '2026-10-25', 25],
		['America/New_York', '2026-11-01T12:00:00Z', '2026-11-01', 25],
		['Australia/Lord_Howe', '2026-04-05T00:00:00Z', '2026-04-05', 24.5],
		// Days that begin at 1 am.
		['Africa/Cairo', '2026-04-24T12:00:00Z', '2026-04-24', 23],
		['America/Santiago', '2026-09-06T12:00:00Z', '2026-09-06', 23],
		['Asia/Kathmandu', '2026-01-15T12:00:00Z', '2026-01-15', 24],
		['Pacific/Kiritimati', '2026-01-15T12:00:00Z', '2026-01-16', 24],
		['Pacific/Niue', '2026-01-15T08:00:00Z', '2026-01-14', 24],
	])('in %s at %s is %s, of %f hours', (timezone, moment, day, hours) => {
		const found = budgetDay(at(moment), timezone);
		expect(found.day).toBe(day);
		const startMs = found.endsAtMs - hours * HOUR_MS;
		expect(budgetDay(found.endsAtMs, timezone).day).toBe(shiftDay(day, 1));
		expect(budgetDay(found.endsAtMs - 1, timezone).day).toBe(day);
		expect(budgetDay(startMs, timezone)).toMatchObject({ day, endsAtMs: found.endsAtMs });
		expect(budgetDay(startMs - 1, timezone).day).toBe(shiftDay(day, -1));
	});

	it('passes over a day that a zone left out', () => {
		const before = budgetDay(at('2011-12-30T09:59:59Z'), 'Pacific/Apia');
		expect(before).toMatchObject({ day: '2011-12-29', endsAtMs: at('2011-12-30T10:00:00Z') });
		expect(budgetDay(before.endsAtMs, 'Pacific/Apia').day).toBe('2011-12-31');
	});

	it('refuses a time zone that does not exist', () => {
		expect(() => budgetDay(0, 'Europe/Atlantis')).toThrow(RangeError);
	});
});

describe('shiftDay', () => {
	it('counts over months and leap years', () => {
		expect(shiftDay('2028-02-28', 1)).toBe('2028-02-29');
		expect(shiftDay('2026-03-01', -1)).toBe('2026-02-28');
		expect(shiftDay('2027-02-04', -400)).toBe('2025-12-31');
	});
});
