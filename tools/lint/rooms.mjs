// @ts-check
import { isBuiltin } from 'node:module';
import path from 'node:path';

const API = 'nodes/shared/api';
const RESILIENCE = 'nodes/shared/resilience/';
const N8N = 'nodes/shared/n8n/';

/**
 * @typedef {object} Room
 * @property {string} folder
 * @property {string[]} modules of this package; a folder with its slash means everything in it, without it its index
 * @property {string[]} packages of npm, and `node:` modules (`node:*` is all but node:sqlite)
 * @property {string[]} [host] packages that n8n brings along: their types, or loaded while running, never an import
 */

/**
 * Imports run one way. Each room may import itself and what is listed; everything else is refused.
 * @type {Room[]}
 */
export const ROOMS = [
	{ folder: 'nodes/shared/api/', modules: [], packages: [] },
	{ folder: RESILIENCE, modules: [API], packages: ['p-retry', 'bottleneck', 'node:crypto'] },
	{
		folder: 'nodes/shared/stores/',
		modules: [API, RESILIENCE],
		packages: ['ioredis', 'bullmq', 'node:*', 'node:sqlite'],
	},
	{
		folder: 'nodes/shared/transport/',
		modules: [API, RESILIENCE],
		packages: ['undici', 'proxy-from-env', 'node:*'],
	},
	{
		folder: N8N,
		modules: [API, RESILIENCE, 'nodes/shared/stores/', 'nodes/shared/transport/'],
		packages: ['n8n-workflow', 'node:*'],
		host: ['prom-client', 'n8n-core', '@n8n/config', '@n8n/di'],
	},
	{ folder: 'nodes/<Node>/', modules: [N8N], packages: ['n8n-workflow'] },
	{ folder: 'credentials/', modules: [N8N], packages: ['n8n-workflow'] },
];

/**
 * @param {string} file path from the top of the package, with slashes
 * @returns {Room | undefined}
 */
export function roomOf(file) {
	const [, node = ''] = /^nodes\/(?!shared\/)([^/]+)\//.exec(file) ?? [];
	return ROOMS.map((room) => ({ ...room, folder: room.folder.replace('<Node>', node) })).find(
		(room) => file.startsWith(room.folder),
	);
}

/**
 * @param {Room} room
 * @param {string} file
 * @param {string} specifier
 * @param {boolean} deferred only types, or loaded while running
 */
export function mayImport(room, file, specifier, deferred) {
	if (/^\.{0,2}\//.test(specifier) || specifier === '.' || specifier === '..') {
		const target = path.posix
			.join(path.posix.dirname(file), specifier)
			.replace(/\/$|\.[jt]s$/, '')
			.replace(/\/index$/, '');
		return [room.folder, ...room.modules].some((allowed) =>
			allowed.endsWith('/') ? `${target}/`.startsWith(allowed) : target === allowed,
		);
	}
	if (isBuiltin(specifier)) {
		const name = specifier.replace(/^(node:)?/, 'node:');
		const whole = room.packages.includes('node:*') && name !== 'node:sqlite';
		return whole || room.packages.includes(name);
	}
	const name = specifier
		.split('/')
		.slice(0, specifier.startsWith('@') ? 2 : 1)
		.join('/');
	return room.packages.includes(name) || (deferred && (room.host ?? []).includes(name));
}

/**
 * Looks at every form of import: statements, types, `import()` and `require()`.
 * @type {import('eslint').Rule.RuleModule}
 */
export const roomImports = {
	meta: {
		type: 'problem',
		schema: [],
		messages: {
			import: "{{folder}} may not import '{{specifier}}'; it may import {{allowed}}.",
			computed: 'A module name must be a plain string.',
			roomless: 'This folder is no room of the package (tools/lint/rooms.mjs).',
		},
	},
	create(context) {
		const file = path.relative(context.cwd, context.filename).split(path.sep).join('/');
		const room = roomOf(file);
		if (!room) {
			return { Program: (node) => context.report({ node, messageId: 'roomless' }) };
		}
		/** @param {any} node @param {any} source @param {boolean} deferred */
		const check = (node, source, deferred) => {
			if (typeof source?.value !== 'string') {
				context.report({ node, messageId: 'computed' });
			} else if (!mayImport(room, file, source.value, deferred)) {
				const allowed = ['itself', ...room.modules, ...room.packages].join(', ');
				const data = { folder: room.folder, specifier: source.value, allowed };
				context.report({ node, messageId: 'import', data });
			}
		};
		/** @param {any} node */
		const statement = (node) => {
			if (!node.source) return;
			check(node, node.source, node.importKind === 'type' || node.exportKind === 'type');
		};
		return {
			ImportDeclaration: statement,
			ExportNamedDeclaration: statement,
			ExportAllDeclaration: statement,
			ImportExpression: (node) => check(node, node.source, true),
			TSImportType: (/** @type {any} */ node) => check(node, node.source, true),
			TSExternalModuleReference: (/** @type {any} */ node) => check(node, node.expression, false),
			"CallExpression[callee.name='require']": (/** @type {any} */ node) =>
				check(node, node.arguments[0], true),
		};
	},
};
