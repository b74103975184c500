import type { CallOutcome } from '../resilience/metrics';
import type { MinuteCounts, Priority } from '../resilience/ports';
import { summarise, type EndpointSummary, type Summary } from '../resilience/statistics';
import { escapeHtml, lines, stackedBars, type Chart, type Series } from './reportCharts';
import { REPORT_STYLE } from './reportStyle';
import { DAY_MINUTES, type Status } from './status';

const STEP_MINUTES = 30;
const STEPS = DAY_MINUTES / STEP_MINUTES;
/** A time below the chart every four hours. */
const MARK_HOURS = 4;

/** What a chart can tell apart, in the order in which it is stacked. */
const OUTCOME_SERIES: readonly { name: string; color: string; outcomes: CallOutcome[] }[] = [
	{ name: 'Success', color: 'success', outcomes: ['success'] },
	{ name: 'Not found', color: 'not-found', outcomes: ['not-found'] },
	{ name: '429', color: 'limited', outcomes: ['rate-limited'] },
	{ name: 'Server error', color: 'server', outcomes: ['server-error'] },
	{ name: 'Network or timeout', color: 'network', outcomes: ['network', 'timeout'] },
	{ name: 'Unreadable', color: 'body', outcomes: ['bad-body'] },
	{ name: 'Refused or cancelled', color: 'refused', outcomes: ['refused', 'cancelled'] },
];

type Tone = 'good' | 'warn' | 'bad' | '';

/**
 * The last 24 hours of an API key as one page that needs nothing else: no script, no file, no font.
 *
 * @param minutes of the last day
 * @param timezone IANA name, for the times on the page
 */
