import type { Counter, Gauge, Histogram } from 'prom-client';
import { ENDPOINTS } from '../api';
import { FAILURE_TRAITS } from '../resilience/failureTraits';
import {
	noMetrics,
	type CacheResult,
	type CircuitState,
	type Metrics,
} from '../resilience/metrics';
import type { JobStats } from '../resilience/jobs';
import type { Priority, Settlement } from '../resilience/ports';
import { boundedQueues, type QueueStanding } from '../resilience/queues';
import { LATENCY_BUCKETS_SECONDS } from '../resilience/statistics';
import { processRuntimes } from './runtime';
import { standingOf, type Standing } from './status';
import { systemClock } from './systemClock';

type PromClient = typeof import('prom-client');

/** One metric. All values of its labels are bounded, so that nothing that is counted can add series without end. */
interface Description {
	readonly type: 'counter' | 'gauge' | 'histogram';
	readonly help: string;
	/** The values of each; none where people choose them, as the names of queues. */
	readonly labels: Readonly<Record<string, readonly string[]>>;
	/** Upper bounds in seconds, of a histogram. */
	readonly buckets?: readonly number[];
}

const endpoint = Object.keys(ENDPOINTS);
const outcome = [
	...new Set(['success', ...Object.values(FAILURE_TRAITS).map((traits) => traits.outcome)]),
];
const reason = Object.entries(FAILURE_TRAITS)
	.filter(([, { retry }]) => retry)
	.map(([kind]) => kind);
const priority = names<Priority>({ critical: true, backfill: true });
const cacheResult = names<CacheResult>({
	'hit-memory': true,
	'hit-durable': true,
	miss: true,
	shared: true,
	stale: true,
});
const creditResult = names<Settlement | 'refused'>({
	spent: true,
	returned: true,
	unknown: true,
	refused: true,
});
const circuitState = names<CircuitState>({ closed: true, open: true, 'half-open': true });
/** MOST_NAMED_QUEUES at most, and "other". */
const queue: readonly string[] = [];
const jobState = names<Exclude<keyof JobStats, 'oldestSeconds'>>({
	waiting: true,
	active: true,
	delayed: true,
	done: true,
	dead: true,
});

/** Everything that `/metrics` of n8n tells about this package. Names and labels are stable. */
export const METRICS = {
	tiklive_requests_total: {
		type: 'counter',
		help: 'Requests sent to TikLiveAPI, retries included',
		labels: { endpoint, outcome },
	},
	tiklive_request_seconds: {
		type: 'histogram',
		help: 'Time of one request to TikLiveAPI, from sending to the last byte of the answer',
		labels: { endpoint },
		buckets: LATENCY_BUCKETS_SECONDS,
	},
	tiklive_retries_total: {
		type: 'counter',
		help: 'Requests that were sent again, by the failure before',
		labels: { endpoint, reason },
	},
	tiklive_rate_wait_seconds: {
		type: 'histogram',
		help: 'Time that a request waited for the rate limit and for a free slot',
		labels: { priority },
		buckets: [0.01, 0.1, 0.5, 1, 5, 15, 60, 300, 900],
	},
	tiklive_in_flight: {
		type: 'gauge',
		help: 'Requests in flight, of all processes that share the state',
		labels: {},
	},
	tiklive_circuit_state: {
		type: 'gauge',
		help: 'API keys whose circuit breaker is in this state',
		labels: { state: circuitState },
	},
	tiklive_cache_total: {
		type: 'counter',
		help: 'Calls by where their answer came from',
		labels: { endpoint, result: cacheResult },
	},
	tiklive_credits_total: {
		type: 'counter',
		help: 'Credits by what became of them',
		labels: { priority, result: creditResult },
	},
	tiklive_budget_remaining: {
		type: 'gauge',
		help: 'Credits that are left today within budget and known balance, of the API key with the fewest',
		labels: {},
	},
	tiklive_queue_jobs: {
		type: 'gauge',
		help: 'Durable jobs by queue and state; done ones for a day',
		labels: { queue, state: jobState },
	},
	tiklive_queue_oldest_seconds: {
		type: 'gauge',
		help: 'For how long the oldest job that is due and not done has been due',
		labels: { queue },
	},
} as const satisfies Record<string, Description>;

