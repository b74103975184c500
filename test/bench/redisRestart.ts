/**
 * Redis is killed under four busy processes and started again 10 s later: empty, and with what it kept on disk.
 * `node test/bench/redisRestart.ts`
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { Fleet } from '../redis/fleet.ts';
import { RedisServer } from '../redis/server.ts';
import { row } from './client.ts';

const WORKERS = 4;
const DOWN_MS = 30_000;

const nowMs = () => Number(process.hrtime.bigint()) / 1e6;
let failed = false;

for (const kept of [false, true]) {
	const redis = await RedisServer.start(kept ? ['--appendonly', 'yes'] : []);
	const fleet = new Fleet({
		...{ keyId: 'bench-restart', redis: redis.settings, jitterMs: 200, latencyMs: 500, skewMs: 0 },
		limits: {
			...{ requestsPerMinute: 200, burst: 10, maxConcurrent: 20 },
			...{ windowMs: 60_000, guardMs: 1_000 },
		},
		...{ critical: 0, backfill: 10, criticalEveryMs: 2_000 },
	});
	await fleet.addMany(WORKERS);
	await sleep(40_000);
	const downAtMs = nowMs();
	await redis.kill();
	await sleep(DOWN_MS);
	await redis.begin();
	const upAtMs = nowMs();
	await sleep(65_000);
	await fleet.stop();
	const between = (fromMs: number, toMs: number) =>
		fleet.arrivals.filter(({ atMs }) => atMs >= fromMs && atMs < toMs);
	const [next] = between(downAtMs + 1_000, upAtMs);
	// Without Redis four processes make a fourth of the plan each; with it the burst bucket is one.
	const perSecond = (fromMs: number, toMs: number) =>
		(between(fromMs, toMs).length / ((toMs - fromMs) / 1_000)).toFixed(2);
	const backfill = fleet.arrivals.find(
		({ atMs, priority }) => atMs > upAtMs && priority === 'backfill',
	);
	const { worstWindow } = fleet.report();
	row(`Redis killed for ${DOWN_MS / 1_000} s, ${kept ? 'append-only file' : 'nothing kept'}`, '');
	row('  worst 60 s over everything (plan: 200)', String(worstWindow));
	row(
		'  first critical request without Redis',
		`${(((next?.atMs ?? NaN) - downAtMs) / 1_000).toFixed(1)} s`,
	);
	row(
		'  requests a second before / without / after',
		[
			perSecond(downAtMs - 20_000, downAtMs),
			perSecond(downAtMs + 12_000, upAtMs),
			perSecond(upAtMs + 10_000, upAtMs + 60_000),
		].join(' / '),
	);
	row(
		'  first backfill request after the restart',
		`${(((backfill?.atMs ?? NaN) - upAtMs) / 1_000).toFixed(1)} s`,
	);
	row('  lines in the log of each process', String(fleet.warnings.length / WORKERS));
	failed ||= worstWindow > 200 || fleet.warnings.length !== 2 * WORKERS;
	await redis.stop();
}
process.exitCode = failed ? 1 : 0;
