import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { runCommand, tail } from './children.ts';
import { cleanEnvironment, npm } from './npm.ts';

/** What `npm pack` made of the built package. */
export interface PackedPackage {
	readonly name: string;
	readonly version: string;
	readonly tarball: string;
	/** Changes whenever the contents change. */
	readonly shasum: string;
	/** Paths inside the tarball. */
	readonly files: readonly string[];
}

interface PackReport {
	readonly name: string;
	readonly version: string;
	readonly filename: string;
	readonly shasum: string;
	readonly files: ReadonlyArray<{ readonly path: string }>;
}

const PACK_LIMIT_MS = 2 * 60_000;
const INSTALL_LIMIT_MS = 5 * 60_000;

/** Packs the built package in `checkout` as publishing would, into `destination`. */
export async function packPackage(checkout: string, destination: string): Promise<PackedPackage> {
	if (!existsSync(join(checkout, 'dist'))) {
		throw new Error('There is no dist folder. Run "npm run build" first.');
	}
	await mkdir(destination, { recursive: true });
	const { stdout } = await npm(
		['pack', '--json', '--ignore-scripts', '--loglevel=error', '--pack-destination', destination],
		{ cwd: checkout, timeoutMs: PACK_LIMIT_MS },
	);
	const [report] = reportsOf(JSON.parse(stdout));
	if (report === undefined) throw new Error(`npm pack named no tarball:\n${stdout}`);
	return {
		name: report.name,
		version: report.version,
		tarball: join(destination, report.filename),
		shasum: report.shasum,
		files: report.files.map(({ path }) => path),
	};
}

/** npm 11 and older print an array, newer ones an object keyed by package name. */
function reportsOf(printed: unknown): PackReport[] {
	return Object.values(printed as Record<string, PackReport>);
}

/**
 * Installs a packed package as n8n's own community package installer does (downloadPackage in
 * n8n/dist/modules/community-packages/community-packages.service.js): the same folder, the same
 * dependencies taken out of its package.json, the same npm arguments. Other node type names and other
 * copies of the dependencies would be tested otherwise.
 */
export async function installPackage(userFolder: string, packed: PackedPackage): Promise<string> {
	const nodes = join(userFolder, '.n8n', 'nodes');
	const folder = join(nodes, 'node_modules', packed.name);
	await rm(folder, { recursive: true, force: true, maxRetries: 3 });
	await mkdir(folder, { recursive: true });
	const unpacked = await runCommand(
		'tar',
		['-xzf', packed.tarball, '-C', folder, '--strip-components=1'],
		{ env: cleanEnvironment(), timeoutMs: PACK_LIMIT_MS },
	);
	if (unpacked.code !== 0) throw new Error(`tar failed\n${tail(unpacked.log)}`);

	const manifestPath = join(folder, 'package.json');
	const manifest = JSON.parse(await readFile(manifestPath, 'utf8')) as Record<string, unknown>;
	delete manifest.devDependencies;
	delete manifest.peerDependencies;
	delete manifest.optionalDependencies;
	await writeFile(manifestPath, JSON.stringify(manifest, null, 2));

	await npm(
		[
			'install',
			'--audit=false',
			'--fund=false',
			'--bin-links=false',
			'--install-strategy=shallow',
			'--ignore-scripts=true',
			'--package-lock=false',
		],
		{ cwd: folder, timeoutMs: INSTALL_LIMIT_MS },
	);
	await writeFile(
		join(nodes, 'package.json'),
		JSON.stringify(
			{ name: 'installed-nodes', private: true, dependencies: { [packed.name]: packed.version } },
			null,
			2,
		),
	);
	return folder;
}
