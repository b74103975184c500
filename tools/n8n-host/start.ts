/**
 * `npm start`: a real n8n with this package, a credential and the examples in place. Runs the main
 * example, prints what came back and leaves the editor open; with `--once` it ends after the run.
 *
 * TIKLIVE_API_KEY    a real key: TikLiveAPI is used instead of the simulator, and bills the run
 * TIKLIVE_BASE_URL   with a real key: another address of the API
 * TIKLIVE_USERNAMES  with a real key: whom to look up, separated by commas (default: tiktok)
 * TIKLIVE_N8N_CACHE  where n8n is installed, see install.ts
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import {
	EXAMPLE_CREDENTIAL,
	EXAMPLES,
	MAIN_EXAMPLE,
	MAIN_TRIGGER,
	readExample,
	withUsernames,
} from './examples.ts';
import { table } from './table.ts';
import {
	endAllChildren,
	ensureN8n,
	installPackage,
	N8nCli,
	N8nRest,
	newOwner,
	packPackage,
	startN8n,
	startSimulator,
	tryLock,
	type N8nHost,
	type Owner,
	type Run,
	type Simulator,
	type WorkflowFile,
} from './index.ts';

const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url));
const PORT = 5678;
const SIMULATOR_KEY = 'simulator-key';
const COLUMNS: Readonly<Record<string, readonly string[]>> = {
	'User Info': ['userId', 'username', 'nickname', 'followerCount', 'heartCount', 'videoCount'],
	Followers: ['userId', 'username', 'nickname', 'region', 'followerCount'],
	Following: ['userId', 'username', 'nickname', 'region', 'followerCount'],
	Posts: ['postId', 'postedAt', 'title', 'playCount', 'likeCount', 'commentCount'],
};
const ROWS = 5;

/** What an earlier start left in place. Written last, so that a start that was cut short is repeated. */
interface Prepared {
	readonly owner: Owner;
	readonly shasum: string;
	readonly examples: string;
}

/** Where the requests go. */
interface Target {
	readonly apiKey: string;
	readonly baseUrl: string;
	readonly simulator?: Simulator;
	readonly usernames?: readonly string[];
}

const say = (line = ''): void => console.log(line);

async function chooseTarget(): Promise<Target> {
	const {
		TIKLIVE_API_KEY: apiKey,
		TIKLIVE_BASE_URL: baseUrl = 'https://api.tikliveapi.com',
		TIKLIVE_USERNAMES: usernames = 'tiktok',
	} = process.env;
	if (apiKey) {
		say(`TIKLIVE_API_KEY is set: using ${baseUrl}. The run below costs credits.`);
		const names = usernames.split(',').map((name) => name.trim());
		return { apiKey, baseUrl, usernames: names.filter(Boolean) };
	}
	const simulator = await startSimulator(CHECKOUT, SIMULATOR_KEY);
	say(`TIKLIVE_API_KEY is not set: using the simulator at ${simulator.url}. Nothing is billed.`);
	return { apiKey: SIMULATOR_KEY, baseUrl: simulator.url, simulator };
}

/** Puts package, credential and examples in place; what an unchanged earlier start did is kept. */
async function prepare(host: N8nHost, userFolder: string, target: Target): Promise<Prepared> {
	const record = join(userFolder, 'prepared.json');
	const before = await readPrepared(record);
	const packed = await packPackage(CHECKOUT, join(userFolder, 'tarball'));
	if (before?.shasum !== packed.shasum) {
		say(`Installing ${packed.name} ${packed.version} as n8n installs it ...`);
		await installPackage(userFolder, packed);
	}
	const workflows = await Promise.all(EXAMPLES.map((name) => readExample(CHECKOUT, name)));
	const placed: WorkflowFile[] = workflows.map((workflow) =>
		target.usernames ? withUsernames(workflow, target.usernames) : workflow,
	);
	const examples = createHash('sha256').update(JSON.stringify(placed)).digest('hex');
	const cli = new N8nCli(host, userFolder);
	if (before === undefined) {
		say('Placing the credential ...');
		const { apiKey, baseUrl } = target;
		await cli.importCredentials([{ ...EXAMPLE_CREDENTIAL, data: { apiKey, baseUrl } }]);
	}
	if (before?.examples !== examples) {
		say('Placing the example workflows ...');
		await cli.importWorkflows(placed);
	}
	return { owner: before?.owner ?? newOwner(), shasum: packed.shasum, examples };
}

