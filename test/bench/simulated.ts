/** A day of look-ups in simulated time: the whole helper with its store in memory, without sockets. */
import { createResponder } from '../simulator/responder.ts';
import {
	createClient,
	noMetrics,
	openEmbeddedStores,
	TransportError,
	type Transport,
} from './built.ts';
import { forEachAtOnce, row } from './client.ts';
import { virtualTime } from './virtualTime.ts';

const USERS = Number(process.argv[2] ?? 100_000);
/** Server time of each request, ms. */
const LATENCY_MS = 120;
const realNow = performance.now.bind(performance);

const time = virtualTime();
const { clock } = time;
const respond = createResponder({ now: () => clock.monotonicMs(), wallNow: () => clock.wallMs() });
const transport: Transport = async ({ url, headers }) => {
	const { pathname, search } = new URL(url);
	const answer = respond({ url: pathname + search, headers });
	await clock.sleep(LATENCY_MS);
	answer.end();
	if (answer.fault) throw new TransportError('network', 'fault', true);
	return answer;
};
const warn = (text: string) => process.stderr.write(`${text}\n`);
const stores = openEmbeddedStores({ folder: undefined, keyId: 'bench', clock, warn });
const client = createClient({
	settings: {
		baseUrl: 'https://api.tikliveapi.com',
		apiKey: 'test-key',
		limits: {
			requestsPerMinute: 200,
			burst: 10,
			maxConcurrent: 20,
			windowMs: 60_000,
			guardMs: 1_000,
		},
		budget: {
			dailyBudget: undefined,
			criticalReserve: 0,
			creditBalance: undefined,
			timezone: 'UTC',
		},
	},
	keyId: 'bench',
	stores,
	transport,
	clock,
	random: Math.random,
	metrics: noMetrics,
	warn,
});

let peakBytes = 0;
let failed = 0;
const [startedReal, startedAt] = [realNow(), clock.wallMs()];
let isDone = false;
const work = forEachAtOnce(USERS, 40, async (index) => {
	const call = client.call('userInfoByUsername', { username: respond.population.username(index) });
	await call.catch(() => (failed += 1));
	if (index % 1_000 === 0) peakBytes = Math.max(peakBytes, process.memoryUsage().rss);
}).finally(() => (isDone = true));
while (!isDone) await time.step();
await work;

const wallSeconds = (realNow() - startedReal) / 1000;
const hours = (clock.wallMs() - startedAt) / 3_600_000;
const { judge, ledger } = respond.report();
row(`${USERS} look-ups: wall seconds`, wallSeconds.toFixed(1));
row('peak memory', `${Math.round(peakBytes / 1e6)} MB`);
row(
	'simulated hours (physical limit at 200 a minute)',
	`${hours.toFixed(2)} (${(USERS / 12_000).toFixed(2)})`,
);
row('worst 60 s, billed, failed', `${judge.worstWindow}, ${ledger.billed}, ${failed}`);
time.restore();
process.exitCode = failed === 0 && judge.worstWindow <= 200 && ledger.billed === USERS ? 0 : 1;
process.exit();
