import { Agent, get, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib';

import { pathOf } from './asking.ts';
import type { FaultStep } from './faults.ts';
import { startSimulator, type Simulator } from './server.ts';

const INFO = pathOf('/userinfo-by-username/', { username: 'no_stats' });
const DECOMPRESS = {
	gzip: gunzipSync,
	deflate: inflateSync,
	br: brotliDecompressSync,
	zstd: zstdDecompressSync,
};
const HEADERS = { 'x-api-key': 'test-key' };

let simulator: Simulator;

beforeAll(async () => {
	simulator = await startSimulator({ size: 1_000, limits: { burst: Infinity } });
});
afterEach(async () => {
	await simulator.faults.outage(false);
	simulator.reset();
});
afterAll(() => simulator.close());

interface Received {
	status: number;
	headers: IncomingMessage['headers'];
	body: string;
}

/** Rejects like the socket does: refused, reset, aborted. */
function receive(path: string, agent?: Agent): Promise<Received> {
	return new Promise((resolve, reject) => {
		get(`${simulator.url}${path}`, { headers: HEADERS, ...(agent && { agent }) }, (response) => {
			text(response).then(
				(body) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
				reject,
			);
		}).on('error', reject);
	});
}

async function receiveBytes(path: string) {
	return await new Promise<{ headers: IncomingMessage['headers']; bytes: Buffer }>(
		(resolve, reject) => {
			get(`${simulator.url}${path}`, { headers: HEADERS }, (response) => {
				buffer(response).then((bytes) => resolve({ headers: response.headers, bytes }), reject);
			}).on('error', reject);
		},
	);
}

/** Everything that comes over a fresh connection until it ends, as it is on the wire. */
function receiveRaw(path: string): Promise<string> {
	return new Promise((resolve) => {
		let received = '';
		const socket = connect(simulator.port, '127.0.0.1');
		socket.setEncoding('utf8');
		socket.on('data', (piece) => (received += String(piece)));
		socket.on('error', (error) => (received += `\n!${(error as NodeJS.ErrnoException).code}`));
		socket.on('close', () => resolve(received));
		socket.write(
			`GET ${path} HTTP/1.1\r\nHost: x\r\nX-Api-Key: test-key\r\nConnection: close\r\n\r\n`,
		);
	});
}

async function rawWith(step: FaultStep): Promise<{ head: string; body: string; stated: number }> {
	simulator.faults.script('/userinfo-by-username/', [step]);
	const received = await receiveRaw(INFO);
	const split = received.indexOf('\r\n\r\n');
	const head = received.slice(0, split);
	return {
		head,
		body: received.slice(split + 4),
		stated: Number(/content-length: (\d+)/i.exec(head)?.[1]),
	};
}

async function control(method: string, path: string, body?: unknown): Promise<[number, unknown]> {
	const response = await fetch(`${simulator.url}/__sim/${path}`, {
		method,
		...(body === undefined ? {} : { body: JSON.stringify(body) }),
	});
	return [response.status, await response.json()];
}

describe('over a socket', () => {
	it('answers JSON and keeps the connection', async () => {
		const agent = new Agent({ keepAlive: true, maxSockets: 1 });
		const first = await receive(INFO, agent);
		expect(first.headers).toMatchObject({
			'content-type': 'application/json',
			connection: 'keep-alive',
		});
		expect(JSON.parse(first.body)).toHaveProperty('user');
		await receive(INFO, agent);
		const sockets = Object.values(agent.freeSockets).flat();
		expect(sockets).toHaveLength(1);
		agent.destroy();
		expect(simulator.report()).toMatchObject({
			judge: { arrivals: 2, inFlight: 0 },
			ledger: { billed: 2, undelivered: [] },
		});
	});

	it('sees how many are in flight', async () => {
		simulator.faults.set({ latencyMs: [100, 100] });
		await Promise.all(Array.from({ length: 7 }, () => receive(INFO)));
		expect(simulator.judge.report()).toMatchObject({ inFlight: 0, inFlightPeak: 7 });
	});

	it('notes a caller that leaves before a paid answer', async () => {
		simulator.faults.script('/userinfo-by-username/', [{ kind: 'slow-headers', ms: 60_000 }]);
		const signal = AbortSignal.timeout(100);
		await expect(fetch(`${simulator.url}${INFO}`, { headers: HEADERS, signal })).rejects.toThrow();
		while (simulator.judge.report().inFlight > 0) await new Promise(setImmediate);
		expect(simulator.ledger.report()).toMatchObject({
			billed: 1,
			undelivered: [{ reason: 'caller-left' }],
		});
	});

	it('serves more than 1,000 requests a second beside its own client', async () => {
		simulator.faults.script('/userinfo-by-username/', Array(2_000).fill('none'));
		const agent = new Agent({ keepAlive: true, maxSockets: 20 });
		const startedMs = performance.now();
		await Promise.all(Array.from({ length: 2_000 }, () => receive(INFO, agent)));
		expect(performance.now() - startedMs).toBeLessThan(10_000);
		agent.destroy();
		expect(simulator.report().answers).toEqual({ 200: 2_000 });
	});
});

describe('faults on the wire', () => {
	it('reset: not a byte', async () => {
		simulator.faults.script('/userinfo-by-username/', ['reset']);
		expect(await receiveRaw(INFO)).toBe('\n!ECONNRESET');
	});

	it('reset-mid-body: half, then a reset', async () => {
		const { body, stated } = await rawWith('reset-mid-body');
		expect(body).toMatch(/^\{"user".*!ECONNRESET$/s);
		expect(body.length).toBeLessThan(stated);
	});

	it('truncated: half, framed as all', async () => {
		const { body, stated } = await rawWith('truncated');
		expect(Buffer.byteLength(body)).toBe(stated);
		expect(() => JSON.parse(body) as unknown).toThrow();
	});

	it('short-body: half of what was stated, and an orderly end', async () => {
		const { body, stated } = await rawWith('short-body');
		expect(body).not.toContain('!');
		expect(Buffer.byteLength(body)).toBe(Math.floor(stated / 2));
	});

	it('short-length: more than was stated', async () => {
		const { body, stated } = await rawWith('short-length');
		expect(() => JSON.parse(body) as unknown).not.toThrow();
		expect(stated).toBe(Math.floor(Buffer.byteLength(body) / 2));
	});

	it('chunked-cut: no last chunk', async () => {
		const { head, body } = await rawWith('chunked-cut');
		expect(head).toMatch(/transfer-encoding: chunked/i);
		expect(body).toContain('{"user"');
		expect(body).not.toMatch(/\r\n0\r\n/);
	});

	it('slow-body: byte by byte, whole in the end', async () => {
		simulator.faults.script('/userid/', [{ kind: 'slow-body', everyMs: 5 }]);
		const startedMs = performance.now();
		const { body } = await receive(pathOf('/userid/', { username: 'no_stats' }));
		expect(JSON.parse(body)).toHaveProperty('id');
		expect(performance.now() - startedMs).toBeGreaterThan(body.length * 5 * 0.9);
	});

	it('huge: valid JSON of exactly that size', async () => {
		const bytes = 3_000_001;
		simulator.faults.script('/userinfo-by-username/', [{ kind: 'huge', bytes }]);
		const { body, headers } = await receive(INFO);
		expect(headers['content-length']).toBe(String(bytes));
		expect(body).toHaveLength(bytes);
		expect(() => JSON.parse(body) as unknown).not.toThrow();
	});

	it.each(['gzip', 'deflate', 'br', 'zstd'] as const)('compressed: %s', async (encoding) => {
		const { body: plain } = await receive(INFO);
		simulator.faults.script('/userinfo-by-username/', [
			{ kind: 'compressed', encoding },
			{ kind: 'compressed-cut', encoding },
		]);
		const decompress = DECOMPRESS[encoding];
		const whole = await receiveBytes(INFO);
		expect(whole.headers['content-encoding']).toBe(encoding);
		expect(decompress(whole.bytes).toString()).toBe(plain);
		const cut = await receiveBytes(INFO);
		expect(cut.bytes).toHaveLength(whole.bytes.length >> 1);
		expect(() => decompress(cut.bytes)).toThrow(/unexpected end of file/);
	});

	it('bomb: valid JSON of exactly that size, small on the wire', async () => {
		const bytes = 3_000_001;
		simulator.faults.script('/userinfo-by-username/', [{ kind: 'bomb', bytes }]);
		const bomb = await receiveBytes(INFO);
		expect(bomb.bytes.length).toBeLessThan(bytes / 100);
		const body = gunzipSync(bomb.bytes).toString();
		expect(body).toHaveLength(bytes);
		expect(() => JSON.parse(body) as unknown).not.toThrow();
	});

	it('broken-byte: one byte that is no UTF-8', async () => {
		simulator.faults.script('/userinfo-by-username/', ['none', 'broken-byte']);
		const [whole, broken] = [await receiveBytes(INFO), await receiveBytes(INFO)];
		expect(new TextDecoder().decode(broken.bytes)).toContain('"nickname":"\ufffd');
		const name = whole.bytes.indexOf('"nickname":"') + '"nickname":"'.length;
		expect(broken.bytes.subarray(0, name)).toEqual(whole.bytes.subarray(0, name));
	});

	it('redirect, 204 and headers of a script', async () => {
		simulator.faults.script('/userinfo-by-username/', [
			'redirect',
			'no-content',
			{ kind: 'status', status: 429, headers: { 'retry-after': '7' } },
		]);
		const { status, headers } = await receive(INFO);
		expect(status).toBe(302);
		expect(new URL(headers.location!).hostname).not.toBe('127.0.0.1');
		expect(await receive(INFO)).toMatchObject({ status: 204, body: '' });
		expect(await receive(INFO)).toMatchObject({ status: 429, headers: { 'retry-after': '7' } });
	});

	it('bom: three bytes in front', async () => {
		simulator.faults.script('/userinfo-by-username/', ['bom']);
		const response = await fetch(`${simulator.url}${INFO}`, { headers: HEADERS });
		const bytes = new Uint8Array(await response.arrayBuffer());
		expect([...bytes.slice(0, 4)]).toEqual([0xef, 0xbb, 0xbf, 0x7b]);
	});

	it('never: nothing comes, and the caller can still leave', async () => {
		simulator.faults.script('/userinfo-by-username/', ['never']);
		const signal = AbortSignal.timeout(100);
		await expect(fetch(`${simulator.url}${INFO}`, { headers: HEADERS, signal })).rejects.toThrow(
			/timeout/,
		);
		expect(simulator.ledger.report().billed).toBe(0);
	});
});

describe('outage', () => {
	it('503 for everybody, or resets', async () => {
		await simulator.faults.outage(true);
		expect(await receive(INFO)).toMatchObject({ status: 503 });
		await simulator.faults.outage('reset');
		await expect(receive(INFO)).rejects.toMatchObject({ code: 'ECONNRESET' });
		await simulator.faults.outage(false);
		expect(await receive(INFO)).toMatchObject({ status: 200 });
		expect(simulator.report()).toMatchObject({ judge: { arrivals: 3 }, ledger: { billed: 1 } });
	});

	it('refuse: breaks what is open, closes the socket and opens it on the same port', async () => {
		simulator.faults.script('/userinfo-by-username/', ['never']);
		const open = receive(INFO);
		const broken = expect(open).rejects.toMatchObject({ code: 'ECONNRESET' });
		while (simulator.judge.report().inFlight === 0) await new Promise(setImmediate);
		await simulator.faults.outage('refuse');
		await broken;
		await simulator.faults.outage('refuse');
		await expect(receive(INFO)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
		await simulator.faults.outage(false);
		expect(await receive(INFO)).toMatchObject({ status: 200 });
	});
});

describe('control', () => {
	it('reports without being an arrival or a cost', async () => {
		await receive(INFO);
		const [status, report] = await control('GET', 'report');
		expect(status).toBe(200);
		expect(report).toMatchObject({ judge: { arrivals: 1 }, ledger: { billed: 1 } });
	});

	it('takes rates, scripts and outages as JSON, and resets', async () => {
		await control('POST', 'faults', {
			set: { rate5xx: 1 },
			script: { match: '/userinfo-by-username/', faults: [418] },
		});
		expect((await receive(INFO)).status).toBe(418);
		expect((await receive(INFO)).status).toBeGreaterThanOrEqual(500);
		await control('POST', 'reset');
		expect((await receive(INFO)).status).toBe(200);
		await control('POST', 'faults', { outage: true });
		expect((await receive(INFO)).status).toBe(503);
		await control('POST', 'faults', { outage: false });
		expect((await receive(INFO)).status).toBe(200);
	});

	it('refuses connections for a time', async () => {
		await control('POST', 'faults', { outage: 'refuse', outageMs: 300 }).catch(() => undefined);
		await expect(receive(INFO)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
		await new Promise((resolve) => setTimeout(resolve, 600));
		expect((await receive(INFO)).status).toBe(200);
	});

	it('tells the truth and changes the population', async () => {
		const path = 'truth?kind=posts&username=no_stats';
		expect(await control('GET', path)).toEqual([200, simulator.truth.posts('no_stats')]);
		await control('POST', 'population', {
			publish: { username: 'no_stats', posts: 2 },
			edit: { username: 'no_stats', changes: { nickname: 'changed' } },
		});
		expect((await control('GET', path))[1]).toHaveLength(52);
		expect((await receive(INFO)).body).toContain('"nickname":"changed"');
		expect(await control('GET', 'truth?kind=exists&username=nobody')).toEqual([200, false]);
		expect(await control('GET', 'truth?kind=userInfo&username=nobody')).toEqual([200, null]);
	});

	it.each([
		['GET', 'nothing', undefined],
		['GET', 'truth?kind=secrets&username=no_stats', undefined],
		['POST', 'faults', { sett: {} }],
		['POST', 'faults', { set: { rate: 1 } }],
		['POST', 'faults', { script: { match: '/userid/', faults: ['resett'] } }],
		['POST', 'faults', { outage: 'refuse' }],
		['POST', 'population', { publish: { username: 'nobody' } }],
	])('%s %s %j is 400 with a reason', async (method, path, body) => {
		expect(await control(method, path, body)).toEqual([400, { error: expect.stringMatching(/./) }]);
	});
});

describe('close', () => {
	it('ends open exchanges and frees the port', async () => {
		const short = await startSimulator({ size: 10 });
		short.faults.script('/userid/', ['never']);
		const agent = new Agent({ keepAlive: true });
		const open = new Promise<NodeJS.ErrnoException>((resolve) => {
			get(`${short.url}/userid/?username=no_stats`, { agent, headers: HEADERS }).on(
				'error',
				resolve,
			);
		});
		while (short.judge.report().inFlight === 0) await new Promise(setImmediate);
		await short.close();
		expect((await open).code).toBe('ECONNRESET');
		await short.faults.outage(false);
		const successor = await startSimulator({ size: 10, port: short.port });
		expect(successor.port).toBe(short.port);
		await successor.close();
		await expect(startSimulator({ port: simulator.port })).rejects.toMatchObject({
			code: 'EADDRINUSE',
		});
	});
});
