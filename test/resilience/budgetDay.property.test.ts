import fc from 'fast-check';
import { budgetDay, shiftDay } from '../../nodes/shared/resilience/budgetDay';
import { runs } from '../support/property';

const HOUR_MS = 3_600_000;

test('a day has the same name and the same end in any order of questions', () => {
	const zones = ['UTC', 'Europe/Berlin', 'America/Santiago', 'Asia/Kathmandu'];
	fc.assert(
		fc.property(
			fc.array(
				fc.record({
					zone: fc.constantFrom(...zones),
					wallMs: fc.integer({ min: Date.parse('2026-01-01'), max: Date.parse('2027-12-31') }),
				}),
				{ maxLength: 10 },
			),
			(questions) => {
				for (const { zone, wallMs } of questions) {
					const { day, endsAtMs } = budgetDay(wallMs, zone);
					const format = new Intl.DateTimeFormat('sv-SE', { timeZone: zone });
					expect(day).toBe(format.format(wallMs));
					expect(endsAtMs).toBeGreaterThan(wallMs);
					expect(endsAtMs - wallMs).toBeLessThanOrEqual(25 * HOUR_MS);
					expect(format.format(endsAtMs - 1)).toBe(day);
					expect(format.format(endsAtMs)).toBe(shiftDay(day, 1));
				}
			},
		),
		runs(100),
	);
});
