import * as prom from 'prom-client';
import {
	hostPromClient,
	METRICS,
	prometheusMetrics,
	prometheusText,
} from '../../nodes/shared/n8n/prometheus';
import { processRuntimes } from '../../nodes/shared/n8n/runtime';
import type { Standing } from '../../nodes/shared/n8n/status';
import type { JobStats } from '../../nodes/shared/resilience/jobs';

/** Stands in for the runtimes that are open in this process. */
function open(...standings: (Standing | 'hangs' | 'fails')[]) {
	jest.spyOn(processRuntimes(), 'watched').mockReturnValue(
		standings.map((standing) => ({
			client: {
				status: async () => {
					if (standing === 'hangs') return await new Promise(() => {});
					if (standing === 'fails') throw new Error('store in trouble');
					return standing.client;
				},
			},
			stores: {
				jobs: {
					queues: async () => (standing as Standing).queues,
					stats: async (queue: string) =>
						(standing as Standing).queues.find(({ name }) => name === queue),
				},
			},
		})) as never,
	);
}

function standing(over: {
	state?: 'closed' | 'open' | 'half-open';
	left?: number;
	inFlight?: number;
	jobs?: Partial<JobStats>;
	queues?: readonly string[];
}): Standing {
	const { state = 'closed', left, inFlight = 0, jobs, queues = ['default'] } = over;
	return {
		client: {
			breaker: state === 'closed' ? { state, failures: 0 } : { state, reopensInMs: 1 },
			admission: { usedInWindow: 0, inFlight, pausedForMs: 0 },
			budget: { remaining: { critical: left, backfill: left } },
		},
		queues: queues.map((name) => ({
			...{ name, workedOff: false, addedAtMs: undefined, workedOffAtMs: undefined },
			...{ waiting: 0, active: 0, delayed: 0, done: 0, dead: 0, oldestSeconds: 0, ...jobs },
		})),
	} as Standing;
}

const scrape = async () => await prom.register.metrics();
const series = async () =>
	(await scrape()).split('\n').filter((line) => line.startsWith('tiklive_'));
const value = async (name: string) =>
	(await series()).find((line) => line.startsWith(`${name} `))?.split(' ')[1];

beforeEach(() => open());
afterEach(() => jest.restoreAllMocks());

describe('the metrics in n8n’s registry', () => {
	it('have the names and labels of the public surface', () => {
		const labels = Object.entries(METRICS).map(([name, metric]) => [
			name,
			metric.type,
			...Object.keys(metric.labels),
		]);
		expect(labels).toEqual([
			['tiklive_requests_total', 'counter', 'endpoint', 'outcome'],
			['tiklive_request_seconds', 'histogram', 'endpoint'],
			['tiklive_retries_total', 'counter', 'endpoint', 'reason'],
			['tiklive_rate_wait_seconds', 'histogram', 'priority'],
			['tiklive_in_flight', 'gauge'],
			['tiklive_circuit_state', 'gauge', 'state'],
			['tiklive_cache_total', 'counter', 'endpoint', 'result'],
			['tiklive_credits_total', 'counter', 'priority', 'result'],
			['tiklive_budget_remaining', 'gauge'],
			['tiklive_queue_jobs', 'gauge', 'queue', 'state'],
			['tiklive_queue_oldest_seconds', 'gauge', 'queue'],
		]);
	});

	it('count what the helper tells', async () => {
		const metrics = prometheusMetrics();
		metrics.request('userPosts', 'success', 0.2);
		metrics.request('userPosts', 'rate-limited', 0.2);
		metrics.retry('userPosts', 'rate-limited');
		metrics.rateWait('critical', 3);
		metrics.cache('userPosts', 'miss');
		metrics.credit('critical', 'spent');
		metrics.inFlight(1);
		metrics.circuit('open');
		expect(await series()).toEqual(
			expect.arrayContaining([
				'tiklive_requests_total{endpoint="userPosts",outcome="success"} 1',
				'tiklive_requests_total{endpoint="userPosts",outcome="rate-limited"} 1',
				'tiklive_requests_total{endpoint="userId",outcome="success"} 0',
				'tiklive_request_seconds_bucket{le="0.1",endpoint="userPosts"} 0',
				'tiklive_request_seconds_bucket{le="0.25",endpoint="userPosts"} 2',
				'tiklive_retries_total{endpoint="userPosts",reason="rate-limited"} 1',
				'tiklive_rate_wait_seconds_count{priority="critical"} 1',
				'tiklive_cache_total{endpoint="userPosts",result="miss"} 1',
				'tiklive_credits_total{priority="critical",result="spent"} 1',
			]),
		);
	});

	it('go on counting in a copy of the package that is loaded later', async () => {
		const before = prometheusMetrics();
		before.cache('userId', 'stale');
		jest.isolateModules(() => {
			const copy =
				require('../../nodes/shared/n8n/prometheus') as typeof import('../../nodes/shared/n8n/prometheus');
			expect(copy.prometheusMetrics).not.toBe(prometheusMetrics);
			copy.prometheusMetrics(prom).cache('userId', 'stale');
		});
		before.cache('userId', 'stale');
		expect(await value('tiklive_cache_total{endpoint="userId",result="stale"}')).toBe('3');
		// The copy reads the runtimes that the first one has opened.
		open(standing({ left: 7 }));
		expect(await value('tiklive_budget_remaining')).toBe('7');
	});

	it('take the place of an older version’s metric that counts by other labels', async () => {
		const name = 'tiklive_retries_total';
		const { registered } = await withRegistry((registry) => {
			new prom.Counter({ name, help: 'old', labelNames: ['endpoint'], registers: [registry] });
		});
		expect(registered.getSingleMetric(name)).toMatchObject({ labelNames: ['endpoint', 'reason'] });
	});

	it('are not there without prom-client, and nothing else changes', async () => {
		jest.isolateModules(() => {
			jest.doMock('prom-client', () => {
				throw new Error('Cannot find module');
			});
			const bare =
				require('../../nodes/shared/n8n/prometheus') as typeof import('../../nodes/shared/n8n/prometheus');
			expect(bare.hostPromClient()).toBeUndefined();
			expect(() => bare.prometheusMetrics().request('userId', 'success', 1)).not.toThrow();
		});
		jest.dontMock('prom-client');
		expect(hostPromClient()).toBeDefined();
	});

	it('keep their number whoever is looked up: 10,000 users add no series', async () => {
		const metrics = prometheusMetrics();
		open(standing({ left: 1 }));
		const before = (await series()).length;
		for (let user = 0; user < 10_000; user += 1) {
			metrics.cache('userInfoByUsername', 'miss');
			metrics.request('userInfoByUsername', user % 7 === 0 ? 'server-error' : 'success', 0.1);
			metrics.retry('userInfoByUsername', 'server-error');
			metrics.credit('backfill', 'spent');
		}
		expect((await series()).length).toBe(before);
		expect(before).toBeLessThan(400);
	});
});

