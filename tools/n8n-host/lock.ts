import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * A lock between processes: an exclusive SQLite transaction on `file`. The operating system gives it
 * back when its holder dies, so there is no stale lock to detect.
 */
export function tryLock(file: string): (() => void) | undefined {
	const database = new DatabaseSync(file);
	try {
		database.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE');
	} catch (error) {
		database.close();
		if (/locked|busy/i.test(String(error))) return undefined;
		throw error;
	}
	return () => database.close();
}

/** Waits for the lock, calling `onWait` once if somebody else holds it, and gives it back after `work`. */
export async function withLock<T>(
	file: string,
	{ timeoutMs, onWait }: { timeoutMs: number; onWait: () => void },
	work: () => Promise<T>,
): Promise<T> {
	const deadline = Date.now() + timeoutMs;
	let unlock = tryLock(file);
	if (unlock === undefined) onWait();
	while (unlock === undefined) {
		if (Date.now() > deadline) throw new Error(`${file} is still locked by another process`);
		await sleep(1_000);
		unlock = tryLock(file);
	}
	try {
		return await work();
	} finally {
		unlock();
	}
}
