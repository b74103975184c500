/**
 * What a page of 200 followers costs on the wire and in CPU, plain and compressed, side by side in one run. The
 * simulator compresses in a process of its own; counted here is our side: transport, decompression, and reading.
 */
import { subscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';

import type { FaultStep } from '../simulator/faults.ts';
import { classify, createTransport, systemClock } from './built.ts';
import { forEachAtOnce, row } from './client.ts';
import { startSimulatorProcess } from './simulatorProcess.ts';

const PAGES = 300;
const ROUNDS = 5;
const WIDTH = 20;
const LIST = '/user-followers/';

const simulator = await startSimulatorProcess();
const { url } = simulator;

const sockets = new Set<Socket>();
subscribe('undici:client:connected', (message) => {
	sockets.add((message as { socket: Socket }).socket);
});
const bytesRead = () => [...sockets].reduce((sum, socket) => sum + socket.bytesRead, 0);

const transport = createTransport({
	maxConnections: WIDTH,
	userAgent: 'bench',
	clock: systemClock,
});
const ask = async (path: string) => {
	const headers = { 'x-api-key': 'test-key' };
	return await transport.send({ url: url + path, headers, timeoutMs: 30_000 });
};
const { id } = JSON.parse((await ask('/userid/?username=tiktok')).body) as { id: string };
const page = `${LIST}?userid=${id}&count=200&time=0`;
const { body } = await ask(page);
row('a page of 200 followers', `${Buffer.byteLength(body)} bytes`);

const ways: Record<string, FaultStep> = {
	plain: 'none',
	gzip: { kind: 'compressed', encoding: 'gzip' },
	deflate: { kind: 'compressed', encoding: 'deflate' },
	br: { kind: 'compressed', encoding: 'br' },
	zstd: { kind: 'compressed', encoding: 'zstd' },
};

interface Cost {
	bytes: number;
	cpuUs: number;
}
const best = new Map<string, Cost>();
for (let round = 0; round < ROUNDS; round += 1) {
	for (const [name, step] of Object.entries(ways)) {
		await fetch(`${url}/__sim/faults`, {
			method: 'POST',
			body: JSON.stringify({ script: { match: LIST, faults: Array(PAGES).fill(step) } }),
		});
		const [cpu, before] = [process.cpuUsage(), bytesRead()];
		await forEachAtOnce(PAGES, WIDTH, async () => {
			const verdict = classify('userFollowers', await ask(page), 0);
			if (!verdict.ok) throw new Error(verdict.failure.detail);
		});
		const { user, system } = process.cpuUsage(cpu);
		const cost = { bytes: (bytesRead() - before) / PAGES, cpuUs: (user + system) / PAGES };
		const known = best.get(name);
		if (known === undefined || cost.cpuUs < known.cpuUs) best.set(name, cost);
	}
}
const plain = best.get('plain') as Cost;
for (const [name, { bytes, cpuUs }] of best) {
	const share = `${((100 * bytes) / plain.bytes).toFixed(1)} % of the bytes`;
	row(
		`${name}: bytes on the wire and CPU a page`,
		`${Math.round(bytes)} bytes, ${Math.round(cpuUs)} us (${share}, ${(cpuUs / plain.cpuUs).toFixed(2)} x the CPU)`,
	);
}

await transport.close();
simulator.kill();
