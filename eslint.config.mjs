import js from '@eslint/js';
import { n8nCommunityNodesPlugin } from '@n8n/eslint-plugin-community-nodes';
import { defineConfig, globalIgnores } from 'eslint/config';
import n8nNodesBase from 'eslint-plugin-n8n-nodes-base';
import tseslint from 'typescript-eslint';
import { roomImports } from './tools/lint/rooms.mjs';

const PACKAGE = ['credentials/**/*.ts', 'nodes/**/*.ts'];

/** Time, chance and the network come in through the ports; whoever reads them here cannot be tested. */
const AMBIENT = 'Use the Clock, Random or Transport that is handed in (resilience/ports.ts).';
const AMBIENT_GLOBALS = [
	'clearImmediate',
	'clearInterval',
	'clearTimeout',
	'fetch',
	'global',
	'globalThis',
	'performance',
	'process',
	'setImmediate',
	'setInterval',
	'setTimeout',
];
const AMBIENT_PROPERTIES = [
	{ object: 'AbortSignal', property: 'timeout' },
	{ object: 'Date', property: 'now' },
	{ object: 'Math', property: 'random' },
	{ property: 'getRandomValues' },
	{ property: 'hrtime' },
	{ property: 'randomBytes' },
	{ property: 'randomInt' },
	{ property: 'randomUUID' },
];
const AMBIENT_SYNTAX = [
	"NewExpression[callee.name='Date'][arguments.length=0]",
	"CallExpression[callee.name='Date']",
	// Intl.DateTimeFormat formats the present when it gets no date.
	'CallExpression[callee.property.name=/^format(ToParts)?$/][arguments.length=0]',
];

export default defineConfig(
	globalIgnores(['.tmp/', 'coverage/', 'dist/']),
	{ linterOptions: { noInlineConfig: true, reportUnusedDisableDirectives: 'error' } },

	{
		files: ['**/*.{js,mjs,ts}'],
		extends: [js.configs.recommended],
		languageOptions: {
			globals: Object.fromEntries(
				Object.getOwnPropertyNames(globalThis).map((name) => [name, 'readonly']),
			),
		},
		rules: { eqeqeq: 'error' },
	},
	{ files: ['**/*.js'], languageOptions: { sourceType: 'commonjs' } },
	{
		files: ['**/*.ts'],
		extends: [tseslint.configs.recommended],
		languageOptions: {
			parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
		},
		rules: {
			'@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
			'@typescript-eslint/no-floating-promises': 'error',
			'@typescript-eslint/no-misused-promises': 'error',
			// Heavy packages load when they are first needed; tiklive/room-imports watches require() too.
			'@typescript-eslint/no-require-imports': 'off',
			'@typescript-eslint/no-unused-vars': [
				'error',
				{ argsIgnorePattern: '^_', ignoreRestSiblings: true, varsIgnorePattern: '^_' },
			],
			'@typescript-eslint/switch-exhaustiveness-check': [
				'error',
				{ considerDefaultExhaustiveForUnions: true },
			],
		},
	},

	// Numbers beyond 2^53 are what some tests are about.
	{ files: ['test/**'], rules: { 'no-loss-of-precision': 'off' } },

	// Properties are where `npm run fuzz` looks for them, and run as often as it says.
	{
		files: ['test/**/*.ts'],
		ignores: ['test/**/*.property.test.ts', 'test/support/**'],
		rules: {
			'no-restricted-imports': [
				'error',
				{
					name: 'fast-check',
					message: 'Put properties into a file of their own, *.property.test.ts.',
				},
			],
		},
	},
	{
		files: ['test/**/*.property.test.ts'],
		rules: {
			'no-restricted-syntax': [
				'error',
				{
					selector:
						"CallExpression[callee.object.name='fc'][callee.property.name=/^(assert|check)$/]:not([arguments.1.callee.name='runs'])",
					message: 'Say with runs() of test/support/property.ts how often the property is tried.',
				},
			],
		},
	},

	// The rules of n8n, as its package scanner applies them. Off are the rule that this package cannot
	// obey (it brings undici, p-retry, bottleneck, ioredis and bullmq) and the five that the scanner has off.
	{
		files: ['package.json', ...PACKAGE],
		extends: [n8nCommunityNodesPlugin.configs.recommendedWithoutN8nCloudSupport],
		languageOptions: { parser: tseslint.parser },
		rules: { '@n8n/community-nodes/no-runtime-dependencies': 'off', 'no-console': 'error' },
	},
	{ plugins: { 'n8n-nodes-base': n8nNodesBase } },
	{ files: ['package.json'], rules: n8nNodesBase.configs.community.rules },
	{
		files: ['credentials/**/*.ts'],
		rules: {
			...n8nNodesBase.configs.credentials.rules,
			// The product's own name ends in "API"; the rule would have it "TikLiveAPI API".
			'n8n-nodes-base/cred-class-field-display-name-missing-api': 'off',
			'n8n-nodes-base/cred-class-field-documentation-url-miscased': 'off',
			'n8n-nodes-base/cred-class-field-type-options-password-missing': 'off',
		},
	},
	{
		files: ['nodes/**/*.ts'],
		rules: {
			...n8nNodesBase.configs.nodes.rules,
			'n8n-nodes-base/node-class-description-inputs-wrong-regular-node': 'off',
			'n8n-nodes-base/node-class-description-outputs-wrong': 'off',
			'n8n-nodes-base/node-param-type-options-max-value-present': 'off',
		},
	},

	{
		files: PACKAGE,
		plugins: { tiklive: { rules: { 'room-imports': roomImports } } },
		rules: { 'tiklive/room-imports': 'error' },
	},
	{
		files: ['nodes/shared/{api,resilience}/**/*.ts'],
		rules: {
			'no-restricted-globals': [
				'error',
				...AMBIENT_GLOBALS.map((name) => ({ name, message: AMBIENT })),
			],
			'no-restricted-imports': [
				'error',
				...['crypto', 'node:crypto'].map((name) => ({ name, allowImportNames: ['createHash'] })),
			],
			'no-restricted-properties': [
				'error',
				...AMBIENT_PROPERTIES.map((property) => ({ ...property, message: AMBIENT })),
			],
			'no-restricted-syntax': [
				'error',
				...AMBIENT_SYNTAX.map((selector) => ({ selector, message: AMBIENT })),
			],
		},
	},
);
