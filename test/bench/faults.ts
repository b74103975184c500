/** Many users against an API that fails now and then, then against one that is down. */
import { startSimulator } from '../simulator/server.ts';
import { forEachAtOnce, openClient, row } from './client.ts';

const USERS = Number(process.argv[2] ?? 2_000);
const MISSING_EACH = 20;
/** The plan of 200 a minute with the minute compressed to a second. */
const FAST = { requestsPerMinute: 200, burst: 10, windowMs: 1_000, guardMs: 100 };

const sim = await startSimulator({
	limits: { requestsPerMinute: 200, windowMs: 1_000, burst: Infinity },
});
sim.faults.set({
	rate429: 0.05,
	rate5xx: 0.05,
	rateReset: 0.02,
	rateTruncated: 0.01,
	latencyMs: [5, 30],
});
const { client, settings, close } = openClient(sim.url, { limits: FAST });

let [found, missing, lost, wrong, unknown] = [0, 0, 0, 0, 0];
const startedMs = performance.now();
await forEachAtOnce(USERS, 40, async (index) => {
	const exists = index % MISSING_EACH !== 0;
	const username = exists ? sim.population.username(index) : `nobody.${index}`;
	await client.call('userInfoByUsername', { username }, { maxAgeMs: 0 }).then(
		({ body }) => {
			const { id } = body['user'] as { id: string };
			if (id === sim.truth.userInfo(username)?.userId) found += 1;
			else wrong += 1;
		},
		(error: { failure?: { kind: string } }) => {
			if (error.failure?.kind === 'not-found' && !exists) missing += 1;
			else lost += 1;
		},
	);
});
const seconds = (performance.now() - startedMs) / 1000;
const { ledger, judge } = sim.report();
const usage = (await client.status()).budget.byPriority.backfill;
unknown = usage.unknown;
const twice = ledger.paidTwice.filter(({ times, undelivered }) => times - undelivered > 1);
const existing = USERS - Math.ceil(USERS / MISSING_EACH);

row(`existing users returned (of ${existing})`, `${found}, wrong ${wrong}, lost ${lost}`);
row(`missing users told as missing (of ${USERS - existing})`, String(missing));
row(
	'simulator billed / our ledger spent + unknown',
	`${ledger.billed} / ${usage.spent} + ${unknown}`,
);
row(
	'billed answers that did not arrive whole (all counted as unknown)',
	String(ledger.undelivered.length),
);
row(
	'billed = spent + undelivered',
	String(ledger.billed === usage.spent + ledger.undelivered.length),
);
row('requests whose answer was paid for twice', String(twice.length));
row(
	`worst window at the server (plan: 200)`,
	`${judge.worstWindow}, ${judge.arrivals} arrivals in ${seconds.toFixed(1)} s`,
);

sim.faults.set({ rate429: 0, rate5xx: 0, rateReset: 0, rateTruncated: 0 });
await sim.faults.outage(true);
const before = sim.judge.report().arrivals;
const offered = 2_000;
await forEachAtOnce(offered, 40, async (index) => {
	await client
		.call('userInfoByUsername', { username: sim.population.username(10_000 + index) })
		.catch(() => undefined);
});
const extra = sim.judge.report().arrivals - before;
row(
	`requests sent in a total outage for ${offered} jobs`,
	`${extra} (${((100 * extra) / offered).toFixed(2)} %)`,
);
await close();
await sim.close();
const good =
	found === existing &&
	missing === USERS - existing &&
	twice.length === 0 &&
	ledger.billed === usage.spent + ledger.undelivered.length &&
	judge.worstWindow <= settings.limits.requestsPerMinute &&
	extra <= offered * 0.1;
process.exitCode = good ? 0 : 1;
