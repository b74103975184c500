import type {
	IRedisClient,
	KeysMap,
	MinimalJob,
	RedisConnection as BullConnection,
	RedisQueueBackend,
} from 'bullmq';
import { JOB_KINDS, type JobFilter, type JobKind } from '../../resilience/jobs';
import type { Priority } from '../../resilience/ports';
import { PRIORITIES } from '../embedded/jobRow';
import type { Client } from './connection';
import type { Keys } from './keys';

/** Of BullMQ's own event stream, which nobody here reads. */
const EVENTS_KEPT = 100;

/** Where BullMQ 6.7's scripts expect the present, behind their keys and other arguments. */
const PRESENT_AT: Readonly<Record<string, number>> = {
	moveToActive: 12,
	moveToFinished: 15,
};

const LOST_CODES: readonly unknown[] = [-1, -2, -3, -6];

/** Jobs of one kind and priority: a BullMQ queue whose job keys and dedupe keys are shared by all lanes. */
export interface Lane {
	/** What BullMQ calls the job's name. */
	readonly name: string;
	readonly kind: JobKind;
	readonly priority: Priority;
	readonly keys: KeysMap;
}

/** Names that each lane has for itself; all others are common. */
const OWN_NAMES = [
	'wait',
	'active',
	'delayed',
	'prioritized',
	'stalled',
	'stalled-check',
	'marker',
	'pc',
];
const COMMON_NAMES = [
	...['', 'id', 'meta', 'events', 'de', 'failed', 'completed', 'paused'],
	...['limiter', 'repeat', 'waiting-children'],
];

export class Lanes {
	/** In front of a job's id. */
	readonly jobPrefix: string;
	readonly all: readonly Lane[];

	constructor(keys: Keys) {
		this.jobPrefix = `${keys.prefix}:jobs:`;
		const common = Object.fromEntries(COMMON_NAMES.map((name) => [name, this.jobPrefix + name]));
		this.all = PRIORITIES.flatMap((priority) =>
			JOB_KINDS.map((kind) => {
				const own = OWN_NAMES.map((name) => [name, `${this.jobPrefix}${name}:${kind}:${priority}`]);
				return {
					...{ name: `${kind} ${priority}`, kind, priority },
					keys: { ...common, ...Object.fromEntries(own) } as KeysMap,
				};
			}),
		);
	}

	/** The ones that hold what is asked for; critical lanes first. */
	matching({ kinds = [], priorities = [] }: JobFilter): readonly Lane[] {
		return this.all.filter(
			({ kind, priority }) =>
				(kinds.length === 0 || kinds.includes(kind)) &&
				(priorities.length === 0 || priorities.includes(priority)),
		);
	}

	of(kind: JobKind, priority: Priority): Lane {
		return this.#find((lane) => lane.kind === kind && lane.priority === priority);
	}

	named(name: string): Lane | undefined {
		return this.all.find((lane) => lane.name === name);
	}

	dedupeKey(digest: string): string {
		return `${this.jobPrefix}de:${digest}`;
	}

	/** Any lane has the keys that are common to all. */
	get common(): KeysMap {
		return this.#find(() => true).keys;
	}

	#find(test: (lane: Lane) => boolean): Lane {
		const lane = this.all.find(test);
		if (!lane) throw new Error('There is no such lane');
		return lane;
	}
}

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
		await client.hset(this.lanes.common['meta'] ?? '', 'opts.maxLenEvents', EVENTS_KEPT);
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
