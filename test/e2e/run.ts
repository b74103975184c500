/**
 * `node test/e2e/run.ts [--short]`: the packed package in a real n8n against the simulator.
 * `--short` leaves out the browser. Needs a built package (`npm run build`).
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import {
	endAllChildren,
	ensureN8n,
	newOwner,
	packPackage,
	startSimulator,
} from '../../tools/n8n-host/index.ts';
import { Checks, StepFailed } from './checks.ts';
import { checkEditor } from './editor.ts';
import { checkHeadless } from './headless.ts';
import { checkEmbeddedQueues } from './queues.ts';
import { checkServer } from './server.ts';
import { placeAll, RIGHT_KEY, type Stage } from './stage.ts';
import { checkTrouble } from './trouble.ts';
import { checkStorage } from './storage.ts';
import { checkWatch } from './watch.ts';

const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url));
const short = process.argv.includes('--short');
const checks = new Checks();
const atEnd: Stage['atEnd'] = [];
const folder = await mkdtemp(join(tmpdir(), 'tiklive-e2e-'));
const screenshots = join(CHECKOUT, '.tmp', 'screenshots');

for (const [signal, code] of [
	['SIGINT', 130],
	['SIGTERM', 143],
] as const) {
	process.once(signal, () => void cleanUp().then(() => process.exit(code)));
}

async function cleanUp(): Promise<void> {
	for (const work of atEnd.splice(0)) await work();
	await endAllChildren();
	await rm(folder, { recursive: true, force: true, maxRetries: 3 });
}

async function runAll(): Promise<void> {
	const host = await checks.step('n8n is installed', async () =>
		ensureN8n({ log: (line) => console.log(`# ${line}`) }),
	);
	const packed = await checks.step('the package packs', async () =>
		packPackage(CHECKOUT, join(folder, 'tarball')),
	);
	const simulator = await checks.step('the simulator starts', async () =>
		startSimulator(CHECKOUT, RIGHT_KEY),
	);
	const userFolder = join(folder, 'user');
	await mkdir(userFolder, { mode: 0o700 });
	const owner = newOwner();
	const place = { host, packed, simulator, userFolder, owner, checkout: CHECKOUT };
	const stage: Stage = { ...place, checks, atEnd };
	await placeAll(stage);
	await checkHeadless(stage);
	await checkServer(stage);
	await checkEmbeddedQueues(stage);
	await checkStorage(stage);
	await checkWatch(stage);
	await checkTrouble(stage);
	if (!short) await checkEditor(stage, screenshots);
}

try {
	await runAll();
} catch (error) {
	if (!(error instanceof StepFailed)) checks.fail('the run reaches its end', error);
} finally {
	await cleanUp();
}
console.log(checks.summary());
process.exitCode = checks.failed ? 1 : 0;
