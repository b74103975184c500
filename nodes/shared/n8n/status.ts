import { budgetDay } from '../resilience/budgetDay';
import type { BreakerSnapshot } from '../resilience/breaker';
import type { ClientSettings, ClientStatus } from '../resilience/client';
import type { JobStats } from '../resilience/jobs';
import type { MinuteCounts, Priority } from '../resilience/ports';
import { allQueues, boundedQueues, queueStandings, type QueueStanding } from '../resilience/queues';
import { summarise, type EndpointSummary, type Summary } from '../resilience/statistics';
import { isoTime } from './jobItems';
import type { Runtime } from './runtime';
import { budgetLevel, type BudgetLevel } from './statusBudget';
import { systemClock } from './systemClock';

export const DAY_MINUTES = 24 * 60;

/** How an API key stands, as its stores tell it. */
export interface Standing {
	client: ClientStatus;
	queues: QueueStanding[];
}

export async function standingOf({ client, stores }: Runtime): Promise<Standing> {
	const [status, queues] = await Promise.all([
		client.status(),
		queueStandings(stores.jobs, systemClock.wallMs()),
	]);
	return { client: status, queues };
}

/** What the status node shows. Shares are 0 to 1; null stands for "no limit", "unknown" or "nothing was sent". */
export interface Status {
	/** ISO 8601. */
	checkedAt: string;
	stateStore: 'embedded' | 'redis';
	breaker: BreakerStatus;
	rate: {
		requestsPerMinute: number;
		/** Requests of the last 60 seconds. */
		usedInWindow: number;
		usedShare: number;
		/** How long nothing is sent because TikLiveAPI answered 429. */
		pausedSeconds: number;
	};
	inFlight: number;
	maxConcurrent: number;
	/** Calls of this n8n process that wait for their turn. */
	waiting: Record<Priority, number>;
	budget: {
		/** YYYY-MM-DD in the time zone of the credential. */
		day: string;
		level: BudgetLevel;
		/** Unknown ones included: sent, but no usable answer came back. */
		spentToday: Record<Priority | 'total' | 'unknown', number>;
		dailyBudget: number | null;
		criticalReserve: number;
		remaining: Record<Priority, number | null>;
		balance: number | null;
		/** ISO 8601. */
		resetsAt: string;
	};
	/** All queues together. */
	queue: JobStats;
	/** The default one, and those with jobs or an active trigger; of many the last entry is "other". */
	queues: QueueStatus[];
	last5Minutes: WindowStatus;
	lastHour: WindowStatus;
	last24Hours: WindowStatus;
}

export interface QueueStatus extends JobStats {
	queue: string;
	/** By an active workflow. */
	workedOff: boolean;
	/** When one said so last, and when somebody added a job; ISO 8601, null when it never was. */
	lastWorkedOffAt: string | null;
	lastAddedAt: string | null;
}

export interface BreakerStatus {
	state: BreakerSnapshot['state'];
	/** In a row, while closed. */
	failures: number;
	/** ISO 8601; null while closed. A time that is past: the next request is the trial. */
	reopensAt: string | null;
	reopensInSeconds: number;
}

/** The same as a Summary, rounded for people. */
export type WindowStatus = Summary;

/** @param minutes of the last day */
export function statusOf(
	{ client, queues }: Standing,
	minutes: readonly MinuteCounts[],
	{ limits, budget }: ClientSettings,
	stateStore: Status['stateStore'],
	nowMs: number,
): Status {
	const { admission, waiting } = client;
	const { day, byPriority, remaining, balance } = client.budget;
	const used = (priority: Priority) => byPriority[priority].spent + byPriority[priority].unknown;
	const lastMinutes = (count: number) => {
		const first = Math.floor(nowMs / 60_000) - count + 1;
		return rounded(summarise(minutes.filter(({ minute }) => minute >= first)));
	};
	return {
		checkedAt: new Date(nowMs).toISOString(),
		stateStore,
		breaker: breakerStatus(client.breaker, nowMs),
		rate: {
			requestsPerMinute: limits.requestsPerMinute,
			usedInWindow: admission.usedInWindow,
			usedShare: round(admission.usedInWindow / limits.requestsPerMinute, 4),
			pausedSeconds: round(admission.pausedForMs / 1_000, 1),
		},
		inFlight: admission.inFlight,
		maxConcurrent: limits.maxConcurrent,
		waiting,
		budget: {
			day,
			level: budgetLevel(client.budget, budget),
			spentToday: {
				critical: used('critical'),
				backfill: used('backfill'),
				total: used('critical') + used('backfill'),
				unknown: byPriority.critical.unknown + byPriority.backfill.unknown,
			},
			dailyBudget: budget.dailyBudget ?? null,
			criticalReserve: budget.criticalReserve,
			remaining: {
				critical: remaining.critical ?? null,
				backfill: remaining.backfill ?? null,
			},
			balance: balance ?? null,
			resetsAt: new Date(budgetDay(nowMs, budget.timezone).endsAtMs).toISOString(),
		},
		queue: allQueues(queues),
		queues: boundedQueues(queues).map(queueStatus),
		last5Minutes: lastMinutes(5),
		lastHour: lastMinutes(60),
		last24Hours: lastMinutes(DAY_MINUTES),
	};
}

export function queueStatus({
	name,
	workedOffAtMs,
	addedAtMs,
	workedOff,
	...stats
}: QueueStanding): QueueStatus {
	return {
		queue: name,
		...stats,
		workedOff,
		lastWorkedOffAt: workedOffAtMs === undefined ? null : isoTime(workedOffAtMs),
		lastAddedAt: addedAtMs === undefined ? null : isoTime(addedAtMs),
	};
}

export function breakerStatus(breaker: BreakerSnapshot, nowMs: number): BreakerStatus {
	if (breaker.state === 'closed') {
		return { state: 'closed', failures: breaker.failures, reopensAt: null, reopensInSeconds: 0 };
	}
	const { state, reopensInMs } = breaker;
	return {
		state,
		failures: 0,
		reopensAt: new Date(nowMs + reopensInMs).toISOString(),
		reopensInSeconds: Math.ceil(reopensInMs / 1_000),
	};
}

function rounded(summary: Summary): WindowStatus {
	const endpoints = Object.entries(summary.endpoints).map(([name, one]) => [name, roundedOne(one)]);
	return {
		...summary,
		...roundedOne(summary),
		cacheHitRate: roundOrNull(summary.cacheHitRate, 4),
		endpoints: Object.fromEntries(endpoints),
	};
}

function roundedOne(summary: EndpointSummary): EndpointSummary {
	const { requests, successRate, p50Seconds, p95Seconds, retries, rateLimitedRate } = summary;
	return {
		requests,
		successRate: roundOrNull(successRate, 4),
		p50Seconds: roundOrNull(p50Seconds, 3),
		p95Seconds: roundOrNull(p95Seconds, 3),
		retries,
		rateLimitedRate: roundOrNull(rateLimitedRate, 4),
	};
}

function roundOrNull(value: number | null, digits: number): number | null {
	return value === null ? null : round(value, digits);
}

function round(value: number, digits: number): number {
	return Number(value.toFixed(digits));
}
