import { spawnSync } from 'node:child_process';
import path from 'node:path';

/** A text, the file it is said to stand in, and the rule that must report it (none: must be clean). */
interface Case {
	file: string;
	code: string;
	rule?: string;
}

const API = 'nodes/shared/api/probe.ts';
const RESILIENCE = 'nodes/shared/resilience/probe.ts';
const STORES = 'nodes/shared/stores/embedded/probe.ts';
const TRANSPORT = 'nodes/shared/transport/probe.ts';
const N8N = 'nodes/shared/n8n/probe.ts';
const NODE = 'nodes/Posts/probe.ts';
const TYPED = 'test/lint/typed/probe.ts';
const PROPERTY = 'test/api/probe.property.test.ts';
const CREDENTIALS = 'credentials/probe.ts';

const ROOMS = 'tiklive/room-imports';

const ambient: Case[] = [API, RESILIENCE].flatMap((file) =>
	(
		[
			['x(Date.now());', 'no-restricted-properties'],
			['const { now } = Date; x(now);', 'no-restricted-properties'],
			['x(new Date());', 'no-restricted-syntax'],
			['x(Date());', 'no-restricted-syntax'],
			['x(new Intl.DateTimeFormat().format());', 'no-restricted-syntax'],
			['x(performance.now());', 'no-restricted-globals'],
			['setTimeout(x, 1);', 'no-restricted-globals'],
			['setInterval(x, 1);', 'no-restricted-globals'],
			['setImmediate(x);', 'no-restricted-globals'],
			['x(globalThis.setTimeout);', 'no-restricted-globals'],
			['x(AbortSignal.timeout(1));', 'no-restricted-properties'],
			['x(process.hrtime.bigint());', 'no-restricted-globals'],
			['x(process.env.HOME);', 'no-restricted-globals'],
			['x(Math.random());', 'no-restricted-properties'],
			["x(Math['random']());", 'no-restricted-properties'],
			['x(crypto.randomUUID());', 'no-restricted-properties'],
			['x(crypto.getRandomValues(new Uint8Array(4)));', 'no-restricted-properties'],
			["import { randomBytes } from 'node:crypto'; x(randomBytes(4));", 'no-restricted-imports'],
			["import * as c from 'node:crypto'; x(c.createHmac);", 'no-restricted-imports'],
			["x(require('node:crypto').randomBytes(4));", 'no-restricted-properties'],
			['x(fetch);', 'no-restricted-globals'],
			['x(new Date(0));'],
			['x(Date.parse("2026-01-01"));'],
			['x(Math.min(1, 2));'],
		] as [string, string?][]
	).map(([code, rule]) => ({
		file,
		code: `${code}\n`,
		...(rule ? { rule } : {}),
	})),
);

const imports: Case[] = (
	[
		// api: nothing but itself
		[API, './endpoints', true],
		[API, './deeper/endpoints', true],
		[API, '../resilience/ports', false],
		[API, 'n8n-workflow', false],
		[API, 'p-retry', false],
		[API, 'node:fs', false],

		// resilience: itself, the index of api, p-retry, bottleneck, hashing
		[RESILIENCE, './ports', true],
		[RESILIENCE, '../api', true],
		[RESILIENCE, '../api/index', true],
		[RESILIENCE, '../api/failure', false],
		[RESILIENCE, '../resilience/../api/failure', false],
		[RESILIENCE, 'p-retry', true],
		[RESILIENCE, 'bottleneck', true],
		[RESILIENCE, 'n8n-workflow', false],
		[RESILIENCE, 'undici', false],
		[RESILIENCE, 'ioredis', false],
		[RESILIENCE, 'node:sqlite', false],
		[RESILIENCE, 'node:timers/promises', false],
		[RESILIENCE, 'node:perf_hooks', false],
		[RESILIENCE, '../stores/embedded/probe', false],
		[RESILIENCE, '../transport/http', false],
		[RESILIENCE, '../n8n/runtime', false],

		// stores
		[STORES, './schema', true],
		[STORES, '../redis/scripts', true],
		[STORES, '../../resilience/ports', true],
		[STORES, '../../api', true],
		[STORES, '../../api/failure', false],
		[STORES, 'node:sqlite', true],
		[STORES, 'node:fs', true],
		[STORES, 'ioredis', true],
		[STORES, 'bullmq', true],
		[STORES, 'undici', false],
		[STORES, '../../n8n/runtime', false],
		[STORES, '../../transport/http', false],
		[STORES, 'n8n-workflow', false],
		[STORES, 'prom-client', false],

		// transport
		[TRANSPORT, 'undici', true],
		[TRANSPORT, 'proxy-from-env', true],
		[TRANSPORT, 'node:dns', true],
		[TRANSPORT, '../resilience/ports', true],
		[TRANSPORT, '../api', true],
		[TRANSPORT, 'ioredis', false],
		[TRANSPORT, 'node:sqlite', false],
		[TRANSPORT, 'n8n-workflow', false],
		[TRANSPORT, '../n8n/runtime', false],
		[TRANSPORT, '../stores/embedded/probe', false],

		// n8n
		[N8N, 'n8n-workflow', true],
		[N8N, 'node:path', true],
		[N8N, '../api', true],
		[N8N, '../resilience/request', true],
		[N8N, '../stores/embedded/probe', true],
		[N8N, '../transport/http', true],
		[N8N, '../../Posts/TikLivePosts.node', false],
		[N8N, 'undici', false],
		[N8N, 'proxy-from-env', false],
		[N8N, 'ioredis', false],
		[N8N, 'bullmq', false],
		[N8N, 'node:sqlite', false],
		[N8N, 'p-retry', false],
		[N8N, 'prom-client', false],

		// node files and the credential
		[NODE, 'n8n-workflow', true],
		[NODE, './description', true],
		[NODE, '../shared/n8n/itemLoop', true],
		[NODE, '../shared/resilience/ports', false],
		[NODE, '../shared/api', false],
		[NODE, '../Followers/description', false],
		[NODE, 'undici', false],
		[NODE, 'node:fs', false],
		[NODE, '../../package.json', false],
		[CREDENTIALS, 'n8n-workflow', true],
		[CREDENTIALS, '../nodes/shared/n8n/baseUrl', true],
		[CREDENTIALS, 'undici', false],
		['nodes/shared/loose.ts', 'n8n-workflow', false],
	] as [string, string, boolean][]
).map(([file, specifier, allowed]) => ({
	file,
	code: `export * from '${specifier}';\n`,
	...(allowed ? {} : { rule: ROOMS }),
}));

