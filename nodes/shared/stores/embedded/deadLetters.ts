import type { SQLInputValue } from 'node:sqlite';
import {
	DEAD_KEEP_COUNT,
	DEAD_KEEP_MS,
	type DeadJob,
	type JobKind,
	type JobSelection,
} from '../../resilience/jobs';
import type { Database } from './database';
import { oneOf, seqOf, toDead } from './jobRow';
import { inPortions, seqsOf } from './portions';
import type { Queues } from './queues';

/** Jobs that have failed for good. */
export class DeadLetters {
	constructor(
		private readonly database: Database,
		private readonly queues: Queues,
	) {}

	list(queue: string, limit: number, kinds: readonly JobKind[] = []): DeadJob[] {
		return this.database.read(() =>
			this.database
				.all(
					`SELECT * FROM jobs WHERE key = ? AND state = 'dead' ${oneOf('kind', kinds)}
					ORDER BY died_wall_ms DESC, seq DESC LIMIT ?`,
					...[this.queues.jobsKey(queue), ...kinds, limit],
				)
				.map((row) => toDead(row, queue)),
		);
	}

	async retry(which: JobSelection): Promise<number> {
		// OR IGNORE leaves out those whose dedupe key is taken.
		const revive = "UPDATE OR IGNORE jobs SET state = 'waiting', attempts = 0, due_wall_ms = ?";
		return await this.each(which, revive, this.database.wallMs());
	}

	async delete(which: JobSelection): Promise<number> {
		return await this.each(which, 'DELETE FROM jobs');
	}

	/** Inside a transaction: removes those past their retention, and returns how many. */
	sweep(): number {
		let removed = 0;
		for (const key of this.queues.names().keys()) {
			removed += this.database.run(
				"DELETE FROM jobs WHERE key = ? AND state = 'dead' AND died_wall_ms < ?",
				...[key, this.database.wallMs() - DEAD_KEEP_MS],
			);
			removed += this.database.run(
				`DELETE FROM jobs WHERE seq IN (
					SELECT seq FROM jobs WHERE key = ? AND state = 'dead'
					ORDER BY died_wall_ms DESC, seq DESC LIMIT -1 OFFSET ?
				)`,
				...[key, DEAD_KEEP_COUNT],
			);
		}
		return removed;
	}

	private async each(
		which: JobSelection,
		action: string,
		...values: SQLInputValue[]
	): Promise<number> {
		let changed = 0;
		const { seqs, keys } = this.select(which);
		await inPortions(seqs, (portion) => {
			changed += this.database.transaction(
				() =>
					this.database.run(
						`${action} WHERE seq IN (SELECT value FROM json_each(?))
						AND +key IN (SELECT value FROM json_each(?)) AND +state = 'dead'`,
						...[...values, JSON.stringify(portion), JSON.stringify(keys)],
					),
				true,
			);
		});
		return changed;
	}

	private select(which: JobSelection): { seqs: number[]; keys: number[] } {
		if (!('queue' in which)) {
			return { seqs: which.map(seqOf), keys: [...this.queues.names().keys()] };
		}
		const key = this.queues.jobsKey(which.queue);
		const dead = "SELECT seq FROM jobs WHERE key = ? AND state = 'dead'";
		return { seqs: this.database.read(() => seqsOf(this.database, dead, key)), keys: [key] };
	}
}
