/** Primary result codes of SQLite. */
const BUSY = 5;
const CORRUPT = 11;
const NOT_A_DATABASE = 26;
/** Permission, out of memory, read-only, I/O, full, cannot open. */
const UNUSABLE = [3, 7, 8, 10, 13, 14];

export type Outcome<T> = { ok: true; value: T } | { ok: false; error: unknown };

/** A file that SQLite can read but that is not ours or cannot be true. */
export class DamagedFile extends Error {
	override readonly name = 'DamagedFile';

	readonly errcode = CORRUPT;
}

export function attempt<T>(work: () => T): Outcome<T> {
	try {
		return { ok: true, value: work() };
	} catch (error) {
		return { ok: false, error };
	}
}

/** Another process holds the file for longer than the busy timeout. */
export function isBusy(error: unknown): boolean {
	return codeOf(error) === BUSY;
}

export function isCorrupt(error: unknown): boolean {
	return [CORRUPT, NOT_A_DATABASE].includes(codeOf(error));
}

export function isUnusable(error: unknown): boolean {
	return UNUSABLE.includes(codeOf(error));
}

export function describe(error: unknown): string {
	return isObject(error) && 'message' in error ? String(error.message) : String(error);
}

function codeOf(error: unknown): number {
	return isObject(error) && 'errcode' in error ? Number(error.errcode) & 0xff : 0;
}

/** Errors of Node's own modules are no `instanceof Error` inside a vm context. */
function isObject(error: unknown): error is object {
	return typeof error === 'object' && error !== null;
}
