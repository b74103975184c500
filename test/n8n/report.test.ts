import { reportPage } from '../../nodes/shared/n8n/report';
import { statusOf, type Standing } from '../../nodes/shared/n8n/status';
import type { MinuteCounts } from '../../nodes/shared/resilience/ports';
import { SETTINGS } from '../support/client';
import { seededRandom } from '../support/clock';

const NOW = Date.UTC(2026, 0, 15, 12, 17);
const MINUTE = Math.floor(NOW / 60_000);

const STANDING: Standing = {
	client: {
		breaker: { state: 'closed', failures: 0 },
		admission: { usedInWindow: 61, inFlight: 3, pausedForMs: 0 },
		waiting: { critical: 0, backfill: 4 },
		budget: {
			day: '2026-01-15',
			byPriority: {
				critical: { spent: 410, unknown: 2, returned: 0, reserved: 0 },
				backfill: { spent: 2_480, unknown: 9, returned: 4, reserved: 0 },
			},
			remaining: { critical: 2_099, backfill: 1_099 },
			balance: undefined,
		},
	},
	queues: [
		{
			...{ name: 'default', waiting: 10, active: 2, delayed: 7, done: 1_900, dead: 0 },
			...{ oldestSeconds: 94, workedOff: true, addedAtMs: NOW, workedOffAtMs: NOW },
		},
		{
			...{ name: 'night', waiting: 2, active: 1, delayed: 0, done: 11, dead: 2 },
			...{ oldestSeconds: 3, workedOff: false, addedAtMs: NOW, workedOffAtMs: undefined },
		},
	],
};

/** A day with more traffic at noon, and an outage in the night. */
function day(): MinuteCounts[] {
	const random = seededRandom(3);
	return Array.from({ length: 1_440 }, (_, index) => {
		const isOutage = index > 500 && index < 560;
		const busy = Math.round((1 + Math.sin(index / 230)) * 3 * random());
		const counts: Record<string, number> = {};
		if (busy > 0) {
			counts['requests userPosts success'] = isOutage ? 0 : busy;
			counts['requests userPosts server-error'] = isOutage ? busy : 0;
			counts['requests userFollowers success'] = isOutage ? 0 : 1;
			counts['requests userFollowers rate-limited'] = index % 97 === 0 ? 1 : 0;
			counts[`seconds userPosts ${isOutage ? 7 : 2 + Math.floor(random() * 3)}`] = busy;
			counts['seconds userFollowers 3'] = 1;
			counts['credits backfill'] = busy;
			counts['credits critical'] = index % 5 === 0 ? 1 : 0;
			counts['cache userPosts miss'] = busy;
			counts['cache userPosts hit-memory'] = 1;
		}
		return { minute: MINUTE - 1_439 + index, counts };
	});
}

function page(minutes = day(), standing = STANDING, timezone = 'Europe/Berlin') {
	const status = statusOf(standing, minutes, SETTINGS, 'embedded', NOW);
	return reportPage(status, minutes, timezone);
}

const heights = (html: string, color: string) =>
	[...html.matchAll(new RegExp(`<rect class="${color}"[^>]* height="([^"]+)"`, 'g'))].map(
		([, height]) => Number(height),
	);

describe('the report', () => {
	it('needs nothing but itself: no script, no address, no file', () => {
		const html = page();
		expect(html).toMatch(/^<!doctype html>/);
		expect(html).not.toMatch(/<script|javascript:|\son\w+=|<link|<img|@import|url\(|https?:/i);
		expect(html).toContain('prefers-color-scheme: dark');
	});

	it('has a bar for each half hour with requests, as high as its share', () => {
		const minutes: MinuteCounts[] = [
			{ minute: MINUTE, counts: { 'requests userId success': 3, 'requests userId timeout': 1 } },
			{ minute: MINUTE - 300, counts: { 'requests userId success': 1 } },
		];
		const bars = heights(page(minutes), 'success');
		expect(bars).toHaveLength(2);
		expect(bars[1]).toBeCloseTo((bars[0] as number) * 3, 0);
		expect(heights(page(minutes), 'network')).toEqual([bars[0]]);
	});

	it('shows the figures of now', () => {
		const html = page();
		for (const text of [
			'Closed',
			'61 of 200',
			'2,901',
			'3 in flight, 4 waiting',
			'2 dead letters',
			'1,911 done',
			'<th scope="row">default</th><td>10</td><td>2</td><td>7</td><td>1,900</td><td>0</td><td>94 s</td><td>yes</td>',
			'<th scope="row">night</th><td>2</td><td>1</td><td>0</td><td>11</td><td>2</td><td>3 s</td><td>no active workflow</td>',
		]) {
			expect(html).toContain(text);
		}
	});

	it('shows an open breaker with the time of the next trial, in the time zone of the workflow', () => {
		const open: Standing = {
			...STANDING,
			client: { ...STANDING.client, breaker: { state: 'open', reopensInMs: 60_000 } },
		};
		expect(page([], open)).toMatch(/class="bad">Open<.*Next trial at 13:18/);
	});

	it('is a page before anything has happened', () => {
		const html = page([]);
		expect(html.match(/Nothing in the last 24 hours/g)).toHaveLength(4);
		expect(html).not.toMatch(/NaN|Infinity|undefined/);
		expect(page()).not.toMatch(/NaN|Infinity|undefined/);
	});

	it('lets nothing that was counted become markup', () => {
		const evil = '<b onload=1>"&amp;\'';
		const html = page([
			{ minute: MINUTE, counts: { [`requests ${evil.replaceAll(' ', '_')} success`]: 1 } },
		]);
		expect(html).not.toContain('<b_onload');
		expect(html).toContain('&lt;b_onload=1&gt;&quot;&amp;amp;&#39;');
	});

	it('fits into a mail', () => {
		expect(page().length).toBeLessThan(100_000);
	});
});