async function readPrepared(record: string): Promise<Prepared | undefined> {
	try {
		return JSON.parse(await readFile(record, 'utf8')) as Prepared;
	} catch {
		return undefined;
	}
}

function print(run: Run): void {
	for (const [name, columns] of Object.entries(COLUMNS)) {
		const node = run.nodes[name];
		if (node === undefined) continue;
		const { items, hints } = node;
		say(`\n${name}: ${items.length} records${items.length > ROWS ? `, the first ${ROWS}:` : ''}`);
		if (items.length > 0) {
			say(
				table(
					items.slice(0, ROWS).map(({ json }) => json),
					columns,
				),
			);
		}
		for (const hint of hints) say(`  (${hint})`);
	}
}

async function start(once: boolean): Promise<void> {
	const host = await ensureN8n({ log: say });
	const kind = process.env.TIKLIVE_API_KEY ? 'live' : 'simulator';
	const userFolder = join(CHECKOUT, '.tmp', `start-${kind}`);
	await mkdir(userFolder, { recursive: true, mode: 0o700 });
	const unlock = tryLock(join(userFolder, 'lock'));
	if (unlock === undefined) throw new Error('Another "npm start" of this checkout is running.');

	const target = await chooseTarget();
	const prepared = await prepare(host, userFolder, target);
	say(`Starting n8n ${host.version} ...`);
	const server = await startN8n(host, { userFolder, port: PORT });
	const rest = new N8nRest(host, server.url);
	await rest.enter(prepared.owner);
	const { apiKey, baseUrl } = target;
	await rest.changeCredential(EXAMPLE_CREDENTIAL.id, { apiKey, baseUrl });
	await writeFile(join(userFolder, 'prepared.json'), JSON.stringify(prepared), { mode: 0o600 });

	const { id, name } = await readExample(CHECKOUT, MAIN_EXAMPLE);
	say(`Running "${name}" ...`);
	const run = await rest.execute(id, MAIN_TRIGGER);
	print(run);
	if (run.status !== 'success') {
		const { message = 'no message', description = '' } = run.error ?? {};
		throw new Error(`The run ended as "${run.status}": ${message}\n${description}`);
	}
	if (target.simulator) {
		const { ledger } = await target.simulator.report();
		say(`\nThe simulator counted ${ledger.billed} credits.`);
	}
	if (!once) {
		say(`\nThe editor is open at  ${server.url}/workflow/${id}`);
		say(`Log in with            ${prepared.owner.email}  ${prepared.owner.password}`);
		say('Press Ctrl-C to end.');
		await Promise.race([server.ended, interrupted]);
		if (!leaving) throw new Error(`n8n ended by itself\n${server.log().slice(-2_000)}`);
	}
	await server.stop();
	await target.simulator?.stop();
	unlock();
}

let leaving = false;
const interrupted = new Promise<void>((resolve) => {
	for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
		process.on(name, () => {
			if (leaving) return;
			leaving = true;
			say('\nEnding ...');
			resolve();
			// Whatever is being waited for fails once its process is gone.
			void endAllChildren().then(() => process.exit(0));
		});
	}
});

try {
	await start(process.argv.includes('--once'));
} catch (error) {
	if (!leaving) {
		console.error(`\n${error instanceof Error ? error.message : String(error)}`);
		process.exitCode = 1;
	}
} finally {
	await endAllChildren();
}
