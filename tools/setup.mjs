// @ts-check
// Makes a checkout ready to run: the packages of package-lock.json, and among them Node 24.
// Runs on any Node from 20 on and with npm 10 and 11; does nothing when all is in place.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** npm's own record of what it installed says the same as the lock file. */
function isInstalled() {
	const record = `${root}node_modules/.package-lock.json`;
	if (!existsSync(record)) return false;
	const wanted = JSON.parse(readFileSync(`${root}package-lock.json`, 'utf8')).packages;
	const present = JSON.parse(readFileSync(record, 'utf8')).packages;
	return Object.entries(wanted).every(
		([folder, { version, optional, devOptional }]) =>
			folder === '' || optional || devOptional || present[folder]?.version === version,
	);
}

/** The version of the Node that npm scripts run on. */
function installedNode() {
	const { stdout } = spawnSync(`${root}node_modules/node/bin/node`, ['--version'], {
		encoding: 'utf8',
	});
	return stdout?.trim() ?? '';
}

/** @param {string[]} args */
function npm(...args) {
	// Started from `npm run -s`, npm would not even print its errors.
	const { status } = spawnSync('npm', [...args, '--loglevel=error'], {
		cwd: root,
		stdio: 'inherit',
		shell: process.platform === 'win32',
	});
	if (status !== 0) process.exit(status ?? 1);
}

if (!isInstalled()) {
	console.log('Installing the packages of package-lock.json (a minute or two) ...');
	// Without install scripts: one package refuses npm in its own, and only `node` needs one.
	npm('ci', '--include=dev', '--ignore-scripts', '--no-audit', '--no-fund');
}
const { version } = JSON.parse(readFileSync(`${root}node_modules/node/package.json`, 'utf8'));
if (installedNode() !== `v${version}`) {
	npm('rebuild', 'node', '--ignore-scripts=false');
	if (installedNode() !== `v${version}`) {
		console.error(`Node ${version} could not be installed from the npm package "node".`);
		process.exit(1);
	}
}
