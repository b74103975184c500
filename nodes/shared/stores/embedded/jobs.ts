import type { SQLInputValue } from 'node:sqlite';
import { crashDelayMs } from '../../resilience/jobPolicy';
import {
	DONE_HOURS,
	type AddedJob,
	type Claimed,
	type ClaimedJob,
	type DeadJob,
	type JobClaim,
	type JobFilter,
	type JobSelection,
	type JobStats,
	type JobStore,
	type ListedJob,
	type NewJob,
	type QueueUse,
	type RetryLater,
} from '../../resilience/jobs';
import type { Random } from '../../resilience/ports';
import { Backlog } from './backlog';
import type { Database, Row } from './database';
import { DeadLetters } from './deadLetters';
import { longerHistory, numberOf, oneOf, PRIORITIES, seqOf, toClaimed, toDead } from './jobRow';
import { Queues } from './queues';

const HOUR_MS = 3_600_000;

/** Delayed jobs that become due together are moved in portions, so that no claim takes long. */
const PROMOTED_AT_ONCE = 1_000;

/** Behind `WHERE`: the row of a claim that still holds. Its values are those of `claimValues`. */
const CLAIMED = "seq = ? AND key = ? AND fence = ? AND state = 'active'";

/**
 * A job is `waiting` (due), `delayed`, `active` or `dead`; a completed one is gone and leaves a count.
 * A waiting job stays so whatever the wall clock does.
 */
export class EmbeddedJobs implements JobStore {
	private readonly names: Queues;

	private readonly backlog: Backlog;

	private readonly dead: DeadLetters;

	constructor(
		private readonly database: Database,
		keyId: string,
		private readonly random: Random,
	) {
		this.names = new Queues(database, keyId);
		this.backlog = new Backlog(database, this.names);
		this.dead = new DeadLetters(database, this.names);
	}

	async add(jobs: readonly NewJob[]): Promise<AddedJob[]> {
		return this.database.transaction(() => {
			this.names.noteAdded(new Set(jobs.map(({ queue }) => queue)));
			return jobs.map((job) => this.addOne(job));
		}, true);
	}

	async claim(request: Parameters<JobStore['claim']>[0]): Promise<Claimed> {
		// Most of the time there is nothing to do; then nobody has to wait for a transaction.
		if (this.database.read(() => this.isIdle(request.queue))) return { jobs: [], died: [] };
		return this.database.transaction(() => {
			const crashed = this.takeBack(request);
			this.promote(request.queue);
			const { jobs, damaged } = this.take(request);
			return { jobs, died: [...crashed, ...damaged] };
		});
	}

	async extend(claims: readonly JobClaim[], leaseMs: number): Promise<boolean[]> {
		return this.database.transaction(() => {
			const untilMs = this.database.nowMs() + leaseMs;
			return claims.map((claim) => this.change(claim, 'lease_until_at = ?', untilMs));
		});
	}

	async saveProgress(claim: JobClaim, progress: string): Promise<boolean> {
		return this.database.transaction(() => this.change(claim, 'progress = ?', progress));
	}

	async complete(claims: readonly JobClaim[]): Promise<boolean[]> {
		return this.database.transaction(() => {
			const held = claims.map(
				(claim) =>
					this.database.run(`DELETE FROM jobs WHERE ${CLAIMED}`, ...this.claimValues(claim)) > 0,
			);
			this.countDone(claims.filter((_, index) => held[index]));
			return held;
		});
	}

	async retryLater(
		claim: JobClaim,
		{ delayMs, error, usesAttempt }: RetryLater,
	): Promise<'delayed' | 'lost' | DeadJob> {
		return this.database.transaction(() => {
			const row = this.claimed(claim);
			if (row === undefined) return 'lost';
			const attempts = Number(row['attempts']) + (usesAttempt ? 1 : 0);
			if (usesAttempt && attempts >= Number(row['max_attempts'])) {
				return this.bury(row, claim.queue, 'attempts', error, attempts);
			}
			this.comeBack(row, delayMs, error, attempts);
			return 'delayed';
		});
	}

	async deadLetter(claim: JobClaim, reason: string, error: string): Promise<DeadJob | undefined> {
		return this.database.transaction(() => {
			const row = this.claimed(claim);
			return row && this.bury(row, claim.queue, reason, error, Number(row['attempts']));
		});
	}

	async release(claims: readonly JobClaim[]): Promise<void> {
		this.database.transaction(() => {
			for (const claim of claims) this.change(claim, "state = 'waiting', owner = ''");
		});
	}

