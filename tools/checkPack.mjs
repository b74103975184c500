// @ts-check
// Looks at the tarball that `npm publish` would send: small, complete, and nothing in it by accident.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

const MAX_BYTES = 400_000;
const EXPECTED =
	/^(package\.json|README\.md|LICENSE|CHANGELOG\.md|dist\/(provider-info\.json|(credentials|nodes|icons)\/.+))$/;
const UNWANTED = /\.(map|ts|tsbuildinfo)$|\.(test|spec)\.|(^|\/)(test|__tests__)\//;

const output = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
	encoding: 'utf8',
	stdio: ['ignore', 'pipe', 'pipe'],
	shell: process.platform === 'win32',
});
const parsed = JSON.parse(output);
// npm 10 and 11 print a list.
const [pack] = Object.values(parsed);
/** @type {string[]} */
const files = pack.files.map((/** @type {{ path: string }} */ file) => file.path);

/** @type {string[]} */
const complaints = [];
if (pack.size > MAX_BYTES) complaints.push(`${pack.size} bytes, more than ${MAX_BYTES}`);
for (const file of files) {
	if (!EXPECTED.test(file) || UNWANTED.test(file)) complaints.push(`${file} does not belong in it`);
}

const { n8n } = JSON.parse(readFileSync('package.json', 'utf8'));
const entries = [...n8n.nodes, ...n8n.credentials];
const needed = ['README.md', 'LICENSE', 'CHANGELOG.md', 'dist/provider-info.json', ...entries];
for (const node of n8n.nodes) needed.push(node.replace(/\.js$/, '.json'));
for (const entry of entries) {
	if (!existsSync(entry)) continue;
	for (const [, icon] of readFileSync(entry, 'utf8').matchAll(/'file:([^']+\.svg)'/g)) {
		needed.push(path.posix.join(path.posix.dirname(entry), icon ?? ''));
	}
}
for (const file of new Set(needed)) {
	if (!files.includes(file)) complaints.push(`${file} is missing`);
}

console.log(`${pack.filename}: ${files.length} files, ${(pack.size / 1000).toFixed(1)} kB packed`);
if (complaints.length > 0) {
	console.error(complaints.map((complaint) => `- ${complaint}`).join('\n'));
	process.exit(1);
}
