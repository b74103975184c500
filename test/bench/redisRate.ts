/**
 * One rate window over 4 and 8 processes in real time: clocks that are minutes apart, requests that arrive up to
 * 200 ms after they were sent, and a process killed every 20 s. Judged by the simulator's judge.
 * `node test/bench/redisRate.ts [minutes]`
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { Fleet } from '../redis/fleet.ts';
import { someRedis } from '../redis/server.ts';
import { row } from './client.ts';

const MINUTES = Number(process.argv[2] ?? 3);
const KILL_EVERY_MS = 20_000;
const PLAN = 200;

const redis = await someRedis();
let failed = false;
for (const workers of [4, 8]) {
	const fleet = new Fleet({
		...{ redis: redis.settings, keyId: `bench-rate-${workers}-${process.pid}` },
		limits: {
			...{ requestsPerMinute: PLAN, burst: 10, maxConcurrent: 20 },
			...{ windowMs: 60_000, guardMs: 1_000 },
		},
		...{ jitterMs: 200, latencyMs: 500, skewMs: 0, critical: 0, backfill: 20 },
	});
	let kills = 0;
	const skew = (i: number) => ({ skewMs: (i % 2 ? 1 : -1) * (i + 1) * 60_000 });
	await fleet.addMany(workers, skew);
	const endMs = performance.now() + MINUTES * 60_000;
	while (performance.now() < endMs) {
		await sleep(Math.min(KILL_EVERY_MS, Math.max(endMs - performance.now(), 1)));
		if (performance.now() >= endMs) break;
		const [oldest = 0] = fleet.workers;
		await fleet.kill(oldest);
		await fleet.add(skew(kills++));
	}
	await fleet.stop();
	const { arrivals, worstWindow, worstSecond, utilisation } = fleet.report();
	row(
		`${workers} processes, ${MINUTES} min, ${kills} killed: worst 60 s (plan: ${PLAN})`,
		String(worstWindow),
	);
	row('  worst second', String(worstSecond));
	row('  arrivals', String(arrivals));
	row('  utilisation of the plan', `${((utilisation ?? 0) * 100).toFixed(1)} %`);
	failed ||= worstWindow > PLAN || (utilisation ?? 0) < 0.97;
}
await redis.stop();
process.exitCode = failed ? 1 : 0;