	async stats(queue: string): Promise<JobStats> {
		return this.database.read(() => {
			const wallMs = this.database.wallMs();
			const waiting = this.count(queue, "state = 'waiting'");
			const active = this.count(queue, "state = 'active'");
			const due = this.count(queue, "state = 'delayed' AND due_wall_ms <= ?", wallMs);
			const delayed = this.count(queue, "state = 'delayed'");
			const dead = this.count(queue, "state = 'dead'");
			const done = this.database.get(
				'SELECT SUM(jobs) AS jobs FROM jobs_done WHERE key = ? AND hour > ?',
				...[this.names.jobsKey(queue), this.hour() - DONE_HOURS],
			);
			const oldestMs = Math.min(waiting.oldestMs, active.oldestMs, due.oldestMs, wallMs);
			return {
				waiting: waiting.jobs + due.jobs,
				active: active.jobs,
				delayed: delayed.jobs - due.jobs,
				done: Number(done?.['jobs'] ?? 0),
				dead: dead.jobs,
				oldestSeconds: Math.floor((wallMs - oldestMs) / 1_000),
			};
		});
	}

	async queues(): Promise<QueueUse[]> {
		return this.database.read(() => this.names.all());
	}

	async markWorkedOff(queue: string): Promise<void> {
		this.names.noteWorkedOff(queue);
	}

	async list(request: Parameters<JobStore['list']>[0]): Promise<ListedJob[]> {
		return await this.backlog.list(request);
	}

	async deleteJobs(which: readonly string[] | (JobFilter & { queue: string })): Promise<number> {
		return await this.backlog.delete(which);
	}

	async listDead({ queue, limit, kinds }: Parameters<JobStore['listDead']>[0]): Promise<DeadJob[]> {
		return this.dead.list(queue, limit, kinds);
	}

	async retryDead(which: JobSelection): Promise<number> {
		return await this.dead.retry(which);
	}

	async deleteDead(which: JobSelection): Promise<number> {
		return await this.dead.delete(which);
	}

	async sweep(): Promise<number> {
		return this.database.transaction(() => {
			this.database.run('DELETE FROM jobs_done WHERE hour <= ?', this.hour() - DONE_HOURS);
			const removed = this.dead.sweep();
			this.names.sweep();
			return removed;
		});
	}

	// ------------------------------------------------------------ inside a transaction

	private addOne(job: NewJob): AddedJob {
		const wallMs = this.database.wallMs();
		const key = this.names.jobsKey(job.queue);
		const added = this.database.get(
			`INSERT INTO jobs
				(key, state, priority, kind, payload, dedupe, max_attempts, created_wall_ms, due_wall_ms)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING seq`,
			key,
			job.notBeforeMs > wallMs ? 'delayed' : 'waiting',
			PRIORITIES.indexOf(job.priority),
			job.kind,
			job.payload,
			job.dedupeKey,
			job.maxAttempts,
			wallMs,
			Math.max(job.notBeforeMs, wallMs),
		);
		if (added !== undefined) return { id: String(added['seq']), duplicate: false };
		const there = this.database.get(
			"SELECT seq FROM jobs WHERE key = ? AND dedupe = ? AND state <> 'dead'",
			...[key, job.dedupeKey],
		);
		return { id: String(there?.['seq']), duplicate: true };
	}

	/** Whether a claim can only come back empty. */
	private isIdle(queue: string): boolean {
		return !(
			this.exists(queue, "state = 'waiting'") ||
			this.exists(queue, "state = 'active' AND owner <> ?", this.database.owner) ||
			this.exists(queue, "state = 'active' AND lease_until_at < ?", this.database.nowMs()) ||
			this.exists(queue, "state = 'delayed' AND due_wall_ms <= ?", this.database.wallMs())
		);
	}

	/** Ends deliveries whose process is dead or whose lease ran out; returns those without an attempt left. */
	private takeBack({
		queue,
		kinds = [],
		priorities = [],
	}: JobFilter & { queue: string }): DeadJob[] {
		const nowMs = this.database.nowMs();
		const alive = new Map<string, boolean>();
		const isAlive = (owner: string) => {
			const known = alive.get(owner) ?? this.database.ownerAlive(owner);
			alive.set(owner, known);
			return known;
		};
		const died: DeadJob[] = [];
		const active = this.database.all(
			`SELECT * FROM jobs WHERE key = ? AND state = 'active'
			${oneOf('kind', kinds)} ${oneOf('priority', priorities)}`,
			...[this.names.jobsKey(queue), ...kinds, ...priorities.map(numberOf)],
		);
		for (const row of active) {
			const crashed = !isAlive(String(row['owner']));
			if (!crashed && Number(row['lease_until_at']) >= nowMs) continue;
			const error = crashed ? 'The process that held the job ended' : 'The lease ran out';
			const attempts = Number(row['attempts']) + 1;
			if (attempts >= Number(row['max_attempts'])) {
				died.push(this.bury(row, queue, 'crashed', error, attempts));
			} else {
				this.comeBack(row, crashDelayMs(attempts, this.random), error, attempts);
			}
		}
		return died;
	}