describe('the gauges', () => {
	beforeEach(() => prometheusMetrics());

	it('merge the API keys of the process', async () => {
		open(
			standing({ left: 40, inFlight: 3, jobs: { waiting: 2, dead: 1, oldestSeconds: 5 } }),
			standing({ state: 'open', left: 9, inFlight: 4, jobs: { waiting: 3, oldestSeconds: 60 } }),
			standing({ state: 'half-open' }),
		);
		expect(await series()).toEqual(
			expect.arrayContaining([
				'tiklive_in_flight 7',
				'tiklive_circuit_state{state="closed"} 1',
				'tiklive_circuit_state{state="open"} 1',
				'tiklive_circuit_state{state="half-open"} 1',
				'tiklive_budget_remaining 9',
				'tiklive_queue_jobs{queue="default",state="waiting"} 5',
				'tiklive_queue_jobs{queue="default",state="dead"} 1',
				'tiklive_queue_oldest_seconds{queue="default"} 60',
			]),
		);
	});

	it('name twenty queues at most, and add up the others', async () => {
		const queues = Array.from({ length: 30 }, (_, index) => `queue-${index + 10}`);
		open(standing({ jobs: { waiting: 2, oldestSeconds: 7 }, queues: ['default', ...queues] }));
		const waiting = (await series()).filter((line) => line.includes('state="waiting"'));
		expect(waiting).toHaveLength(21);
		expect(waiting[0]).toBe('tiklive_queue_jobs{queue="default",state="waiting"} 2');
		expect(waiting[1]).toBe('tiklive_queue_jobs{queue="queue-10",state="waiting"} 2');
		expect(waiting.at(-1)).toBe('tiklive_queue_jobs{queue="other",state="waiting"} 22');
		expect(await value('tiklive_queue_oldest_seconds{queue="other"}')).toBe('7');
		open(standing({ jobs: { waiting: 1 } }));
		expect((await series()).filter((line) => line.includes('queue="queue-'))).toEqual([]);
	});

	it('tell nothing where no key is in use or no budget is set', async () => {
		open();
		const gauges = /^tiklive_(in_flight|circuit|budget|queue)/;
		expect((await series()).filter((line) => gauges.test(line))).toEqual([]);
		open(standing({}));
		expect(await value('tiklive_budget_remaining')).toBeUndefined();
		expect(await value('tiklive_in_flight')).toBe('0');
	});

	it('ask each key once for a scrape', async () => {
		open(standing({ left: 1 }));
		await Promise.all([scrape(), scrape()]);
		expect(processRuntimes().watched).toHaveBeenCalledTimes(1);
	});

	it('leave out a key whose store fails or hangs, after two seconds', async () => {
		open('hangs', 'fails', standing({ left: 5 }));
		const began = Date.now();
		expect(await value('tiklive_budget_remaining')).toBe('5');
		expect(Date.now() - began).toBeLessThan(3_000);
	});

	it('never keep n8n’s own metrics from being served', async () => {
		jest.spyOn(processRuntimes(), 'watched').mockImplementation(() => {
			throw new Error('another version');
		});
		expect(await scrape()).toContain('tiklive_requests_total');
	});
});

describe('prometheusText', () => {
	it('holds the metrics of this package and no other', async () => {
		new prom.Counter({ name: 'n8n_something_total', help: 'of n8n' });
		const text = await prometheusText();
		expect(text).toMatch(/^# HELP tiklive_requests_total /);
		expect(text).not.toContain('n8n_something');
		expect(text?.endsWith('\n')).toBe(true);
	});
});

/** The metrics in a registry of their own that holds something already. */
async function withRegistry(prepare: (registry: prom.Registry) => void) {
	const registered = new prom.Registry();
	prepare(registered);
	const counting = <T extends new (options: never) => unknown>(type: T): T =>
		class extends (type as unknown as new (options: object) => object) {
			constructor(options: object) {
				super({ ...options, registers: [registered] });
			}
		} as unknown as T;
	prometheusMetrics({
		...prom,
		register: registered,
		Counter: counting(prom.Counter),
		Gauge: counting(prom.Gauge),
		Histogram: counting(prom.Histogram),
	} as never);
	return { registered };
}
