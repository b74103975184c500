/**
 * What the helper costs, in one run and one process, against the simulator in a process of its own:
 * CPU per request beside raw undici and n8n's own httpRequest helper, and the time of a cached hit.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, request } from 'undici';

import {
	createClient,
	createTransport,
	noMetrics,
	openEmbeddedStores,
	systemClock,
} from './built.ts';
import { forEachAtOnce, percentile, row } from './client.ts';
import { startSimulatorProcess } from './simulatorProcess.ts';

const load = createRequire(import.meta.url);
const REQUESTS = 1_000;
const ROUNDS = 3;
const WIDTH = 20;

const simulator = await startSimulatorProcess();
const { url } = simulator;
const username = (index: number) => `creator${String(index).padStart(6, '0')}`;
const address = (index: number) => `${url}/userinfo-by-username/?username=${username(index)}`;
const headers = { 'x-api-key': 'test-key' };

/** Unlimited in practice, so that the work is measured and not the waiting. */
const limits = {
	requestsPerMinute: 10_000_000,
	burst: 10_000_000,
	maxConcurrent: WIDTH,
	windowMs: 60_000,
	guardMs: 1_000,
};
const budget = {
	dailyBudget: undefined,
	criticalReserve: 0,
	creditBalance: undefined,
	timezone: 'UTC',
};
const folder = mkdtempSync(join(tmpdir(), 'tiklive-cost-'));
const transport = createTransport({
	maxConnections: WIDTH,
	userAgent: 'bench',
	clock: systemClock,
});
const warn = (text: string) => process.stderr.write(`${text}\n`);
const open = (at: string | undefined) =>
	createClient({
		settings: { baseUrl: url, apiKey: 'test-key', limits, budget },
		keyId: 'bench',
		stores: openEmbeddedStores({ folder: at, keyId: 'bench', clock: systemClock, warn }),
		transport: transport.send,
		clock: systemClock,
		random: Math.random,
		metrics: noMetrics,
		warn,
	});

const agent = new Agent({ connections: WIDTH });
const { getRequestHelperFunctions } = load(
	'n8n-core/dist/execution-engine/node-execution-context/utils/request-helper-functions.js',
) as {
	getRequestHelperFunctions(...parts: unknown[]): {
		httpRequest(options: object): Promise<unknown>;
	};
};
const n8n = getRequestHelperFunctions(
	{ id: '1' },
	{ name: 'bench', parameters: {} },
	{
		hooks: undefined,
		credentialsHelper: {},
	},
);

const durable = open(folder);
const memory = open(undefined);
const ways: Record<string, (index: number) => Promise<unknown>> = {
	'raw undici': async (index) => {
		const { body } = await request(address(index), { dispatcher: agent, headers });
		return await body.json();
	},
	"n8n's httpRequest helper": async (index) =>
		await n8n.httpRequest({ url: address(index), headers, json: true }),
	'our helper, durable store': async (index) =>
		await durable.call('userInfoByUsername', { username: username(index) }, { maxAgeMs: 0 }),
	'our helper, store in memory': async (index) =>
		await memory.call('userInfoByUsername', { username: username(index) }, { maxAgeMs: 0 }),
};

const best = new Map<string, { cpuUs: number; perSecond: number }>();
let offset = 0;
for (let round = 0; round < ROUNDS; round += 1) {
	for (const [name, ask] of Object.entries(ways)) {
		const [cpu, startedMs] = [process.cpuUsage(), performance.now()];
		await forEachAtOnce(REQUESTS, WIDTH, async (index) => void (await ask(offset + index)));
		const { user, system } = process.cpuUsage(cpu);
		const cpuUs = (user + system) / REQUESTS;
		const perSecond = (REQUESTS / (performance.now() - startedMs)) * 1000;
		const known = best.get(name);
		if (known === undefined || cpuUs < known.cpuUs) best.set(name, { cpuUs, perSecond });
	}
	offset += REQUESTS;
}
for (const [name, { cpuUs, perSecond }] of best) {
	row(`CPU per request: ${name}`, `${Math.round(cpuUs)} us (${Math.round(perSecond)}/s)`);
}

const timeHits = async (client: typeof durable, indexes: readonly number[]) => {
	const us: number[] = [];
	for (const index of indexes) {
		const startedMs = performance.now();
		await client.call('userInfoByUsername', { username: username(index) });
		us.push((performance.now() - startedMs) * 1000);
	}
	return `p50 ${percentile(us, 0.5).toFixed(1)} us, p99 ${percentile(us, 0.99).toFixed(0)} us`;
};
const known = Array.from({ length: 2_000 }, (_, index) => index);
const fresh = open(folder);
row('cached hit: durable store, memory tier empty', await timeHits(fresh, known));
row('cached hit: memory tier', await timeHits(fresh, known));

for (const client of [durable, memory, fresh]) await client.dispose();
await transport.close();
await agent.close();
rmSync(folder, { recursive: true, force: true });
simulator.kill();
