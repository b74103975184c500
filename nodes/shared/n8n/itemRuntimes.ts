import type { IExecuteFunctions } from 'n8n-workflow';
import { readConnections, type ItemConnection } from './connections';
import { hostOf, processRuntimes, type Runtime, type RuntimeLease } from './runtime';
import type { Connection } from './settings';

/** The runtime of each input item's own credential, open until all of them are released. */
export class ItemRuntimes {
	readonly #leases = new Map<Connection, RuntimeLease>();

	private constructor(
		private readonly context: IExecuteFunctions,
		private readonly connections: readonly ItemConnection[],
	) {}

	/** @throws NodeOperationError where one credential for all items cannot be used */
	static async open(context: IExecuteFunctions): Promise<ItemRuntimes> {
		return new ItemRuntimes(context, await readConnections(context));
	}

	/** @throws what is wrong with the credential of this item, or with its store */
	of(itemIndex: number): Runtime {
		const own = this.connections[itemIndex] as ItemConnection;
		if ('problem' in own) throw own.problem as Error;
		const { connection } = own;
		const lease =
			this.#leases.get(connection) ?? processRuntimes().lease(connection, hostOf(this.context));
		this.#leases.set(connection, lease);
		return lease.runtime;
	}

	/** To be cut out of what is told about an item; empty where its credential cannot be used. */
	apiKeyOf(itemIndex: number): string {
		const own = this.connections[itemIndex];
		return own && 'connection' in own ? own.connection.settings.apiKey : '';
	}

	release(): void {
		for (const { release } of this.#leases.values()) release();
		this.#leases.clear();
	}
}
