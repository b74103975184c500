// @ts-check
// Tries the properties (test/**/*.property.test.ts) far more often than `npm test`, with a seed of its own:
//   npm run fuzz [-- <part of a file's path> [-t <name of a property>]]
// FUZZ_RUNS is how often each of them is tried, FUZZ_SEED what the cases are drawn from. FUZZ_PATH, with the seed,
// the file and the name, goes straight to the case that a failure names.
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { createRequire } from 'node:module';

const { FUZZ_RUNS = '100000', FUZZ_SEED = String(randomInt(2 ** 31)) } = process.env;
for (const [name, value] of Object.entries({ FUZZ_RUNS, FUZZ_SEED })) {
	if (!/^-?\d+$/.test(value)) throw new Error(`${name} is "${value}", but must be a whole number`);
}

console.log(`${FUZZ_RUNS} runs a property, seed ${FUZZ_SEED}`);
const jest = createRequire(import.meta.url).resolve('jest/bin/jest');
const { status } = spawnSync(
	process.execPath,
	[jest, ...process.argv.slice(2), '--verbose', '--testMatch', '**/test/**/*.property.test.ts'],
	{ stdio: 'inherit', env: { ...process.env, FUZZ_RUNS, FUZZ_SEED } },
);
if (status !== 0) {
	console.log(
		`To try the failing case alone: FUZZ_SEED=${FUZZ_SEED} FUZZ_PATH=<path> npm run fuzz -- <file> -t '<name>'`,
	);
}
process.exitCode = status ?? 1;
