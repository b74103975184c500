/**
 * `node test/e2e/observability.ts`: a real n8n with N8N_METRICS=true and a real Prometheus (Debian package
 * prometheus) against the simulator under faults. Every alert of ops/prometheus/rules.yml has to fire and to
 * clear, every query of ops/grafana/dashboard.json has to return data, and what the metrics say has to be
 * what the simulator counted. Needs a built package (`npm run build`).
 *
 * Durations in the rules are divided by SCALE for this; expressions and thresholds are the real ones.
 */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { EXAMPLE_CREDENTIAL, mapNodes, readExample } from '../../tools/n8n-host/examples.ts';
import {
	endAllChildren,
	ensureN8n,
	installPackage,
	N8nCli,
	N8nRest,
	newOwner,
	packPackage,
	startN8n,
	startSimulator,
} from '../../tools/n8n-host/index.ts';
import { startChat } from './chat.ts';
import { Checks, StepFailed } from './checks.ts';
import {
	checkRules,
	startPrometheus,
	type AlertState,
	type Prometheus,
} from './observabilityPrometheus.ts';
import { GET_METRICS, GET_STATUS, LOOK_UP, RESET_BREAKER } from './observabilityWorkflows.ts';

const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url));
const RULES = join(CHECKOUT, 'ops/prometheus/rules.yml');
const DASHBOARD = join(CHECKOUT, 'ops/grafana/dashboard.json');
const KEY = 'observability-key-5e2c8f';
const SCALE = 30;
/** What `[15m]`, the longest window of an alert, has become. */
const LONGEST_WINDOW_MS = (15 * 60_000) / SCALE;
const ALERT_LIMIT_MS = 120_000;

const checks = new Checks();
const folder = await mkdtemp(join(tmpdir(), 'tiklive-observability-'));
const userFolder = join(folder, 'user');
const seen = join(CHECKOUT, '.tmp', 'observability');

for (const [signal, code] of [
	['SIGINT', 130],
	['SIGTERM', 143],
] as const) {
	process.once(signal, () => void cleanUp().then(() => process.exit(code)));
}

async function cleanUp(): Promise<void> {
	await endAllChildren();
	await rm(folder, { recursive: true, force: true, maxRetries: 3 });
}

/** The fuller report of the simulator, as far as it is read here. */
interface Counts {
	readonly judge: { readonly arrivals: number };
	readonly ledger: {
		readonly billed: number;
		readonly perEndpoint: Readonly<Record<string, number>>;
	};
	readonly answers: Readonly<Record<string, number>>;
}

/** What the Status node tells, as far as it is read here. */
interface StatusRead {
	readonly breaker: { readonly state: string; readonly reopensAt: string };
	readonly budget: { readonly spentToday: { readonly total: number } };
}

