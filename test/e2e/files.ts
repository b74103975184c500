import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';

/** Installed code; there is too much of it, and nothing is written to it at run time. */
const CODE = join('.n8n', 'nodes') + sep;

async function filesUnder(folder: string): Promise<string[]> {
	const entries = await readdir(folder, { recursive: true, withFileTypes: true });
	return entries
		.filter((entry) => entry.isFile())
		.map((entry) => join(entry.parentPath, entry.name))
		.filter((file) => !relative(folder, file).startsWith(CODE));
}

/** The files under `folder` in which one of the `secrets` can be read. */
export async function filesHolding(folder: string, secrets: readonly string[]): Promise<string[]> {
	const found: string[] = [];
	for (const file of await filesUnder(folder)) {
		const bytes = await readFile(file);
		if (secrets.some((secret) => bytes.includes(secret))) found.push(relative(folder, file));
	}
	return found;
}

/** Where this package keeps its state, under n8n's folder. */
const STATE = join('.n8n', 'storage', 'n8n-nodes-tikliveapi');

/** What of this package's state others could read, with its mode. Nothing on Windows, which has no modes. */
export async function openToOthers(userFolder: string): Promise<string[]> {
	const folder = join(userFolder, STATE);
	const paths = [folder, ...(await filesUnder(folder))];
	if (process.platform === 'win32') return [];
	const open: string[] = [];
	for (const path of paths) {
		const mode = (await stat(path)).mode & 0o777;
		if ((mode & 0o077) !== 0) open.push(`${relative(userFolder, path)} ${mode.toString(8)}`);
	}
	return open;
}
