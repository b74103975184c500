/** ES modules among the dependencies: jest's require cannot load them as they are. */
const ESM_PACKAGES = ['p-retry', 'is-network-error'];

/** @type {import('jest').Config} */
module.exports = {
	testEnvironment: 'node',
	testMatch: ['<rootDir>/test/**/*.test.ts'],
	testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/e2e/', '<rootDir>/test/bench/'],
	modulePathIgnorePatterns: ['<rootDir>/.tmp/'],
	setupFiles: ['<rootDir>/test/support/fastCheck.ts'],
	testTimeout: 20_000,
	// Many tests wait for real time; one worker per core keeps the run short.
	maxWorkers: '100%',
	transform: {
		// Types are checked by `npm run types`; here each file is only translated.
		'\\.[jt]s$': [
			'ts-jest',
			{ tsconfig: { module: 'commonjs', isolatedModules: true, allowJs: true, target: 'es2023' } },
		],
	},
	transformIgnorePatterns: [`/node_modules/(?!(${ESM_PACKAGES.join('|')})/)`],
};