type MetricName = keyof typeof METRICS;

/** A scrape does not wait longer than this for a store in trouble. */
const COLLECT_LIMIT_MS = 2_000;

/** n8n's own copy, whose registry n8n serves; undefined where n8n does not bring it. */
export function hostPromClient(): PromClient | undefined {
	try {
		return require('prom-client') as PromClient;
	} catch {
		return undefined;
	}
}

/**
 * Counts in n8n's own registry. What an older copy of this package has counted there goes on; the gauges read
 * the runtimes of the process at each scrape, whichever copy opened them.
 */
export function prometheusMetrics(prom = hostPromClient()): Metrics {
	if (prom === undefined) return noMetrics;
	try {
		return register(prom);
	} catch {
		// Another prom-client than the one this was written for must not keep anybody from working.
		return noMetrics;
	}
}

/**
 * The package's metrics of this process in the text format of Prometheus.
 *
 * @returns undefined where n8n has no prom-client
 */
export async function prometheusText(prom = hostPromClient()): Promise<string | undefined> {
	if (prom === undefined) return undefined;
	prometheusMetrics(prom);
	const { register: registry } = prom;
	const texts = Object.keys(METRICS)
		.filter((name) => registry.getSingleMetric(name) !== undefined)
		.map(async (name) => await registry.getSingleMetricAsString(name));
	return `${(await Promise.all(texts)).join('\n\n')}\n`;
}

/** What this copy of the package has registered, by registry. */
const registered = new WeakMap<object, Metrics>();

function register(prom: PromClient): Metrics {
	const known = registered.get(prom.register);
	if (known !== undefined) return known;
	const requests = counter(prom, 'tiklive_requests_total');
	const seconds = histogram(prom, 'tiklive_request_seconds');
	const retries = counter(prom, 'tiklive_retries_total');
	const waits = histogram(prom, 'tiklive_rate_wait_seconds');
	const cache = counter(prom, 'tiklive_cache_total');
	const credits = counter(prom, 'tiklive_credits_total');
	registerGauges(prom);
	const metrics: Metrics = {
		request(endpoint, outcome, tookSeconds) {
			requests.inc({ endpoint, outcome });
			seconds.observe({ endpoint }, tookSeconds);
		},
		retry: (endpoint, reason) => retries.inc({ endpoint, reason }),
		rateWait: (priority, tookSeconds) => waits.observe({ priority }, tookSeconds),
		cache: (endpoint, result) => cache.inc({ endpoint, result }),
		credit: (priority, result) => credits.inc({ priority, result }),
		// Read from the shared state at each scrape, so that all processes tell the same.
		inFlight() {},
		circuit() {},
	};
	registered.set(prom.register, metrics);
	return metrics;
}

function counter(prom: PromClient, name: MetricName): Counter {
	const { help, labels }: Description = METRICS[name];
	const labelNames = Object.keys(labels);
	const there = existing(prom, name, prom.Counter, labelNames);
	if (there !== undefined) return there as Counter;
	const made = new prom.Counter({ name, help, labelNames });
	// A series that begins at its first event hides that event from rate() and increase().
	for (const combination of combinations(labels)) made.inc(combination, 0);
	return made;
}

function histogram(prom: PromClient, name: MetricName): Histogram {
	const { help, labels, buckets = [] }: Description = METRICS[name];
	const labelNames = Object.keys(labels);
	const there = existing(prom, name, prom.Histogram, labelNames);
	if (there !== undefined) return there as Histogram;
	const made = new prom.Histogram({ name, help, labelNames, buckets: [...buckets] });
	for (const combination of combinations(labels)) made.zero(combination);
	return made;
}

