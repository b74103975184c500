import type { IDataObject } from 'n8n-workflow';
import { NO_ALERTS, troubleAt, wellAt, type Alerts } from '../../nodes/shared/n8n/alerts';
import { readAlerts, writeAlerts } from '../../nodes/shared/n8n/watchState';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const START_MS = Date.UTC(2026, 10, 27, 22);

interface Told {
	cause: string;
	atMs: number;
}

/** One look after the other; a cause, or undefined for one that went well. */
class Looks {
	alerts: Alerts = NO_ALERTS;
	readonly told: Told[] = [];

	look(cause: string | undefined, atMs: number, mayTell = true): void {
		if (cause === undefined) {
			this.alerts = wellAt(this.alerts, atMs).alerts;
			return;
		}
		const { alerts, tell } = troubleAt(this.alerts, cause, atMs, mayTell);
		this.alerts = alerts;
		if (tell) this.told.push({ cause, atMs });
	}

	/** In minutes since the start. */
	get minutes(): number[] {
		return this.told.map(({ atMs }) => (atMs - START_MS) / MINUTE_MS);
	}
}

/** A look a minute. */
const minutes = (count: number, causeAt: (minute: number) => string | undefined): Looks => {
	const looks = new Looks();
	for (let minute = 0; minute < count; minute++) {
		looks.look(causeAt(minute), START_MS + minute * MINUTE_MS);
	}
	return looks;
};

describe('when trouble is told', () => {
	it('is at once, after an hour, and then every six hours', () => {
		expect(minutes(8 * 60, () => 'outage').minutes).toEqual([0, 60, 420]);
		expect(minutes(24 * 60, () => 'outage').minutes).toEqual([0, 60, 420, 780, 1140]);
	});

	it('is at the first look that may tell it', () => {
		const looks = new Looks();
		looks.look('outage', START_MS, false);
		looks.look('outage', START_MS + MINUTE_MS);
		looks.look('outage', START_MS + 2 * MINUTE_MS);
		expect(looks.minutes).toEqual([1]);
		expect(looks.alerts.trouble).toEqual({ cause: 'outage', sinceMs: START_MS, isKnown: true });
	});

	it('is at once for another cause, and goes on for the first one when it comes back', () => {
		const looks = minutes(8 * 60, (minute) => (minute % 2 === 0 ? 'outage' : 'budget'));
		expect(looks.minutes).toEqual([0, 1, 60, 61, 420, 421]);
	});

	it('does not begin anew with each good look in between', () => {
		const looks = minutes(8 * 60, (minute) => (minute % 10 < 3 ? 'outage' : undefined));
		expect(looks.minutes).toEqual([0, 60, 420]);
	});

	it('begins anew after an hour without it', () => {
		const looks = minutes(200, (minute) => (minute < 10 || minute >= 75 ? 'outage' : undefined));
		expect(looks.minutes).toEqual([0, 75, 135]);
	});

	it('does not stay away for long when the clock is set back', () => {
		const looks = new Looks();
		looks.look('outage', START_MS + 500 * HOUR_MS);
		looks.look('outage', START_MS);
		looks.look('outage', START_MS + HOUR_MS);
		expect(looks.minutes).toEqual([500 * 60, 60]);
	});

	it('is five times an hour for a text that is another one each time', () => {
		expect(minutes(60, String).minutes).toEqual([0, 1, 2, 3, 4]);
		expect(minutes(8 * 60, String).told.length).toBeLessThanOrEqual(8 * 5);
	});
});

describe('the end of trouble', () => {
	it('is told with the cause and the time of its beginning', () => {
		const looks = minutes(30, (minute) => (minute < 10 ? 'outage' : 'budget'));
		expect(wellAt(looks.alerts, START_MS + HOUR_MS).over).toEqual({
			cause: 'budget',
			sinceMs: START_MS,
			isKnown: true,
		});
	});

	it('is no news where nobody has heard of the beginning', () => {
		const looks = minutes(3, (minute) => (minute === 1 ? undefined : 'outage'));
		expect(looks.minutes).toEqual([0]);
		expect(wellAt(looks.alerts, START_MS + 4 * MINUTE_MS).over).toBeUndefined();
		expect(wellAt(NO_ALERTS, START_MS).over).toBeUndefined();
	});
});

describe('what n8n keeps of it', () => {
	it('comes back as it was written', () => {
		for (const count of [1, 61, 90]) {
			const { alerts } = minutes(count, (minute) => ['outage', 'budget', undefined][minute % 3]);
			const data: IDataObject = {};
			writeAlerts(data, alerts);
			expect(readAlerts(JSON.parse(JSON.stringify(data)) as IDataObject)).toEqual(alerts);
		}
	});

	it('is nothing without trouble', () => {
		const data: IDataObject = {};
		writeAlerts(data, NO_ALERTS);
		expect(data).toEqual({});
		writeAlerts(data, minutes(1, () => 'outage').alerts);
		writeAlerts(data, NO_ALERTS);
		expect(data).toEqual({ alerts: null });
		expect(readAlerts(data)).toEqual(NO_ALERTS);
	});

	it('is no alert where it is something else', () => {
		for (const alerts of [7, 'text', [], { trouble: 'text', told: {} }, { told: [null, 1, {}] }]) {
			expect(readAlerts({ alerts } as IDataObject)).toEqual(NO_ALERTS);
		}
	});
});
