import type { Cluster, Redis, RedisOptions } from 'ioredis';
import type { Clock, Random } from '../../resilience/ports';
import { Deadlines } from './deadlines';
import type { Script } from './lua/script';

export interface RedisSettings {
	host: string;
	port: number;
	username?: string | undefined;
	password?: string | undefined;
	database?: number | undefined;
	/** Undefined: no TLS. */
	tls?:
		| {
				servername?: string | undefined;
				rejectUnauthorized?: boolean | undefined;
				/** PEM of an authority that is trusted beside the usual ones. */
				ca?: string | undefined;
		  }
		| undefined;
	/** Nodes of a Redis Cluster; `host`, `port` and `database` do not count then. */
	clusterNodes?: ReadonlyArray<{ host: string; port: number }> | undefined;
	/** Look up IPv4 and IPv6 addresses. */
	dualStack?: boolean | undefined;
	/** Take the names of cluster nodes as they are. */
	plainNames?: boolean | undefined;
}

export type Client = Redis | Cluster;
export type Argument = string | number | Buffer;

/** A command that gets no answer for this long has failed. */
export const COMMAND_LIMIT_MS = 500;
/** The first command may have to wait for the connection, and no longer than this. */
const CONNECT_LIMIT_MS = 2_000;
const RECONNECT_FIRST_MS = 100;
const RECONNECT_LONGEST_MS = 2_000;

/** Redis could not be asked, or not in time: nobody knows whether the command was carried out. */
export class RedisTrouble extends Error {
	override readonly name = 'RedisTrouble';
}

/** One connection to one Redis for all that uses it in this process. Connects at the first command. */
export class RedisConnection {
	readonly #deadlines: Deadlines;
	readonly #readyListeners = new Set<() => void>();
	#client: Client | undefined;
	#opening: Promise<void> | undefined;
	#lastError = '';
	#closed = false;

