import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

import { runCommand } from './children.ts';
import { withLock } from './lock.ts';
import { assertNode24, cleanEnvironment, npm } from './npm.ts';

/** The newest n8n whose dependencies all resolve; the one this package is tested against. */
export const N8N_VERSION = '2.41.1';

/** An installed n8n, ready to be started. */
export interface N8nHost {
	readonly version: string;
	/** The cache folder it is installed in. */
	readonly folder: string;
	/** n8n's entry script, to be run by this process's own Node. */
	readonly bin: string;
}

export interface EnsureOptions {
	/** Called with one line of progress at a time. */
	readonly log?: (line: string) => void;
}

const INSTALL_LIMIT_MS = 25 * 60_000;
const BUILD_LIMIT_MS = 15 * 60_000;
const PROGRESS_EVERY_MS = 30_000;

/**
 * n8n's install scripts are not run: one of them downloads sources and fails behind many firewalls.
 * Of the native parts only these two are needed to run workflows.
 */
const NATIVE_PARTS = ['sqlite3', 'isolated-vm'];

const MANIFEST = {
	name: 'n8n-host',
	private: true,
	dependencies: { n8n: N8N_VERSION },
	// linkedom 0.18.15 depends on a package that not every registry serves.
	overrides: { linkedom: '0.18.12' },
	allowScripts: Object.fromEntries(NATIVE_PARTS.map((name) => [name, true])),
};

/** Where n8n is kept between runs: `TIKLIVE_N8N_CACHE`, or the user's cache folder. */
export function cacheFolder(): string {
	const { TIKLIVE_N8N_CACHE, XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
	if (TIKLIVE_N8N_CACHE) return resolve(TIKLIVE_N8N_CACHE);
	const base =
		process.platform === 'win32'
			? (LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'))
			: XDG_CACHE_HOME || join(homedir(), '.cache');
	return join(base, 'n8n-nodes-tikliveapi');
}

/**
 * Installs n8n into the cache folder unless it is there already (then this takes milliseconds).
 * The stamp file is written last: without it an installation counts as half done and is resumed.
 * Takes about 2.9 GB, and five to ten minutes on two cores.
 */
export async function ensureN8n({ log = () => {} }: EnsureOptions = {}): Promise<N8nHost> {
	assertNode24();
	const folder = join(cacheFolder(), `n8n-${N8N_VERSION}`);
	const stamp = join(folder, 'ready.json');
	const host: N8nHost = {
		version: N8N_VERSION,
		folder,
		bin: join(folder, 'node_modules', 'n8n', 'bin', 'n8n'),
	};
	if (await isStamped(stamp)) return host;
	await mkdir(folder, { recursive: true });
	await withLock(
		`${folder}.lock`,
		{
			timeoutMs: INSTALL_LIMIT_MS + BUILD_LIMIT_MS,
			onWait: () => log('another run is installing n8n; waiting for it'),
		},
		async () => {
			if (await isStamped(stamp)) return;
			await install(folder, log);
			await writeFile(`${stamp}.new`, JSON.stringify(expectedStamp(), null, '\t'));
			await rename(`${stamp}.new`, stamp);
		},
	);
	return host;
}

/** A library out of n8n's own installation. */
export function requireFromN8n(host: N8nHost, name: string): unknown {
	return createRequire(host.bin)(name);
}

function expectedStamp() {
	const { platform, arch, versions } = process;
	return { n8n: N8N_VERSION, platform, arch, nodeAbi: versions.modules };
}

async function isStamped(stamp: string): Promise<boolean> {
	try {
		const found: unknown = JSON.parse(await readFile(stamp, 'utf8'));
		return JSON.stringify(found) === JSON.stringify(expectedStamp());
	} catch {
		return false;
	}
}

async function install(folder: string, log: (line: string) => void): Promise<void> {
	await writeFile(join(folder, 'package.json'), JSON.stringify(MANIFEST, null, '\t'));
	await withProgress(log, `installing n8n ${N8N_VERSION} (once; about 3 GB)`, async () => {
		await npm(['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
			cwd: folder,
			timeoutMs: INSTALL_LIMIT_MS,
		});
	});
	for (const name of NATIVE_PARTS) {
		if (await loads(folder, name)) continue;
		await withProgress(log, `building ${name} for Node ${process.versions.node}`, async () => {
			await npm(['rebuild', name, '--ignore-scripts=false', '--loglevel=error'], {
				cwd: folder,
				env: nodeHeaders(),
				timeoutMs: BUILD_LIMIT_MS,
			});
		});
		if (!(await loads(folder, name))) {
			throw new Error(
				`n8n's ${name} does not load under Node ${process.versions.node}. It could neither be downloaded nor built; building needs Python 3, make and a C++ compiler.`,
			);
		}
	}
}

/** Whether a native module loads under this Node. Tried in a child: a bad binary can end its process. */
async function loads(folder: string, name: string): Promise<boolean> {
	const { code } = await runCommand(process.execPath, ['-e', `require(${JSON.stringify(name)})`], {
		cwd: folder,
		env: cleanEnvironment(),
		timeoutMs: 60_000,
	});
	return code === 0;
}

/** Node's C++ headers come with the npm package that holds its binary; else node-gyp downloads them. */
function nodeHeaders(): NodeJS.ProcessEnv {
	const platform = process.platform === 'win32' ? 'win' : process.platform;
	const near = createRequire(join(process.execPath, '..', '..', 'package.json'));
	for (const prefix of ['node', 'node-bin']) {
		try {
			const manifest = near.resolve(`${prefix}-${platform}-${process.arch}/package.json`);
			const folder = join(manifest, '..');
			if (existsSync(join(folder, 'include', 'node', 'node_api.h'))) {
				return { npm_config_nodedir: folder };
			}
		} catch {
			continue;
		}
	}
	return {};
}

async function withProgress(
	log: (line: string) => void,
	what: string,
	work: () => Promise<void>,
): Promise<void> {
	const began = Date.now();
	const seconds = () => Math.round((Date.now() - began) / 1000);
	log(`${what} ...`);
	const ticking = setInterval(() => log(`  ... ${seconds()} s`), PROGRESS_EVERY_MS);
	try {
		await work();
	} finally {
		clearInterval(ticking);
	}
	log(`  done in ${seconds()} s`);
}
