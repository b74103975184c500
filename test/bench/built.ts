/** The package as it is built, so that a bench measures what people install. Run `npm run build` first. */
import { createRequire } from 'node:module';

const load = createRequire(import.meta.url);
const room = '../../dist/nodes/shared/';

export const { classify } = load(
	`${room}api/index.js`,
) as typeof import('../../nodes/shared/api/index.ts');
export const { createClient } = load(
	`${room}resilience/request.js`,
) as typeof import('../../nodes/shared/resilience/request.ts');
export const { noMetrics } = load(
	`${room}resilience/metrics.js`,
) as typeof import('../../nodes/shared/resilience/metrics.ts');
export const { TransportError } = load(
	`${room}resilience/ports.js`,
) as typeof import('../../nodes/shared/resilience/ports.ts');
export const { openEmbeddedStores } = load(
	`${room}stores/embedded/index.js`,
) as typeof import('../../nodes/shared/stores/embedded/index.ts');
export const { openRedisStores } = load(
	`${room}stores/redis/index.js`,
) as typeof import('../../nodes/shared/stores/redis/index.ts');
export const { createTransport } = load(
	`${room}transport/index.js`,
) as typeof import('../../nodes/shared/transport/index.ts');
export const { systemClock } = load(
	`${room}n8n/systemClock.js`,
) as typeof import('../../nodes/shared/n8n/systemClock.ts');

export const { boundCall } = load(
	`${room}n8n/boundCall.js`,
) as typeof import('../../nodes/shared/n8n/boundCall.ts');
export const { RunReport } = load(
	`${room}n8n/hints.js`,
) as typeof import('../../nodes/shared/n8n/hints.ts');
export const { readWholeList } = load(
	`${room}n8n/wholeList.js`,
) as typeof import('../../nodes/shared/n8n/wholeList.ts');

export type { Client, ClientSettings } from '../../nodes/shared/resilience/client.ts';
export type { Clock, Stores, Transport } from '../../nodes/shared/resilience/ports.ts';