async function runAll(): Promise<void> {
	await checks.check('promtool finds no fault with the rules', async () => {
		console.log(`# ${(await checkRules(RULES)).replaceAll('\n', ' ')}`);
	});
	const host = await checks.step('n8n is installed', async () =>
		ensureN8n({ log: (line) => console.log(`# ${line}`) }),
	);
	const simulator = await checks.step('the simulator starts', async () =>
		startSimulator(CHECKOUT, KEY),
	);
	await mkdir(userFolder, { mode: 0o700 });
	await checks.step('the package installs as n8n installs it', async () =>
		installPackage(userFolder, await packPackage(CHECKOUT, join(folder, 'tarball'))),
	);
	const chat = await startChat();
	const page = await readExample(CHECKOUT, 'status-page');
	const alert = await readExample(CHECKOUT, 'budget-alert');
	const alertHere = mapNodes(alert, (node) =>
		node.name === 'Send to chat'
			? { ...node, parameters: { ...(node.parameters as object), url: chat.url } }
			: node,
	);
	const workflows = [LOOK_UP, GET_STATUS, GET_METRICS, RESET_BREAKER, page, alertHere];
	const data = {
		apiKey: KEY,
		baseUrl: simulator.url,
		dailyBudget: '100000',
		criticalReserve: 0,
	};
	await checks.step('credential and workflows import', async () => {
		const cli = new N8nCli(host, userFolder);
		await cli.importCredentials([{ ...EXAMPLE_CREDENTIAL, data }]);
		await cli.importWorkflows(workflows);
	});
	const server = await checks.step('n8n starts with N8N_METRICS=true', async () =>
		startN8n(host, { userFolder, env: { N8N_METRICS: 'true' } }),
	);
	const rest = new N8nRest(host, server.url);
	await checks.step('the workflows are published', async () => {
		await rest.setupOwner(newOwner());
		for (const { id } of [LOOK_UP, GET_STATUS, GET_METRICS, RESET_BREAKER, page]) {
			await rest.publishWorkflow(id);
		}
	});

	const hook = async (path: string): Promise<string> => {
		const response = await fetch(`${server.url}/webhook/${path}`);
		const body = await response.text();
		assert.ok(response.ok, `${path} answered ${response.status}: ${body.slice(0, 300)}`);
		return body;
	};
	let users = 0;
	/** Looks up users that nobody has asked for yet. */
	const lookUp = async (count: number, attempts = 1): Promise<void> => {
		const from = users;
		users += count;
		await hook(`look-up?from=${from}&count=${count}&attempts=${attempts}`);
	};
	const status = async (): Promise<StatusRead> =>
		JSON.parse(await hook('get-status')) as StatusRead;
	const order = async (faults: object): Promise<void> => {
		const init = { method: 'POST', body: JSON.stringify(faults) };
		assert.ok((await fetch(`${simulator.url}/__sim/faults`, init)).ok);
	};
	const budget = async (dailyBudget: number): Promise<void> => {
		await rest.changeCredential(EXAMPLE_CREDENTIAL.id, { dailyBudget: String(dailyBudget) });
		await status();
	};

	await checks.step('users are looked up while one request in three meets a fault', async () => {
		await order({
			set: { rate429: 0.1, rate5xx: 0.1, rateReset: 0.04, rateTruncated: 0.04, rateHtml: 0.04 },
		});
		// In portions, so that no five failures in a row open the breaker for all.
		for (let round = 0; round < 6; round++) await lookUp(10, 6);
		await order({ set: {} });
		await hook('reset-breaker');
		await lookUp(10);
	});
	const prometheus = await checks.step('Prometheus starts and scrapes', async () => {
		const started = await startPrometheus(join(folder, 'prometheus'), RULES, SCALE, server.url);
		await until(async () => (await started.query('tiklive_requests_total')).length > 0, 20_000);
		return started;
	});
	console.log(
		`# durations of the rules are divided by ${SCALE}; scraped and evaluated each second`,
	);
	await checks.check('no alert fires while all is well', async () => {
		await sleep(5_000);
		const states = await prometheus.alerts();
		const firing = [...states].filter(([, state]) => state === 'firing');
		assert.equal(states.size, 8);
		assert.deepEqual(firing, []);
	});

	/** Does `act` again and again until the alerts are in `state`. */
	const alertsBecome = async (
		names: readonly string[],
		state: AlertState,
		act: () => Promise<unknown>,
	): Promise<void> => {
		for (const name of names) {
			await checks.check(`${name} ${state === 'firing' ? 'fires' : 'clears'}`, async () => {
				const began = Date.now();
				await until(async () => {
					if ((await prometheus.alerts()).get(name) === state) return true;
					await act();
					return (await prometheus.alerts()).get(name) === state;
				}, ALERT_LIMIT_MS);
				console.log(`# after ${((Date.now() - began) / 1000).toFixed(0)} s`);
			});
		}
	};
	const pause = async (): Promise<void> => await sleep(1_000);

	await order({ set: { rate429: 0.5, latencyMs: [5_500, 6_500] } });
	const slow = ['TikLiveApiSlow', 'TikLiveApiRateLimited'];
	await alertsBecome(slow, 'firing', async () => lookUp(10));
	await order({ set: {} });
	await alertsBecome(slow, 'inactive', async () => {
		await lookUp(2);
		await pause();
	});

	const spent = (await status()).budget.spentToday.total;
	await budget(spent + 500);
	await alertsBecome(['TikLiveApiBudgetLow'], 'firing', pause);
	await budget(spent);
	await alertsBecome(['TikLiveApiBudgetExhausted'], 'firing', pause);
	await checks.check('the budget example tells the chat', async () => {
		const run = await rest.execute(alert.id, 'Every 10 minutes');
		assert.equal(run.status, 'success', run.error?.message);
		assert.match(chat.told.join(), /TikLiveAPI budget: exhausted\. \d+ credits used today, 0 left/);
	});
	await budget(100_000);
	await alertsBecome(['TikLiveApiBudgetLow', 'TikLiveApiBudgetExhausted'], 'inactive', pause);

	const queue = openQueue(simulator.url);
	await queue.addOverdue();
	const queued = ['TikLiveApiQueueStuck', 'TikLiveApiDeadLetters'];
	await alertsBecome(queued, 'firing', pause);
	await queue.clear();
	await alertsBecome(queued, 'inactive', pause);

	// Nothing succeeds for one window; then nothing can.
	await sleep(LONGEST_WINDOW_MS);
	await order({ outage: true });
	await lookUp(6);
	const down = ['TikLiveApiCircuitOpen', 'TikLiveApiNoSuccesses'];
	await alertsBecome(down, 'firing', pause);
	await checks.check('the status tells when the breaker reopens', async () => {
		const { breaker } = await status();
		assert.notEqual(breaker.state, 'closed');
		assert.ok(Date.parse(breaker.reopensAt) > Date.now() - 30_000);
	});
	await order({ outage: false });
	await hook('reset-breaker');
	await alertsBecome(down, 'inactive', async () => {
		await lookUp(2);
		await pause();
	});

	await checkCounts(await (await fetch(`${server.url}/metrics`)).text(), await simulator.report());
	await checks.check('the Metrics operation tells the same as /metrics', async () => {
		const { metrics } = JSON.parse(await hook('get-metrics')) as { metrics: string };
		const all = await (await fetch(`${server.url}/metrics`)).text();
		const counters = (page: string): string[] =>
			page.split('\n').filter((line) => /^tiklive_\w+_total/.test(line));
		assert.ok(counters(metrics).length > 50);
		assert.deepEqual(counters(metrics), counters(all));
	});
	await checkDashboard(prometheus);
	await checks.check('the status page is served by its webhook', async () => {
		const html = await hook('tiklive-status');
		assert.match(html, /^<!doctype html>/);
		assert.ok(!html.includes(KEY));
		await mkdir(seen, { recursive: true });
		await writeFile(join(seen, 'report.html'), html);
	});
	await checks.check('the log has a line for each change of state, and no key', () => {
		const lines = server.log().split('\n');
		const about = (what: RegExp): number => lines.filter((line) => what.test(line)).length;
		assert.ok(about(/circuit breaker is open/) >= 1);
		assert.ok(about(/answers 429/) >= 1);
		assert.ok(about(/TikLiveAPI: /) <= 20, `${about(/TikLiveAPI: /)} lines`);
		assert.ok(!server.log().includes(KEY));
	});
	await checks.check('a scrape is fast', async () => {
		const began = performance.now();
		for (let scrape = 0; scrape < 20; scrape++) {
			await (await fetch(`${server.url}/metrics`)).text();
		}
		const ms = (performance.now() - began) / 20;
		console.log(`# ${ms.toFixed(1)} ms for the whole of /metrics`);
		assert.ok(ms < 200);
	});
	await prometheus.stop();
	await server.stop();
	await simulator.stop();
	chat.stop();
}

