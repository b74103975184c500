import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

import { control, CONTROL_PREFIX } from './control.ts';
import { deliver } from './deliver.ts';
import { createResponder, type SimulatorOptions, type SimulatorParts } from './responder.ts';

export interface ServerOptions extends SimulatorOptions {
	/** Default 0: any free one. */
	port?: number;
}

/** TikLiveAPI on a loopback port. */
export interface Simulator extends SimulatorParts {
	/** Without a trailing slash, for example http://127.0.0.1:8399 */
	readonly url: string;
	readonly port: number;
	/** Ends all connections and resolves when the port is free. */
	close(): Promise<void>;
}

const HOST = '127.0.0.1';
const KEEP_ALIVE_MS = 30_000;

export async function startSimulator(options: ServerOptions = {}): Promise<Simulator> {
	const respond = createResponder(options);
	const { population, truth, faults, ledger, judge, report, reset } = respond;

	const handle = (request: IncomingMessage, response: ServerResponse): void => {
		const { method = 'GET', url = '/', headers } = request;
		if (url.startsWith(CONTROL_PREFIX)) void answerControl(respond, request, response);
		else deliver(respond({ method, url, headers }), response);
	};
	let server = await listen(handle, options.port ?? 0);
	const { port } = server.address() as AddressInfo;
	const stop = async (): Promise<void> => {
		if (server.listening) await closeServer(server);
	};
	faults.onOutage(async (mode) => {
		if (mode === 'refuse') await stop();
		else if (!server.listening) server = await listen(handle, port);
	});

	return {
		url: `http://${HOST}:${port}`,
		port,
		population,
		truth,
		faults,
		ledger,
		judge,
		report,
		reset,
		async close() {
			faults.onOutage(async () => {});
			await stop();
		},
	};
}

async function answerControl(
	parts: SimulatorParts,
	request: IncomingMessage,
	response: ServerResponse,
): Promise<void> {
	const url = new URL(request.url ?? '/', `http://${HOST}`);
	const { status, body } = await control(parts, request.method ?? 'GET', url, await text(request));
	response.writeHead(status, { 'content-type': 'application/json' });
	response.end(body);
}

function listen(
	handle: (request: IncomingMessage, response: ServerResponse) => void,
	port: number,
): Promise<Server> {
	const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, handle);
	return new Promise((resolve, reject) => {
		server.once('error', reject);
		server.listen(port, HOST, () => resolve(server));
	});
}

function closeServer(server: Server): Promise<void> {
	return new Promise((resolve) => {
		server.close(() => resolve());
		server.closeAllConnections();
	});
}
