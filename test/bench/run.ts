/** All benches one after the other, each in a process of its own. About 17 minutes; those over Redis need redis-server. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { hasRedisServer } from '../redis/server.ts';

const EMBEDDED = ['cost', 'compression', 'longList', 'simulated', 'queue', 'faults', 'rate'];
const REDIS = ['redisCost', 'redisCritical', 'redisRate'];
const BENCHES = hasRedisServer() ? [...EMBEDDED, ...REDIS] : EMBEDDED;

for (const name of BENCHES) {
	process.stdout.write(`\n# ${name}\n`);
	const path = fileURLToPath(new URL(`./${name}.ts`, import.meta.url));
	const [code] = (await once(spawn(process.execPath, [path], { stdio: 'inherit' }), 'exit')) as [
		number | null,
	];
	if (code !== 0) process.exitCode = 1;
}
