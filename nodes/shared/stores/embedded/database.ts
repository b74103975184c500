import { randomUUID } from 'node:crypto';
import type { SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite';
import type { Clock, Warn } from '../../resilience/ports';
import { BUSY_TIMEOUT_MS, connect, copyTables, signOn, type Connection } from './connection';
import { fileId, prepareFile, setAside } from './file';
import { HEARTBEAT_MS, isAlive } from './owner';
import { attempt, describe, isBusy, isCorrupt, isUnusable } from './sqliteError';

export type Row = Record<string, SQLOutputValue>;

export interface DatabaseOptions {
	/** Undefined keeps everything in memory, for the life of the process. */
	folder: string | undefined;
	clock: Clock;
	warn: Warn;
	/** Ends what a dead owner left behind. Runs in a transaction. */
	forget(database: Database, owner: string): void;
	/** Bytes of stored answers that move along when the file is given up for memory. */
	memoryCacheBytes: number;
}

/** Once a wait of BUSY_TIMEOUT_MS was not enough, and until the file is free again. */
const BUSY_AGAIN_TIMEOUT_MS = 100;

/** What tells how many requests went out just now. */
const WINDOW_TABLES = ['admissions', 'grants'];

/**
 * One SQLite file, opened at first use. It never gives up: a damaged file is set aside for a fresh one, and
 * where there can be no file the same tables go on in memory, with one warning.
 */
export class Database {
	/** Stands for this handle in slots, reservations and claims. */
	readonly owner = randomUUID();

	/**
	 * How many processes shared the file when it was given up for memory. Each of them then keeps to its
	 * part of the limits, so that together they stay below them.
	 */
	peers = 1;

	/** nowMs() when what was granted before became unknown; -Infinity when it never did. */
	forgotAtMs = -Infinity;

	private current: Connection | undefined;

	private closed = false;

	private impatient = false;

	private readonly warned = new Set<string>();

	private readonly backlog: Array<{ work: () => void; durable: boolean }> = [];

	private stopHeartbeat: (() => void) | undefined;

	constructor(private readonly options: DatabaseOptions) {}

	/** The store's own time: the monotonic clock, carried on over reboots. */
	nowMs(): number {
		return this.options.clock.monotonicMs() + this.connection().offsetMs;
	}

	/** How far nowMs() is ahead of the monotonic clock. */
	get offsetMs(): number {
		return this.connection().offsetMs;
	}

	wallMs(): number {
		return this.options.clock.wallMs();
	}

	get inMemory(): boolean {
		return this.connection().path === undefined;
	}

	get(sql: string, ...values: SQLInputValue[]): Row | undefined {
		return this.statement(sql).get(...values);
	}

	all(sql: string, ...values: SQLInputValue[]): Row[] {
		return this.statement(sql).all(...values);
	}

	/** Returns the number of rows changed. */
	run(sql: string, ...values: SQLInputValue[]): number {
		return Number(this.statement(sql).run(...values).changes);
	}

	/** Single statements; each stands for itself. */
	read<T>(work: () => T): T {
		return this.repairing(work);
	}

	/**
	 * All or nothing, alone with the file. `durable`: survives a power cut once it returns; without it a
	 * power cut may undo the last transactions, a killed process never does.
	 */
	transaction<T>(work: () => T, durable = false): T {
		return this.repairing(() => {
			const { sqlite, path } = this.connection();
			const sync = durable && path !== undefined;
			if (sync) sqlite.exec('PRAGMA synchronous = FULL');
			try {
				this.run('BEGIN IMMEDIATE');
				const result = work();
				this.run('COMMIT');
				return result;
			} finally {
				// Some errors have rolled back already.
				if (sqlite.isTransaction) this.run('ROLLBACK');
				if (sync) sqlite.exec('PRAGMA synchronous = NORMAL');
			}
		});
	}

	/** Like `transaction`, but never throws: while the file is locked the work waits for the next occasion. */
	eventually(work: () => void, durable = false): void {
		this.backlog.push({ work, durable });
		this.workOff();
	}

	/** Gives free pages back to the file system. */
	vacuum(pages: number): void {
		this.read(() => this.connection().sqlite.exec(`PRAGMA incremental_vacuum(${pages})`));
	}

	warnOnce(about: string, message: string): void {
		if (this.warned.has(about)) return;
		this.warned.add(about);
		this.options.warn(message);
	}

	ownerAlive(owner: string): boolean {
		if (owner === this.owner) return true;
		const row = this.get('SELECT * FROM owners WHERE owner = ?', owner);
		return row !== undefined && isOwnerAlive(row, this.nowMs());
	}

	/** Ends what dead processes left behind. Call it inside `transaction`. */
	forgetDead(): void {
		const nowMs = this.nowMs();
		for (const row of this.all('SELECT * FROM owners WHERE owner <> ?', this.owner)) {
			if (!isOwnerAlive(row, nowMs)) this.forgetOwner(String(row['owner']));
		}
	}

	/**
	 * Lets go of what this process holds, and closes the file. What is only in memory stays for the life of the
	 * process: then this returns false, and the database can be used again.
	 */
	close(): boolean {
		if (this.closed) return true;
		if (this.current) {
			this.workOff();
			attempt(() => this.transaction(() => this.forgetOwner(this.owner)));
			if (this.inMemory) return false;
		}
		this.stopHeartbeat?.();
		this.closed = true;
		this.shut();
		return true;
	}

	private connection(): Connection {
		if (!this.current) {
			this.current = this.open();
			if (!this.closed && this.current.path !== undefined) {
				this.stopHeartbeat ??= this.options.clock.every(HEARTBEAT_MS, () => {
					this.workOff();
					this.beat();
				});
				this.beat();
			}
		}
		return this.current;
	}

	private shut(): void {
		this.current?.sqlite.close();
		this.current = undefined;
	}

	private statement(sql: string): StatementSync {
		const { sqlite, statements } = this.connection();
		let statement = statements.get(sql);
		if (!statement) {
			statement = sqlite.prepare(sql);
			statements.set(sql, statement);
		}
		return statement;
	}

	private workOff(): void {
		for (let next = this.backlog[0]; next; next = this.backlog[0]) {
			try {
				this.transaction(next.work, next.durable);
			} catch (error) {
				if (isBusy(error)) return;
				this.warnOnce('dropped', `An entry could not be stored (${describe(error)})`);
			}
			this.backlog.shift();
		}
	}

	/** Says that this process is alive, and clears up after those that are not. */
	private beat(): void {
		try {
			const { path, file } = this.connection();
			if (path !== undefined && fileId(path) !== file) this.reopen();
			this.transaction(() => {
				signOn(this.connection().sqlite, this.owner, this.nowMs());
				this.forgetDead();
			});
		} catch {
			// Locked just now: there is time until others take this process for dead.
		}
	}

	private forgetOwner(owner: string): void {
		this.options.forget(this, owner);
		this.run('DELETE FROM owners WHERE owner = ?', owner);
	}

	// ------------------------------------------------------------ when something is wrong with the file

	private repairing<T>(work: () => T): T {
		for (let repairs = 0; ; repairs++) {
			const outcome = attempt(work);
			const again = !outcome.ok && this.repair(outcome.error, repairs);
			if (outcome.ok && this.impatient) this.setPatience(BUSY_TIMEOUT_MS);
			// A late settlement is stored even after close().
			if (this.closed) this.shut();
			if (outcome.ok) return outcome.value;
			if (!again) throw outcome.error;
		}
	}

	/** True when it is worth another try. */
	private repair(error: unknown, repairs: number): boolean {
		if (isBusy(error)) this.setPatience(BUSY_AGAIN_TIMEOUT_MS);
		if (this.current?.path === undefined) return false;
		if (isCorrupt(error) && repairs === 0) {
			this.reopen(error);
		} else if (isCorrupt(error) || isUnusable(error)) {
			this.retreat();
			this.stayInMemory(error);
		} else {
			return false;
		}
		return true;
	}

	private setPatience(ms: number): void {
		this.impatient = ms < BUSY_TIMEOUT_MS;
		this.current?.sqlite.exec(`PRAGMA busy_timeout = ${ms}`);
	}

	private open(): Connection {
		const { folder } = this.options;
		if (folder === undefined) return this.connect();
		const path = attempt(() => prepareFile(folder));
		if (!path.ok) return this.openMemory(path.error);
		const connection = attempt(() => this.connect(path.value));
		if (connection.ok) return connection.value;
		if (!isCorrupt(connection.error)) return this.openMemory(connection.error);
		const fresh = attempt(() => this.beginAnew(path.value, fileId(path.value), connection.error));
		if (!fresh.ok) return this.openMemory(fresh.error);
		this.forgotAtMs = this.options.clock.monotonicMs() + fresh.value.offsetMs;
		return fresh.value;
	}

	private openMemory(problem: unknown): Connection {
		this.stayInMemory(problem);
		return this.connect();
	}

	private connect(path?: string): Connection {
		return connect(path, this.owner, this.options.clock);
	}

	/** Sets the damaged file aside, unless another process was faster. */
	private beginAnew(path: string, damaged: string | undefined, problem: unknown): Connection {
		if (fileId(path) === damaged) {
			const target = setAside(path);
			this.warnOnce(
				'aside',
				`The state file is damaged (${describe(problem)}). It was set aside as ${target}; ` +
					'a new one begins.',
			);
		}
		return this.connect(prepareFile(this.options.folder ?? ''));
	}

	/** The file is damaged, or another one lies under its path: what can be read moves to a good file. */
	private reopen(damage?: unknown): void {
		const { path, file } = this.connection();
		if (path === undefined) return;
		const refuge = this.retreat();
		try {
			const next =
				damage === undefined
					? this.connect(prepareFile(this.options.folder ?? ''))
					: this.beginAnew(path, file, damage);
			this.moveIn(refuge, next, Infinity);
			this.current = next;
			this.peers = 1;
			refuge.sqlite.close();
		} catch (error) {
			this.stayInMemory(error);
		}
	}

	/** Goes on in memory with what can be read of the file. */
	private retreat(): Connection {
		const last = this.connection();
		const memory = this.connect();
		const lost = this.moveIn(last, memory, this.options.memoryCacheBytes);
		this.peers = countAlive(memory, this.nowMs());
		this.forgotAtMs = WINDOW_TABLES.some((table) => lost.includes(table))
			? this.nowMs()
			: -Infinity;
		this.current = memory;
		// Leaves the log of a file alone that has taken the place of this one.
		attempt(() => last.sqlite.close());
		return memory;
	}

	private moveIn(from: Connection, to: Connection, cacheBytes: number): string[] {
		const lost = copyTables(from, to, cacheBytes);
		signOn(to.sqlite, this.owner, this.options.clock.monotonicMs() + to.offsetMs);
		return lost;
	}

	private stayInMemory(problem: unknown): void {
		this.stopHeartbeat?.();
		this.warnOnce(
			'memory',
			`No state can be kept in ${this.options.folder} (${describe(problem)}). Limits, budget ` +
				'and stored answers are kept in memory until n8n restarts.',
		);
	}
}

function countAlive({ sqlite }: Connection, nowMs: number): number {
	const owners = sqlite.prepare('SELECT * FROM owners').all();
	return owners.filter((owner) => isOwnerAlive(owner, nowMs)).length;
}

function isOwnerAlive(row: Row, nowMs: number): boolean {
	const owner = {
		host: String(row['host']),
		pid: Number(row['pid']),
		start: String(row['start']),
		renewedAt: Number(row['renewed_at']),
	};
	return isAlive(owner, nowMs);
}
