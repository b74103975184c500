/** Full demand in real time: what the judge at the server sees, beside a plain token bucket in the same run. */
import { startSimulator } from '../simulator/server.ts';
import { forEachAtOnce, openClient, row } from './client.ts';

const MINUTES = Number(process.argv[2] ?? 3);

const sim = await startSimulator({ enforceLimits: false });
sim.faults.set({ latencyMs: [20, 200] });
const { client, close } = openClient(sim.url);

const endMs = performance.now() + MINUTES * 60_000;
const abort = new AbortController();
setTimeout(() => abort.abort(), endMs - performance.now());
await forEachAtOnce(100_000, 40, async (index) => {
	if (abort.signal.aborted) return;
	const username = sim.population.username(index);
	await client
		.call('userInfoByUsername', { username }, { signal: abort.signal })
		.catch(() => undefined);
});
await new Promise((resolve) => setTimeout(resolve, 500));

const { arrivals, worstWindow, worstSecond, inFlightPeak } = sim.judge.report();
row(`arrivals in ${MINUTES} min (plan: ${200 * MINUTES})`, String(arrivals));
row('utilisation of the plan', `${((100 * arrivals) / (200 * MINUTES)).toFixed(1)} %`);
row('worst 60 s at the server (plan: 200)', String(worstWindow));
row('worst second', String(worstSecond));
row('most in flight (cap: 20)', String(inFlightPeak));
await close();
await sim.close();
process.exitCode = worstWindow <= 200 && arrivals >= 0.97 * 200 * MINUTES ? 0 : 1;
