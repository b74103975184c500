import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import {
	createClient,
	createTransport,
	noMetrics,
	openEmbeddedStores,
	systemClock,
	type Client,
	type ClientSettings,
} from './built.ts';

export interface BenchClient {
	client: Client;
	settings: ClientSettings;
	close(): Promise<void>;
}

/** The product as it runs in n8n: durable embedded store in a folder of its own, undici, the machine's clock. */
export function openClient(
	baseUrl: string,
	over: {
		limits?: Partial<ClientSettings['limits']>;
		budget?: Partial<ClientSettings['budget']>;
	} = {},
): BenchClient {
	const folder = mkdtempSync(join(tmpdir(), 'tiklive-bench-'));
	const settings: ClientSettings = {
		baseUrl,
		apiKey: 'test-key',
		limits: {
			requestsPerMinute: 200,
			burst: 10,
			maxConcurrent: 20,
			windowMs: 60_000,
			guardMs: 1_000,
			...over.limits,
		},
		budget: {
			dailyBudget: undefined,
			criticalReserve: 0,
			creditBalance: undefined,
			timezone: 'UTC',
			...over.budget,
		},
	};
	const keyId = 'bench';
	const warn = (text: string) => process.stderr.write(`  ${text}\n`);
	const stores = openEmbeddedStores({ folder, keyId, clock: systemClock, warn });
	const transport = createTransport({
		maxConnections: settings.limits.maxConcurrent,
		userAgent: 'bench',
		clock: systemClock,
	});
	const client = createClient({
		settings,
		keyId,
		stores,
		transport: transport.send,
		clock: systemClock,
		random: Math.random,
		metrics: noMetrics,
		warn,
	});
	return {
		client,
		settings,
		async close() {
			await client.dispose();
			await transport.close();
			rmSync(folder, { recursive: true, force: true });
		},
	};
}

/** Runs `task` for 0 to count - 1, `width` at a time, as a node does with its items. */
export async function forEachAtOnce(
	count: number,
	width: number,
	task: (index: number) => Promise<void>,
): Promise<void> {
	let next = 0;
	const worker = async () => {
		while (next < count) await task(next++);
	};
	await Promise.all(Array.from({ length: Math.min(width, count) }, worker));
}

export function percentile(values: readonly number[], share: number): number {
	const sorted = [...values].sort((one, other) => one - other);
	return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

export function row(name: string, value: string): void {
	process.stdout.write(`${name.padEnd(64)} ${value}\n`);
}
