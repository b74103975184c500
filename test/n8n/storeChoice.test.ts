import {
	chooseStore,
	isQueueMode,
	storeName,
	type HostConfig,
} from '../../nodes/shared/n8n/storeChoice';
import type { Connection, StateStore } from '../../nodes/shared/n8n/settings';
import { SETTINGS } from '../support/client';

const OWN = { host: 'redis.internal', port: 6379, password: 'secret' };

const connection = (stateStore: StateStore): Connection => ({
	...{ settings: SETTINGS, stateStore, redis: stateStore === 'redis' ? OWN : undefined },
});

const n8n = (
	mode: string,
	over: Partial<HostConfig['queue']['bull']['redis']> = {},
): HostConfig => ({
	executions: { mode },
	queue: {
		bull: {
			redis: {
				...{ host: 'n8n-redis', port: 6390, username: '', password: 'pass', db: 1 },
				...{ clusterNodes: '', tls: false, ...over },
			},
		},
	},
});

describe('chooseStore', () => {
	it("takes n8n's own Redis in queue mode, and the embedded store otherwise", () => {
		expect(chooseStore(connection('auto'), n8n('regular'))).toEqual({ kind: 'embedded' });
		expect(chooseStore(connection('auto'), n8n('queue'))).toEqual({
			kind: 'redis',
			settings: {
				...{ host: 'n8n-redis', port: 6390, username: '', password: 'pass', database: 1 },
				plainNames: false,
			},
		});
	});

	it('follows the credential where it says more', () => {
		for (const mode of ['regular', 'queue']) {
			expect(chooseStore(connection('embedded'), n8n(mode))).toEqual({ kind: 'embedded' });
			expect(chooseStore(connection('redis'), n8n(mode))).toEqual({ kind: 'redis', settings: OWN });
		}
	});

	it('understands clusters and TLS as n8n does', () => {
		const choice = chooseStore(
			connection('auto'),
			n8n('queue', {
				clusterNodes: 'one:7000, two:7001',
				tls: true,
				tlsConfig: { serverName: 'redis.test', rejectUnauthorized: false },
				dualStack: true,
				dnsResolveStrategy: 'NONE',
			}),
		);
		expect(choice).toMatchObject({
			settings: {
				clusterNodes: [
					{ host: 'one', port: 7000 },
					{ host: 'two', port: 7001 },
				],
				tls: { servername: 'redis.test', rejectUnauthorized: false },
				...{ dualStack: true, plainNames: true },
			},
		});
	});

	it('is embedded outside of queue mode in a real n8n configuration', () => {
		expect(isQueueMode()).toBe(false);
		expect(chooseStore(connection('auto'))).toEqual({ kind: 'embedded' });
	});

	it('names stores apart without their passwords', () => {
		const names = [
			storeName({ kind: 'embedded' }),
			storeName({ kind: 'redis', settings: OWN }),
			storeName({ kind: 'redis', settings: { ...OWN, password: 'other' } }),
		];
		expect(new Set(names).size).toBe(3);
		expect(names.join()).not.toMatch(/secret|other/);
		expect(storeName({ kind: 'redis', settings: { ...OWN } })).toBe(names[1]);
	});
});