const formsOfImport: Case[] = [
	{ file: API, code: "import 'undici';\n", rule: ROOMS },
	{
		file: API,
		code: "import type { Agent } from 'undici';\nexport type A = Agent;\n",
		rule: ROOMS,
	},
	{ file: API, code: "export type A = import('undici').Agent;\n", rule: ROOMS },
	{ file: API, code: "export { Agent } from 'undici';\n", rule: ROOMS },
	{ file: API, code: "import undici = require('undici');\nexport default undici;\n", rule: ROOMS },
	{ file: API, code: "export const a = require('undici');\n", rule: ROOMS },
	{ file: API, code: "export const a = import('undici');\n", rule: ROOMS },
	{ file: TRANSPORT, code: 'export const load = (name: string) => require(name);\n', rule: ROOMS },
	{ file: TRANSPORT, code: "export const load = () => require('undici');\n" },
	{ file: RESILIENCE, code: "export { createHash } from 'node:crypto';\n" },
	{ file: N8N, code: "export const load = () => require('prom-client');\n" },
	{ file: N8N, code: "export type Host = typeof import('prom-client');\n" },
];

const properties: Case[] = [
	{
		file: 'test/api/probe.test.ts',
		code: "export { default } from 'fast-check';\n",
		rule: 'no-restricted-imports',
	},
	{ file: PROPERTY, code: "export { default } from 'fast-check';\n" },
	{ file: PROPERTY, code: 'fc.assert(property);\n', rule: 'no-restricted-syntax' },
	{ file: PROPERTY, code: 'fc.assert(property, { numRuns: 5 });\n', rule: 'no-restricted-syntax' },
	{ file: PROPERTY, code: 'fc.assert(property, runs(5));\n' },
];

const habits: Case[] = [
	{ file: NODE, code: "console.log('x');\n", rule: 'no-console' },
	{
		file: NODE,
		code: "// eslint-disable-next-line no-console\nconsole.log('x');\n",
		rule: 'no-console',
	},
	{
		file: TYPED,
		code: 'async function a() {}\na();\nexport {};\n',
		rule: '@typescript-eslint/no-floating-promises',
	},
	{
		file: TYPED,
		code: '[1].forEach(async () => {});\nexport {};\n',
		rule: '@typescript-eslint/no-misused-promises',
	},
	{
		file: TYPED,
		code: "export const a = (b: 'c' | 'd') => { switch (b) { case 'c': return 1; } return 2; };\n",
		rule: '@typescript-eslint/switch-exhaustiveness-check',
	},
];

const n8nRules: Case[] = [
	{
		file: 'package.json',
		code: '{ "name": "n8n-nodes-x", "overrides": {} }',
		rule: '@n8n/community-nodes/no-overrides-field',
	},
	{
		file: 'package.json',
		code: '{ "name": "n8n-nodes-x" }',
		rule: 'n8n-nodes-base/community-package-json-license-missing',
	},
	{
		file: 'credentials/ProbeApi.credentials.ts',
		code: "export class Probe implements ICredentialType { name = 'probe'; }\n",
		rule: 'n8n-nodes-base/cred-class-name-unsuffixed',
	},
	{
		file: NODE,
		code: "export const a = { displayName: 'Limit', name: 'limit', type: 'number', default: 7 };\n",
		rule: 'n8n-nodes-base/node-param-default-wrong-for-limit',
	},
	{
		file: NODE,
		code: "export function a() { eval('1'); }\n",
		rule: '@n8n/community-nodes/no-dangerous-functions',
	},
];

const groups: Record<string, Case[]> = {
	...{ ambient, imports, formsOfImport, properties, habits, n8nRules },
};
const cases = Object.values(groups).flat();
let reports: string[][] = [];

beforeAll(() => {
	const { stdout, stderr } = spawnSync(process.execPath, [path.join(__dirname, 'lintTexts.mjs')], {
		input: JSON.stringify(cases),
		cwd: path.join(__dirname, '../..'),
		encoding: 'utf8',
		// eslint-plugin-n8n-nodes-base takes other paths when NODE_ENV is "test".
		env: { ...process.env, NODE_ENV: 'production' },
	});
	if (!stdout) throw new Error(stderr);
	reports = JSON.parse(stdout) as string[][];
}, 60_000);

describe.each(Object.entries(groups))('%s', (_group, members) => {
	test.each(
		members.map((entry) => {
			const code = entry.code.replaceAll('\n', ' ').trim();
			return [`${entry.rule ?? 'clean'} in ${entry.file}: ${code}`, entry] as const;
		}),
	)('%s', (_title, entry) => {
		const report = reports[cases.indexOf(entry)];
		if (entry.rule) expect(report).toContain(entry.rule);
		else expect(report).toEqual([]);
	});
});
