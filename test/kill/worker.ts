/**
 * Works the queue off like the Queue Trigger, over the real store, client and transport, and kills itself with
 * SIGKILL at a named place. The package knows nothing of it: the places are in wrappers around its ports.
 */
import { appendFileSync } from 'node:fs';
import { JobRunner } from '../../nodes/shared/n8n/jobRunner';
import { systemClock } from '../../nodes/shared/n8n/systemClock';
import type { ClientSettings } from '../../nodes/shared/resilience/client';
import { noMetrics } from '../../nodes/shared/resilience/metrics';
import type { Stores, Transport } from '../../nodes/shared/resilience/ports';
import { createClient } from '../../nodes/shared/resilience/request';
import { openEmbeddedStores } from '../../nodes/shared/stores/embedded';
import { createTransport } from '../../nodes/shared/transport';
import type { Delivered, Place, WorkerOrder, WorkerReport } from './campaign';

const order = JSON.parse(process.argv[2] ?? '') as WorkerOrder;
/** No jitter: jobs that come back do so at once. */
const noJitter = () => 0;
/** Long enough for jobs of a dead process to be found and taken back. */
const IDLE_MS = 300;

let hits = 0;
/** Dies here when it is the turn of this place. */
const at = (place: Place): void => {
	if (order.kill?.place !== place) return;
	hits += 1;
	if (hits >= order.kill.hit) process.kill(process.pid, 'SIGKILL');
};

function wrapped(stores: Stores): Stores {
	const { jobs, ledger } = stores;
	return {
		...stores,
		jobs: Object.assign(Object.create(jobs) as typeof jobs, {
			claim: async (request: Parameters<typeof jobs.claim>[0]) => {
				at('before-claim');
				const claimed = await jobs.claim(request);
				if (claimed.jobs.length > 0) at('after-claim');
				return claimed;
			},
			saveProgress: async (...args: Parameters<typeof jobs.saveProgress>) => {
				const held = await jobs.saveProgress(...args);
				at('after-progress');
				return held;
			},
			complete: async (claims: Parameters<typeof jobs.complete>[0]) => {
				at('before-complete');
				const held = await jobs.complete(claims);
				at('after-complete');
				return held;
			},
		}),
		ledger: Object.assign(Object.create(ledger) as typeof ledger, {
			settle: async (...args: Parameters<typeof ledger.settle>) => {
				at('before-settle');
				await ledger.settle(...args);
				at('after-store');
			},
		}),
	};
}

const stores = wrapped(
	openEmbeddedStores({
		folder: order.folder,
		keyId: 'kill',
		clock: systemClock,
		warn: (text) => process.stderr.write(`${text}\n`),
		random: noJitter,
	}),
);
const settings: ClientSettings = {
	baseUrl: order.baseUrl,
	apiKey: 'test-key',
	limits: {
		requestsPerMinute: 1_000_000,
		burst: 1_000_000,
		maxConcurrent: order.maxConcurrent,
		windowMs: 60_000,
		guardMs: 1_000,
	},
	budget: {
		dailyBudget: undefined,
		criticalReserve: 0,
		creditBalance: undefined,
		timezone: 'UTC',
	},
};
const transport = createTransport({
	maxConnections: order.maxConcurrent,
	userAgent: 'kill',
	clock: systemClock,
});
const send: Transport = async (request) => {
	at('before-send');
	const answer = transport.send(request);
	at('after-send');
	return await answer;
};
const client = createClient({
	settings,
	keyId: 'kill',
	stores,
	transport: send,
	clock: systemClock,
	random: noJitter,
	metrics: noMetrics,
	warn: (text) => process.stderr.write(`${text}\n`),
});
const runner = new JobRunner(
	{
		jobs: stores.jobs,
		client,
		clock: systemClock,
		random: noJitter,
		warn: (text) => process.stderr.write(`${text}\n`),
		apiKey: settings.apiKey,
		maxConcurrent: order.maxConcurrent,
		deliver: async (results) => {
			at('before-deliver');
			const lines = results.map(({ json }) => {
				const { userId, jobUser, jobIncomplete } = json as unknown as Delivered;
				return `${JSON.stringify({ userId, jobUser, jobIncomplete } as Delivered)}\n`;
			});
			appendFileSync(order.sink, lines.join(''));
			at('after-deliver');
			return undefined;
		},
	},
	{
		queue: 'default',
		completeWhen: 'success',
		batchSize: 10,
		batchWaitMs: 20,
		filter: {},
		once: false,
	},
);

async function work(): Promise<void> {
	const ended = runner.run();
	if (order.kill?.place === 'anywhere') {
		setTimeout(() => process.kill(process.pid, 'SIGKILL'), order.kill.hit);
	}
	for (;;) {
		await systemClock.sleep(IDLE_MS);
		const { waiting, active, delayed } = await stores.jobs.stats('default');
		if (waiting + active + delayed === 0) break;
	}
	runner.stop();
	await ended;
	const { spent, unknown, reserved } = (await client.status()).budget.byPriority.backfill;
	const report: WorkerReport = {
		stats: await stores.jobs.stats('default'),
		spent,
		unknown,
		reserved,
	};
	await client.dispose();
	await transport.close();
	process.stdout.write(JSON.stringify(report));
}

void work();
