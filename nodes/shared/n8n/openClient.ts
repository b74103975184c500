import type { Stores } from '../resilience/ports';
import type { Host, OpenRuntime } from './runtime';
import type { Connection } from './settings';
import { chooseStore, isQueueMode } from './storeChoice';
import { systemClock } from './systemClock';

/** Requests in flight are capped by the scheduler, which can be changed while sockets are open; these cannot. */
const MAX_SOCKETS = 1_000;
const SWEEP_MS = 10 * 60_000;

/** The client of one API key with everything that it stands on. Heavy libraries are loaded here, at first use. */
export function openClient(connection: Connection, keyId: string, host: Host): OpenRuntime {
	const { createClient } =
		require('../resilience/request') as typeof import('../resilience/request');
	const { createTransport } = require('../transport') as typeof import('../transport');
	const { allOf, Statistics } =
		require('../resilience/statistics') as typeof import('../resilience/statistics');
	const { prometheusMetrics } = require('./prometheus') as typeof import('./prometheus');

	const { warn, egress } = host;
	const clock = systemClock;
	const stores = openStores(connection, keyId, host);
	const statistics = new Statistics(stores.statistics, clock);
	const transport = createTransport({
		maxConnections: MAX_SOCKETS,
		userAgent: 'n8n-nodes-tikliveapi',
		clock,
		egress,
	});
	const client = createClient({
		settings: connection.settings,
		keyId,
		stores,
		transport: transport.send,
		clock,
		random: Math.random,
		metrics: allOf(statistics, prometheusMetrics()),
		warn,
	});
	const stopSweeping = clock.every(SWEEP_MS, () => {
		stores.responses.sweep().catch(() => warn('Removing old stored answers failed'));
		stores.jobs.sweep().catch(() => warn('Removing old dead letters failed'));
	});
	return {
		client,
		stores,
		statistics,
		async close() {
			stopSweeping();
			// What was counted last is not worth keeping a key open for.
			await statistics.close().catch(() => {});
			await client.dispose();
			await transport.close();
		},
	};
}

/** The one place that knows which stores there are. */
function openStores(connection: Connection, keyId: string, host: Host): Stores {
	const { folder, warn } = host;
	const clock = systemClock;
	const choice = chooseStore(connection);
	switch (choice.kind) {
		case 'redis': {
			const { openRedisStores } = require('../stores/redis') as typeof import('../stores/redis');
			return openRedisStores({
				...{ connection: choice.settings, keyId, clock, warn },
				random: Math.random,
			});
		}
		case 'embedded': {
			if (folder === undefined) {
				warn(
					'n8n gives no folder to keep state in, so limits and stored answers last until it stops',
				);
			}
			if (isQueueMode()) {
				warn(
					"n8n runs in queue mode, but 'State Store' of the credential is Embedded: processes on other " +
						'machines do not share limits and budget',
				);
			}
			const { openEmbeddedStores } =
				require('../stores/embedded') as typeof import('../stores/embedded');
			return openEmbeddedStores({ folder, keyId, clock, warn });
		}
	}
}
