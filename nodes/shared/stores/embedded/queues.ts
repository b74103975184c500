import { DEFAULT_QUEUE, QUEUE_KEEP_MS, type QueueUse } from '../../resilience/jobs';
import type { Database } from './database';
import { keyNumber } from './keyNumber';

/** The named queues of one API key. */
export class Queues {
	readonly #key: number;

	constructor(
		private readonly database: Database,
		private readonly keyId: string,
	) {
		this.#key = keyNumber(keyId);
	}

	/** The `key` of a queue's rows in `jobs` and `jobs_done`. */
	jobsKey(name: string): number {
		return name === DEFAULT_QUEUE ? this.#key : keyNumber(`${this.keyId} ${name}`);
	}

	/** Inside a transaction. */
	noteAdded(names: ReadonlySet<string>): void {
		for (const name of names) this.note(name, 'added_wall_ms');
	}

	noteWorkedOff(name: string): void {
		this.database.transaction(() => this.note(name, 'worked_off_wall_ms'));
	}

	/** The default one, and those that were used. */
	all(): QueueUse[] {
		const rows = this.database.all('SELECT * FROM queues WHERE key = ?', this.#key);
		const queues = rows.map((row) => ({
			name: String(row['name']),
			addedAtMs: time(row['added_wall_ms']),
			workedOffAtMs: time(row['worked_off_wall_ms']),
		}));
		if (queues.some(({ name }) => name === DEFAULT_QUEUE)) return queues;
		return [{ name: DEFAULT_QUEUE, addedAtMs: undefined, workedOffAtMs: undefined }, ...queues];
	}

	/** By the `key` of their rows. */
	names(): Map<number, string> {
		return new Map(this.all().map(({ name }) => [this.jobsKey(name), name]));
	}

	/** Inside a transaction: forgets those that are empty and not used any more. */
	sweep(): void {
		this.database.run(
			`DELETE FROM queues WHERE key = ? AND MAX(IFNULL(added_wall_ms, 0), IFNULL(worked_off_wall_ms, 0)) < ?
			AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.key = jobs_key AND state <> 'dead')
			AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.key = jobs_key AND state = 'dead')`,
			...[this.#key, this.database.wallMs() - QUEUE_KEEP_MS],
		);
	}

	private note(name: string, column: 'added_wall_ms' | 'worked_off_wall_ms'): void {
		this.database.run(
			`INSERT INTO queues (key, name, jobs_key, ${column}) VALUES (?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET ${column} = excluded.${column}`,
			...[this.#key, name, this.jobsKey(name), this.database.wallMs()],
		);
	}
}

function time(value: unknown): number | undefined {
	return typeof value === 'number' ? value : undefined;
}
