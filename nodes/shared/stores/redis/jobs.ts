import {
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
import { StoreUnavailable, type Clock, type Random } from '../../resilience/ports';
import { Adding } from './adding';
import type { Availability } from './availability';
import { Backlog } from './backlog';
import { Bull } from './bull';
import { Claims } from './claims';
import type { Client, RedisConnection } from './connection';
import { DeadLetters } from './deadLetters';
import { DoneCount } from './doneCount';
import { dueMs, JOB_LIFE_MS, maxAttempts } from './jobHash';
import type { Keys } from './keys';
import { Lanes, type Lane } from './lanes';
import { SURVEY } from './lua/jobs';
import type { Membership } from './membership';
import { QueueNames } from './queueNames';
import type { ServerTime } from './serverTime';
import { pick, toState, type LaneReply, type LaneState } from './survey';
import type { Timing } from './timing';

/** One transaction's share of a batch: some 50 ms of the server's time. */
const ADDED_AT_ONCE = 1_000;
/** Jobs come in batches: they may take longer than a single command. */
const LIMIT_MS = 5_000;
/** Between the two looks that BullMQ takes at stalled jobs. */
const STALL_MARK_MS = 3;

/**
 * Durable jobs on BullMQ. Each queue, kind and priority is a lane of its own, pulled by hand, since jobs are asked
 * for by all three. Without Redis there are no jobs: every method rejects then.
 */
export class RedisJobs implements JobStore {
	readonly #lanes: Lanes;
	readonly #bull: Bull;
	readonly #names: QueueNames;
	readonly #adding: Adding;
	readonly #claims: Claims;
	readonly #backlog: Backlog;
	readonly #dead: DeadLetters;
	readonly #done: DoneCount;

	constructor(
		private readonly options: {
			connection: RedisConnection;
			keys: Keys;
			availability: Availability;
			membership: Membership;
			clock: Clock;
			time: ServerTime;
			timing: Timing;
			random: Random;
		},
	) {
		const { connection, keys, time } = options;
		const lanes = (this.#lanes = new Lanes(keys));
		const bull = (this.#bull = new Bull(lanes, () => time.wallMs()));
		const names = (this.#names = new QueueNames({ connection, keys, time }));
		const use = async <T>(work: (client: Client) => Promise<T>) => await this.#use(work);
		this.#adding = new Adding({ keys, time, lanes, bull, names });
		this.#done = new DoneCount(keys, time);
		this.#backlog = new Backlog({ connection, lanes, time, use });
		this.#dead = new DeadLetters({ connection, lanes, bull, names, time, use });
		this.#claims = new Claims({ ...options, lanes, bull, dead: this.#dead });
	}

	/** All or none of up to 1,000. Of more, those before a failure may be in: their dedupe keys tell when added again. */
	async add(jobs: readonly NewJob[]): Promise<AddedJob[]> {
		const added: AddedJob[] = [];
		for (let from = 0; from < jobs.length; from += ADDED_AT_ONCE) {
			const portion = jobs.slice(from, from + ADDED_AT_ONCE);
			added.push(...(await this.#use(async (client) => await this.#adding.add(client, portion))));
		}
		return added;
	}

	async claim(request: Parameters<JobStore['claim']>[0]): Promise<Claimed> {
		const { queue, limit, leaseMs } = request;
		const lanes = this.#lanes.matching(queue, request);
		return await this.#use(async (client) => {
			let states = await this.#survey(queue, lanes, limit);
			if (states.some(({ stalled }) => stalled > 0)) {
				await this.#recoverStalled(client, states);
				states = await this.#survey(queue, lanes, limit);
			}
			const picks = pick(states, limit);
			if (picks.length === 0) return { jobs: [], died: [] };
			const lastFence = await this.#claims.nextFences(client, picks.length);
			const taken = await Promise.all(
				picks.map(async (lane, i) => await this.#claims.take(client, lane, lastFence - i, leaseMs)),
			);
			return {
				jobs: taken.filter((job) => job !== undefined && 'fence' in job).sort(inClaimOrder),
				died: taken.filter((job) => job !== undefined && 'reason' in job),
			};
		});
	}

	async extend(claims: readonly JobClaim[], leaseMs: number): Promise<boolean[]> {
		return await this.#use(
			async (client) =>
				await Promise.all(
					claims.map(async (claim) => await this.#claims.extend(client, claim, leaseMs)),
				),
		);
	}

	async saveProgress(claim: JobClaim, progress: string): Promise<boolean> {
		return await this.#use(async () => await this.#claims.note(claim, { bookmark: progress }));
	}

	async complete(claims: readonly JobClaim[]): Promise<boolean[]> {
		return await this.#use(async (client) => {
			const held = await Promise.all(
				claims.map(async (claim) => await this.#claims.complete(client, claim)),
			);
			const done = claims.filter((_, i) => held[i]);
			for (const [queue, { length }] of Map.groupBy(done, (claim) => claim.queue)) {
				await this.#done.count(client, queue, length);
			}
			return held;
		});
	}

	async retryLater(
		claim: JobClaim,
		{ delayMs, error, usesAttempt }: RetryLater,
	): Promise<'delayed' | 'lost' | DeadJob> {
		return await this.#use(async (client) => {
			const hash = await this.#claims.read(client, claim.id);
			const attempts = Number(hash.attempts ?? 0) + (usesAttempt ? 1 : 0);
			if (usesAttempt && attempts >= maxAttempts(hash)) {
				const how = ['attempts', error, attempts] as const;
				return (await this.#claims.bury(client, claim, hash, ...how)) ?? 'lost';
			}
			const postponed = await this.#claims.postpone(client, claim, hash, delayMs, error, attempts);
			return postponed ? 'delayed' : 'lost';
		});
	}

	async deadLetter(claim: JobClaim, reason: string, error: string): Promise<DeadJob | undefined> {
		return await this.#use(async (client) => {
			const hash = await this.#claims.read(client, claim.id);
			const attempts = Number(hash.attempts ?? 0);
			return await this.#claims.bury(client, claim, hash, reason, error, attempts);
		});
	}

	async release(claims: readonly JobClaim[]): Promise<void> {
		await this.#use(async (client) => {
			await Promise.all(claims.map(async (claim) => await this.#claims.release(client, claim)));
		});
	}

	async stats(queue: string): Promise<JobStats> {
		return await this.#use(async (client) => {
			const states = await this.#survey(queue, this.#lanes.matching(queue), 1);
			const sum = (name: 'waiting' | 'active' | 'due' | 'delayed') =>
				states.reduce((total, state) => total + state[name], 0);
			const begun = states.flatMap(({ readyIds, activeIds }) => [...readyIds, ...activeIds]);
			const hashes = await Promise.all(
				begun.map(async (id) => await this.#claims.read(client, id)),
			);
			const nowMs = this.options.time.wallMs();
			return {
				waiting: sum('waiting') + sum('due'),
				active: sum('active'),
				delayed: sum('delayed'),
				done: await this.#done.total(client, queue),
				dead: await this.#dead.count(client, queue),
				oldestSeconds: Math.floor((nowMs - Math.min(nowMs, ...hashes.map(dueMs))) / 1_000),
			};
		});
	}

	async queues(): Promise<QueueUse[]> {
		return await this.#use(async (client) => await this.#names.all(client));
	}

	async markWorkedOff(queue: string): Promise<void> {
		await this.#use(async (client) => await this.#names.noteWorkedOff(client, queue));
	}

	async list(request: Parameters<JobStore['list']>[0]): Promise<ListedJob[]> {
		return await this.#backlog.list(request);
	}

	async deleteJobs(which: readonly string[] | (JobFilter & { queue: string })): Promise<number> {
		return await this.#backlog.delete(which);
	}

	async listDead({ queue, limit, kinds }: Parameters<JobStore['listDead']>[0]): Promise<DeadJob[]> {
		return await this.#dead.list(queue, limit, kinds);
	}

	async retryDead(which: JobSelection): Promise<number> {
		return await this.#dead.retry(which);
	}

	async deleteDead(which: JobSelection): Promise<number> {
		return await this.#dead.delete(which);
	}

	async sweep(): Promise<number> {
		let removed = 0;
		for (const { name } of await this.queues()) {
			removed += await this.#dead.sweep(name);
			const { waiting, active, delayed, dead } = await this.stats(name);
			if (waiting + active + delayed + dead === 0) {
				await this.#use(async () => await this.#names.forget(name));
			}
		}
		return removed;
	}

	// ------------------------------------------------------------ with Redis at hand

	/** What was carried out although the answer got lost is done again: each of it bears that. */
	async #use<T>(work: (client: Client) => Promise<T>): Promise<T> {
		const { availability, connection, timing } = this.options;
		const result = await availability.attemptPatiently(timing.jobPatienceMs, async () => ({
			value: await connection.command(work, LIMIT_MS),
		}));
		if (result) return result.value;
		throw new StoreUnavailable(
			`The job queue is in Redis at ${connection.address}, which cannot be used now`,
		);
	}

	async #survey(queue: string, lanes: readonly Lane[], portion: number): Promise<LaneState[]> {
		const { connection, keys, timing } = this.options;
		const names = lanes.flatMap(({ keys: { wait, active, delayed, marker, stalled } }) => [
			...[wait, active, delayed, marker, stalled],
		]);
		const reply = await connection.run(
			SURVEY,
			[
				...[keys.clock, keys.workers, this.#lanes.failed(queue)],
				...names.filter((name) => name !== undefined),
			],
			[timing.deadMs, portion, this.#lanes.jobPrefix, JOB_LIFE_MS],
		);
		return (reply as LaneReply[]).map((state, i) => toState(lanes[i] as Lane, state));
	}

	/** BullMQ marks at the first look, and takes back at the next what it marked and nobody has locked. */
	async #recoverStalled(client: Client, states: readonly LaneState[]): Promise<void> {
		for (const { lane, stalled } of states) {
			if (stalled === 0) continue;
			const bull = await this.#bull.lane(client, lane);
			await bull.moveStalledJobsToWait();
			await this.options.clock.sleep(STALL_MARK_MS);
			await bull.moveStalledJobsToWait();
		}
	}
}

function inClaimOrder(a: ClaimedJob, b: ClaimedJob): number {
	const rank = ({ priority }: ClaimedJob) => (priority === 'critical' ? 0 : 1);
	return rank(a) - rank(b) || Number(a.id) - Number(b.id);
}
