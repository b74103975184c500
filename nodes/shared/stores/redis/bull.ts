import type {
	IRedisClient,
	MinimalJob,
	RedisConnection as BullConnection,
	RedisQueueBackend,
} from 'bullmq';
import type { Client } from './connection';
import type { Lane, Lanes } from './lanes';

/** Of BullMQ's own event stream, which nobody here reads. */
const EVENTS_KEPT = 100;

/** Where BullMQ 6.7's scripts expect the present, behind their keys and other arguments. */
const PRESENT_AT: Readonly<Record<string, number>> = {
	moveToActive: 12,
	moveToFinished: 15,
};

const LOST_CODES: readonly unknown[] = [-1, -2, -3, -6];

/** BullMQ on our connection. It takes the time from the Redis server, not from this machine. */
export class Bull {
	readonly #connections = new WeakMap<Client, Promise<BullConnection>>();

	constructor(
		private readonly lanes: Lanes,
		private readonly serverMs: () => number,
	) {}

	/** BullMQ's operations on one lane. */
	async lane(client: Client, lane: Lane, lockMs = 0): Promise<RedisQueueBackend> {
		const { RedisQueueBackend } = load();
		const options = {
			...{ connection: {}, prefix: this.lanes.jobPrefix, lockDuration: Math.ceil(lockMs) },
			// The wait before a stalled job is found is ours: see SURVEY.
			...{ maxStalledCount: Number.MAX_SAFE_INTEGER, stalledInterval: 1 },
		};
		return new RedisQueueBackend(
			await this.#connect(client),
			lane.name,
			lane.keys,
			(type) => lane.keys[type] ?? this.lanes.jobPrefix + type,
			options,
			undefined,
			false,
		);
	}

	/** The client as BullMQ wants it, with its scripts. */
	async adapt(client: Client): Promise<IRedisClient> {
		return await (
			await this.#connect(client)
		).client;
	}

	async #connect(client: Client): Promise<BullConnection> {
		const known = this.#connections.get(client);
		if (known) return await known;
		const connection = this.#open(client);
		this.#connections.set(client, connection);
		connection.catch(() => this.#connections.delete(client));
		return await connection;
	}

	async #open(client: Client): Promise<BullConnection> {
		const { createIORedisClient, RedisConnection } = load();
		const adapted = createIORedisClient(client);
		const timed = new Proxy(adapted, {
			get: (target, property) => {
				if (property !== 'runCommand') return Reflect.get(target, property) as unknown;
				return async (name: string, args: unknown[]) =>
					readable(name, await adapted.runCommand(name, this.#onServerTime(name, args)));
			},
		});
		const connection = new RedisConnection(timed, {
			...{ shared: true, blocking: false, skipVersionCheck: true, skipWaitingForReady: true },
		});
		connection.on('error', () => {});
		await connection.client;
		await client.hset(`${this.lanes.jobPrefix}meta`, 'opts.maxLenEvents', EVENTS_KEPT);
		return connection;
	}

	#onServerTime(name: string, args: unknown[]): unknown[] {
		const at = PRESENT_AT[name.slice(0, name.indexOf(':'))];
		return at === undefined ? args : args.with(at, Math.floor(this.serverMs()));
	}
}

/** BullMQ stumbles over a job whose fields are damaged; who claims a job reads them anyway. */
function readable(name: string, reply: unknown): unknown {
	if (!name.startsWith('moveToActive:') || !Array.isArray(reply) || !reply[0]) return reply;
	return [[], ...(reply.slice(1) as unknown[])];
}

/** Loaded at the first job: only who has jobs needs it. */
function load(): typeof import('bullmq') {
	return require('bullmq') as typeof import('bullmq');
}

/** What BullMQ's scripts want to know of a job. They count attempts too, but nobody reads that. */
export function minimal(id: string): MinimalJob {
	return { id, opts: { attempts: 1 } } as MinimalJob;
}

/** False when one of BullMQ's scripts refuses because job, lock or place is gone, or the lock is another one's. */
export async function unlessLost(work: Promise<void>): Promise<boolean> {
	return await work.then(
		() => true,
		(error: Error & { code?: unknown }) => {
			if (LOST_CODES.includes(error.code)) return false;
			throw error;
		},
	);
}
