import { randomBytes } from 'node:crypto';
import { brotliCompressSync, createGzip, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { systemClock } from '../../nodes/shared/n8n/systemClock';
import { transportHarness } from './harness';

const ENCODINGS = {
	gzip: gzipSync,
	deflate: deflateSync,
	br: brotliCompressSync,
	zstd: zstdCompressSync,
} as const;
const NAMES = Object.keys(ENCODINGS) as (keyof typeof ENCODINGS)[];

const BODY = JSON.stringify({
	followers: Array.from({ length: 200 }, (_, index) => ({
		id: String(index),
		nickname: 'Änne 😀',
	})),
	noise: randomBytes(20_000).toString('base64'),
});

describe('a compressed answer', () => {
	const { serve, open, failure, until } = transportHarness();

	/** Answers a path such as /200/gzip with these bytes. */
	const serveBytes = async (bytes: Buffer, cut = bytes.length) =>
		await serve((request, response) => {
			const [, status, encoding] = String(request.url).split('/');
			response.writeHead(Number(status), { 'content-encoding': encoding });
			response.end(bytes.subarray(0, cut));
		});

	it.each(NAMES)('in %s is read, whatever the status', async (name) => {
		const url = await serveBytes(ENCODINGS[name](BODY));
		const { send } = open();
		for (const status of [200, 401, 503]) {
			expect(await send(`${url}/${status}/${name}`)).toMatchObject({ status, body: BODY });
		}
	});

	it.each(['GZIP', 'x-gzip', 'gzip,', ' gzip '])('may call itself %p', async (name) => {
		const url = await serve((_request, response) => {
			response.writeHead(200, { 'content-encoding': name }).end(gzipSync(BODY));
		});
		expect((await open().send(url)).body).toBe(BODY);
	});

	it('may be compressed twice', async () => {
		const url = await serve((_request, response) => {
			const bytes = brotliCompressSync(gzipSync(BODY));
			response.writeHead(200, { 'content-encoding': 'gzip, br' }).end(bytes);
		});
		expect((await open().send(url)).body).toBe(BODY);
	});

	it('may come in pieces, cut anywhere', async () => {
		const bytes = gzipSync(BODY);
		const url = await serve((_request, response) => {
			response.writeHead(200, { 'content-encoding': 'gzip' });
			let sent = 0;
			const timer = setInterval(() => {
				response.write(bytes.subarray(sent, (sent += 4_001)));
				if (sent < bytes.length) return;
				clearInterval(timer);
				response.end();
			}, 5);
		});
		expect((await open().send(url)).body).toBe(BODY);
	});

	it('leaves the connection for the next one', async () => {
		const sockets = new Set<unknown>();
		const url = await serve((request, response) => {
			sockets.add(request.socket);
			response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(BODY));
		});
		const { send } = open();
		for (let i = 0; i < 10; i++) await send(url);
		expect(sockets.size).toBeLessThanOrEqual(2);
	});

	it.each(NAMES)('in %s that was cut broke off', async (name) => {
		const bytes = ENCODINGS[name](BODY);
		const url = await serveBytes(bytes, bytes.length - 10);
		const { send } = open();
		expect(await failure(send(`${url}/200/${name}`))).toMatchObject({
			problem: 'body',
			sent: true,
			message: 'The answer broke off',
		});
		expect(await send(`${url}/503/${name}`)).toMatchObject({ status: 503, body: '' });
	});

	it.each(NAMES)('in %s that is not what it says cannot be read', async (name) => {
		const url = await serveBytes(Buffer.from(BODY));
		const { send } = open();
		expect(await failure(send(`${url}/200/${name}`))).toMatchObject({
			problem: 'body',
			sent: true,
			message: 'The answer could not be decompressed',
		});
		expect(await send(`${url}/429/${name}`)).toMatchObject({ status: 429, body: '' });
	});

	it.each(['compress', 'x-unknown', 'gzip, x-unknown'])('in %s cannot be read', async (name) => {
		const url = await serve((request, response) => {
			response.writeHead(Number(request.url?.slice(1)), { 'content-encoding': name });
			response.end(gzipSync(BODY));
		});
		const { send } = open();
		expect(await failure(send(`${url}/200`))).toMatchObject({ problem: 'body', sent: true });
		expect(await send(`${url}/503`)).toMatchObject({ status: 503, body: '' });
	});

	it('says "identity" where it is none', async () => {
		const url = await serve((_request, response) => {
			response.writeHead(200, { 'content-encoding': 'identity' }).end(BODY);
		});
		expect((await open().send(url)).body).toBe(BODY);
	});

	it.each(NAMES)('in %s is as large as the cap and no larger', async (name) => {
		const url = await serve((request, response) => {
			response.writeHead(200, { 'content-encoding': name });
			response.end(ENCODINGS[name]('x'.repeat(Number(request.url?.slice(1)))));
		});
		const { send } = open({ maxBodyBytes: 100_000 });
		expect((await send(`${url}/100000`)).body).toHaveLength(100_000);
		expect(await failure(send(`${url}/100001`))).toMatchObject({
			problem: 'body',
			sent: true,
			message: 'The answer is too large',
		});
	});

	it('that grows without end is ended at the cap, and never held', async () => {
		let gone = false;
		const url = await serve((_request, response) => {
			response.writeHead(200, { 'content-encoding': 'gzip' });
			const gzip = createGzip();
			gzip.pipe(response);
			const zeros = Buffer.alloc(1 << 20);
			const more = () => {
				while (!gone && gzip.write(zeros));
			};
			gzip.on('drain', more);
			response.on('close', () => {
				gone = true;
				gzip.destroy();
			});
			more();
		});
		const heldBefore = process.memoryUsage().arrayBuffers;
		expect(await failure(open().send(url))).toMatchObject({ message: 'The answer is too large' });
		await until(() => gone);
		expect(process.memoryUsage().arrayBuffers - heldBefore).toBeLessThan(64 * 2 ** 20);
	});

	it('that arrived whole and grows all the same is ended at the cap', async () => {
		// 128 MB of zeros in some hundred bytes.
		const bomb = gzipSync(gzipSync(Buffer.alloc(2 ** 27)));
		const url = await serve((_request, response) => {
			response.writeHead(200, { 'content-encoding': 'gzip, gzip' }).end(bomb);
		});
		expect(await failure(open().send(url))).toMatchObject({ message: 'The answer is too large' });
	});

	it('can be cancelled while it comes, and times out as others do', async () => {
		const url = await serve((_request, response) => {
			response.writeHead(200, { 'content-encoding': 'gzip' });
			response.write(gzipSync(BODY).subarray(0, 5_000));
		});
		const { send } = open();
		const controller = new AbortController();
		const sending = failure(send(url, { signal: controller.signal }));
		await systemClock.sleep(50);
		controller.abort();
		expect(await sending).toMatchObject({ problem: 'cancelled', sent: true });
		expect(await failure(send(url, { timeoutMs: 100 }))).toMatchObject({ problem: 'timeout' });
	});
});
