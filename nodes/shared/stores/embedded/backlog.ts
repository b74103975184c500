import type { SQLInputValue } from 'node:sqlite';
import {
	JOB_STATES,
	type JobFilter,
	type JobKind,
	type JobState,
	type ListedJob,
} from '../../resilience/jobs';
import type { Database } from './database';
import { numberOf, oneOf, seqOf, toListed } from './jobRow';
import { inPortions, seqsOf } from './portions';
import type { Queues } from './queues';

/** Jobs that are neither done nor dead, for people: what there is, and how to take it back. */
export class Backlog {
	constructor(
		private readonly database: Database,
		private readonly queues: Queues,
	) {}

	async list({
		queue,
		limit,
		states = JOB_STATES,
		kinds = [],
	}: {
		queue: string;
		limit: number;
		states?: readonly JobState[] | undefined;
		kinds?: readonly JobKind[] | undefined;
	}): Promise<ListedJob[]> {
		const wallMs = this.database.wallMs();
		const seqs: number[] = [];
		const find = (state: JobState, where: string, ...values: SQLInputValue[]) => {
			if (!states.includes(state) || seqs.length >= limit) return;
			const found = seqsOf(
				this.database,
				`SELECT seq FROM jobs WHERE key = ? ${oneOf('kind', kinds)} AND ${where} LIMIT ?`,
				...[this.queues.jobsKey(queue), ...kinds, ...values, limit - seqs.length],
			);
			for (const seq of found) seqs.push(seq);
		};
		this.database.read(() => {
			seqs.length = 0;
			find('active', "state = 'active' ORDER BY seq");
			find('waiting', "state = 'waiting' ORDER BY priority, seq");
			// As everywhere: what is due waits, whether or not somebody has looked at it since.
			find('waiting', "state = 'delayed' AND due_wall_ms <= ? ORDER BY priority, seq", wallMs);
			find('delayed', "state = 'delayed' AND due_wall_ms > ? ORDER BY due_wall_ms", wallMs);
		});
		const jobs: ListedJob[] = [];
		await inPortions(seqs, (portion) => {
			const rows = this.database.read(() =>
				this.database.all(
					`SELECT jobs.* FROM json_each(?) CROSS JOIN jobs ON jobs.seq = json_each.value
					WHERE jobs.key = ? AND jobs.state <> 'dead' ORDER BY json_each.key`,
					...[JSON.stringify(portion), this.queues.jobsKey(queue)],
				),
			);
			jobs.push(...rows.map((row) => toListed(row, queue, wallMs)));
		});
		return jobs;
	}

	async delete(which: readonly string[] | (JobFilter & { queue: string })): Promise<number> {
		return 'queue' in which ? await this.deleteAll(which) : await this.deleteSome(which);
	}

	private async deleteSome(ids: readonly string[]): Promise<number> {
		let deleted = 0;
		await inPortions(ids.map(seqOf), (seqs) => {
			deleted += this.remove(seqs, [...this.queues.names().keys()]);
		});
		return deleted;
	}

	private async deleteAll({
		queue,
		kinds = [],
		priorities = [],
	}: JobFilter & { queue: string }): Promise<number> {
		const key = this.queues.jobsKey(queue);
		const seqs = this.database.read(() =>
			(['waiting', 'delayed'] as const).flatMap((state) =>
				seqsOf(
					this.database,
					`SELECT seq FROM jobs WHERE key = ? AND state = '${state}'
					${oneOf('kind', kinds)} ${oneOf('priority', priorities)}`,
					...[key, ...kinds, ...priorities.map(numberOf)],
				),
			),
		);
		let deleted = 0;
		await inPortions(seqs, (portion) => {
			deleted += this.remove(portion, [key]);
		});
		return deleted;
	}

	/** Not those that somebody works on meanwhile. */
	private remove(seqs: readonly number[], keys: readonly number[]): number {
		return this.database.transaction(
			() =>
				this.database.run(
					`DELETE FROM jobs WHERE seq IN (SELECT value FROM json_each(?))
					AND +key IN (SELECT value FROM json_each(?)) AND +state IN ('waiting', 'delayed')`,
					...[JSON.stringify(seqs), JSON.stringify(keys)],
				),
			true,
		);
	}
}
