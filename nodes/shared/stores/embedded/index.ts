import { resolve } from 'node:path';
import type { Clock, Random, Stores, Warn } from '../../resilience/ports';
import { EmbeddedAdmission, forgetPermits } from './admission';
import { EmbeddedCells } from './cells';
import { Database } from './database';
import { EmbeddedJobs } from './jobs';
import { keyNumber } from './keyNumber';
import { EmbeddedLedger, sweepReservations } from './ledger';
import { EmbeddedResponses, forgetClaims } from './responses';
import { loadSqlite } from './sqlite';
import { EmbeddedStatistics } from './statistics';

export interface EmbeddedOptions {
	/**
	 * A folder of our own: it is closed to other users of the machine. Undefined keeps everything in memory,
	 * shared by all handles of this process.
	 */
	folder: string | undefined;
	/** A hash of the API key; never the key. */
	keyId: string;
	clock: Clock;
	/** The first handle of a folder gets the warnings for all. */
	warn: Warn;
	/** Size cap for the stored answers of all keys of a file. Default 256 MB, in memory 64 MB. */
	maxCacheBytes?: number;
	/** Default Math.random. */
	random?: Random;
}

const MB = 2 ** 20;
const FILE_CACHE_BYTES = 256 * MB;
const MEMORY_CACHE_BYTES = 64 * MB;

/** Open databases by folder, with the number of handles on each. Another clock is another process, in tests. */
const databases = new WeakMap<Clock, Map<string, { database: Database; handles: number }>>();

/**
 * State of one API key in a SQLite file. Touches the file at the first use.
 *
 * @throws InvalidInput on a Node without SQLite
 */
export function openEmbeddedStores(options: EmbeddedOptions): Stores {
	loadSqlite();
	const { database, release } = shareDatabase(options);
	const key = keyNumber(options.keyId);
	const responses = new EmbeddedResponses(database, key, () =>
		database.inMemory ? memoryCacheBytes(options) : (options.maxCacheBytes ?? FILE_CACHE_BYTES),
	);
	return {
		kind: 'embedded',
		admission: new EmbeddedAdmission(database, key),
		cells: new EmbeddedCells(database, key),
		ledger: new EmbeddedLedger(database, key, responses),
		responses,
		statistics: new EmbeddedStatistics(database, key),
		jobs: new EmbeddedJobs(database, options.keyId, options.random ?? Math.random),
		dispose: async () => release(),
	};
}

/** One database per folder and process. The last `release` closes it. */
export function shareDatabase(
	options: Pick<EmbeddedOptions, 'folder' | 'clock' | 'warn' | 'maxCacheBytes'>,
): {
	database: Database;
	release: () => void;
} {
	const { clock, warn } = options;
	const folder = options.folder === undefined ? undefined : resolve(options.folder);
	const name = folder ?? '';
	const open = databases.get(clock) ?? new Map<string, { database: Database; handles: number }>();
	databases.set(clock, open);
	const shared = open.get(name) ?? {
		database: new Database({
			folder,
			clock,
			warn,
			forget,
			memoryCacheBytes: memoryCacheBytes(options),
		}),
		handles: 0,
	};
	open.set(name, shared);
	shared.handles++;
	let released = false;
	return {
		database: shared.database,
		release: () => {
			if (released) return;
			released = true;
			shared.handles--;
			if (shared.handles === 0 && shared.database.close()) open.delete(name);
		},
	};
}

function memoryCacheBytes({ maxCacheBytes }: Pick<EmbeddedOptions, 'maxCacheBytes'>): number {
	return Math.min(maxCacheBytes ?? MEMORY_CACHE_BYTES, MEMORY_CACHE_BYTES);
}

function forget(database: Database, owner: string): void {
	forgetPermits(database, owner);
	sweepReservations(database, owner);
	forgetClaims(database, owner);
}