	constructor(
		private readonly settings: RedisSettings,
		clock: Clock,
		private readonly random: Random,
	) {
		this.#deadlines = new Deadlines(clock, (limitMs) => {
			// A socket that swallows commands would swallow the next ones too.
			if (!this.#closed) this.#client?.disconnect(true);
			return new RedisTrouble(`no answer within ${limitMs} ms`);
		});
	}

	/** For messages; without user and password. */
	get address(): string {
		const [node] = this.settings.clusterNodes ?? [];
		const { host, port } = node ?? this.settings;
		return `${host}:${port}`;
	}

	/** @throws RedisTrouble */
	async run(
		script: Script,
		keys: readonly string[],
		args: readonly Argument[] = [],
	): Promise<unknown> {
		return await this.command(
			async (client) =>
				await client
					.evalsha(script.sha, keys.length, ...keys, ...args)
					.catch(async (error: Error) => {
						if (!error.message.startsWith('NOSCRIPT')) throw error;
						return await client.eval(script.lua, keys.length, ...keys, ...args);
					}),
		);
	}

	/** @throws RedisTrouble also when it takes longer than `limitMs` */
	async command<T>(work: (client: Client) => Promise<T>, limitMs = COMMAND_LIMIT_MS): Promise<T> {
		const answer = async () => {
			const client = await this.#deadlines.within(CONNECT_LIMIT_MS, this.#open());
			return await this.#deadlines.within(limitMs, work(client));
		};
		return await answer().catch((error: Error) => {
			const isKnown = error instanceof RedisTrouble || isOurs(error);
			throw isKnown ? error : new RedisTrouble(this.#explain(error));
		});
	}

	get ready(): boolean {
		return this.#client?.status === 'ready';
	}

	/** Calls `listener` after each reconnection, until the returned function is called. */
	onReady(listener: () => void): () => void {
		this.#readyListeners.add(listener);
		return () => this.#readyListeners.delete(listener);
	}

	/** Drops the socket for a new one: after a failover the name may lead elsewhere. */
	reconnect(): void {
		if (this.ready) this.#client?.disconnect(true);
	}

	/** Without waiting for an answer, for the moment at which a process ends. */
	send(script: Script, keys: readonly string[], args: readonly Argument[]): void {
		if (!this.ready) return;
		this.#client?.eval(script.lua, keys.length, ...keys, ...args).catch(() => {});
	}

	close(): void {
		this.#closed = true;
		this.#deadlines.stop();
		this.#client?.disconnect();
	}

	async #open(): Promise<Client> {
		const client = (this.#client ??= this.#create());
		if (client.status === 'ready') return client;
		if (client.status === 'wait') {
			this.#opening = client.connect().finally(() => (this.#opening = undefined));
		}
		await this.#opening;
		return client;
	}

	#create(): Client {
		// Loaded here: only who keeps state in Redis needs it.
		const { Cluster, Redis } = require('ioredis') as typeof import('ioredis');
		const { host, port, username, password, database, tls, clusterNodes } = this.settings;
		const retryStrategy = (attempt: number) =>
			Math.min(RECONNECT_LONGEST_MS, RECONNECT_FIRST_MS * 2 ** Math.min(attempt - 1, 10)) *
			(0.5 + 0.5 * this.random());
		const options = {
			...(username && { username }),
			...(password && { password }),
			...(tls && { tls }),
			...(this.settings.dualStack && { family: 0 }),
			lazyConnect: true,
			// What cannot be sent now fails now, and what may have been carried out is not sent twice.
			enableOfflineQueue: false,
			autoResendUnfulfilledCommands: false,
			maxRetriesPerRequest: 0,
			enableReadyCheck: false,
			connectTimeout: CONNECT_LIMIT_MS,
			disconnectTimeout: COMMAND_LIMIT_MS,
			connectionName: 'n8n-nodes-tikliveapi',
			protocol: 2,
		} satisfies RedisOptions;
		const client: Client = clusterNodes?.length
			? new Cluster([...clusterNodes], {
					redisOptions: options,
					lazyConnect: true,
					enableOfflineQueue: false,
					clusterRetryStrategy: retryStrategy,
					...(this.settings.plainNames && {
						dnsLookup: (name, done) => done(null, name),
					}),
				})
			: new Redis({ ...options, host, port, db: database ?? 0, retryStrategy });
		client.on('error', (error: Error) => this.#note(error));
		client.on('ready', () => {
			this.#lastError = '';
			for (const listener of this.#readyListeners) listener();
		});
		return client;
	}

	#note(error: Error & { code?: string; lastNodeError?: Error & { code?: string } }): void {
		const { code, message } = error.lastNodeError ?? error;
		this.#lastError = code ?? message;
	}

	/** The library's errors carry the command with its arguments: only their text goes on. */
	#explain({ message }: Error): string {
		const vague =
			/^(Connection is closed|Stream isn't writeable|Cluster isn't ready|Failed to|Reached the max)/;
		return vague.test(message) ? this.#lastError || 'the connection was lost' : message;
	}
}

/** Not a word of Redis: a mistake in this package. */
function isOurs({ name }: Error): boolean {
	return ['TypeError', 'RangeError', 'ReferenceError', 'SyntaxError'].includes(name);
}

/** Open connections by their settings. Another clock is another process, in tests. */
const connections = new WeakMap<
	Clock,
	Map<string, { connection: RedisConnection; handles: number }>
>();

/** One connection per settings and process. `release` closes it when it was the last. */
export function shareConnection(
	settings: RedisSettings,
	clock: Clock,
	random: Random,
): { connection: RedisConnection; release: () => void } {
	const name = JSON.stringify(settings);
	const open = connections.get(clock) ?? new Map<string, never>();
	connections.set(clock, open);
	const shared = open.get(name) ?? {
		connection: new RedisConnection(settings, clock, random),
		handles: 0,
	};
	open.set(name, shared);
	shared.handles++;
	let released = false;
	return {
		connection: shared.connection,
		release: () => {
			if (released) return;
			released = true;
			shared.handles--;
			if (shared.handles > 0) return;
			open.delete(name);
			shared.connection.close();
		},
	};
}
