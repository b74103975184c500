/** "TIKL": tells this file from another program's database. */
export const APPLICATION_ID = 0x54_49_4b_4c;

/**
 * Each entry brings a file from version n to n + 1 and is never changed once released. Entries only add
 * (tables, columns with a default, indexes), so that an older version of the package that is still running
 * can go on with a newer file.
 *
 * Times named `at` or `..._at` are on the store's own clock (Database.nowMs), `..._wall_ms` on the wall clock,
 * and `..._ms` are durations. `key` stands for an API key (keyNumber).
 */
export const MIGRATIONS: readonly string[] = [
	`
	CREATE TABLE meta (name TEXT PRIMARY KEY, value REAL NOT NULL) STRICT, WITHOUT ROWID;
	CREATE TABLE owners (
		owner TEXT PRIMARY KEY, host TEXT NOT NULL, pid INTEGER NOT NULL, start TEXT NOT NULL,
		renewed_at REAL NOT NULL
	) STRICT, WITHOUT ROWID;

	CREATE TABLE admissions (
		key INTEGER PRIMARY KEY, tokens INTEGER NOT NULL, next_seq INTEGER NOT NULL, drained_at REAL NOT NULL,
		paused_at REAL NOT NULL, paused_ms REAL NOT NULL, critical_at REAL NOT NULL
	) STRICT;
	CREATE TABLE grants (
		key INTEGER NOT NULL, at REAL NOT NULL, seq INTEGER NOT NULL, drained_before_at REAL NOT NULL,
		interval_ms REAL NOT NULL, PRIMARY KEY (key, at, seq)
	) STRICT, WITHOUT ROWID;
	CREATE TABLE slots (
		key INTEGER NOT NULL, seq INTEGER NOT NULL, owner TEXT NOT NULL, at REAL NOT NULL, lease_ms REAL NOT NULL,
		PRIMARY KEY (key, seq)
	) STRICT, WITHOUT ROWID;
	CREATE TABLE waiting_critical (
		key INTEGER NOT NULL, owner TEXT NOT NULL, asked_at REAL NOT NULL, PRIMARY KEY (key, owner)
	) STRICT, WITHOUT ROWID;

	CREATE TABLE cells (
		key INTEGER NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL, PRIMARY KEY (key, name)
	) STRICT, WITHOUT ROWID;

	CREATE TABLE ledgers (
		key INTEGER PRIMARY KEY, day TEXT NOT NULL, balance_entered REAL, balance_used INTEGER NOT NULL,
		balance_count INTEGER NOT NULL
	) STRICT;
	CREATE TABLE credits (
		key INTEGER NOT NULL, day TEXT NOT NULL, priority TEXT NOT NULL, spent INTEGER NOT NULL,
		unknown INTEGER NOT NULL, returned INTEGER NOT NULL, reserved INTEGER NOT NULL,
		PRIMARY KEY (key, day, priority)
	) STRICT, WITHOUT ROWID;
	CREATE TABLE reservations (
		id TEXT PRIMARY KEY, key INTEGER NOT NULL, day TEXT NOT NULL, priority TEXT NOT NULL, owner TEXT NOT NULL,
		balance_count INTEGER NOT NULL, swept_at REAL
	) STRICT, WITHOUT ROWID;

	CREATE TABLE responses (
		row INTEGER PRIMARY KEY, key INTEGER NOT NULL, id TEXT NOT NULL, endpoint TEXT NOT NULL,
		kind TEXT NOT NULL, body TEXT NOT NULL, fetched_wall_ms REAL NOT NULL, keep_until_wall_ms REAL NOT NULL,
		bytes INTEGER NOT NULL, checksum INTEGER NOT NULL, UNIQUE (key, id)
	) STRICT;
	CREATE INDEX responses_age ON responses (fetched_wall_ms, keep_until_wall_ms, bytes);
	CREATE TABLE claims (
		key INTEGER NOT NULL, id TEXT NOT NULL, owner TEXT NOT NULL, at REAL NOT NULL, lease_ms REAL NOT NULL,
		PRIMARY KEY (key, id)
	) STRICT, WITHOUT ROWID;
	`,
	// AUTOINCREMENT: an id is never given to a second job, however late somebody comes back with it.
	`
	CREATE TABLE jobs (
		seq INTEGER PRIMARY KEY AUTOINCREMENT, key INTEGER NOT NULL, state TEXT NOT NULL,
		priority INTEGER NOT NULL, kind TEXT NOT NULL, payload TEXT NOT NULL, dedupe TEXT NOT NULL,
		max_attempts INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, created_wall_ms REAL NOT NULL,
		due_wall_ms REAL NOT NULL, fence INTEGER NOT NULL DEFAULT 0, owner TEXT NOT NULL DEFAULT '',
		lease_until_at REAL NOT NULL DEFAULT 0, progress TEXT, history TEXT NOT NULL DEFAULT '[]', reason TEXT,
		died_wall_ms REAL
	) STRICT;
	CREATE UNIQUE INDEX jobs_dedupe ON jobs (key, dedupe) WHERE state <> 'dead';
	CREATE INDEX jobs_waiting ON jobs (key, priority, seq, kind, due_wall_ms) WHERE state = 'waiting';
	CREATE INDEX jobs_delayed ON jobs (key, priority, due_wall_ms) WHERE state = 'delayed';
	CREATE INDEX jobs_active ON jobs (key, owner, lease_until_at, due_wall_ms) WHERE state = 'active';
	CREATE INDEX jobs_dead ON jobs (key, died_wall_ms, seq, due_wall_ms) WHERE state = 'dead';
	CREATE TABLE jobs_done (
		key INTEGER NOT NULL, hour INTEGER NOT NULL, jobs INTEGER NOT NULL, PRIMARY KEY (key, hour)
	) STRICT, WITHOUT ROWID;
	`,
	`
	CREATE TABLE minutes (
		key INTEGER NOT NULL, minute INTEGER NOT NULL, counts TEXT NOT NULL, PRIMARY KEY (key, minute)
	) STRICT, WITHOUT ROWID;
	`,
	// A queue other than the default one has a number of its own: the `key` of its rows in `jobs` and `jobs_done`.
	// So each queue has the indexes to itself, and an older version takes jobs of the default queue only.
	`
	CREATE TABLE queues (
		key INTEGER NOT NULL, name TEXT NOT NULL, jobs_key INTEGER NOT NULL, added_wall_ms REAL,
		worked_off_wall_ms REAL, PRIMARY KEY (key, name)
	) STRICT, WITHOUT ROWID;
	`,
];
