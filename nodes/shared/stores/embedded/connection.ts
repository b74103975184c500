import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Clock } from '../../resilience/ports';
import { fileId } from './file';
import { thisProcess } from './owner';
import { APPLICATION_ID, MIGRATIONS } from './schema';
import { loadSqlite } from './sqlite';
import { DamagedFile } from './sqliteError';

/** How long a statement waits for another process's transaction. The wait blocks the event loop. */
export const BUSY_TIMEOUT_MS = 5_000;

/** A stamp beyond this (300 years of uptime) is damage. */
const LATEST_STAMP_MS = 1e13;

export interface Connection {
	readonly sqlite: DatabaseSync;
	/** Undefined in memory. */
	readonly path: string | undefined;
	/** Which file `path` led to when it was opened. */
	readonly file: string | undefined;
	readonly statements: Map<string, StatementSync>;
	/** Added to the monotonic clock, so that no stored stamp lies in the future after a reboot. */
	offsetMs: number;
}

/** Opens a file, or a database in memory, brings its tables up to date, and signs the owner on. */
export function connect(path: string | undefined, owner: string, clock: Clock): Connection {
	const { DatabaseSync } = loadSqlite();
	const file = path === undefined ? undefined : fileId(path);
	const sqlite = new DatabaseSync(path ?? ':memory:', { timeout: BUSY_TIMEOUT_MS });
	let ready = false;
	try {
		sqlite.exec(`
			PRAGMA auto_vacuum = INCREMENTAL;
			PRAGMA journal_mode = WAL;
			PRAGMA synchronous = NORMAL;
			PRAGMA journal_size_limit = 8000000;
			PRAGMA temp_store = MEMORY;
			PRAGMA trusted_schema = OFF;
			BEGIN IMMEDIATE;
		`);
		migrate(sqlite);
		// Read while nobody else can write: what others have stamped lies in the past now.
		const monotonicMs = clock.monotonicMs();
		const offsetMs = calibrate(sqlite, monotonicMs);
		signOn(sqlite, owner, monotonicMs + offsetMs);
		sqlite.exec('COMMIT');
		ready = true;
		return { sqlite, path, file, statements: new Map(), offsetMs };
	} finally {
		if (!ready) sqlite.close();
	}
}

/** This process is alive. */
export function signOn(sqlite: DatabaseSync, owner: string, nowMs: number): void {
	const { host, pid, start } = thisProcess();
	sqlite
		.prepare(
			`INSERT INTO owners (owner, host, pid, start, renewed_at) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET renewed_at = excluded.renewed_at`,
		)
		.run(owner, host, pid, start, nowMs);
}

/**
 * Copies what can be read, stored answers only up to `cacheBytes`, the newest first. Returns the names of the
 * tables that could not be read to their end.
 */
export function copyTables(from: Connection, to: Connection, cacheBytes: number): string[] {
	const lost: string[] = [];
	to.sqlite.exec('BEGIN IMMEDIATE');
	for (const row of to.sqlite
		.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
		.all()) {
		const table = String(row['name']);
		if (table.startsWith('sqlite_')) continue;
		try {
			copyTable(table, from.sqlite, to.sqlite, table === 'responses' ? cacheBytes : Infinity);
		} catch {
			lost.push(table);
		}
	}
	to.sqlite.exec(
		'UPDATE admissions SET tokens = (SELECT COUNT(*) FROM grants WHERE grants.key = admissions.key)',
	);
	to.offsetMs = Math.max(to.offsetMs, from.offsetMs);
	storeOffset(to.sqlite, to.offsetMs);
	to.sqlite.exec('COMMIT');
	return lost;
}

function copyTable(table: string, from: DatabaseSync, to: DatabaseSync, bytes: number): void {
	const newestFirst = table === 'responses' ? ' ORDER BY fetched_wall_ms DESC' : '';
	let bytesLeft = bytes;
	let insert: StatementSync | undefined;
	for (const row of from.prepare(`SELECT * FROM ${table}${newestFirst}`).iterate()) {
		bytesLeft -= Number(row['bytes'] ?? 0);
		if (bytesLeft < 0) return;
		// `row` is a mere count that may be taken on the other side.
		const columns = Object.keys(row).filter((column) => column !== 'row');
		const marks = columns.map(() => '?');
		insert ??= to.prepare(
			`INSERT OR IGNORE INTO ${table} (${columns.join()}) VALUES (${marks.join()})`,
		);
		insert.run(...columns.map((column) => row[column] ?? null));
	}
}

function migrate(sqlite: DatabaseSync): void {
	const number = (sql: string) => Number(Object.values(sqlite.prepare(sql).get() ?? {})[0] ?? 0);
	const tables = number('SELECT COUNT(*) FROM sqlite_schema');
	if (tables > 0 && number('PRAGMA application_id') !== APPLICATION_ID) {
		throw new DamagedFile('not a TikLiveAPI state file');
	}
	const version = number('PRAGMA user_version');
	if (version >= MIGRATIONS.length) return;
	for (const migration of MIGRATIONS.slice(version)) sqlite.exec(migration);
	sqlite.exec(
		`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${MIGRATIONS.length}`,
	);
}

/**
 * The monotonic clock starts again with each boot. Stored stamps must not lie in the future then (a rate window
 * that is full for weeks), nor be taken for old: time goes on where it was last seen, as if the machine had
 * been off for no time at all.
 */
function calibrate(sqlite: DatabaseSync, monotonicMs: number): number {
	const found = sqlite
		.prepare(
			`SELECT
				IFNULL((SELECT value FROM meta WHERE name = 'offset_ms'), 0) AS stored,
				MAX(
					IFNULL((SELECT MAX(renewed_at) FROM owners), 0),
					IFNULL((SELECT MAX(at) FROM grants), 0)
				) AS latest`,
		)
		.get();
	const stored = Number(found?.['stored']);
	const latest = Number(found?.['latest']);
	if (!(stored < LATEST_STAMP_MS && latest < LATEST_STAMP_MS)) {
		throw new DamagedFile('impossible time stamps');
	}
	const offsetMs = Math.max(stored, latest - monotonicMs);
	if (offsetMs > stored) storeOffset(sqlite, offsetMs);
	return offsetMs;
}

function storeOffset(sqlite: DatabaseSync, offsetMs: number): void {
	sqlite
		.prepare(
			`INSERT INTO meta (name, value) VALUES ('offset_ms', ?)
			ON CONFLICT DO UPDATE SET value = excluded.value`,
		)
		.run(offsetMs);
}
