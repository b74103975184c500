import type { LookupFunction } from 'node:net';
import { TransportError, type Clock, type Transport } from '../resilience/ports';
import { ACCEPT_ENCODING, Dispatchers } from './dispatchers';
import { Exchange } from './exchange';
import { codeOf, networkFailure } from './failure';
import { proxyFor } from './proxies';

/** The part of n8n's egress filter that a transport without redirects needs. */
export interface EgressFilter {
	/** Refuses with `ok: false`, or by throwing. */
	validateUrl(url: string): Promise<{ ok: boolean }>;
	/** Checks the addresses that a host name leads to at the moment of connecting. */
	createSecureLookup(): LookupFunction;
}

export interface TransportOptions {
	/** Connections kept to one host. A request that finds none free waits. */
	maxConnections: number;
	/** Sent as User-Agent. */
	userAgent: string;
	clock: Clock;
	/** Undefined allows every address. */
	egress?: EgressFilter | undefined;
	/** How long a connection may take to come about. Default 10 s. */
	connectTimeoutMs?: number;
	/** Of decompressed text. Default 32 MB. */
	maxBodyBytes?: number;
}

/** Without a reason of its own each abort would build an error with a stack, which costs 100 us. */
const DONE = new Error('Done');

const CONNECT_TIMEOUT_MS = 10_000;
const MAX_BODY_BYTES = 32 * 2 ** 20;

/**
 * Sends GET requests over undici. A request that was written to a connection which the server closed at that
 * very moment may have been billed: it fails as sent, and nothing here repeats it.
 */
export function createTransport(options: TransportOptions): {
	send: Transport;
	/** Waits for requests that are under way; later ones fail. */
	close(): Promise<void>;
} {
	const {
		clock,
		egress,
		connectTimeoutMs = CONNECT_TIMEOUT_MS,
		maxBodyBytes = MAX_BODY_BYTES,
	} = options;
	let dispatchers: Dispatchers | undefined;
	let closing: Promise<void> | undefined;

	const start = async (
		exchange: Exchange,
		address: string,
		headers: Readonly<Record<string, string>>,
	): Promise<void> => {
		const url = new URL(address);
		if (egress) await allowed(egress, url);
		if (exchange.isOver) return;
		if (closing) throw new TransportError('network', 'The client is closed', false);
		exchange.proxy = proxyFor(url);
		dispatchers ??= new Dispatchers({
			connections: options.maxConnections,
			connectTimeoutMs,
			maxBodyBytes,
			lookup: egress && secureLookup(egress),
		});
		const own = { 'user-agent': options.userAgent, 'accept-encoding': ACCEPT_ENCODING };
		dispatchers.dispatch(url, exchange.proxy, { ...own, ...headers }, exchange);
	};

	const send: Transport = async ({ url, headers, timeoutMs, signal }) => {
		const exchange = new Exchange(maxBodyBytes);
		const done = new AbortController();
		const cancel = () => {
			exchange.fail(new TransportError('cancelled', 'The request was cancelled', exchange.sent));
		};
		const expire = () => exchange.expire(timeoutMs);
		const refuse = (error: unknown) => {
			const isOurs = error instanceof TransportError;
			exchange.fail(isOurs ? error : networkFailure(error, false, exchange.proxy));
		};

		if (signal?.aborted === true) cancel();
		signal?.addEventListener('abort', cancel, { once: true });
		clock.sleep(timeoutMs, done.signal).then(expire, () => {});
		start(exchange, url, headers).catch(refuse);
		try {
			return await exchange.answer;
		} finally {
			signal?.removeEventListener('abort', cancel);
			done.abort(DONE);
		}
	};

	return {
		send,
		close: () => (closing ??= dispatchers?.close() ?? Promise.resolve()),
	};
}

/** Anything without a code of the system is a refusal, not a look-up that failed. */
async function allowed(egress: EgressFilter, url: URL): Promise<void> {
	const { ok } = await egress.validateUrl(url.href).catch((error: unknown) => {
		throw codeOf(error) === '' ? blocked() : error;
	});
	if (!ok) throw blocked();
}

function secureLookup(egress: EgressFilter): LookupFunction {
	const lookup = egress.createSecureLookup();
	return (host, options, callback) =>
		lookup(host, options, (error, ...found) =>
			callback(error && codeOf(error) === '' ? blocked() : error, ...found),
		);
}

function blocked(): Error {
	return Object.assign(new Error('Blocked'), { code: 'EGRESS_BLOCKED' });
}