/** What the nodes have counted beside what the simulator has. */
async function checkCounts(metrics: string, report: object): Promise<void> {
	const { judge, ledger, answers } = report as Counts;
	/** Sum of the series with these labels. */
	const counted = (name: string, labels: Readonly<Record<string, string>> = {}): number =>
		metrics
			.split('\n')
			.filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
			.filter((line) =>
				Object.entries(labels).every(([label, value]) => line.includes(`${label}="${value}"`)),
			)
			.reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
	const outcome = (...names: string[]): number =>
		names.reduce((sum, name) => sum + counted('tiklive_requests_total', { outcome: name }), 0);
	const answered = (...names: Array<string | number>): number =>
		names.reduce<number>((sum, name) => sum + (answers[name] ?? 0), 0);
	const credits = (result: string): number => counted('tiklive_credits_total', { result });
	const rows: Array<[string, number, number]> = [
		['requests', counted('tiklive_requests_total'), judge.arrivals],
		['answered 429', outcome('rate-limited'), answered(429)],
		['answered 5xx', outcome('server-error'), answered(500, 502, 503, 504)],
		['reset', outcome('network'), answered('reset')],
		['latencies', counted('tiklive_request_seconds_count'), judge.arrivals],
		[
			'billed: spent + unknown, without resets',
			credits('spent') + credits('unknown') - outcome('network'),
			ledger.billed,
		],
	];
	for (const [name, ours, theirs] of rows) {
		await checks.check(`${name}: metrics ${ours}, simulator ${theirs}`, () => {
			assert.equal(ours, theirs);
		});
	}
	await checks.check('some of each kind were there to be counted', () => {
		for (const [name, ours] of rows) assert.ok(ours > 0, name);
	});
}

