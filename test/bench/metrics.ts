/**
 * What it costs to be watched: CPU per request without metrics, with the statistics of the Status node, and
 * with Prometheus on top; then a scrape, a status and a report with a whole day of data in the store.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import {
	createClient,
	createTransport,
	noMetrics,
	openEmbeddedStores,
	systemClock,
	type ClientSettings,
} from './built.ts';
import { forEachAtOnce, percentile, row } from './client.ts';
import { startSimulatorProcess } from './simulatorProcess.ts';

const load = createRequire(import.meta.url);
const room = '../../dist/nodes/shared/';
const { allOf, Statistics } = load(
	`${room}resilience/statistics.js`,
) as typeof import('../../nodes/shared/resilience/statistics.ts');
const { prometheusMetrics } = load(
	`${room}n8n/prometheus.js`,
) as typeof import('../../nodes/shared/n8n/prometheus.ts');
const { keyIdOf, processRuntimes } = load(
	`${room}n8n/runtime.js`,
) as typeof import('../../nodes/shared/n8n/runtime.ts');
const { standingOf, statusOf } = load(
	`${room}n8n/status.js`,
) as typeof import('../../nodes/shared/n8n/status.ts');
const { reportPage } = load(
	`${room}n8n/report.js`,
) as typeof import('../../nodes/shared/n8n/report.ts');
const { register } = load('prom-client') as typeof import('prom-client');

const REQUESTS = 500;
const ROUNDS = 5;
const WIDTH = 20;
const DAY_MINUTES = 1_440;

const simulator = await startSimulatorProcess();
const { url } = simulator;

const settings: ClientSettings = {
	baseUrl: url,
	apiKey: 'test-key',
	limits: {
		requestsPerMinute: 10_000_000,
		burst: 10_000_000,
		maxConcurrent: WIDTH,
		windowMs: 60_000,
		guardMs: 1_000,
	},
	budget: {
		dailyBudget: undefined,
		criticalReserve: 0,
		creditBalance: undefined,
		timezone: 'UTC',
	},
};
const folder = mkdtempSync(join(tmpdir(), 'tiklive-metrics-'));
const warn = (text: string) => process.stderr.write(`${text}\n`);
const clock = systemClock;
const transport = createTransport({ maxConnections: WIDTH, userAgent: 'bench', clock });
const stores = () => openEmbeddedStores({ folder, keyId: keyIdOf(settings), clock, warn });
const statistics = new Statistics(stores().statistics, clock);
const open = (metrics: typeof noMetrics) =>
	createClient({
		settings,
		keyId: keyIdOf(settings),
		stores: stores(),
		transport: transport.send,
		clock,
		random: Math.random,
		metrics,
		warn,
	});

const ways = {
	'without metrics': open(noMetrics),
	'with statistics': open(statistics),
	'with statistics and Prometheus': open(allOf(statistics, prometheusMetrics())),
};
const cpuUs = new Map<string, number[]>();
let offset = 0;
for (let round = 0; round < ROUNDS; round += 1) {
	for (const [name, client] of Object.entries(ways)) {
		const cpu = process.cpuUsage();
		await forEachAtOnce(REQUESTS, WIDTH, async (index) => {
			const username = `creator${String(offset + index).padStart(6, '0')}`;
			await client.call('userInfoByUsername', { username });
		});
		const { user, system } = process.cpuUsage(cpu);
		// The first round warms up.
		if (round > 0) cpuUs.set(name, [...(cpuUs.get(name) ?? []), (user + system) / REQUESTS]);
		offset += REQUESTS;
	}
}
for (const [name, values] of cpuUs) {
	const [best, median] = [Math.min(...values), percentile(values, 0.5)];
	row(`CPU per request, ${name}`, `${best.toFixed(0)} us (median ${median.toFixed(0)} us)`);
}

const metrics = prometheusMetrics();
const beganMs = performance.now();
for (let call = 0; call < 100_000; call += 1) {
	metrics.request('userInfoByUsername', 'success', 0.2);
	metrics.rateWait('backfill', 0.01);
	metrics.cache('userInfoByUsername', 'miss');
	metrics.credit('backfill', 'spent');
}
row(
	'what one request tells Prometheus, alone',
	`${((performance.now() - beganMs) / 100).toFixed(2)} us`,
);

const nowMinute = Math.floor(clock.wallMs() / 60_000);
const { statistics: store } = stores();
for (let minute = nowMinute - DAY_MINUTES + 1; minute <= nowMinute; minute += 1) {
	const counts: Record<string, number> = { 'credits backfill': 180, 'credits critical': 5 };
	for (const endpoint of ['userInfoByUsername', 'userFollowers', 'userFollowing', 'userPosts']) {
		for (const outcome of ['success', 'not-found', 'rate-limited', 'server-error', 'timeout']) {
			counts[`requests ${endpoint} ${outcome}`] = 9;
		}
		for (let bucket = 0; bucket < 10; bucket += 1) counts[`seconds ${endpoint} ${bucket}`] = 5;
		counts[`retries ${endpoint}`] = 3;
		counts[`cache ${endpoint} miss`] = 40;
	}
	await store.add(minute, counts);
}

await processRuntimes().use(
	{ settings, stateStore: 'embedded' } as never,
	{ folder, egress: undefined, warn } as never,
	async (runtime) => {
		const time = async (name: string, work: () => Promise<unknown>) => {
			const ms: number[] = [];
			for (let n = 0; n < 50; n += 1) {
				const startedMs = performance.now();
				await work();
				ms.push(performance.now() - startedMs);
			}
			const [p50, p99] = [percentile(ms, 0.5), percentile(ms, 0.99)];
			row(name, `p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`);
		};
		await time('scrape, with a day of data', async () => await register.metrics());
		row('size and series of a scrape', await sizeOf());
		const status = async () => {
			const minutes = await runtime.statistics.recent(DAY_MINUTES);
			const standing = await standingOf(runtime);
			return { minutes, status: statusOf(standing, minutes, settings, 'embedded', clock.wallMs()) };
		};
		await time('status, with a day of data', status);
		const { minutes, status: now } = await status();
		await time('report page, with a day of data', async () => reportPage(now, minutes, 'UTC'));
		row(
			'size of the report page',
			`${(reportPage(now, minutes, 'UTC').length / 1000).toFixed(1)} kB`,
		);
	},
);

async function sizeOf(): Promise<string> {
	const text = await register.metrics();
	const series = text.split('\n').filter((one) => one.startsWith('tiklive_')).length;
	return `${(text.length / 1000).toFixed(1)} kB, ${series} series`;
}

await processRuntimes().closeIdle(0);
await statistics.close();
for (const client of Object.values(ways)) await client.dispose();
await transport.close();
rmSync(folder, { recursive: true, force: true });
simulator.kill();
process.exit();
