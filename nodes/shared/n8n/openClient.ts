import { InvalidInput } from '../api';
import type { Stores } from '../resilience/ports';
import type { Host, OpenRuntime } from './runtime';
import { FIELD_LABELS, type Connection } from './settings';
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

/** The one place that knows which stores there are. `auto` is the embedded one. */
function openStores({ stateStore }: Connection, keyId: string, host: Host): Stores {
	const { folder, warn } = host;
	switch (stateStore) {
		case 'redis':
			throw new InvalidInput(
				FIELD_LABELS.stateStore,
				'Redis is not available in this version',
				'Choose Automatic or Embedded in the TikLiveAPI credential.',
			);
		case 'auto':
		case 'embedded': {
			if (folder === undefined) {
				warn(
					'n8n gives no folder to keep state in, so limits and stored answers last until it stops',
				);
			}
			const { openEmbeddedStores } =
				require('../stores/embedded') as typeof import('../stores/embedded');
			return openEmbeddedStores({ folder, keyId, clock: systemClock, warn });
		}
	}
}
