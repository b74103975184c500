/**
 * Full demand in real time: what the judge at the server sees of our window, beside the usual ways to limit a
 * rate, each against a simulator of its own in the same minutes.
 */
import Bottleneck from 'bottleneck';
import { Agent, request } from 'undici';

import { startSimulator, type Simulator } from '../simulator/server.ts';
import { forEachAtOnce, openClient, row } from './client.ts';

const MINUTES = Number(process.argv[2] ?? 3);
const PLAN = 200;
const WIDTH = 40;

/** Sends for one user when it is allowed to; resolves when it is answered. */
type Way = (sim: Simulator) => {
	ask(username: string, signal: AbortSignal): Promise<unknown>;
	close(): Promise<void>;
};

function plain(sim: Simulator) {
	const agent = new Agent({ connections: 100 });
	return {
		agent,
		send: async (username: string) => {
			const url = `${sim.url}/userinfo-by-username/?username=${username}`;
			const { body } = await request(url, {
				dispatcher: agent,
				headers: { 'x-api-key': 'test-key' },
			});
			await body.dump();
		},
	};
}

const WAYS: Record<string, Way> = {
	ours: (sim) => {
		const { client, close } = openClient(sim.url);
		return {
			ask: async (username, signal) =>
				await client.call('userInfoByUsername', { username }, { signal }),
			close,
		};
	},
	'bottleneck, 200 refreshed each minute': (sim) => {
		const { agent, send } = plain(sim);
		const limiter = new Bottleneck({
			reservoir: PLAN,
			reservoirRefreshAmount: PLAN,
			reservoirRefreshInterval: 60_000,
			maxConcurrent: 20,
		});
		return {
			ask: async (username, signal) =>
				await limiter.schedule(async () => {
					if (!signal.aborted) await send(username);
				}),
			close: async () => await agent.close(),
		};
	},
	'token bucket, 10 and 3.33 a second': (sim) => {
		const { agent, send } = plain(sim);
		const perMs = PLAN / 60_000;
		let tokens = 10;
		let atMs = performance.now();
		const take = (): number => {
			const nowMs = performance.now();
			tokens = Math.min(10, tokens + (nowMs - atMs) * perMs) - 1;
			atMs = nowMs;
			return tokens >= 0 ? 0 : -tokens / perMs;
		};
		return {
			ask: async (username, signal) => {
				const waitMs = take();
				if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
				if (!signal.aborted) await send(username);
			},
			close: async () => await agent.close(),
		};
	},
};

const abort = new AbortController();
setTimeout(() => abort.abort(new Error('Time is up')), MINUTES * 60_000);
const results = await Promise.all(
	Object.entries(WAYS).map(async ([name, way]) => {
		const sim = await startSimulator({ enforceLimits: false });
		sim.faults.set({ latencyMs: [20, 200] });
		const { ask, close } = way(sim);
		const worker = forEachAtOnce(1_000_000, WIDTH, async (index) => {
			if (abort.signal.aborted) return;
			await ask(sim.population.username(index), abort.signal).catch(() => undefined);
		});
		await new Promise((resolve) => setTimeout(resolve, MINUTES * 60_000 + 1_000));
		const report = sim.judge.report();
		await sim.close();
		void worker;
		void close().catch(() => undefined);
		return { name, ...report };
	}),
);
for (const { name, arrivals, worstWindow, worstSecond, inFlightPeak } of results) {
	const used = ((100 * arrivals) / (PLAN * MINUTES)).toFixed(1);
	row(
		`${name}: worst 60 s, worst second, in flight, used`,
		`${worstWindow}, ${worstSecond}, ${inFlightPeak}, ${used} %`,
	);
}
const [ours] = results;
const good = ours && ours.worstWindow <= PLAN && ours.arrivals >= 0.97 * PLAN * MINUTES;
process.exit(good ? 0 : 1);