export function reportPage(
	status: Status,
	minutes: readonly MinuteCounts[],
	timezone: string,
): string {
	const nowMs = Date.parse(status.checkedAt);
	const clock = new Intl.DateTimeFormat('en-GB', { timeZone: timezone, timeStyle: 'short' });
	const date = new Intl.DateTimeFormat('en-GB', {
		timeZone: timezone,
		dateStyle: 'full',
		timeStyle: 'short',
	});
	const title = `TikLiveAPI report, ${date.format(nowMs)}`;
	return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<style>${REPORT_STYLE}</style>
</head>
<body>
<main>
<header><h1>TikLiveAPI report</h1><p>${escapeHtml(`${date.format(nowMs)} (${timezone})`)}</p></header>
<ul class="tiles">${tiles(status, clock)}</ul>
<h2>Last 24 hours</h2>
<div class="charts">${charts(minutes, nowMs, clock)}</div>
<h2>Endpoints</h2>
${table(status)}
<h2>Queues</h2>
${queueTable(status)}
<footer>A latency is exact to its bucket. Credits of requests without a usable answer count as spent. Counted by n8n-nodes-tikliveapi, over all n8n processes that share the state; made without spending a credit.</footer>
</main>
</body>
</html>
`;
}

function tiles(status: Status, clock: Intl.DateTimeFormat): string {
	const { breaker, rate, budget, queue, last24Hours: day, inFlight, waiting } = status;
	const open = queue.waiting + queue.active + queue.delayed;
	const trial = breaker.reopensAt === null ? '' : clock.format(Date.parse(breaker.reopensAt));
	return [
		tile(
			'Circuit breaker',
			{ closed: 'Closed', open: 'Open', 'half-open': 'Trial under way' }[breaker.state],
			breaker.state === 'closed' ? 'Requests go through' : `Next trial at ${trial}`,
			breaker.state === 'closed' ? 'good' : 'bad',
		),
		tile(
			'Requests in 24 hours',
			count(day.requests),
			`${percent(day.successRate)} successful, ${count(day.retries)} retries`,
		),
		tile('Latency p95', seconds(day.p95Seconds), `p50 ${seconds(day.p50Seconds)}`),
		tile(
			'Answered 429',
			percent(day.rateLimitedRate),
			`${percent(status.lastHour.rateLimitedRate)} in the last hour`,
			(day.rateLimitedRate ?? 0) > 0.01 ? 'warn' : '',
		),
		tile(
			'Credits today',
			count(budget.spentToday.total),
			budgetText(status),
			{ ok: '', '80-percent': 'warn', reserve: 'warn', exhausted: 'bad' }[budget.level] as Tone,
			budget.dailyBudget === null ? undefined : budget.spentToday.total / (budget.dailyBudget || 1),
		),
		tile(
			'Rate limit',
			`${count(rate.usedInWindow)} of ${count(rate.requestsPerMinute)}`,
			`in the last minute; ${count(inFlight)} in flight, ${count(waiting.critical + waiting.backfill)} waiting`,
			rate.pausedSeconds > 0 ? 'warn' : '',
			rate.usedShare,
		),
		tile(
			'Served from the cache',
			percent(day.cacheHitRate),
			`${percent(status.lastHour.cacheHitRate)} in the last hour`,
		),
		tile(
			'Queue',
			count(open),
			`oldest ${age(queue.oldestSeconds)}, ${count(queue.done)} done, ${count(queue.dead)} dead letters`,
			queue.dead > 0 ? 'warn' : '',
		),
	].join('');
}

function budgetText({ budget }: Status): string {
	const parts = [
		budget.dailyBudget === null
			? 'no daily budget'
			: `of ${count(budget.dailyBudget)}, ${count(budget.criticalReserve)} kept for critical`,
	];
	if (budget.balance !== null) parts.push(`${count(budget.balance)} on the account`);
	return parts.join('; ');
}

function tile(name: string, value: string, note: string, tone: Tone = '', share?: number): string {
	const meter =
		share === undefined
			? ''
			: `<div class="meter ${tone || 'good'}"><div style="width:${Math.round(Math.min(share, 1) * 100)}%"></div></div>`;
	return `<li><h3>${escapeHtml(name)}</h3><strong class="${tone}">${escapeHtml(value)}</strong>${meter}<p>${escapeHtml(note)}</p></li>`;
}

function charts(
	minutes: readonly MinuteCounts[],
	nowMs: number,
	clock: Intl.DateTimeFormat,
): string {
	const first = Math.floor(nowMs / 60_000 / STEP_MINUTES) - STEPS + 1;
	const beginMs = (step: number) => (first + step) * STEP_MINUTES * 60_000;
	const steps: MinuteCounts[][] = Array.from({ length: STEPS }, () => []);
	for (const row of minutes) steps[Math.floor(row.minute / STEP_MINUTES) - first]?.push(row);
	const summaries = steps.map(summarise);
	const times = steps.map((_, step) => clock.format(beginMs(step)));
	const marks = [...times.keys()].filter((step) => {
		const [hour = 0, minute = 0] = (times[step] ?? '').split(':').map(Number);
		// The ends would run over the edge.
		return step > 0 && hour % MARK_HOURS === 0 && minute < STEP_MINUTES;
	});
	const of = (read: (summary: Summary) => number | null) => summaries.map(read);
	const common: Pick<Chart, 'times' | 'marks'> = { times, marks };
	const credits = (priority: Priority, name: string): Series => ({
		name,
		color: priority,
		values: of((summary) => summary.credits[priority]),
	});
	return [
		stackedBars({
			...common,
			title: 'Requests by outcome',
			description: 'Requests per half hour by outcome, last 24 hours',
			series: OUTCOME_SERIES.map(({ name, color, outcomes }) => ({
				name,
				color,
				values: of(({ outcomes: counts }) =>
					outcomes.reduce((total, outcome) => total + (counts[outcome] ?? 0), 0),
				),
				// What never happened would only crowd the legend.
			})).filter(({ color, values }) => color === 'success' || values.some(Boolean)),
			format: count,
			least: 4,
		}),
		lines({
			...common,
			title: 'Latency',
			description: 'Median and 95th percentile of the latency per half hour, last 24 hours',
			series: [
				{ name: 'p50', color: 'p50', values: of(({ p50Seconds }) => p50Seconds) },
				{ name: 'p95', color: 'p95', values: of(({ p95Seconds }) => p95Seconds) },
			],
			format: seconds,
			least: 0.1,
		}),
		stackedBars({
			...common,
			title: 'Credits',
			description: 'Credits per half hour by priority, last 24 hours',
			series: [credits('critical', 'Critical'), credits('backfill', 'Backfill')],
			format: count,
			least: 4,
		}),
		lines({
			...common,
			title: 'Share answered 429',
			description: 'Share of requests answered 429 per half hour, last 24 hours',
			series: [
				{ name: '429', color: 'limited', values: of(({ rateLimitedRate }) => rateLimitedRate) },
			],
			format: percent,
			least: 0.04,
		}),
	].join('');
}

function table({ last5Minutes, lastHour, last24Hours }: Status): string {
	const all = [
		row('All, 5 minutes', last5Minutes),
		row('All, 1 hour', lastHour),
		row('All, 24 hours', last24Hours),
	];
	const each = Object.entries(last24Hours.endpoints)
		.sort(([, one], [, other]) => other.requests - one.requests)
		.map(([name, summary]) => row(`${name}, 24 hours`, summary));
	const heads = ['', 'Requests', 'Success', 'p50', 'p95', 'Retries', '429'];
	return tableOf(heads, all, each);
}

function queueTable({ queues }: Status): string {
	const heads = [
		'',
		'Waiting',
		'Active',
		'Delayed',
		'Done',
		'Dead letters',
		'Oldest',
		'Worked off',
	];
	const rows = queues.map(({ queue, oldestSeconds, workedOff, ...jobs }) =>
		rowOf(queue, [
			...[jobs.waiting, jobs.active, jobs.delayed, jobs.done, jobs.dead].map(count),
			...[age(oldestSeconds), workedOff ? 'yes' : 'no active workflow'],
		]),
	);
	return tableOf(heads, rows);
}

function row(name: string, summary: EndpointSummary): string {
	return rowOf(name, [
		count(summary.requests),
		percent(summary.successRate),
		seconds(summary.p50Seconds),
		seconds(summary.p95Seconds),
		count(summary.retries),
		percent(summary.rateLimitedRate),
	]);
}

function tableOf(heads: readonly string[], ...groups: readonly string[][]): string {
	const head = heads.map((each) => `<th scope="col">${each}</th>`).join('');
	const bodies = groups.map((rows) => `<tbody>${rows.join('')}</tbody>`).join('');
	return `<div class="table"><table><thead><tr>${head}</tr></thead>${bodies}</table></div>`;
}

function rowOf(name: string, cells: readonly string[]): string {
	return `<tr><th scope="row">${escapeHtml(name)}</th>${cells.map((cell) => `<td>${escapeHtml(cell)}</td>`).join('')}</tr>`;
}

const NONE = '–';

function count(value: number): string {
	return value.toLocaleString('en-US', { maximumFractionDigits: 1 });
}

function percent(share: number | null): string {
	if (share === null) return NONE;
	return `${(share * 100).toLocaleString('en-US', { maximumFractionDigits: 1 })} %`;
}

function seconds(value: number | null): string {
	if (value === null) return NONE;
	return value > 0 && value < 1
		? `${Math.round(value * 1_000)} ms`
		: `${Number(value.toFixed(2))} s`;
}

function age(value: number): string {
	if (value < 120) return `${value} s`;
	if (value < 7_200) return `${Math.round(value / 60)} min`;
	return `${Math.round(value / 3_600)} h`;
}
