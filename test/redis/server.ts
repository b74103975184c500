import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisSettings } from '../../nodes/shared/stores/redis/connection.ts';

const READY_LIMIT_MS = 10_000;

/** A Redis for tests alone: on a free port of the loopback interface, without anything on disk unless asked for. */
export class RedisServer {
	readonly port: number;

	readonly folder: string;

	readonly #args: readonly string[];

	#child: ChildProcess | undefined;

	private constructor(port: number, folder: string, args: readonly string[]) {
		this.port = port;
		this.folder = folder;
		this.#args = args;
	}

	/** `args` as on the command line of redis-server. */
	static async start(args: readonly string[] = []): Promise<RedisServer> {
		const folder = mkdtempSync(join(tmpdir(), 'tiklive-redis-'));
		const server = new RedisServer(await freePort(), folder, args);
		await server.begin();
		return server;
	}

	get settings(): RedisSettings {
		return { host: '127.0.0.1', port: this.port };
	}

	get pid(): number {
		return this.#child?.pid ?? 0;
	}

	/** Starts it again on the same port, after `kill`. */
	async begin(args: readonly string[] = []): Promise<void> {
		this.#child = spawn(
			'redis-server',
			[
				...['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.folder],
				...['--save', '', '--appendonly', 'no', ...this.#args, ...args],
			],
			{ stdio: ['ignore', 'pipe', 'inherit'] },
		);
		let log = '';
		this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => (log += text));
		const deadline = Date.now() + READY_LIMIT_MS;
		while (!/Ready to accept connections/.test(log)) {
			if (this.#child.exitCode !== null || Date.now() > deadline) {
				throw new Error(`redis-server did not start\n${log}`);
			}
			await sleep(20);
		}
	}

	/** Ends it at once; what it held in memory is lost. */
	async kill(): Promise<void> {
		const child = this.#child;
		if (!child || child.exitCode !== null || child.signalCode !== null) return;
		const gone = once(child, 'exit');
		child.kill('SIGKILL');
		await gone;
	}

	/** For good. */
	async stop(): Promise<void> {
		await this.kill();
		rmSync(this.folder, { recursive: true, force: true });
	}
}

/** Whether this machine has redis-server. */
export function hasRedisServer(): boolean {
	return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
		try {
			accessSync(join(folder, 'redis-server'), constants.X_OK);
			return true;
		} catch {
			return false;
		}
	});
}

/** The Redis at REDIS_URL, else an own one. Tests use random keys in it, and never remove what is not theirs. */
export async function someRedis(): Promise<{ settings: RedisSettings; stop: () => Promise<void> }> {
	const url = process.env['REDIS_URL'];
	if (url) return { settings: settingsOf(url), stop: async () => {} };
	const server = await RedisServer.start();
	return { settings: server.settings, stop: async () => await server.stop() };
}

function settingsOf(text: string): RedisSettings {
	const { hostname, port, username, password, pathname, protocol } = new URL(text);
	return {
		host: hostname,
		port: Number(port || 6379),
		username: decodeURIComponent(username),
		password: decodeURIComponent(password),
		database: Number(pathname.slice(1) || 0),
		tls: protocol === 'rediss:' ? {} : undefined,
	};
}

async function freePort(): Promise<number> {
	const server = createServer().listen(0, '127.0.0.1');
	await once(server, 'listening');
	const { port } = server.address() as AddressInfo;
	server.close();
	await once(server, 'close');
	return port;
}
