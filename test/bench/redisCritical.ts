/**
 * How long a critical request waits while four processes work on 100,000 backfill jobs in Redis, in real time.
 * `node test/bench/redisCritical.ts [seconds] [jobs]`, after `npm run build`.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { Fleet } from '../redis/fleet.ts';
import { RedisServer } from '../redis/server.ts';
import { openRedisStores, systemClock } from './built.ts';
import { percentile, row } from './client.ts';

const SECONDS = Number(process.argv[2] ?? 120);
const JOBS = Number(process.argv[3] ?? 100_000);
const WORKERS = 4;
/** Window and guard of 61 s, 200 tokens. */
const INTERVAL_MS = 305;

const redis = await RedisServer.start();
const shared = { keyId: 'bench-critical' };
const stores = openRedisStores({
	...{ ...shared, connection: redis.settings, clock: systemClock, random: Math.random },
	warn: (text) => process.stderr.write(`  ${text}\n`),
});
for (let first = 0; first < JOBS; first += 1_000) {
	await stores.jobs.add(
		Array.from({ length: 1_000 }, (_, index) => ({
			...{
				queue: 'default',
				kind: 'userInfo' as const,
				priority: 'backfill' as const,
				payload: '{"v":1}',
			},
			...{ notBeforeMs: 0, maxAttempts: 10, dedupeKey: String(first + index) },
		})),
	);
}
const fleet = new Fleet({
	...{ ...shared, redis: redis.settings, jitterMs: 0, latencyMs: 500, skewMs: 0 },
	limits: {
		...{ requestsPerMinute: 200, burst: 10, maxConcurrent: 20 },
		...{ windowMs: 60_000, guardMs: 1_000 },
	},
	...{ critical: 0, backfill: 20, jobs: true, criticalEveryMs: 8_000 },
});
await fleet.addMany(WORKERS);
await sleep(SECONDS * 1_000);
await fleet.stop();
const critical = fleet.arrivals
	.filter(({ priority }) => priority === 'critical')
	.map(({ atMs, waitedMs }) => ({ atMs, waitedMs, askedMs: atMs - waitedMs }));
/** Tokens that other critical requests took while this one waited: it has to wait for its own after those. */
const behind = critical.map(
	({ askedMs, atMs }) => critical.filter((each) => each.atMs > askedMs && each.atMs < atMs).length,
);
const waits = critical.map(({ waitedMs }) => waitedMs);
const own = critical.map(({ waitedMs }, i) => waitedMs - (behind[i] ?? 0) * INTERVAL_MS);
const ms = (share: number) => `${percentile(waits, share).toFixed(0)} ms`;
row(`backfill jobs in the queue, ${WORKERS} processes on them`, String(JOBS));
row('critical requests', String(waits.length));
row(
	'  wait for the start: p50 / p95 / longest',
	`${ms(0.5)} / ${ms(0.95)} / ${Math.max(...waits).toFixed(0)} ms`,
);
row(
	`  longest, without ${INTERVAL_MS} ms for each critical one that went first`,
	`${Math.max(...own).toFixed(0)} ms`,
);
row('worst 60 s (plan: 200)', String(fleet.report().worstWindow));
await stores.dispose();
await redis.stop();
process.exitCode = percentile(waits, 0.95) <= INTERVAL_MS + 100 ? 0 : 1;
