/** One process of a fleet (test/redis/fleet.ts): sends as many requests as the shared limits let it. */
import { writeSync } from 'node:fs';
import { systemClock } from '../../nodes/shared/n8n/systemClock';
import { noMetrics } from '../../nodes/shared/resilience/metrics';
import type { Clock, Priority } from '../../nodes/shared/resilience/ports';
import { Scheduler } from '../../nodes/shared/resilience/scheduler';
import { openRedisStores } from '../../nodes/shared/stores/redis';
import type { WorkerLine, WorkerOrder } from '../redis/fleet.ts';

const LINES_FD = 4;

process.once('message', (order: WorkerOrder) => {
	begin(order);
	process.send?.('ready');
});

function begin(order: WorkerOrder): void {
	const clock: Clock = { ...systemClock, wallMs: () => systemClock.wallMs() + order.skewMs };
	const stores = openRedisStores({
		...{ connection: order.redis, keyId: order.keyId, clock, random: Math.random },
		warn: (message) => say({ what: 'warning', atMs: clock.monotonicMs(), message }),
		...(order.timing && { timing: order.timing }),
		...(order.expectedWorkers !== undefined && { expectedWorkers: order.expectedWorkers }),
	});
	const scheduler = new Scheduler(stores.admission, clock, noMetrics, order.limits);
	const stop = new AbortController();
	const budget = {
		dailyBudget: order.dailyBudget,
		criticalReserve: 0,
		creditBalance: undefined,
		timezone: 'UTC',
	};

	const call = async (priority: Priority): Promise<void> => {
		const joinedAtMs = clock.monotonicMs();
		await scheduler.run(priority, stop.signal, async (slot) => {
			const reserved = await stores.ledger.reserve(priority, budget);
			if (!reserved.granted) return await clock.sleep(20);
			slot.spend();
			const sentAtMs = clock.monotonicMs();
			const atMs = sentAtMs + Math.random() * order.jitterMs;
			say({ what: 'arrival', atMs, priority, waitedMs: sentAtMs - joinedAtMs });
			await clock.sleep(Math.random() * order.latencyMs);
			await stores.ledger.settle(reserved.reservation, 'spent');
		});
	};
	const again = async (work: () => Promise<void>): Promise<void> => {
		while (!stop.signal.aborted) await work().catch(() => {});
	};
	const callForJob = async (): Promise<void> => {
		const { jobs } = await stores.jobs.claim({ queue: 'default', limit: 1, leaseMs: 60_000 });
		if (jobs.length === 0) return await clock.sleep(100);
		await call('backfill');
		await stores.jobs.complete(jobs);
	};
	for (let i = 0; i < order.critical; i++) void again(async () => await call('critical'));
	for (let i = 0; i < order.backfill; i++) {
		void again(order.jobs ? callForJob : async () => await call('backfill'));
	}
	const { criticalEveryMs } = order;
	if (criticalEveryMs !== undefined) {
		void again(async () => {
			await clock.sleep(Math.random() * 2 * criticalEveryMs);
			await call('critical');
		});
	}

	process.once('SIGTERM', () => {
		stop.abort();
		process.exit(0);
	});
}

/** At once, so that it is told even if this process is killed right after. */
function say(line: WorkerLine): void {
	writeSync(LINES_FD, `${JSON.stringify(line)}\n`);
}
