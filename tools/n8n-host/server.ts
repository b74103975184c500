import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

import { endChild, startChild, tail } from './children.ts';
import { n8nEnvironment } from './environment.ts';
import type { N8nHost } from './install.ts';
import { freePort } from './ports.ts';

export interface StartOptions {
	/** n8n keeps its data in `<userFolder>/.n8n`. */
	readonly userFolder: string;
	/** Taken if it is free; otherwise, and by default, some free port. */
	readonly port?: number;
	readonly env?: NodeJS.ProcessEnv;
	/** From start to ready; the first start creates the database. */
	readonly timeoutMs?: number;
}

/** A running process of n8n. */
export interface N8nServer {
	readonly url: string;
	readonly pid: number;
	/** All that it has printed so far. */
	log(): string;
	/** Resolves when its process is gone, for whatever reason. */
	readonly ended: Promise<void>;
	stop(): Promise<void>;
}

const READY_LIMIT_MS = 3 * 60_000;

/** Starts n8n and waits until it answers. Its process is ended if it does not. */
export async function startN8n(host: N8nHost, options: StartOptions): Promise<N8nServer> {
	const port = await freePort(options.port);
	const url = `http://127.0.0.1:${port}`;
	return await launch(host, ['start'], url, options, {
		N8N_PORT: String(port),
		N8N_EDITOR_BASE_URL: url,
		N8N_WEBHOOK_URL: url,
	});
}

/** The same for a worker of queue mode. What it serves at its address is its health and its metrics. */
export async function startWorker(host: N8nHost, options: StartOptions): Promise<N8nServer> {
	const port = await freePort(options.port);
	const url = `http://127.0.0.1:${port}`;
	return await launch(host, ['worker', '--concurrency=10'], url, options, {
		QUEUE_HEALTH_CHECK_ACTIVE: 'true',
		QUEUE_HEALTH_CHECK_PORT: String(port),
	});
}

async function launch(
	host: N8nHost,
	command: readonly string[],
	url: string,
	options: StartOptions,
	env: NodeJS.ProcessEnv,
): Promise<N8nServer> {
	const child = startChild(process.execPath, [host.bin, ...command], {
		cwd: options.userFolder,
		env: await n8nEnvironment(options.userFolder, { ...env, ...options.env }),
	});
	const log = collect(child);
	const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
	let gone = false;
	void ended.then(() => (gone = true));

	const deadline = Date.now() + (options.timeoutMs ?? READY_LIMIT_MS);
	while (!(await answers(`${url}/healthz/readiness`))) {
		if (gone || Date.now() > deadline) {
			await endChild(child);
			throw new Error(
				`n8n ${command[0]} ${gone ? 'ended while starting' : 'did not get ready'}\n${tail(log())}`,
			);
		}
		await sleep(250);
	}
	return { url, pid: child.pid ?? 0, log, ended, stop: async () => await endChild(child) };
}

function collect(child: ChildProcess): () => string {
	let text = '';
	for (const stream of [child.stdout, child.stderr]) {
		stream?.setEncoding('utf8').on('data', (part: string) => (text += part));
	}
	return () => text;
}

async function answers(url: string): Promise<boolean> {
	try {
		const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
		await response.body?.cancel();
		return response.ok;
	} catch {
		return false;
	}
}
