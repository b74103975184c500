import { TransportError } from '../resilience/ports';

/**
 * What a person should read, by error code. Never the code itself: n8n replaces a message that contains one
 * with a text of its own. Never the original message: it may quote what was sent.
 */
const TEXTS: ReadonlyArray<readonly [RegExp, string]> = [
	[/^ENOTFOUND$/, 'The host name does not exist'],
	[/^EAI_/, 'The host name could not be looked up just now'],
	[/^ECONNREFUSED$/, 'The connection was refused'],
	[/^(UND_ERR_CONNECT_TIMEOUT|ETIMEDOUT)$/, 'No connection came about in time'],
	[/^E(HOST|NET)(UNREACH|DOWN)$|^EADDRNOTAVAIL$/, 'The network does not lead there'],
	[
		/^(CERT_|ERR_TLS_CERT|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_)/,
		"The server's certificate is not valid",
	],
	[/^(EPROTO|ERR_SSL_|ERR_TLS_)/, 'No secure connection could be made'],
	[
		/^(ECONNRESET|EPIPE|ECONNABORTED|UND_ERR_SOCKET)$/,
		'The connection was closed before an answer came',
	],
	[/^HPE_|^UND_ERR_HEADERS_OVERFLOW$/, 'The answer was not valid HTTP'],
	[/^UND_ERR_(ABORTED|PRX_|INVALID_ARG)/, 'The proxy or the request was not accepted'],
];

/** Anything that kept the headers of an answer from coming. */
export function networkFailure(error: unknown, sent: boolean): TransportError {
	const code = codeOf(error);
	const [, text] = TEXTS.find(([pattern]) => pattern.test(code)) ?? [];
	return new TransportError('network', text ?? 'The request failed', sent, code);
}

/** The headers came, the rest was of no use. */
export function bodyFailure(message: string, code = ''): TransportError {
	return new TransportError('body', message, true, code);
}

/** An upper-case code as Node and undici give them, or an empty text. */
export function codeOf(error: unknown): string {
	const code = typeof error === 'object' && error && 'code' in error ? error.code : undefined;
	return typeof code === 'string' && /^[A-Z][A-Z0-9_]*$/.test(code) ? code : '';
}
