import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/**
 * `pass`: as if it were not there. `blackhole`: takes everything, hands nothing on. `reset`: every connection
 * is reset. `refuse`: nobody listens.
 */
export type Mode = 'pass' | 'blackhole' | 'reset' | 'refuse';

export interface Toxics {
	/** Added to each piece of data in each direction. */
	latencyMs?: number;
	/** Random, on top. */
	jitterMs?: number;
	/** Of each direction. */
	bytesPerSecond?: number;
}

/** A TCP proxy on the loopback interface that does to connections what networks do. */
export class FaultProxy {
	readonly #sockets = new Set<Socket>();
	#server: Server | undefined;
	#mode: Mode = 'pass';
	#toxics: Toxics = {};
	#port = 0;

	readonly #target: { host: string; port: number };

	private constructor(target: { host: string; port: number }) {
		this.#target = target;
	}

	static async start(target: { host: string; port: number }): Promise<FaultProxy> {
		const proxy = new FaultProxy(target);
		await proxy.#listen();
		return proxy;
	}

	get port(): number {
		return this.#port;
	}

	/** Takes effect at once, on open connections too. */
	async set(mode: Mode, toxics: Toxics = {}): Promise<void> {
		this.#mode = mode;
		this.#toxics = toxics;
		if (mode === 'reset' || mode === 'refuse') {
			for (const socket of this.#sockets) socket.resetAndDestroy();
		}
		if (mode === 'refuse') await this.#stopListening();
		else if (!this.#server) await this.#listen();
	}

	async stop(): Promise<void> {
		for (const socket of this.#sockets) socket.destroy();
		await this.#stopListening();
	}

	async #listen(): Promise<void> {
		const server = createServer((client) => this.#join(client)).listen(this.#port, '127.0.0.1');
		this.#server = server;
		await once(server, 'listening');
		this.#port = (server.address() as AddressInfo).port;
	}

	async #stopListening(): Promise<void> {
		const server = this.#server;
		this.#server = undefined;
		if (!server) return;
		server.close();
		for (const socket of this.#sockets) socket.destroy();
		await once(server, 'close');
	}

	#join(client: Socket): void {
		if (this.#mode === 'reset') {
			client.on('error', () => {});
			client.resetAndDestroy();
			return;
		}
		const server = connect(this.#target);
		this.#pipe(client, server);
		this.#pipe(server, client);
	}

	#pipe(from: Socket, to: Socket): void {
		this.#sockets.add(from);
		let free = 0;
		from.on('data', (piece: Buffer) => {
			if (this.#mode === 'blackhole') return;
			const { latencyMs = 0, jitterMs = 0, bytesPerSecond = Infinity } = this.#toxics;
			const now = performance.now();
			// In order: a piece never overtakes the one before.
			const dueMs = Math.max(now + latencyMs + Math.random() * jitterMs, free);
			free = dueMs + (piece.length / bytesPerSecond) * 1_000;
			if (free <= now) to.write(piece);
			else setTimeout(() => this.#mode !== 'blackhole' && to.write(piece), free - now);
		});
		from.on('error', () => {});
		from.on('close', () => {
			this.#sockets.delete(from);
			to.destroy();
		});
	}
}
