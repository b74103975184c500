import type { LookupFunction } from 'node:net';
import type { Agent, Dispatcher, ProxyAgent } from 'undici';
import type { Proxy } from './proxies';

/**
 * An idle connection is dropped this long before the server may close it (or after this long, when the server
 * does not say), so that hardly any request is written to a connection that is just being closed.
 */
const KEEP_ALIVE_MS = 4_000;

/**
 * What undici's interceptor decompresses; see `decompressing`. It reads deflate too, but not the raw form that some
 * servers mean by the name, so that is not asked for.
 */
export const ACCEPT_ENCODING = 'gzip, br, zstd';

export interface DispatcherOptions {
	connections: number;
	/** For TCP, for TLS, and for the answer of a proxy to CONNECT, each. */
	connectTimeoutMs: number;
	/** Of decompressed text. */
	maxBodyBytes: number;
	/** Looks names up for connections that use no proxy. */
	lookup: LookupFunction | undefined;
}

/** undici's connection pools: one straight to the host, and one for each proxy. */
export class Dispatchers {
	private readonly pools = new Map<string, Dispatcher>();

	constructor(private readonly options: DispatcherOptions) {}

	dispatch(
		url: URL,
		proxy: Proxy | undefined,
		headers: Record<string, string>,
		handler: Dispatcher.DispatchHandler,
	): void {
		const key = proxy?.url ?? '';
		const pool = this.pools.get(key) ?? this.open(proxy);
		this.pools.set(key, pool);
		const path = url.pathname + url.search;
		pool.dispatch({ origin: url.origin, path, method: 'GET', headers }, handler);
	}

	/** Waits for requests that are under way. */
	async close(): Promise<void> {
		await Promise.all([...this.pools.values()].map((pool) => pool.close()));
	}

	private open(proxy: Proxy | undefined): Dispatcher {
		// Loaded here: undici is large, and many n8n starts never send a request.
		const { Agent, Pool, ProxyAgent } = require('undici') as typeof import('undici');
		const { connections, connectTimeoutMs, lookup } = this.options;
		const settings: Agent.Options = {
			connections,
			// With HTTP/1.1 it is certain what was sent and what was not.
			allowH2: false,
			connectTimeout: connectTimeoutMs,
			// The transport has one timer for the whole exchange.
			headersTimeout: 0,
			bodyTimeout: 0,
			keepAliveTimeout: KEEP_ALIVE_MS,
			keepAliveTimeoutThreshold: KEEP_ALIVE_MS,
		};
		if (proxy === undefined) {
			return this.decompressing(new Agent({ ...settings, ...(lookup && { connect: { lookup } }) }));
		}
		const options: ProxyAgent.Options = {
			...settings,
			uri: proxy.url,
			// A proxy that takes the connection and never answers CONNECT.
			clientFactory: (origin, own) =>
				new Pool(origin, { ...own, headersTimeout: connectTimeoutMs }),
		};
		return this.decompressing(new ProxyAgent(options));
	}

	/**
	 * undici's own interceptor: it decompresses as the body arrives, gives on what fits into the cap and ends the rest,
	 * keeps the socket from running ahead, and tells a stream that was cut. It calls itself experimental, with one line
	 * in the log of the process; its version is pinned and the tests hold what it does over real sockets.
	 */
	private decompressing(pool: Dispatcher): Dispatcher {
		const { interceptors } = require('undici') as typeof import('undici');
		const { maxBodyBytes } = this.options;
		// Error statuses too: their texts tell what is wrong.
		return pool.compose(
			interceptors.decompress({ skipErrorResponses: false, maxSize: maxBodyBytes }),
		);
	}
}
