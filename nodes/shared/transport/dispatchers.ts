import type { LookupFunction } from 'node:net';
import type { Dispatcher } from 'undici';

export type Environment = Readonly<Record<string, string | undefined>>;

const CONNECT_TIMEOUT_MS = 10_000;

/**
 * An idle connection is dropped this long before the server may close it (or after this long, when the server
 * does not say), so that hardly any request is written to a connection that is just being closed.
 */
const KEEP_ALIVE_MS = 4_000;

/** undici's connection pools: one straight to the host, and one through the proxies that `env` names. */
export class Dispatchers {
	private readonly direct: Dispatcher;

	private readonly proxied: Dispatcher;

	constructor(connections: number, lookup: LookupFunction | undefined, env: Environment) {
		// Loaded here: undici is large, and many n8n starts never send a request.
		const { Agent, EnvHttpProxyAgent } = require('undici') as typeof import('undici');
		const settings = {
			connections,
			// With HTTP/1.1 it is certain what was sent and what was not.
			allowH2: false,
			connectTimeout: CONNECT_TIMEOUT_MS,
			// The transport has one timer for the whole exchange.
			headersTimeout: 0,
			bodyTimeout: 0,
			keepAliveTimeout: KEEP_ALIVE_MS,
			keepAliveTimeoutThreshold: KEEP_ALIVE_MS,
			...(lookup && { connect: { lookup } }),
		};
		const httpProxy = proxyFrom(env, 'http_proxy');
		const httpsProxy = proxyFrom(env, 'https_proxy');
		this.direct = new Agent(settings);
		this.proxied =
			httpProxy || httpsProxy
				? new EnvHttpProxyAgent({
						...settings,
						httpProxy,
						httpsProxy,
						noProxy: read(env, 'no_proxy'),
					})
				: this.direct;
	}

	dispatch(url: URL, headers: Record<string, string>, handler: Dispatcher.DispatchHandler): void {
		const dispatcher = isLoopback(url.hostname) ? this.direct : this.proxied;
		const path = url.pathname + url.search;
		dispatcher.dispatch({ origin: url.origin, path, method: 'GET', headers }, handler);
	}

	/** Waits for requests that are under way. */
	async close(): Promise<void> {
		await Promise.all([...new Set([this.direct, this.proxied])].map((one) => one.close()));
	}
}

function read(env: Environment, name: string): string {
	return env[name] ?? env[name.toUpperCase()] ?? '';
}

/** `proxy:3128` is a common way to write `http://proxy:3128`. */
function proxyFrom(env: Environment, name: string): string {
	const proxy = read(env, name).trim();
	return proxy === '' || proxy.includes('://') ? proxy : `http://${proxy}`;
}

function isLoopback(hostname: string): boolean {
	return /^(?:.+\.)?localhost\.?$|^127(?:\.\d+){3}$|^\[::1\]$/.test(hostname);
}
