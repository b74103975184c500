import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect, createServer as createTcpServer, type Socket } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { createHttpProxyAgent, createHttpsProxyAgent } from '@n8n/backend-network';
import { systemClock } from '../../nodes/shared/n8n/systemClock';
import { proxyFor } from '../../nodes/shared/transport/proxies';
import { selfSigned } from '../support/certificate';
import { KEY, transportHarness } from './harness';

interface Proxy {
	/** Host and port. */
	place: string;
	/** First lines of what it was asked, and all that it could read. */
	requests: string[];
	read: string[];
}

describe('proxy', () => {
	const { setProxies, listen, serve, open, failure, until } = transportHarness();
	const trusted = getCACertificates('default');

	afterEach(() => setDefaultCACertificates(trusted));

	/** Forwards plain requests and opens tunnels, to `port` whatever the name. */
	const proxyTo = async (port: number, status = 200): Promise<Proxy> => {
		const proxy: Proxy = { place: '', requests: [], read: [] };
		const server: Server = createServer((request, response) => {
			proxy.requests.push(`${request.method} ${request.url}`);
			proxy.read.push(JSON.stringify(request.headers));
			response.writeHead(status).end('{"through":"proxy"}');
		});
		server.on('connect', (request: IncomingMessage, socket: Socket) => {
			proxy.requests.push(`CONNECT ${request.url}`);
			proxy.read.push(JSON.stringify(request.headers));
			if (status !== 200) {
				socket.end(`HTTP/1.1 ${status} No\r\n\r\n`);
				return;
			}
			const target = connect(port, '127.0.0.1', () => {
				socket.write('HTTP/1.1 200 Connected\r\n\r\n');
				target.pipe(socket).pipe(target);
			});
			target.on('error', () => socket.destroy());
			socket.on('data', (chunk: Buffer) => proxy.read.push(chunk.toString('latin1')));
		});
		proxy.place = `127.0.0.1:${await listen(server)}`;
		return proxy;
	};

	/** An API under https://api.example, as far as a proxy leads there. */
	const api = async () => {
		const certificate = selfSigned('api.example');
		setDefaultCACertificates([...trusted, certificate.cert]);
		const seen: IncomingMessage[] = [];
		const server = createTlsServer(certificate, (request, response) => {
			seen.push(request);
			response.end('{"from":"api"}');
		});
		return { seen, port: await listen(server) };
	};

	it.each(['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'])(
		'of %s opens a tunnel in which it cannot read the key',
		async (variable) => {
			const { seen, port } = await api();
			const proxy = await proxyTo(port);
			setProxies({ [variable]: `http://${proxy.place}` });
			expect((await open().send('https://api.example/user')).body).toBe('{"from":"api"}');
			expect(proxy.requests).toEqual(['CONNECT api.example:443']);
			expect(seen[0]?.headers['x-api-key']).toBe(KEY);
			expect(proxy.read.join()).not.toContain(KEY);
		},
	);

	it('gets its own user name and password, and nobody else does', async () => {
		const { seen, port } = await api();
		const proxy = await proxyTo(port);
		setProxies({ HTTPS_PROXY: `http://user:p%40ss@${proxy.place}` });
		await open().send('https://api.example/user');
		const credentials = Buffer.from('user:p@ss').toString('base64');
		expect(proxy.read[0]).toContain(`"proxy-authorization":"Basic ${credentials}"`);
		expect(JSON.stringify(seen[0]?.headers)).not.toContain('proxy');
	});

	it('is asked for plain requests too, with or without a scheme in its address', async () => {
		const proxy = await proxyTo(0);
		for (const address of [`http://${proxy.place}`, proxy.place]) {
			setProxies({ HTTP_PROXY: address });
			expect((await open().send('http://api.example/user')).body).toBe('{"through":"proxy"}');
		}
		expect(proxy.requests).toEqual(['GET http://api.example/user', 'GET http://api.example/user']);
	});

	it('is looked up anew for each request, and keeps its connections', async () => {
		const url = await serve((_request, response) => response.end('{"from":"api"}'));
		const { port } = new URL(url);
		const proxy = await proxyTo(0);
		const { send } = open();
		const ask = async () => (await send(`http://127.0.0.1:${port}`)).body;
		expect(await ask()).toBe('{"from":"api"}');
		setProxies({ HTTP_PROXY: `http://${proxy.place}` });
		expect(await ask()).toBe('{"through":"proxy"}');
		expect(await ask()).toBe('{"through":"proxy"}');
		setProxies({ HTTP_PROXY: `http://${proxy.place}`, NO_PROXY: '127.0.0.1' });
		expect(await ask()).toBe('{"from":"api"}');
		expect(proxy.requests).toHaveLength(2);
	});

	/** Which way n8n's own agents take, seen at the proxy; without one they lead to a port where nobody listens. */
	const wayOfN8n = async (address: string, proxy: Proxy): Promise<'proxy' | 'straight'> => {
		const before = proxy.requests.length;
		const agent = address.startsWith('https:')
			? createHttpsProxyAgent(address)
			: createHttpProxyAgent(address);
		const url = new URL(address);
		await new Promise<void>((resolve) => {
			httpRequest(
				{ host: url.hostname, port: url.port || 80, protocol: url.protocol, path: '/', agent },
				(response) => response.resume().on('end', () => resolve()),
			)
				.on('error', () => resolve())
				.end();
		});
		return proxy.requests.length > before ? 'proxy' : 'straight';
	};

	it.each([
		['', 'http://api.example/', 'proxy'],
		['', 'http://127.0.0.1:1/', 'proxy'],
		['127.0.0.1,localhost', 'http://127.0.0.1:1/', 'straight'],
		['localhost', 'http://localhost:1/', 'straight'],
		['example', 'http://api.example/', 'proxy'],
		['api.example', 'http://api.example/', 'straight'],
		['api.example', 'http://v1.api.example/', 'proxy'],
		['*api.example', 'http://v1.api.example/', 'straight'],
		['*example', 'http://api.example/', 'straight'],
		['.example', 'http://api.example/', 'straight'],
		['.api.example', 'http://api.example/', 'proxy'],
		['*.example', 'http://api.example/', 'straight'],
		['API.EXAMPLE', 'http://api.example/', 'straight'],
		['other.example api.example', 'http://api.example/', 'straight'],
		['api.example:81', 'http://api.example/', 'proxy'],
		['api.example:80', 'http://api.example/', 'straight'],
		['*', 'http://api.example/', 'straight'],
		['127.0.0.0/8', 'http://127.0.0.1:1/', 'proxy'],
	] as const)("with NO_PROXY=%j: %s goes n8n's way, %s", async (noProxy, address, way) => {
		const proxy = await proxyTo(0);
		setProxies({ HTTP_PROXY: `http://${proxy.place}`, NO_PROXY: noProxy });
		expect(proxyFor(new URL(address)) === undefined ? 'straight' : 'proxy').toBe(way);
		expect(await wayOfN8n(address, proxy)).toBe(way);
	});

	it.each([
		[407, 'unreachable', 'user name and the password'],
		[403, 'unreachable', 'NO_PROXY'],
		[404, 'unreachable', 'NO_PROXY'],
		[429, 'network', ''],
		[500, 'network', ''],
		[502, 'network', ''],
		[503, 'network', ''],
		[504, 'network', ''],
	])('that answers %i to CONNECT is named, and sent nothing', async (status, problem, cure) => {
		const proxy = await proxyTo(0, status);
		setProxies({ HTTPS_PROXY: `http://user:secret-pass@${proxy.place}` });
		const error = await failure(open().send('https://api.example'));
		expect(error).toMatchObject({
			problem,
			sent: false,
			message: `HTTP ${status} came from the proxy ${proxy.place} (HTTPS_PROXY)`,
		});
		expect(error.cure).toContain(cure);
		expect(`${error.message} ${error.cure}`).not.toContain('secret-pass');
		expect(proxy.read.join()).not.toContain(KEY);
	});

	it('that answers 407 to a plain request did not pass it on', async () => {
		const proxy = await proxyTo(0, 407);
		setProxies({ ALL_PROXY: `http://${proxy.place}` });
		expect(await failure(open().send('http://api.example'))).toMatchObject({
			problem: 'unreachable',
			sent: false,
			message: `HTTP 407 came from the proxy ${proxy.place} (ALL_PROXY)`,
		});
	});

	it('that never answers CONNECT sent nothing, whoever gives up first', async () => {
		const asked: string[] = [];
		const server = createTcpServer((socket) =>
			socket.on('data', (chunk) => asked.push(chunk.toString('latin1'))),
		);
		const place = `127.0.0.1:${await listen(server)}`;
		setProxies({ HTTPS_PROXY: `http://${place}` });
		const { send } = open({ connectTimeoutMs: 500 });
		const controller = new AbortController();
		const [late, cancelled, refused] = [
			failure(send('https://api.example', { timeoutMs: 200 })),
			failure(send('https://api.example', { signal: controller.signal })),
			failure(send('https://api.example', { timeoutMs: 60_000 })),
		];
		await until(() => asked.length === 3);
		controller.abort();
		expect(await late).toMatchObject({
			problem: 'network',
			sent: false,
			message: `No connection came about through the proxy ${place} (HTTPS_PROXY) within 200 ms, so nothing was sent`,
		});
		expect(await cancelled).toMatchObject({ problem: 'cancelled', sent: false });
		expect(await refused).toMatchObject({
			problem: 'network',
			sent: false,
			message: `The proxy opened no way in time; the way leads through the proxy ${place} (HTTPS_PROXY)`,
		});
		expect(asked.join()).not.toContain(KEY);
	});

	it('that opens the tunnel too late sends nothing', async () => {
		const { seen, port } = await api();
		let openTunnel = () => {};
		const server = createServer();
		server.on('connect', (_request, socket: Socket) => {
			openTunnel = () => {
				const target = connect(port, '127.0.0.1', () => {
					socket.write('HTTP/1.1 200 Connected\r\n\r\n');
					target.pipe(socket).pipe(target);
				});
			};
		});
		setProxies({ HTTPS_PROXY: `http://127.0.0.1:${await listen(server)}` });
		const { send } = open();
		expect(await failure(send('https://api.example', { timeoutMs: 100 }))).toMatchObject({
			sent: false,
		});
		openTunnel();
		await systemClock.sleep(100);
		expect(seen).toEqual([]);
	});

	it.each([
		['closes', (socket: Socket) => socket.end()],
		['resets', (socket: Socket) => socket.resetAndDestroy()],
		['says something else', (socket: Socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n')],
	])('that %s at CONNECT sent nothing', async (_name, end) => {
		const server = createTcpServer((socket) => socket.once('data', () => end(socket)));
		setProxies({ HTTPS_PROXY: `http://127.0.0.1:${await listen(server)}` });
		const error = await failure(open().send('https://api.example'));
		expect(error).toMatchObject({ problem: 'network', sent: false });
		expect(error.message).toContain('(HTTPS_PROXY)');
	});

	it('that is not there sent nothing', async () => {
		setProxies({ HTTPS_PROXY: 'http://127.0.0.1:1' });
		expect(await failure(open().send('https://api.example'))).toMatchObject({
			problem: 'network',
			sent: false,
			code: 'ECONNREFUSED',
			message:
				'The connection was refused; the way leads through the proxy 127.0.0.1:1 (HTTPS_PROXY)',
		});
	});

	it('with a certificate of its own for the API is told with its cure', async () => {
		const server = createTlsServer(selfSigned('api.example'), (_request, response) =>
			response.end('{}'),
		);
		const proxy = await proxyTo(await listen(server));
		setProxies({ HTTPS_PROXY: `http://${proxy.place}` });
		expect(await failure(open().send('https://api.example'))).toMatchObject({
			problem: 'unreachable',
			sent: false,
			message: `The server's certificate is not trusted; the way leads through the proxy ${proxy.place} (HTTPS_PROXY)`,
			cure: expect.stringContaining('NODE_EXTRA_CA_CERTS'),
		});
	});

	it('without a scheme has to speak TLS for https, as with n8n, and the cure says so', async () => {
		const proxy = await proxyTo(0);
		setProxies({ HTTPS_PROXY: proxy.place });
		expect(proxyFor(new URL('https://api.example'))?.url).toBe(`https://${proxy.place}/`);
		expect(await failure(open().send('https://api.example'))).toMatchObject({
			problem: 'unreachable',
			sent: false,
			cure: expect.stringMatching(/^Write the address in HTTPS_PROXY with http:\/\/ in front/),
		});
	});

	it.each(['http://:::', 'http://', '::', 'http://host:99999', 'socks5://h:1', 'http://u:%@h:1'])(
		'of the address %p cannot be used, and the variable is named',
		async (address) => {
			setProxies({ HTTPS_PROXY: address });
			const error = await failure(open().send('https://api.example'));
			expect(error).toMatchObject({
				problem: 'unreachable',
				sent: false,
				message: 'The proxy in HTTPS_PROXY is not an address that can be used',
			});
			expect(error.cure).toContain('HTTPS_PROXY');
		},
	);

	it('is named by the variable that the library reads first', () => {
		const named = (variables: Record<string, string>) => {
			setProxies(variables);
			return proxyFor(new URL('https://api.example'))?.variable;
		};
		const [a, b] = ['http://a:1', 'http://b:2'];
		expect(named({ ALL_PROXY: a, HTTPS_PROXY: b })).toBe('HTTPS_PROXY');
		expect(named({ https_proxy: a, HTTPS_PROXY: b })).toBe('https_proxy');
		expect(named({ npm_config_proxy: a, all_proxy: b })).toBe('npm_config_proxy');
		expect(named({ npm_config_https_proxy: a, https_proxy: b })).toBe('npm_config_https_proxy');
		expect(named({ HTTP_PROXY: a })).toBeUndefined();
	});
});