async function checkDashboard(prometheus: Prometheus): Promise<void> {
	const { panels } = JSON.parse(await readFile(DASHBOARD, 'utf8')) as {
		panels: Array<{ title: string; targets: Array<{ expr: string }> }>;
	};
	for (const { title, targets } of panels) {
		for (const { expr } of targets) {
			await checks.check(`dashboard, ${title}: the query returns data`, async () => {
				const query = expr.replaceAll('$__rate_interval', '10s').replaceAll('$job', '.*');
				const samples = await prometheus.queryRange(query, 240);
				const values = samples.flatMap(({ values: some = [] }) => some.map(([, value]) => value));
				assert.ok(values.some((value) => Number.isFinite(Number(value))));
			});
		}
	}
}

/** The durable queue of the credential, opened from here as another process of the same state. */
function openQueue(baseUrl: string) {
	const load = createRequire(import.meta.url);
	const built = (module: string): never =>
		load(`${CHECKOUT}/dist/nodes/shared/${module}.js`) as never;
	const { openEmbeddedStores } = built(
		'stores/embedded/index',
	) as typeof import('../../nodes/shared/stores/embedded/index.ts');
	const { keyIdOf } = built('n8n/runtime') as typeof import('../../nodes/shared/n8n/runtime.ts');
	const { systemClock } = built(
		'n8n/systemClock',
	) as typeof import('../../nodes/shared/n8n/systemClock.ts');
	const open = (clock = systemClock) =>
		openEmbeddedStores({
			folder: join(userFolder, '.n8n', 'storage', 'n8n-nodes-tikliveapi'),
			keyId: keyIdOf({ baseUrl, apiKey: KEY } as never),
			clock,
			warn: (line) => console.log(`# ${line}`),
		});
	const job = (dedupeKey: string) => ({
		queue: 'default',
		kind: 'userInfo' as const,
		payload: '{"v":1}',
		priority: 'backfill' as const,
		notBeforeMs: 0,
		maxAttempts: 1,
		dedupeKey,
	});
	return {
		/** A dead letter, and a job that has been due for an hour. */
		async addOverdue(): Promise<void> {
			const wallMs = (): number => Date.now() - 3_600_000;
			const { jobs, dispose } = open({ ...systemClock, wallMs });
			await jobs.add([job('dead')]);
			const { jobs: claimed } = await jobs.claim({ queue: 'default', limit: 1, leaseMs: 60_000 });
			await jobs.deadLetter(claimed[0]!, 'not-found', 'for the alert');
			await jobs.add([job('late')]);
			await dispose();
		},
		async clear(): Promise<void> {
			const { jobs, dispose } = open();
			await jobs.deleteDead({ queue: 'default' });
			const { jobs: claimed } = await jobs.claim({ queue: 'default', limit: 1, leaseMs: 60_000 });
			await jobs.complete(claimed);
			await dispose();
		},
	};
}

async function until(isSo: () => Promise<boolean>, limitMs: number): Promise<void> {
	const deadline = Date.now() + limitMs;
	while (!(await isSo())) {
		if (Date.now() > deadline) throw new Error(`Not so within ${limitMs / 1000} s`);
		await sleep(500);
	}
}

try {
	await runAll();
} catch (error) {
	if (!(error instanceof StepFailed)) checks.fail('the run reaches its end', error);
} finally {
	await cleanUp();
}
console.log(checks.summary());
process.exitCode = checks.failed ? 1 : 0;
