import fc from 'fast-check';
import { NO_ALERTS, troubleAt, wellAt } from '../../nodes/shared/n8n/alerts';
import { runs } from '../support/property';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

it('trouble is told at most five times an hour, and at most once an hour for one cause', () => {
	const look = fc.record({
		cause: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', undefined, undefined),
		afterMs: fc.integer({ min: 0, max: 90 * MINUTE_MS }),
		mayTell: fc.boolean(),
	});
	fc.assert(
		fc.property(fc.array(look, { maxLength: 200 }), (looks) => {
			const told: { cause: string; atMs: number }[] = [];
			let alerts = NO_ALERTS;
			let atMs = Date.UTC(2026, 10, 27, 22);
			for (const { cause, afterMs, mayTell } of looks) {
				atMs += afterMs;
				const next =
					cause === undefined ? wellAt(alerts, atMs) : troubleAt(alerts, cause, atMs, mayTell);
				alerts = next.alerts;
				if (cause !== undefined && 'tell' in next && next.tell) told.push({ cause, atMs });
			}
			for (const [index, { cause, atMs: firstMs }] of told.entries()) {
				const inAnHour = told.slice(index).filter((other) => other.atMs - firstMs < HOUR_MS);
				expect(inAnHour.length).toBeLessThanOrEqual(5);
				expect(inAnHour.filter((other) => other.cause === cause)).toHaveLength(1);
			}
		}),
		runs(100),
	);
});
