#!/usr/bin/env bash
# undici 8.12.4: its `decompress` interceptor reads `content-encoding: deflate` as zlib data only. Raw deflate, which
# some servers send under that name and which undici's own fetch reads, fails.
#
# Output seen with undici 8.12.4 on Node 24.21 (it needs 22.19 or newer on the PATH):
#   fetch, zlib: hello
#   fetch, raw: hello
#   interceptor, zlib: hello
#   interceptor, raw: incorrect header check
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts undici@8.12.4
cat >run.cjs <<'JS'
const { createServer } = require('node:http');
const { deflateRawSync, deflateSync } = require('node:zlib');
const { Agent, fetch, interceptors, request } = require('undici');
const server = createServer((asked, answer) => {
	answer.setHeader('content-encoding', 'deflate');
	answer.end(asked.url === '/raw' ? deflateRawSync('hello') : deflateSync('hello'));
});
server.listen(0, '127.0.0.1', async () => {
	const base = `http://127.0.0.1:${server.address().port}`;
	const dispatcher = new Agent().compose(interceptors.decompress());
	const ways = {
		fetch: async (url) => await (await fetch(url)).text(),
		interceptor: async (url) => await (await request(url, { dispatcher })).body.text(),
	};
	for (const [way, read] of Object.entries(ways)) {
		for (const kind of ['zlib', 'raw']) {
			console.log(`${way}, ${kind}:`, await read(`${base}/${kind}`).catch((error) => error.message));
		}
	}
	process.exit();
});
JS
node --no-warnings run.cjs | tee seen
diff seen - <<'EXPECTED'
fetch, zlib: hello
fetch, raw: hello
interceptor, zlib: hello
interceptor, raw: incorrect header check
EXPECTED
echo 'As described.'
