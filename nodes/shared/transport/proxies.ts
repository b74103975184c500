import { TransportError } from '../resilience/ports';

const { getProxyForUrl } = require('proxy-from-env') as { getProxyForUrl(url: URL): string };

/** The proxy that stands in the way of a request. */
export interface Proxy {
	/** With user name and password; it goes nowhere but to undici. */
	readonly url: string;
	/** Host and port, for people. */
	readonly place: string;
	/** The variable of the environment that names it. */
	readonly variable: string;
}

const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' };

/**
 * The proxy for this address, or undefined for the straight way. n8n asks the same library about each of its own
 * requests, so both go the same way, whatever it makes of HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY.
 *
 * @throws TransportError for an address of a proxy that cannot be used
 */
export function proxyFor(url: URL): Proxy | undefined {
	const address = getProxyForUrl(url);
	if (address === '') return undefined;
	const variable = variableFor(url);
	const parsed = URL.canParse(address) ? new URL(address) : undefined;
	const defaultPort = DEFAULT_PORTS[parsed?.protocol ?? ''];
	if (parsed === undefined || defaultPort === undefined || !isDecodable(parsed)) {
		throw new TransportError(
			'unreachable',
			`The proxy in ${variable} is not an address that can be used`,
			false,
			'PROXY_ADDRESS',
			`Write ${variable} as http://host:port, or http://user:password@host:port with %25 for % and %40 for @, and start n8n again.`,
		);
	}
	return {
		url: parsed.href,
		place: `${parsed.hostname}:${parsed.port || defaultPort}`,
		variable,
	};
}

/** Where the library found the address: it takes the first of these that is set. */
function variableFor({ protocol }: URL): string {
	const scheme = protocol.replace(':', '');
	const names = [`npm_config_${scheme}_proxy`, `${scheme}_proxy`, 'npm_config_proxy', 'all_proxy'];
	const spellings = names.flatMap((name) => [name, name.toUpperCase()]);
	return spellings.find((name) => process.env[name]) ?? `${scheme}_proxy`;
}

/** undici throws on a stray percent sign. */
function isDecodable({ username, password }: URL): boolean {
	try {
		decodeURIComponent(username + password);
		return true;
	} catch {
		return false;
	}
}
