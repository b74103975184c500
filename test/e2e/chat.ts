import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** Where the examples send their messages. */
export async function startChat() {
	const told: string[] = [];
	const server = createServer((request, response) => {
		void text(request).then((body) => {
			told.push(body);
			response.end('ok');
		});
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	const { port } = server.address() as AddressInfo;
	return { url: `http://127.0.0.1:${port}/hook`, told, stop: () => server.close() };
}
