import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RateLimits } from '../../nodes/shared/resilience/ports';
import { Redis } from 'ioredis';
import type { Timing } from '../../nodes/shared/stores/redis/timing';
import { FaultProxy } from '../redis/faultProxy.ts';
import { Fleet } from '../redis/fleet.ts';
import { RedisServer, someRedis } from '../redis/server.ts';
import { describeWithRedis } from '../support/redis';

// Real time against a real Redis: a machine that stands still for a second is not a failure of ours.
jest.retryTimes(2, { logErrorsBeforeRetry: true });

/** The default plan five times faster, with jitter and guard as much smaller. */
const LIMITS: RateLimits = {
	requestsPerMinute: 200,
	burst: 10,
	maxConcurrent: 20,
	windowMs: 12_000,
	guardMs: 200,
};
const JITTER_MS = 40;
const MINUTE_MS = 60_000;
const QUICK: Partial<Timing> = {
	...{ beatMs: 200, silentMs: 1_000, deadMs: 2_000, slotsMs: 3_000, forgetMs: 20_000 },
	...{ probeMs: 50, calmMs: 500, patienceMs: 500 },
};

describeWithRedis('the rate window of several processes', () => {
	let redis: Awaited<ReturnType<typeof someRedis>>;
	let fleet: Fleet;

	beforeAll(async () => {
		redis = await someRedis();
	});

	afterAll(async () => {
		await redis.stop();
	});

	const start = async (workers: number) => {
		fleet = new Fleet({
			...{ redis: redis.settings, keyId: `test-${randomBytes(6).toString('hex')}` },
			...{ limits: LIMITS, jitterMs: JITTER_MS, latencyMs: 50, skewMs: 0 },
			...{ critical: 0, backfill: 10 },
		});
		// Each host's clock is wrong by other minutes.
		await fleet.addMany(workers, (i) => ({ skewMs: (i % 2 ? 1 : -1) * (i + 1) * MINUTE_MS }));
	};

	afterEach(async () => {
		await fleet.stop();
	});

	it.each([4, 8])(
		'of %i is never exceeded and is made use of',
		async (workers) => {
			await start(workers);
			await sleep(26_000);
			await fleet.stop();
			const { worstWindow, utilisation } = fleet.report();
			expect(worstWindow).toBeLessThanOrEqual(200);
			expect(utilisation).toBeGreaterThanOrEqual(0.9);
		},
		60_000,
	);

	it('holds through kills, a flush, a restart and a cut cable', async () => {
		const server = await RedisServer.start();
		const proxy = await FaultProxy.start(server.settings);
		fleet = new Fleet({
			...{ redis: server.settings, keyId: 'key' },
			...{ limits: { ...LIMITS, windowMs: 6_000, guardMs: 150 }, jitterMs: 20, latencyMs: 50 },
			...{ critical: 5, backfill: 5, skewMs: 0, timing: QUICK },
		});
		const [first = 0, second = 0, third = 0] = await fleet.addMany(3);
		const cut = await fleet.add({ redis: { host: '127.0.0.1', port: proxy.port } });
		const since = (worker: number, fromMs: number) =>
			fleet.arrivals.filter((arrival) => arrival.worker === worker && arrival.atMs > fromMs).length;
		const nowMs = () => Number(process.hrtime.bigint()) / 1e6;

		await sleep(5_000);
		await fleet.kill(first);
		await fleet.add();
		await sleep(4_000);

		const admin = new Redis({ port: server.port });
		await admin.flushall();
		admin.disconnect();
		await sleep(5_000);

		const killedMs = nowMs();
		await server.kill();
		await sleep(4_000);
		// A second for the others to notice, two bursts to keep apart, and then a share for each.
		expect(since(second, killedMs)).toBeGreaterThan(0);
		await server.begin();
		await sleep(5_000);

		const cutMs = nowMs();
		await proxy.set('blackhole');
		await sleep(5_000);
		expect(since(cut, cutMs + 1_000)).toBeGreaterThan(0);
		expect(since(third, cutMs)).toBeGreaterThan(0);
		await proxy.set('pass');
		await sleep(3_000);

		fleet.suspend(second);
		await sleep(2_000);
		fleet.resume(second);
		await sleep(3_000);
		const endMs = nowMs();
		await sleep(3_000);
		for (const worker of fleet.workers) expect(since(worker, endMs)).toBeGreaterThan(0);
		await fleet.stop();
		await proxy.stop();
		await server.stop();
		expect(fleet.report().worstWindow).toBeLessThanOrEqual(200);
		const said = fleet.warnings
			.filter(({ worker }) => worker === third)
			.map(({ message }) => message);
		expect(said).toHaveLength(2);
	}, 90_000);
});
