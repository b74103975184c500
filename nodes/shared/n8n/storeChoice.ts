import { createHash } from 'node:crypto';
import type { RedisSettings } from '../stores/redis';
import type { Connection } from './settings';

/** Where the state of an API key is kept. */
export type StoreChoice = { kind: 'embedded' } | { kind: 'redis'; settings: RedisSettings };

/** What this package reads of n8n's own configuration (@n8n/config 2.x). */
export interface HostConfig {
	executions: { mode: string };
	queue: {
		bull: {
			redis: {
				host: string;
				port: number;
				username: string;
				password: string;
				db: number;
				/** `host:port,host:port`; empty when there is no cluster. */
				clusterNodes: string;
				tls: boolean;
				tlsConfig?: { serverName?: string; rejectUnauthorized?: boolean };
				dualStack?: boolean;
				dnsResolveStrategy?: string;
			};
		};
	};
}

/** Automatic: n8n's own Redis where n8n runs in queue mode, otherwise the embedded store. */
export function chooseStore(
	{ stateStore, redis }: Connection,
	host: HostConfig | undefined = hostConfig(),
): StoreChoice {
	if (stateStore === 'redis' && redis) return { kind: 'redis', settings: redis };
	if (stateStore === 'auto' && host && isQueueMode(host)) {
		return { kind: 'redis', settings: redisOf(host) };
	}
	return { kind: 'embedded' };
}

/** The same for the same store; tells no password. */
export function storeName(choice: StoreChoice): string {
	if (choice.kind === 'embedded') return choice.kind;
	return createHash('sha256').update(JSON.stringify(choice.settings)).digest('base64url');
}

export function isQueueMode(host: HostConfig | undefined = hostConfig()): boolean {
	return host?.executions.mode === 'queue';
}

function redisOf({ queue }: HostConfig): RedisSettings {
	const { host, port, username, password, db, clusterNodes, tls, tlsConfig, ...dns } =
		queue.bull.redis;
	const nodes = clusterNodes.split(',').flatMap((node) => {
		const [name = '', nodePort] = node.trim().split(':');
		return name === '' ? [] : { host: name, port: Number(nodePort) };
	});
	return {
		...{ host, port, username, password, database: db },
		clusterNodes: nodes.length > 0 ? nodes : undefined,
		tls: tls
			? {
					servername: tlsConfig?.serverName || undefined,
					rejectUnauthorized: tlsConfig?.rejectUnauthorized,
				}
			: undefined,
		dualStack: dns.dualStack,
		plainNames: dns.dnsResolveStrategy === 'NONE',
	};
}

/** n8n's configuration as n8n itself resolved it; undefined outside of n8n, or where another version hides it. */
function hostConfig(): HostConfig | undefined {
	try {
		const { Container } = require('@n8n/di') as { Container: { get(token: unknown): unknown } };
		const { GlobalConfig } = require('@n8n/config') as { GlobalConfig: unknown };
		return Container.get(GlobalConfig) as HostConfig;
	} catch {
		return undefined;
	}
}
