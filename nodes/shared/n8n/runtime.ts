import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import type {
	IExecuteFunctions,
	IPollFunctions,
	ITriggerFunctions,
	NodeEgressFilter,
} from 'n8n-workflow';
import type { Client, ClientSettings } from '../resilience/client';
import type { Clock, Stores, Warn } from '../resilience/ports';
import type { Statistics } from '../resilience/statistics';
import { openClient } from './openClient';
import type { Connection } from './settings';
import { chooseStore, storeName } from './storeChoice';
import { systemClock } from './systemClock';

const PACKAGE_NAME = 'n8n-nodes-tikliveapi';
/** Sockets and the database of a key that nobody used for this long are closed. */
const IDLE_MS = 10 * 60_000;
const IDLE_CHECK_MS = 60_000;
/** Node runs whose start is remembered; n8n's Retry On Fail comes back within seconds. */
const MAX_REMEMBERED_RUNS = 1_000;

/** What a runtime needs from the n8n process that it lives in. */
export interface Host {
	/** Of the whole package, in n8n's own folder; undefined when n8n has none to give. */
	folder: string | undefined;
	egress: NodeEgressFilter | undefined;
	warn: Warn;
}

/** One API key: its client, and the state that the client works on. */
export interface OpenRuntime {
	readonly client: Client;
	readonly stores: Stores;
	readonly statistics: Statistics;
	close(): Promise<void>;
}

/** What all nodes of one API key share in this process. */
export interface Runtime extends Omit<OpenRuntime, 'close'> {
	/**
	 * Wall clock: when this run of a node was begun for the first time. n8n's Retry On Fail runs the whole
	 * node again; answers since its first try are not paid for twice.
	 */
	firstTryMs(run: string): number;
}

interface Resident extends Runtime, OpenRuntime {
	users: number;
	idleSinceMs: number;
}

/** One runtime for each API key, base URL and store. */
export class Runtimes {
	readonly #residents = new Map<string, Resident>();
	#stopChecks: (() => void) | undefined;

	constructor(
		private readonly open: typeof openClient,
		private readonly clock: Clock,
	) {}

	/** Runs `work` with the runtime of this connection; new limits and budgets take effect with it. */
	async use<T>(
		connection: Connection,
		host: Host,
		work: (runtime: Runtime) => Promise<T>,
	): Promise<T> {
		const keyId = keyIdOf(connection.settings);
		const name = `${keyId}:${storeName(chooseStore(connection))}`;
		const resident = this.#residents.get(name) ?? this.#admit(name, connection, keyId, host);
		resident.client.configure(connection.settings);
		resident.users += 1;
		try {
			return await work(resident);
		} finally {
			resident.users -= 1;
			resident.idleSinceMs = this.clock.monotonicMs();
		}
	}

	/** All that are open now, for those who watch them; to watch is not to use. */
	watched(): readonly Runtime[] {
		return [...this.#residents.values()];
	}

	/** Closes what is not in use and has not been for `idleMs`. */
	async closeIdle(idleMs: number): Promise<void> {
		const nowMs = this.clock.monotonicMs();
		const idle = [...this.#residents].filter(
			([, { users, idleSinceMs }]) => users === 0 && nowMs - idleSinceMs >= idleMs,
		);
		for (const [name] of idle) this.#residents.delete(name);
		if (this.#residents.size === 0) {
			this.#stopChecks?.();
			this.#stopChecks = undefined;
		}
		await Promise.all(idle.map(([, resident]) => resident.close()));
	}

	#admit(name: string, connection: Connection, keyId: string, host: Host): Resident {
		const { clock } = this;
		const runs = new Map<string, number>();
		const resident: Resident = {
			...this.open(connection, keyId, host),
			users: 0,
			idleSinceMs: clock.monotonicMs(),
			firstTryMs(run) {
				const startMs = runs.get(run) ?? clock.wallMs();
				runs.set(run, startMs);
				if (runs.size > MAX_REMEMBERED_RUNS) runs.delete(runs.keys().next().value as string);
				return startMs;
			},
		};
		this.#residents.set(name, resident);
		this.#stopChecks ??= clock.every(IDLE_CHECK_MS, () => {
			void this.closeIdle(IDLE_MS).catch(() =>
				host.warn('Closing an idle TikLiveAPI runtime failed'),
			);
		});
		return resident;
	}
}

/**
 * Beside the module, on a slot that every copy of this package finds: n8n loads a second copy when the
 * package is updated while it runs, and two runtimes for one key would send at twice the rate.
 * Whoever changes what `Runtimes` offers has to change the name.
 */
const SLOT = Symbol.for('n8n-nodes-tikliveapi.runtime.v2');

export function processRuntimes(): Runtimes {
	const slots = globalThis as { [SLOT]?: Runtimes };
	return (slots[SLOT] ??= new Runtimes(openClient, systemClock));
}

type NodeContext = IExecuteFunctions | IPollFunctions | ITriggerFunctions;

export function hostOf(context: NodeContext): Host {
	const { logger } = context;
	return {
		folder: packageFolder(context),
		// Not in n8n before 2.30.
		egress: context.helpers.getSecureEgressFilter?.(),
		warn: (message) => logger.warn(`TikLiveAPI: ${message}`),
	};
}

/** n8n gives each node type a folder of its own; this is the one beside them for all of ours. */
function packageFolder({ helpers }: NodeContext): string | undefined {
	try {
		const ofNode = 'getStoragePath' in helpers ? helpers.getStoragePath() : triggerFolder();
		return join(dirname(ofNode), PACKAGE_NAME);
	} catch {
		return undefined;
	}
}

/** What getStoragePath() would answer: n8n gives it to executions only. */
function triggerFolder(): string {
	const { Container } = require('@n8n/di') as typeof import('@n8n/di');
	const { InstanceSettings } = require('n8n-core') as typeof import('n8n-core');
	return join(Container.get(InstanceSettings).n8nFolder, 'storage', 'trigger');
}

/** Names the state of a key wherever state is kept, without telling the key. */
export function keyIdOf({ baseUrl, apiKey }: ClientSettings): string {
	const text = JSON.stringify(['n8n-nodes-tikliveapi key', baseUrl, apiKey]);
	return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
