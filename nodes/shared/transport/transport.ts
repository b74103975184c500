import type { LookupFunction } from 'node:net';
import { TransportError, type Clock, type Transport } from '../resilience/ports';
import { Dispatchers, type Environment } from './dispatchers';
import { Exchange } from './exchange';
import { networkFailure } from './failure';

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
	/** Where HTTP_PROXY, HTTPS_PROXY and NO_PROXY are read, in either case. Default process.env. */
	env?: Environment;
	/** Default 32 MB. */
	maxBodyBytes?: number;
}

/** Without a reason of its own each abort would build an error with a stack, which costs 100 us. */
const DONE = new Error('Done');

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
	const { clock, egress, maxBodyBytes = MAX_BODY_BYTES } = options;
	let dispatchers: Dispatchers | undefined;
	let closing: Promise<void> | undefined;

	const start = async (
		exchange: Exchange,
		address: string,
		headers: Readonly<Record<string, string>>,
	): Promise<void> => {
		const url = new URL(address);
		if (egress && !(await isAllowed(egress, url))) {
			const text = 'n8n does not allow requests to this address';
			throw new TransportError('network', text, false, 'EGRESS_BLOCKED');
		}
		if (exchange.isOver) return;
		if (closing) throw new TransportError('network', 'The client is closed', false);
		dispatchers ??= new Dispatchers(
			options.maxConnections,
			egress?.createSecureLookup(),
			options.env ?? process.env,
		);
		const own = { 'user-agent': options.userAgent, 'accept-encoding': 'identity' };
		dispatchers.dispatch(url, { ...own, ...headers }, exchange);
	};

	const send: Transport = async ({ url, headers, timeoutMs, signal }) => {
		const exchange = new Exchange(maxBodyBytes);
		const done = new AbortController();
		const cancel = () => {
			exchange.fail(new TransportError('cancelled', 'The request was cancelled', exchange.sent));
		};
		const expire = () => {
			const text = `No complete answer within ${timeoutMs} ms`;
			exchange.fail(new TransportError('timeout', text, exchange.sent));
		};
		const refuse = (error: unknown) => {
			exchange.fail(error instanceof TransportError ? error : networkFailure(error, false));
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

async function isAllowed(egress: EgressFilter, url: URL): Promise<boolean> {
	try {
		return (await egress.validateUrl(url.href)).ok;
	} catch {
		return false;
	}
}
