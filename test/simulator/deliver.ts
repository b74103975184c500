import type { ServerResponse } from 'node:http';

import type { Answer } from './responder.ts';

const HUGE_BYTES = 300 * 1024 * 1024;
const PIECE = Buffer.alloc(64 * 1024, 'x');
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
			sendHuge(fault.bytes ?? HUGE_BYTES, head, response);
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
function sendHuge(
	bytes: number,
	head: (length: number) => unknown,
	response: ServerResponse,
): void {
	const [before, after] = ['{"padding":"', '"}'];
	const length = Math.max(bytes, before.length + after.length);
	let left = length - before.length - after.length;
	head(length);
	response.write(before);
	const more = (): void => {
		while (left > 0) {
			const piece = PIECE.subarray(0, Math.min(left, PIECE.length));
			left -= piece.length;
			if (!response.write(piece)) {
				response.once('drain', more);
				return;
			}
		}
		response.end(after);
	};
	more();
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
