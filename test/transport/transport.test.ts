import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createServer as createTcpServer, type LookupFunction, type Socket } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { systemClock } from '../../nodes/shared/n8n/systemClock';
import { selfSigned } from '../support/certificate';
import { KEY, transportHarness } from './harness';

describe('transport', () => {
	const { listen, serve, speak, open, failure, outcome, until } = transportHarness();

	describe('request', () => {
		it('is a GET with path, query and headers, and asks for what can be decompressed', async () => {
			const seen: IncomingMessage[] = [];
			const url = await serve((request, response) => {
				seen.push(request);
				response.setHeader('X-Cost', '1');
				response.end('{"a":"ä"}');
			});
			const answer = await open().send(`${url}/user?name=a%20b&x=1#part`);
			expect(answer).toMatchObject({ status: 200, body: '{"a":"ä"}' });
			expect(answer.headers['x-cost']).toBe('1');
			expect(seen[0]?.method).toBe('GET');
			expect(seen[0]?.url).toBe('/user?name=a%20b&x=1');
			expect(seen[0]?.headers).toMatchObject({
				'x-api-key': KEY,
				'user-agent': 'tiklive-test',
				'accept-encoding': 'gzip, br, zstd',
			});
		});

		it('uses connections again', async () => {
			let connections = 0;
			const server = createServer((_request, response) => response.end('{}'));
			server.on('connection', () => connections++);
			const url = `http://127.0.0.1:${await listen(server)}`;
			const { send } = open();
			for (let i = 0; i < 10; i++) await send(url);
			// A connection rests for one turn of the event loop after each answer.
			expect(connections).toBeLessThanOrEqual(2);
		});

		it('waits for a free connection at the cap', async () => {
			let now = 0;
			let peak = 0;
			const url = await serve((_request, response) => {
				peak = Math.max(peak, ++now);
				setTimeout(() => {
					now--;
					response.end('{}');
				}, 20);
			});
			const { send } = open({ maxConnections: 3 });
			await Promise.all(Array.from({ length: 12 }, () => send(url)));
			expect(peak).toBe(3);
		});
	});

	describe('answer', () => {
		it('is given as it is, whatever the status', async () => {
			const target = await serve((_request, response) => response.end('followed'));
			const statuses = [201, 301, 302, 307, 400, 401, 404, 429, 500, 503];
			const url = await serve((request, response) => {
				const status = Number(request.url?.slice(1));
				response.writeHead(status, { location: target, 'x-status': String(status) });
				response.end(`status ${status}`);
			});
			const { send } = open();
			for (const status of statuses) {
				expect(await send(`${url}/${status}`)).toMatchObject({
					status,
					body: `status ${status}`,
					headers: { location: target, 'x-status': String(status) },
				});
			}
		});

		it('may have no body', async () => {
			const url = await serve((request, response) => {
				response.writeHead(request.url === '/204' ? 204 : 200).end();
			});
			const { send } = open();
			expect(await send(`${url}/204`)).toMatchObject({ status: 204, body: '' });
			expect(await send(`${url}/200`)).toMatchObject({ status: 200, body: '' });
		});

		it('loses its byte order mark and nothing else', async () => {
			const url = await serve((_request, response) => response.end('\ufeff{"a":"\ufeff😀"}'));
			expect((await open().send(url)).body).toBe('{"a":"\ufeff😀"}');
		});

		it('keeps characters that were cut between two packets', async () => {
			const bytes = Buffer.from('{"a":"😀"}');
			const url = await serve((_request, response) => {
				response.write(bytes.subarray(0, 8));
				setTimeout(() => response.end(bytes.subarray(8)), 20);
			});
			expect((await open().send(url)).body).toBe('{"a":"😀"}');
		});

		it('joins repeated headers', async () => {
			const url = await serve((_request, response) => {
				response.setHeader('Retry-After', ['7', '9']);
				response.writeHead(429).end();
			});
			expect((await open().send(url)).headers['retry-after']).toBe('7, 9');
		});

		it('may be announced by 1xx', async () => {
			const url = await speak((socket) => {
				socket.write('HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n');
				socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}');
			});
			expect(await open().send(url)).toMatchObject({ status: 200, body: '{}' });
		});

		it('that is announced and never comes is no answer', async () => {
			const url = await speak((socket) => {
				socket.write('HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n', () =>
					setTimeout(() => socket.end(), 20),
				);
			});
			expect(await outcome(open().send(url))).toMatchObject({ problem: 'network', sent: true });
		});

		it('may have hostile header names', async () => {
			const url = await speak((socket) => {
				socket.write(
					'HTTP/1.1 200 OK\r\n__proto__: x\r\nconstructor: y\r\ncontent-length: 2\r\n\r\n{}',
				);
			});
			const { headers } = await open().send(url);
			expect(Object.getPrototypeOf(headers)).toBe(Object.prototype);
			expect(({} as Record<string, unknown>)['x']).toBeUndefined();
		});

		it('may be as large as the cap and no larger', async () => {
			const url = await serve((request, response) => {
				response.end('x'.repeat(Number(request.url?.slice(1))));
			});
			const { send } = open({ maxBodyBytes: 100_000 });
			expect((await send(`${url}/100000`)).body).toHaveLength(100_000);
			expect(await outcome(send(`${url}/100001`))).toEqual({
				problem: 'body',
				sent: true,
				code: '',
			});
		});

		it('that never ends is cut off at the cap', async () => {
			let gone = false;
			const url = await serve((_request, response) => {
				const chunk = Buffer.alloc(1 << 20, 'x');
				const more = () => {
					while (!gone && response.write(chunk));
				};
				response.on('drain', more).on('close', () => (gone = true));
				more();
			});
			expect(await outcome(open().send(url))).toMatchObject({ problem: 'body', sent: true });
			await until(() => gone);
		});

		it('of an error that never ends is cut off as well, and the status counts', async () => {
			let gone = false;
			const url = await serve((_request, response) => {
				response.writeHead(503).write('x'.repeat(2_000));
				response.on('close', () => (gone = true));
			});
			const { send } = open({ maxBodyBytes: 1_000 });
			expect(await send(url)).toMatchObject({ status: 503, body: '' });
			await until(() => gone);
		});

		it('with a broken byte is read, and the byte is U+FFFD', async () => {
			const bytes = Buffer.from('{"name":"h\u00e9","id":"1"}', 'latin1');
			const url = await serve((request, response) => {
				response.writeHead(Number(request.url?.slice(1))).end(bytes);
			});
			const { send } = open();
			for (const status of [200, 502]) {
				expect(await send(`${url}/${status}`)).toMatchObject({
					status,
					body: '{"name":"h\ufffd","id":"1"}',
				});
			}
		});
	});

	describe('broken connection', () => {
		it('that was refused sent nothing', async () => {
			const server = createTcpServer();
			const port = await listen(server);
			await new Promise((resolve) => server.close(resolve));
			const { send } = open();
			expect(await outcome(send(`http://127.0.0.1:${port}`))).toEqual({
				problem: 'network',
				sent: false,
				code: 'ECONNREFUSED',
			});
		});

		it.each([
			['reset', (socket: Socket) => socket.resetAndDestroy(), 'ECONNRESET'],
			['closed', (socket: Socket) => socket.end(), 'UND_ERR_SOCKET'],
		])('that is %s before the headers may have been billed', async (_name, end, code) => {
			const url = await speak(end);
			expect(await outcome(open().send(url))).toEqual({ problem: 'network', sent: true, code });
		});

		it.each([
			['closed before the content length', 'content-length: 10\r\n\r\n{"a":', 'end'],
			['closed between chunks', 'transfer-encoding: chunked\r\n\r\n5\r\n{"a":\r\n', 'end'],
			['reset in the body', 'content-length: 10\r\n\r\n{"a":', 'resetAndDestroy'],
		] as const)('that is %s cuts the body', async (_name, answer, end) => {
			const url = await speak((socket) => {
				socket.write(`HTTP/1.1 200 OK\r\n${answer}`, () => setTimeout(() => socket[end](), 20));
			});
			expect(await outcome(open().send(url))).toMatchObject({ problem: 'body', sent: true });
		});

		it('in the body of an error leaves the status', async () => {
			const url = await speak((socket) => {
				socket.write('HTTP/1.1 503 No\r\nretry-after: 7\r\ncontent-length: 10\r\n\r\n{"a":', () =>
					setTimeout(() => socket.end(), 20),
				);
			});
			expect(await open().send(url)).toMatchObject({
				status: 503,
				headers: { 'retry-after': '7' },
				body: '',
			});
		});

		it('without a length ends the body where it ends', async () => {
			const url = await speak((socket) => {
				socket.end('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{"a":1}');
			});
			expect((await open().send(url)).body).toBe('{"a":1}');
		});

		it('with an answer that is not HTTP was sent', async () => {
			const url = await speak((socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'));
			expect(await outcome(open().send(url))).toMatchObject({ problem: 'network', sent: true });
		});

		it('in an idle moment fails as sent and is not tried again', async () => {
			let requests = 0;
			const url = await speak((socket, count) => {
				requests++;
				if (count > 0) socket.resetAndDestroy();
				else socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}');
			});
			const { send } = open();
			await send(url);
			expect(await outcome(send(url))).toMatchObject({ problem: 'network', sent: true });
			expect(requests).toBe(2);
			await systemClock.sleep(50);
			expect(requests).toBe(2);
		});

		it('that the server is about to close is not used again', async () => {
			const sockets = new Set<unknown>();
			let timeout = 10;
			const url = await serve((request, response) => {
				sockets.add(request.socket);
				response.setHeader('keep-alive', `timeout=${timeout}`).end('{}');
			});
			const { send } = open();
			const sendTwice = async () => {
				for (let i = 0; i < 2; i++) {
					await send(url);
					await systemClock.sleep(50);
				}
			};
			await sendTwice();
			expect(sockets.size).toBe(1);
			timeout = 4;
			await sendTwice();
			expect(sockets.size).toBe(2);
		});
	});

	describe('name and certificate', () => {
		const lookupFailing = (code: string) => ({
			validateUrl: async () => ({ ok: true }),
			createSecureLookup: (): LookupFunction => (_name, _options, callback) =>
				callback(Object.assign(new Error(`getaddrinfo ${code}`), { code }), '', 4),
		});

		it.each([
			['ENOTFOUND', 'unreachable', "Correct the host name in 'Base URL'"],
			['EAI_AGAIN', 'network', ''],
		])('%s sent nothing', async (code, problem, cure) => {
			const { send } = open({ egress: lookupFailing(code) });
			const error = await failure(send('http://api.example'));
			expect(error).toMatchObject({ problem, sent: false, code });
			expect(error.cure).toContain(cure);
		});

		/** Asks https://localhost of a server with this certificate, which must not get to see the request. */
		const failureAt = async (certificate: { key: string; cert: string }) => {
			const seen: string[] = [];
			const server = createTlsServer(certificate, (request) => seen.push(String(request.url)));
			const port = await listen(server);
			const error = await failure(open().send(`https://localhost:${port}`));
			expect(seen).toEqual([]);
			return error;
		};

		it('that nobody vouches for is told with its cure', async () => {
			expect(await failureAt(selfSigned('localhost'))).toMatchObject({
				problem: 'unreachable',
				sent: false,
				code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
				message: "The server's certificate is not trusted",
				cure: expect.stringContaining('NODE_EXTRA_CA_CERTS'),
			});
		});

		it.each([
			['expired', 'localhost', '20210101000000Z', 'CERT_HAS_EXPIRED', 'date of this machine'],
			['of another host', 'other.example', undefined, 'ERR_TLS_CERT_ALTNAME_INVALID', 'Base URL'],
		])('%s is told with its cure', async (_name, host, until, code, cure) => {
			const certificate = selfSigned(host, until);
			const before = getCACertificates('default');
			setDefaultCACertificates([...before, certificate.cert]);
			try {
				const error = await failureAt(certificate);
				expect(error).toMatchObject({ problem: 'unreachable', sent: false, code });
				expect(error.cure).toContain(cure);
			} finally {
				setDefaultCACertificates(before);
			}
		});

		it('where there is no TLS sent nothing', async () => {
			const url = await serve((_request, response) => response.end());
			expect(await failure(open().send(url.replace('http:', 'https:')))).toMatchObject({
				problem: 'unreachable',
				sent: false,
				message: 'What answers there does not speak TLS',
				cure: "Correct the port in 'Base URL' of the credential.",
			});
		});

		it('that are no address at all', async () => {
			const { send } = open();
			for (const url of ['', 'nonsense', 'ftp://127.0.0.1/', 'http://']) {
				expect(await outcome(send(url))).toMatchObject({ problem: 'unreachable', sent: false });
			}
		});
	});

	describe('time', () => {
		it('is up for headers that do not come', async () => {
			let gone = false;
			const url = await serve((_request, response) => {
				response.on('close', () => (gone = true));
			});
			const started = systemClock.monotonicMs();
			expect(await outcome(open().send(url, { timeoutMs: 150 }))).toEqual({
				problem: 'timeout',
				sent: true,
				code: '',
			});
			expect(systemClock.monotonicMs() - started).toBeLessThan(1_000);
			await until(() => gone);
		});

		it('is up for a body that comes byte by byte', async () => {
			const url = await serve((_request, response) => {
				const timer = setInterval(() => response.write('x'), 20);
				response.on('close', () => clearInterval(timer));
			});
			expect(await outcome(open().send(url, { timeoutMs: 300 }))).toMatchObject({
				problem: 'timeout',
				sent: true,
			});
		});

		it('is up while waiting for a connection: nothing was sent, then or later', async () => {
			const seen: string[] = [];
			const responses: ServerResponse[] = [];
			const url = await serve((request, response) => {
				seen.push(String(request.url));
				responses.push(response);
			});
			const { send } = open({ maxConnections: 1 });
			const first = send(`${url}/first`);
			await until(() => seen.length === 1);
			expect(await failure(send(`${url}/second`, { timeoutMs: 50 }))).toMatchObject({
				problem: 'network',
				sent: false,
				message: 'No connection came about within 50 ms, so nothing was sent',
			});
			responses[0]?.end('{}');
			expect((await first).body).toBe('{}');
			await systemClock.sleep(50);
			expect(seen).toEqual(['/first']);
		});
	});

	describe('cancel', () => {
		it('ends a request under way, and the server sees it', async () => {
			let asked = false;
			let gone = false;
			const url = await serve((_request, response) => {
				asked = true;
				response.write('{');
				response.on('close', () => (gone = true));
			});
			const controller = new AbortController();
			const sending = outcome(open().send(url, { signal: controller.signal }));
			await until(() => asked);
			controller.abort(new Error(`with ${KEY}`));
			expect(await sending).toEqual({ problem: 'cancelled', sent: true, code: '' });
			await until(() => gone);
		});

		it('before the start sends nothing', async () => {
			let connections = 0;
			const requests: string[] = [];
			const server = createServer((request) => requests.push(String(request.url)));
			server.on('connection', () => connections++);
			const url = `http://127.0.0.1:${await listen(server)}`;
			const { send } = open();
			const cancelled = { problem: 'cancelled', sent: false, code: '' };
			expect(await outcome(send(url, { signal: AbortSignal.abort() }))).toEqual(cancelled);
			await systemClock.sleep(50);
			expect(connections).toBe(0);

			const controller = new AbortController();
			const sending = outcome(send(url, { signal: controller.signal }));
			controller.abort();
			expect(await sending).toEqual(cancelled);
			await systemClock.sleep(50);
			expect(requests).toEqual([]);
		});

		it('while connecting returns at once', async () => {
			let giveUp = () => {};
			const egress = {
				validateUrl: async () => ({ ok: true }),
				createSecureLookup: (): LookupFunction => (_name, _options, callback) => {
					giveUp = () => callback(new Error('too late'), '', 4);
				},
			};
			const controller = new AbortController();
			const sending = outcome(
				open({ egress }).send('http://api.example', { signal: controller.signal }),
			);
			await systemClock.sleep(50);
			controller.abort();
			expect(await sending).toEqual({ problem: 'cancelled', sent: false, code: '' });
			giveUp();
		});

		it('leaves no listener and no timer behind', async () => {
			const url = await serve((_request, response) => response.end('{}'));
			const { send } = open();
			const { signal } = new AbortController();
			let listeners = 0;
			const add = signal.addEventListener.bind(signal);
			const remove = signal.removeEventListener.bind(signal);
			signal.addEventListener = (...args: Parameters<typeof add>) => {
				listeners++;
				add(...args);
			};
			signal.removeEventListener = (...args: Parameters<typeof remove>) => {
				listeners--;
				remove(...args);
			};
			for (let i = 0; i < 20; i++) await send(url, { signal, timeoutMs: 60_000 });
			expect(listeners).toBe(0);
			expect(
				process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length,
			).toBeLessThan(5);
		});
	});

	describe('close', () => {
		it('waits for what is under way and refuses what comes later', async () => {
			const url = await serve((_request, response) => {
				setTimeout(() => response.end('{}'), 50);
			});
			const transport = open();
			const sending = transport.send(url);
			await systemClock.sleep(20);
			await transport.close();
			expect((await sending).status).toBe(200);
			expect(await outcome(transport.send(url))).toMatchObject({ problem: 'network', sent: false });
		});

		it('may come before the first request, and twice', async () => {
			let connections = 0;
			const server = createServer((_request, response) => response.end('{}'));
			server.on('connection', () => connections++);
			const url = `http://127.0.0.1:${await listen(server)}`;
			const transport = open();
			await transport.close();
			await transport.close();
			expect(await outcome(transport.send(url))).toMatchObject({ problem: 'network', sent: false });
			expect(connections).toBe(0);
		});
	});

	describe('egress filter', () => {
		const filter = (over: object = {}) => ({
			validateUrl: async (url: string): Promise<{ ok: boolean }> => ({
				ok: !url.includes('secret'),
			}),
			createSecureLookup: (): LookupFunction => (_name, options, callback) => {
				if (options.all) callback(null, [{ address: '127.0.0.1', family: 4 }]);
				else callback(null, '127.0.0.1', 4);
			},
			...over,
		});

		it('decides where requests go, by address and by name', async () => {
			let asked = 0;
			const url = await serve((_request, response) => {
				asked++;
				response.end('{}');
			});
			const { send } = open({ egress: filter() });
			expect((await send(url.replace('127.0.0.1', 'api.example'))).status).toBe(200);
			expect(await failure(send(`${url}/secret`))).toMatchObject({
				problem: 'unreachable',
				sent: false,
				code: 'EGRESS_BLOCKED',
				cure: expect.stringContaining('N8N_SSRF_ALLOWED_HOSTNAMES'),
			});
			expect(asked).toBe(1);
		});

		it('that throws refuses', async () => {
			const url = await serve((_request, response) => response.end('{}'));
			const validateUrl = async () => {
				throw new Error(`no ${KEY}`);
			};
			expect(await outcome(open({ egress: filter({ validateUrl }) }).send(url))).toMatchObject({
				problem: 'unreachable',
				sent: false,
			});
		});

		it('that cannot look the name up just now has refused nothing', async () => {
			const validateUrl = async () => {
				throw Object.assign(new Error('getaddrinfo EAI_AGAIN'), { code: 'EAI_AGAIN' });
			};
			const { send } = open({ egress: filter({ validateUrl }) });
			expect(await outcome(send('http://api.example'))).toEqual({
				problem: 'network',
				sent: false,
				code: 'EAI_AGAIN',
			});
		});

		it('that refuses while connecting lets nothing out', async () => {
			const createSecureLookup = (): LookupFunction => (_name, _options, callback) =>
				callback(new Error('blocked'), '', 4);
			const { send } = open({ egress: filter({ createSecureLookup }) });
			expect(await outcome(send('http://api.example'))).toEqual({
				problem: 'unreachable',
				sent: false,
				code: 'EGRESS_BLOCKED',
			});
		});

		it('counts against the time', async () => {
			const validateUrl = () => new Promise<{ ok: boolean }>(() => {});
			const { send } = open({ egress: filter({ validateUrl }) });
			expect(await outcome(send('http://api.example', { timeoutMs: 50 }))).toMatchObject({
				problem: 'network',
				sent: false,
			});
		});
	});
});
