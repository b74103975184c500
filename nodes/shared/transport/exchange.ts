import type { Dispatcher } from 'undici';
import { TransportError, type TransportResponse } from '../resilience/ports';
import { bodyFailure, networkFailure, notConnected, tooLarge, unknownEncoding } from './failure';
import type { Proxy } from './proxies';

type Controller = Dispatcher.DispatchController;

/** What ends an exchange from outside; undici gets it as the reason for the abort and nobody reads it. */
const ENDED = new Error('ended');

/** Removes a byte order mark. One broken byte is no reason to pay for a page again: it reads as U+FFFD. */
const UTF_8 = new TextDecoder('utf-8');

/**
 * One request and its answer, as undici reports them. It knows for certain whether the request was sent: undici
 * calls `onRequestStart` right before it writes to the socket, behind any tunnel of a proxy.
 */
export class Exchange implements Dispatcher.DispatchHandler {
	readonly answer: Promise<TransportResponse>;

	/** Named in failures, once it is known. */
	proxy: Proxy | undefined;

	private resolve!: (answer: TransportResponse) => void;

	private reject!: (error: TransportError) => void;

	private ended = false;

	private started = false;

	private controller: Controller | undefined;

	private status = 0;

	private headers: TransportResponse['headers'] = {};

	private readonly chunks: Buffer[] = [];

	private bytes = 0;

	constructor(private readonly maxBodyBytes: number) {
		this.answer = new Promise((resolve, reject) => {
			this.resolve = resolve;
			this.reject = reject;
		});
	}

	/** The answer, or its failure, is known. */
	get isOver(): boolean {
		return this.ended;
	}

	/** False only when it is certain that the server did not get the request. */
	get sent(): boolean {
		return this.started;
	}

	/** Ends the exchange now, whatever it is doing. A request that waits for its connection is never sent. */
	fail(error: TransportError): void {
		if (this.ended) return;
		this.ended = true;
		this.reject(error);
		this.controller?.abort(ENDED);
	}

	/** Ends the exchange because its time is up. */
	expire(timeoutMs: number): void {
		const text = `No complete answer within ${timeoutMs} ms`;
		this.fail(
			this.started
				? new TransportError('timeout', text, true)
				: notConnected(timeoutMs, this.proxy),
		);
	}

	onRequestStart(controller: Controller): void {
		if (this.ended) {
			controller.abort(ENDED);
			return;
		}
		this.controller = controller;
		this.started = true;
	}

	onResponseStart(
		_controller: Controller,
		status: number,
		headers: Record<string, string | string[] | undefined>,
	): void {
		// 1xx only announces the answer.
		if (status < 200) return;
		this.status = status;
		this.headers = Object.fromEntries(
			Object.entries(headers).map(([name, value]) => [
				name.toLowerCase(),
				Array.isArray(value) ? value.join(', ') : value,
			]),
		);
		// What could be decompressed has lost this header.
		const encoding = this.headers['content-encoding'] ?? '';
		if (!/^(?:identity)?$/i.test(encoding)) this.unreadable(unknownEncoding());
	}

	onResponseData(_controller: Controller, chunk: Buffer): void {
		this.bytes += chunk.length;
		if (this.bytes > this.maxBodyBytes) {
			this.unreadable(tooLarge());
			return;
		}
		this.chunks.push(chunk);
	}

	onResponseEnd(): void {
		this.succeed(UTF_8.decode(Buffer.concat(this.chunks)));
	}

	onResponseError(_controller: Controller | null, error: Error): void {
		if (this.status === 0) this.fail(networkFailure(error, this.started, this.proxy));
		else this.unreadable(bodyFailure(error));
	}

	private succeed(body: string): void {
		if (this.ended) return;
		this.ended = true;
		this.resolve({ status: this.status, headers: this.headers, body });
	}

	/** An error status says what there is to say, even if its body cannot be read. */
	private unreadable(error: TransportError): void {
		if (this.status < 400) {
			this.fail(error);
			return;
		}
		this.succeed('');
		this.controller?.abort(ENDED);
	}
}
