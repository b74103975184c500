import {
	chmodSync,
	closeSync,
	constants,
	existsSync,
	lstatSync,
	mkdirSync,
	openSync,
	renameSync,
	rmSync,
} from 'node:fs';
import { join } from 'node:path';

const { O_CREAT, O_RDWR, O_NOFOLLOW = 0 } = constants;

const FILE_NAME = 'tiklive.db';

/** Stored answers and counts are for n8n's own user only. */
const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;

/** Makes folder and file where they are missing, closes them to others, and returns the file's path. */
export function prepareFile(folder: string): string {
	mkdirSync(folder, { recursive: true, mode: FOLDER_MODE });
	chmodSync(folder, FOLDER_MODE);
	const path = join(folder, FILE_NAME);
	if (!existsSync(path)) {
		// SQLite gives -wal and -shm the mode of the database.
		closeSync(openSync(path, O_CREAT | O_RDWR | O_NOFOLLOW, FILE_MODE));
	}
	// An existing file is not opened here: to close it would drop the locks that this process holds on it.
	if (!lstatSync(path).isFile()) throw new Error(`${path} is not a file`);
	chmodSync(path, FILE_MODE);
	return path;
}

/** Tells whether a path still leads to the same file. */
export function fileId(path: string): string | undefined {
	try {
		const { dev, ino } = lstatSync(path, { bigint: true });
		return `${dev}:${ino}`;
	} catch {
		return undefined;
	}
}

/** Moves a damaged file out of the way and returns its new path. */
export function setAside(path: string): string {
	let number = 1;
	while (existsSync(`${path}.corrupt-${number}`)) number++;
	const target = `${path}.corrupt-${number}`;
	// The log first: beside a fresh file it would be taken for that file's own.
	if (existsSync(`${path}-wal`)) renameSync(`${path}-wal`, `${target}-wal`);
	rmSync(`${path}-shm`, { force: true });
	renameSync(path, target);
	return target;
}
