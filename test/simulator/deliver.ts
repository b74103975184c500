import type { ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';
import {
	brotliCompressSync,
	constants,
	createGzip,
	deflateSync,
	gzipSync,
	zstdCompressSync,
} from 'node:zlib';

import type { Encoding } from './faults.ts';
import type { Answer } from './responder.ts';

const HUGE_BYTES = 300 * 1024 * 1024;
const [BEFORE, AFTER] = ['{"padding":"', '"}'];
const LEAST_HUGE = BEFORE.length + AFTER.length;
const PIECE = Buffer.alloc(64 * 1024, 'x');
const COMPRESS: Readonly<Record<Encoding, (body: Buffer) => Buffer>> = {
	gzip: (body) => gzipSync(body),
	deflate: (body) => deflateSync(body),
	// Servers compress as they answer, with a quality that costs little.
	br: (body) => brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } }),
	zstd: (body) => zstdCompressSync(body),
};
/** Lets what was written reach the other side before the connection breaks. */
const SETTLE_MS = 20;

/** Sends an answer over a socket and acts out its wire fault. `answer.end` is called when all is over. */
export function deliver(answer: Answer, response: ServerResponse): void {
	response.once('close', () => answer.end(response.writableFinished));
	if (answer.delayMs > 0) later(response, answer.delayMs, () => send(answer, response));
	else send(answer, response);
}

function send(answer: Answer, response: ServerResponse): void {
	const { status, headers, fault } = answer;
	const { socket } = response.req;
	const body = Buffer.from(answer.body);
	const half = body.subarray(0, body.length >> 1);
	const head = (length: number): unknown =>
		response.writeHead(status, { ...headers, 'content-length': length });
	switch (fault?.kind) {
		case undefined:
			if (status === 204) response.writeHead(status, headers);
			else head(body.length);
			response.end(body);
			return;
		case 'never':
			return;
		case 'reset':
			socket.resetAndDestroy();
			return;
		case 'reset-mid-body':
			head(body.length);
			response.write(half, () => later(response, SETTLE_MS, () => socket.resetAndDestroy()));
			return;
		case 'short-body':
			head(body.length);
			response.write(half, () => socket.destroySoon());
			return;
		case 'short-length':
			head(half.length);
			response.end(body);
			return;
		case 'chunked-cut':
			response.writeHead(status, headers);
			response.write(half, () => socket.destroySoon());
			return;
		case 'slow-body':
			head(body.length);
			sendSlowly(body, fault.everyMs, response);
			return;
		case 'huge':
			head(Math.max(fault.bytes ?? HUGE_BYTES, LEAST_HUGE));
			sendHuge(fault.bytes ?? HUGE_BYTES, response);
			return;
		case 'compressed':
		case 'compressed-cut': {
			const bytes = COMPRESS[fault.encoding](body);
			const sent = fault.kind === 'compressed' ? bytes : bytes.subarray(0, bytes.length >> 1);
			response.setHeader('content-encoding', fault.encoding);
			head(sent.length);
			response.end(sent);
			return;
		}
		case 'bomb': {
			response.writeHead(status, { ...headers, 'content-encoding': 'gzip' });
			const gzip = createGzip();
			gzip.pipe(response);
			response.once('close', () => gzip.destroy());
			sendHuge(fault.bytes ?? HUGE_BYTES, gzip);
			return;
		}
		case 'broken-byte': {
			const broken = breakOneByte(body);
			head(broken.length);
			response.end(broken);
		}
	}
}

function sendSlowly(body: Buffer, everyMs: number, response: ServerResponse): void {
	let sent = 0;
	const next = (): void => {
		const byte = body.subarray(sent, ++sent);
		// The last byte ends the exchange: the caller may use the connection again at once.
		if (sent >= body.length) {
			response.end(byte);
			return;
		}
		response.write(byte);
		later(response, everyMs, next);
	};
	next();
}

/** `{"padding":"xxx..."}` of exactly `bytes`, no faster than it is read. */
function sendHuge(bytes: number, to: Writable): void {
	let left = Math.max(bytes, LEAST_HUGE) - LEAST_HUGE;
	to.write(BEFORE);
	const more = (): void => {
		while (left > 0) {
			const piece = PIECE.subarray(0, Math.min(left, PIECE.length));
			left -= piece.length;
			if (!to.write(piece)) {
				to.once('drain', more);
				return;
			}
		}
		to.end(AFTER);
	};
	more();
}

/** The first letter of the first name becomes the byte that stands for "é" in Latin-1. */
function breakOneByte(body: Buffer): Buffer {
	const text = body.toString('latin1');
	return Buffer.from(text.replace(/("(?:nickname|title)":")[^"\\]/, '$1\u00e9'), 'latin1');
}

/** Does nothing when the exchange has ended before. */
function later(response: ServerResponse, ms: number, action: () => void): void {
	const timer = setTimeout(() => {
		response.off('close', cancel);
		action();
	}, ms);
	const cancel = (): void => clearTimeout(timer);
	response.once('close', cancel);
}