/** What is registered already; another version's metric of that name gives way if it counts something else. */
function existing(
	prom: PromClient,
	name: MetricName,
	type: new (...parts: never[]) => unknown,
	labelNames: readonly string[],
): unknown {
	const there = prom.register.getSingleMetric(name) as { labelNames?: string[] } | undefined;
	if (there === undefined) return undefined;
	if (there instanceof type && String(there.labelNames) === String(labelNames)) return there;
	prom.register.removeSingleMetric(name);
	return undefined;
}

/** Gauges hold nothing of their own: the newest copy's take the place of an older one's. */
function registerGauges(prom: PromClient): void {
	let reading: Promise<Standing[]> | undefined;
	const read = () => (reading ??= readStandings().finally(() => (reading = undefined)));
	const gauge = (name: MetricName, show: (gauge: Gauge, standings: Standing[]) => void) => {
		const { help, labels }: Description = METRICS[name];
		const labelNames = Object.keys(labels);
		prom.register.removeSingleMetric(name);
		new prom.Gauge({
			name,
			help,
			labelNames,
			// A failure in here would take the whole of n8n's /metrics along.
			async collect() {
				const standings = await read().catch(() => []);
				this.reset();
				// A gauge without labels is reset to a 0 that nobody measured.
				if (labelNames.length === 0) this.remove();
				if (standings.length > 0) show(this, standings);
			},
		});
	};
	gauge('tiklive_in_flight', (shown, standings) => {
		shown.set(sum(standings, ({ client }) => client.admission.inFlight));
	});
	gauge('tiklive_circuit_state', (shown, standings) => {
		for (const state of circuitState) {
			const keys = standings.filter(({ client }) => client.breaker.state === state);
			shown.set({ state }, keys.length);
		}
	});
	gauge('tiklive_budget_remaining', (shown, standings) => {
		const left = standings.flatMap(({ client }) => client.budget.remaining.critical ?? []);
		if (left.length > 0) shown.set(Math.min(...left));
	});
	gauge('tiklive_queue_jobs', (shown, standings) => {
		for (const { name, ...jobs } of queuesOf(standings)) {
			for (const state of jobState) shown.set({ queue: name, state }, jobs[state]);
		}
	});
	gauge('tiklive_queue_oldest_seconds', (shown, standings) => {
		for (const { name, oldestSeconds } of queuesOf(standings)) {
			shown.set({ queue: name }, oldestSeconds);
		}
	});
}

/** Of all API keys of the process: those of one name together. */
function queuesOf(standings: readonly Standing[]): QueueStanding[] {
	return boundedQueues(standings.flatMap(({ queues }) => queues));
}

/** How all open runtimes stand; one that does not answer in time is left out. */
async function readStandings(): Promise<Standing[]> {
	const done = new AbortController();
	const late = systemClock.sleep(COLLECT_LIMIT_MS, done.signal).catch(() => {});
	try {
		const readings = processRuntimes()
			.watched()
			.map(async (runtime) => await Promise.race([standingOf(runtime).catch(() => {}), late]));
		return (await Promise.all(readings)).filter((standing) => standing !== undefined);
	} finally {
		done.abort();
	}
}

function sum(standings: readonly Standing[], count: (standing: Standing) => number): number {
	return standings.reduce((total, standing) => total + count(standing), 0);
}

/** Every combination of label values: `{ a: ['1', '2'], b: ['3'] }` gives two. */
function combinations(labels: Description['labels']): Record<string, string>[] {
	return Object.entries(labels).reduce<Record<string, string>[]>(
		(all, [name, values]) =>
			all.flatMap((one) => values.map((value) => ({ ...one, [name]: value }))),
		[{}],
	);
}

/** The names of a union, none of them forgotten. */
function names<T extends string>(all: Record<T, true>): T[] {
	return Object.keys(all) as T[];
}