	/** Delayed jobs that are due become waiting ones. */
	private promote(queue: string): void {
		for (const priority of PRIORITIES.keys()) {
			this.database.run(
				`UPDATE jobs SET state = 'waiting' WHERE seq IN (
					SELECT seq FROM jobs
					WHERE key = ? AND state = 'delayed' AND priority = ? AND due_wall_ms <= ?
					ORDER BY due_wall_ms LIMIT ${PROMOTED_AT_ONCE}
				)`,
				...[this.names.jobsKey(queue), priority, this.database.wallMs()],
			);
		}
	}

	private take({
		queue,
		limit,
		leaseMs,
		kinds = [],
		priorities = [],
	}: Parameters<JobStore['claim']>[0]): { jobs: ClaimedJob[]; damaged: DeadJob[] } {
		const rows = this.database.all(
			`UPDATE jobs SET state = 'active', fence = fence + 1, owner = ?, lease_until_at = ?
			WHERE seq IN (
				SELECT seq FROM jobs WHERE key = ? AND state = 'waiting'
				${oneOf('kind', kinds)} ${oneOf('priority', priorities)}
				ORDER BY priority, seq LIMIT ?
			)
			RETURNING *`,
			...[this.database.owner, this.database.nowMs() + leaseMs, this.names.jobsKey(queue)],
			...[...kinds, ...priorities.map(numberOf), limit],
		);
		const jobs: ClaimedJob[] = [];
		const damaged: DeadJob[] = [];
		for (const row of rows.sort(inClaimOrder)) {
			const job = toClaimed(row, queue);
			const attempts = Number(row['attempts']);
			if (job !== undefined) jobs.push(job);
			else damaged.push(this.bury(row, queue, 'damaged', 'The row is damaged', attempts));
		}
		return { jobs, damaged };
	}

	private bury(row: Row, queue: string, reason: string, error: string, attempts: number): DeadJob {
		const wallMs = this.database.wallMs();
		const dead = this.database.get(
			`UPDATE jobs SET state = 'dead', owner = '', reason = ?, attempts = ?, died_wall_ms = ?, history = ?
			WHERE seq = ? RETURNING *`,
			...[reason, attempts, wallMs, longerHistory(row, wallMs, error), row['seq'] ?? null],
		);
		return toDead(dead ?? row, queue);
	}

	private comeBack(row: Row, delayMs: number, error: string, attempts: number): void {
		const wallMs = this.database.wallMs();
		this.database.run(
			"UPDATE jobs SET state = ?, owner = '', attempts = ?, due_wall_ms = ?, history = ? WHERE seq = ?",
			delayMs > 0 ? 'delayed' : 'waiting',
			attempts,
			delayMs > 0 ? wallMs + delayMs : Number(row['due_wall_ms']),
			longerHistory(row, wallMs, error),
			row['seq'] ?? null,
		);
	}

	private claimed(claim: JobClaim): Row | undefined {
		return this.database.get(`SELECT * FROM jobs WHERE ${CLAIMED}`, ...this.claimValues(claim));
	}

	/** False when the claim no longer holds. */
	private change(claim: JobClaim, set: string, ...values: SQLInputValue[]): boolean {
		const sql = `UPDATE jobs SET ${set} WHERE ${CLAIMED}`;
		return this.database.run(sql, ...values, ...this.claimValues(claim)) > 0;
	}

	private claimValues({ id, queue, fence }: JobClaim): SQLInputValue[] {
		return [seqOf(id), this.names.jobsKey(queue), fence];
	}

	private countDone(claims: readonly JobClaim[]): void {
		for (const [queue, { length }] of Map.groupBy(claims, (claim) => claim.queue)) {
			this.database.run(
				`INSERT INTO jobs_done (key, hour, jobs) VALUES (?, ?, ?)
				ON CONFLICT DO UPDATE SET jobs = jobs + excluded.jobs`,
				...[this.names.jobsKey(queue), this.hour(), length],
			);
		}
	}

	/** `oldestMs`: the earliest due time of them, Infinity when there are none. */
	private count(
		queue: string,
		where: string,
		...values: SQLInputValue[]
	): { jobs: number; oldestMs: number } {
		const row = this.database.get(
			`SELECT COUNT(*) AS jobs, MIN(due_wall_ms) AS oldest FROM jobs WHERE key = ? AND ${where}`,
			...[this.names.jobsKey(queue), ...values],
		);
		return { jobs: Number(row?.['jobs']), oldestMs: Number(row?.['oldest'] ?? Infinity) };
	}

	private exists(queue: string, where: string, ...values: SQLInputValue[]): boolean {
		const sql = `SELECT 1 FROM jobs WHERE key = ? AND ${where} LIMIT 1`;
		return this.database.get(sql, this.names.jobsKey(queue), ...values) !== undefined;
	}

	private hour(): number {
		return Math.floor(this.database.wallMs() / HOUR_MS);
	}
}

function inClaimOrder(a: Row, b: Row): number {
	return Number(a['priority']) - Number(b['priority']) || Number(a['seq']) - Number(b['seq']);
}
