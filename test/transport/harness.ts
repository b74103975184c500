import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import {
	createServer as createTcpServer,
	type AddressInfo,
	type Server as TcpServer,
	type Socket,
} from 'node:net';
import { inspect } from 'node:util';
import { systemClock } from '../../nodes/shared/n8n/systemClock';
import { TransportError, type TransportRequest } from '../../nodes/shared/resilience/ports';
import { createTransport, type TransportOptions } from '../../nodes/shared/transport';

export const KEY = 'canary-9a41-key';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

const isProxyVariable = (name: string) => /(?:^|_)proxy$/i.test(name);

/** Transports and servers over real sockets; all of them end after each test. Proxies are those that a test names. */
export function transportHarness() {
	const closers: Array<() => unknown> = [];
	const ambient = Object.entries(process.env).filter(([name]) => isProxyVariable(name));

	const setProxies = (variables: Record<string, string> = {}) => {
		for (const name of Object.keys(process.env)) {
			if (isProxyVariable(name)) delete process.env[name];
		}
		Object.assign(process.env, variables);
	};

	beforeEach(() => setProxies());

	afterEach(async () => {
		for (const close of closers.splice(0).reverse()) await close();
	});

	afterAll(() => setProxies(Object.fromEntries(ambient) as Record<string, string>));

	const listen = async (server: TcpServer): Promise<number> => {
		const sockets = new Set<Socket>();
		server.on('connection', (socket: Socket) => {
			sockets.add(socket);
			socket.on('error', () => {});
			socket.on('close', () => sockets.delete(socket));
		});
		await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
		closers.push(() => {
			for (const socket of sockets) socket.destroy();
			return new Promise((resolve) => server.close(resolve));
		});
		return (server.address() as AddressInfo).port;
	};

	/** An HTTP server, and its address. */
	const serve = async (handler: Handler): Promise<string> =>
		`http://127.0.0.1:${await listen(createServer(handler))}`;

	/** A server that says these bytes to every request. */
	const speak = async (answer: (socket: Socket, count: number) => void): Promise<string> => {
		let count = 0;
		const server = createTcpServer((socket) => {
			socket.on('data', () => answer(socket, count++));
		});
		return `http://127.0.0.1:${await listen(server)}`;
	};

	const open = (over: Partial<TransportOptions> = {}) => {
		const transport = createTransport({
			maxConnections: 20,
			userAgent: 'tiklive-test',
			clock: systemClock,
			...over,
		});
		closers.push(() => transport.close());
		const send = (url: string, request: Partial<TransportRequest> = {}) =>
			transport.send({ url, headers: { 'x-api-key': KEY }, timeoutMs: 5_000, ...request });
		return { ...transport, send };
	};

	const failure = async (sending: Promise<unknown>): Promise<TransportError> => {
		const error = await sending.then(
			() => undefined,
			(reason: unknown) => reason,
		);
		expect(error).toBeInstanceOf(TransportError);
		expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(KEY);
		expect((error as TransportError).stack).not.toContain(KEY);
		expect((error as TransportError).cause).toBeUndefined();
		return error as TransportError;
	};

	const outcome = async (sending: Promise<unknown>) => {
		const { problem, sent, code } = await failure(sending);
		return { problem, sent, code };
	};

	const until = async (condition: () => boolean) => {
		for (let i = 0; i < 200 && !condition(); i++) await systemClock.sleep(10);
		expect(condition()).toBe(true);
	};

	return { setProxies, listen, serve, speak, open, failure, outcome, until };
}
