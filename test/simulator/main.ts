import { parseArgs } from 'node:util';

import { startSimulator } from './server.ts';

const { values } = parseArgs({
	options: {
		/** 0 = any free port. */
		port: { type: 'string', default: '8399' },
		/** May be given more than once. */
		key: { type: 'string', multiple: true, default: ['test-key'] },
		size: { type: 'string', default: '200000' },
		seed: { type: 'string', default: '1' },
		'per-minute': { type: 'string', default: '200' },
		'window-ms': { type: 'string', default: '60000' },
		'no-limits': { type: 'boolean', default: false },
		/** Of each key; without it credits never end. */
		credits: { type: 'string' },
	},
});

const simulator = await startSimulator({
	port: whole('port', values.port),
	keys: values.key,
	size: whole('size', values.size),
	seed: whole('seed', values.seed),
	limits: {
		requestsPerMinute: whole('per-minute', values['per-minute']),
		windowMs: whole('window-ms', values['window-ms']),
	},
	enforceLimits: !values['no-limits'],
	...(values.credits === undefined ? {} : { credits: whole('credits', values.credits) }),
});
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
	process.once(signal, () => void simulator.close().then(() => process.exit()));
}
process.stdout.write(`${JSON.stringify({ url: simulator.url })}\n`);

function whole(name: string, text: string): number {
	if (!/^\d+$/.test(text)) throw new TypeError(`--${name} must be a whole number`);
	return Number(text);
}
