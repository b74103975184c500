import { TransportError } from '../resilience/ports';
import type { Proxy } from './proxies';

/** What a person should read about an error code. */
interface Explanation {
	readonly codes: RegExp;
	readonly text: string;
	/** What to change, where it cannot heal by itself. */
	readonly cure?: (proxy: Proxy | undefined) => string;
}

const BASE_URL = "'Base URL' of the credential";
const CHECK_DATE =
	'Check the date of this machine. If it is right, the certificate has to be renewed at the other end.';
const GIVE_CA =
	'Where a proxy or a firewall opens TLS connections, give its CA certificate to n8n: NODE_EXTRA_CA_CERTS=/path/to/ca.pem.';

/**
 * Never the code itself: n8n replaces a message that contains one with a text of its own. Never the original
 * message: it may quote what was sent.
 */
const EXPLANATIONS: readonly Explanation[] = [
	{
		codes: /^ENOTFOUND$/,
		text: 'The host name does not exist',
		cure: (proxy) =>
			`Correct the host name in ${proxy?.variable ?? BASE_URL}, or see why this machine does not know it.`,
	},
	{ codes: /^EAI_/, text: 'The host name could not be looked up just now' },
	{ codes: /^ECONNREFUSED$/, text: 'The connection was refused' },
	{ codes: /^(UND_ERR_CONNECT_TIMEOUT|ETIMEDOUT)$/, text: 'No connection came about in time' },
	// Only CONNECT has such a limit.
	{ codes: /^UND_ERR_HEADERS_TIMEOUT$/, text: 'The proxy opened no way in time' },
	{
		codes: /^E(HOST|NET)(UNREACH|DOWN)$|^EADDRNOTAVAIL$/,
		text: 'The network does not lead there',
	},
	{
		codes: /^CERT_HAS_EXPIRED$/,
		text: "The server's certificate has expired",
		cure: () => CHECK_DATE,
	},
	{
		codes: /^CERT_NOT_YET_VALID$/,
		text: "The server's certificate is not valid yet",
		cure: () => CHECK_DATE,
	},
	{
		codes: /^(ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH|UND_ERR_PRX_TLS)$/,
		text: "The server's certificate is for another host name",
		cure: (proxy) => `Check the host name in ${proxy?.variable ?? BASE_URL}. ${GIVE_CA}`,
	},
	{
		codes: /^(CERT_|ERR_TLS_CERT|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|INVALID_(CA|PURPOSE)$)/,
		text: "The server's certificate is not trusted",
		cure: () => GIVE_CA,
	},
	{
		codes: /^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTPS?_(PROXY_)?REQUEST)$/,
		text: 'What answers there does not speak TLS',
		cure: (proxy) =>
			proxy?.url.startsWith('https:') === true
				? `Write the address in ${proxy.variable} with http:// in front: as it is, the proxy itself has to speak TLS.`
				: `Correct the port in ${BASE_URL}.`,
	},
	{ codes: /^(EPROTO|ERR_SSL_|ERR_TLS_)/, text: 'No secure connection could be made' },
	{
		codes: /^EGRESS_BLOCKED$/,
		text: 'n8n does not allow requests to this address',
		cure: () =>
			'Add the host to N8N_SSRF_ALLOWED_HOSTNAMES of n8n, or its addresses to N8N_SSRF_ALLOWED_IP_RANGES.',
	},
	{
		codes: /^(ECONNRESET|EPIPE|ECONNABORTED|UND_ERR_SOCKET|UND_ERR_PRX_CONN)$/,
		text: 'The connection was closed before an answer came',
	},
	{ codes: /^HPE_|^UND_ERR_HEADERS_OVERFLOW$/, text: 'The answer was not valid HTTP' },
	{
		codes: /^(ERR_INVALID_URL|UND_ERR_INVALID_ARG)$/,
		text: 'This is no address that can be asked',
		cure: () => `Correct ${BASE_URL}.`,
	},
];

/** undici has no field for what a proxy answered to CONNECT, or that it answered 407 to a plain request. */
const PROXY_STATUS = /^Proxy (?:response|Authentication Required) \((\d{3})\)/;

/** Anything that kept the headers of an answer from coming. */
export function networkFailure(
	error: unknown,
	sent: boolean,
	proxy: Proxy | undefined,
): TransportError {
	const status = proxy && PROXY_STATUS.exec(error instanceof Error ? error.message : '')?.[1];
	if (status !== undefined) return refusedByProxy(proxy as Proxy, Number(status));
	const code = codeOf(error);
	const { text = 'The request failed', cure } =
		EXPLANATIONS.find(({ codes }) => codes.test(code)) ?? {};
	const message = proxy ? `${text}; the way leads through ${nameOf(proxy)}` : text;
	return cure === undefined || sent
		? new TransportError('network', message, sent, code)
		: new TransportError('unreachable', message, sent, code, cure(proxy));
}

/** The time was up before anything could be sent. */
export function notConnected(timeoutMs: number, proxy: Proxy | undefined): TransportError {
	const where = proxy ? ` through ${nameOf(proxy)}` : '';
	const message = `No connection came about${where} within ${timeoutMs} ms, so nothing was sent`;
	return new TransportError('network', message, false, 'UND_ERR_CONNECT_TIMEOUT');
}

/** What zlib and its kin call data that they cannot make sense of. Z_BUF_ERROR is a stream that was cut. */
const CORRUPT = /^(?:Z_DATA|Z_NEED_DICT|ERR__|ZSTD_)/;

/** The headers came, the rest did not, or not as it should. */
export function bodyFailure(error: Error & { code?: unknown }): TransportError {
	const code = typeof error.code === 'string' ? error.code : '';
	if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE') return tooLarge();
	const text = CORRUPT.test(code) ? 'The answer could not be decompressed' : 'The answer broke off';
	return new TransportError('body', text, true, codeOf(error));
}

export function tooLarge(): TransportError {
	return new TransportError('body', 'The answer is too large', true);
}

export function unknownEncoding(): TransportError {
	const text = 'The answer is compressed in a way that was not asked for';
	return new TransportError('body', text, true);
}

/** An upper-case code as Node and undici give them, or an empty text. */
export function codeOf(error: unknown): string {
	const code = typeof error === 'object' && error && 'code' in error ? error.code : undefined;
	return typeof code === 'string' && /^[A-Z][A-Z0-9_]*$/.test(code) ? code : '';
}

/** A gateway's trouble passes; a refusal stays until somebody changes something. The API got nothing either way. */
function refusedByProxy(proxy: Proxy, status: number): TransportError {
	const message = `HTTP ${status} came from ${nameOf(proxy)}`;
	const code = `PROXY_STATUS_${status}`;
	if (status === 408 || status === 429 || status >= 500) {
		return new TransportError('network', message, false, code);
	}
	const cure =
		status === 407
			? `Write the user name and the password that the proxy wants into ${proxy.variable}: http://user:password@host:port.`
			: `Ask whoever runs the proxy to let n8n through to the host in ${BASE_URL}, or take that host out of it with NO_PROXY.`;
	return new TransportError('unreachable', message, false, code, cure);
}

function nameOf({ place, variable }: Proxy): string {
	return `the proxy ${place} (${variable})`;
}
