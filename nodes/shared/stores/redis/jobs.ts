import type { RedisQueueBackend } from 'bullmq';
import { crashDelayMs } from '../../resilience/jobPolicy';
import {
	type AddedJob,
	type Claimed,
	type ClaimedJob,
	type DeadJob,
	type JobClaim,
	type JobFilter,
	type JobKind,
	type JobStats,
	type JobStore,
	type NewJob,
	type RetryLater,
} from '../../resilience/jobs';
import { StoreUnavailable, type Clock, type Random } from '../../resilience/ports';
import { longerHistory, toClaimed } from '../embedded/jobRow';
import { Adding } from './adding';
import type { Availability } from './availability';
import { Bull, Lanes, minimal, unlessLost, type Lane } from './bull';
import type { Client, RedisConnection } from './connection';
import { DeadLetters } from './deadLetters';
import { DoneCount } from './doneCount';
import { dueMs, JOB_LIFE_MS, maxAttempts, toRow, type JobHash } from './jobHash';
import type { Keys } from './keys';
import { MAKE_ENDLESS, NOTE, SURVEY } from './lua/jobs';
import type { Membership } from './membership';
import type { ServerTime } from './serverTime';
import { pick, toState, type LaneReply, type LaneState } from './survey';
import type { Timing } from './timing';

/** One transaction's share of a batch: some 50 ms of the server's time. */
const ADDED_AT_ONCE = 1_000;
/** Jobs come in batches: they may take longer than a single command. */
const LIMIT_MS = 5_000;
/** Between the two looks that BullMQ takes at stalled jobs. */
const STALL_MARK_MS = 3;

/** What has to be known of a job to end a claim on it. */
interface Place {
	lane: Lane;
	/** Of the dedupe key. */
	digest: string | undefined;
}

const CRASHED = 'The process that held the job ended, or its lease ran out';

/**
 * Durable jobs on BullMQ. Each kind and priority is a lane of its own, pulled by hand, since jobs are asked for by
 * both. BullMQ's scripts move the jobs and check the lock that makes a claim; counting crashes, history and the
 * rules of dead letters are ours. Without Redis there are no jobs: every method rejects then.
 */
export class RedisJobs implements JobStore {
	readonly #lanes: Lanes;
	readonly #bull: Bull;
	readonly #adding: Adding;
	readonly #dead: DeadLetters;
	readonly #done: DoneCount;
	/** Of the jobs that this handle holds. */
	readonly #held = new Map<string, Place>();
	#lastFence = 0;

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
		this.#lanes = new Lanes(keys);
		this.#bull = new Bull(this.#lanes, () => time.wallMs());
		this.#adding = new Adding({ keys, time, lanes: this.#lanes, bull: this.#bull });
		this.#done = new DoneCount(keys.jobsDone, time);
		this.#dead = new DeadLetters({
			...{ connection, lanes: this.#lanes, bull: this.#bull, time },
			use: async (work) => await this.#use(work),
		});
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

	async claim(request: JobFilter & { limit: number; leaseMs: number }): Promise<Claimed> {
		const { limit, leaseMs } = request;
		const lanes = this.#lanes.matching(request);
		return await this.#use(async (client) => {
			let states = await this.#survey(lanes, limit);
			if (states.some(({ stalled }) => stalled > 0)) {
				await this.#recoverStalled(client, states);
				states = await this.#survey(lanes, limit);
			}
			const picks = pick(states, limit);
			if (picks.length === 0) return { jobs: [], died: [] };
			const lastFence = await this.#nextFences(client, picks.length);
			const taken = await Promise.all(
				picks.map(async (lane, i) => await this.#take(client, lane, lastFence - i, leaseMs)),
			);
			return {
				jobs: taken.filter((job) => job !== undefined && 'fence' in job).sort(inClaimOrder),
				died: taken.filter((job) => job !== undefined && 'reason' in job),
			};
		});
	}

	async extend(claims: readonly JobClaim[], leaseMs: number): Promise<boolean[]> {
		return await this.#use(async (client) => {
			const extend = async (claim: JobClaim) => {
				const place = await this.#placeOf(client, claim.id);
				if (!place) return false;
				const bull = await this.#bull.lane(client, place.lane);
				const token = this.#token(claim);
				const held = (await bull.extendLock(claim.id, token, Math.ceil(leaseMs))) === 1;
				if (!held) this.#held.delete(claim.id);
				return held;
			};
			return await Promise.all(claims.map(extend));
		});
	}

	async saveProgress(claim: JobClaim, progress: string): Promise<boolean> {
		return await this.#use(async () => await this.#note(claim, { bookmark: progress }));
	}

	async complete(claims: readonly JobClaim[]): Promise<boolean[]> {
		return await this.#use(async (client) => {
			const complete = async (claim: JobClaim) =>
				await this.#end(client, claim, async (bull, place) => {
					const job = minimal(claim.id);
					const args = bull.moveToCompletedArgs(job, 'null', true, this.#token(claim));
					await this.#freeDedupeKey(claim, place);
					await bull.moveToFinished(claim.id, args);
				});
			const held = await Promise.all(claims.map(complete));
			const done = held.filter(Boolean).length;
			if (done > 0) await this.#done.count(client, done);
			return held;
		});
	}

	async retryLater(
		claim: JobClaim,
		{ delayMs, error, usesAttempt }: RetryLater,
	): Promise<'delayed' | 'lost' | DeadJob> {
		return await this.#use(async (client) => {
			const hash = await this.#read(client, claim.id);
			const attempts = Number(hash.attempts ?? 0) + (usesAttempt ? 1 : 0);
			if (usesAttempt && attempts >= maxAttempts(hash)) {
				return (await this.#bury(client, claim, hash, 'attempts', error, attempts)) ?? 'lost';
			}
			const postponed = await this.#postpone(client, claim, hash, delayMs, error, attempts);
			return postponed ? 'delayed' : 'lost';
		});
	}

	async deadLetter(claim: JobClaim, reason: string, error: string): Promise<DeadJob | undefined> {
		return await this.#use(async (client) => {
			const hash = await this.#read(client, claim.id);
			return await this.#bury(client, claim, hash, reason, error, Number(hash.attempts ?? 0));
		});
	}

	async release(claims: readonly JobClaim[]): Promise<void> {
		await this.#use(async (client) => {
			const release = async (claim: JobClaim) =>
				await this.#end(client, claim, async (bull) => {
					await bull.moveJobFromActiveToWait(claim.id, this.#token(claim));
				});
			await Promise.all(claims.map(release));
		});
	}

	async stats(): Promise<JobStats> {
		return await this.#use(async (client) => {
			const states = await this.#survey(this.#lanes.all, 1);
			const sum = (name: 'waiting' | 'active' | 'due' | 'delayed') =>
				states.reduce((total, state) => total + state[name], 0);
			const begun = states.flatMap(({ readyIds, activeIds }) => [...readyIds, ...activeIds]);
			const hashes = await Promise.all(begun.map(async (id) => await this.#read(client, id)));
			const nowMs = this.options.time.wallMs();
			return {
				waiting: sum('waiting') + sum('due'),
				active: sum('active'),
				delayed: sum('delayed'),
				done: await this.#done.total(client),
				dead: await this.#dead.count(client),
				oldestSeconds: Math.floor((nowMs - Math.min(nowMs, ...hashes.map(dueMs))) / 1_000),
			};
		});
	}

	async nextDueInMs(): Promise<number | undefined> {
		return await this.#use(async () => {
			const states = await this.#survey(this.#lanes.all, 0);
			if (states.some(({ waiting, due }) => waiting + due > 0)) return 0;
			const times = states.flatMap(({ nextDueMs }) => nextDueMs ?? []);
			if (times.length === 0) return undefined;
			return Math.max(Math.min(...times) - this.options.time.wallMs(), 0);
		});
	}

	async listDead(request: {
		limit: number;
		kinds?: readonly JobKind[] | undefined;
	}): Promise<DeadJob[]> {
		const { limit, kinds } = request;
		return await this.#dead.list(limit, kinds);
	}

	async retryDead(ids: readonly string[] | 'all'): Promise<number> {
		return await this.#dead.retry(ids);
	}

	async deleteDead(ids: readonly string[] | 'all'): Promise<number> {
		return await this.#dead.delete(ids);
	}

	async sweep(): Promise<number> {
		return await this.#dead.sweep();
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

	async #survey(lanes: readonly Lane[], portion: number): Promise<LaneState[]> {
		const { connection, keys, timing } = this.options;
		const names = lanes.flatMap(({ keys: { wait, active, delayed, marker, stalled } }) => [
			...[wait, active, delayed, marker, stalled],
		]);
		const reply = await connection.run(
			SURVEY,
			[keys.clock, keys.workers, ...names.filter((name) => name !== undefined)],
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

	/** Higher than any before in this process, also when Redis was put back to an earlier state. Returns the last one. */
	async #nextFences(client: Client, count: number): Promise<number> {
		const { jobFence } = this.options.keys;
		const last = await client.incrby(jobFence, count);
		const behind = this.#lastFence + count - last;
		const fence = behind > 0 ? await client.incrby(jobFence, behind) : last;
		this.#lastFence = Math.max(this.#lastFence, fence);
		await client.pexpire(jobFence, JOB_LIFE_MS);
		return fence;
	}

	/** Undefined when somebody else was faster, or the job has to wait after a crash. */
	async #take(
		client: Client,
		lane: Lane,
		fence: number,
		leaseMs: number,
	): Promise<ClaimedJob | DeadJob | undefined> {
		const bull = await this.#bull.lane(client, lane, leaseMs);
		const [found, id] = await bull.moveToActive(this.#token({ fence }));
		if (!found || id === undefined) return undefined;
		const hash = await this.#read(client, id);
		const claim = { id, fence };
		this.#held.set(id, { lane, digest: hash.deid });
		const crashes = Number(hash.stc ?? 0);
		if (crashes > Number(hash.crashes ?? 0)) {
			const attempts = Number(hash.attempts ?? 0) + 1;
			if (attempts >= maxAttempts(hash)) {
				return await this.#bury(client, claim, hash, 'crashed', CRASHED, attempts);
			}
			const delayMs = crashDelayMs(attempts, this.options.random);
			if (delayMs > 0) {
				await this.#postpone(client, claim, hash, delayMs, CRASHED, attempts);
				return undefined;
			}
			const history = this.#longerHistory(id, hash, CRASHED);
			const counted = { attempts: String(attempts), crashes: String(crashes), history };
			if (!(await this.#note(claim, counted))) return undefined;
			Object.assign(hash, counted);
		}
		const job = toClaimed(toRow(id, fence, hash, this.options.time.skewMs));
		if (job) return job;
		const attempts = Number(hash.attempts ?? 0);
		return await this.#bury(client, claim, hash, 'damaged', 'The row is damaged', attempts);
	}

	async #postpone(
		client: Client,
		claim: JobClaim,
		hash: JobHash,
		delayMs: number,
		error: string,
		attempts: number,
	): Promise<boolean> {
		const nowMs = Math.floor(this.options.time.wallMs());
		const delay = Math.ceil(delayMs);
		const postponed = await this.#end(client, claim, async (bull) => {
			await bull.moveToDelayed(claim.id, nowMs, delay, this.#token(claim), {
				skipAttempt: true,
				fieldsToUpdate: {
					attempts,
					crashes: hash.stc ?? 0,
					history: this.#longerHistory(claim.id, hash, error),
					...(delay > 0 && { due: nowMs + delay }),
				},
			});
		});
		if (postponed) await this.#keepFor(client, claim.id, delay + JOB_LIFE_MS, hash.deid);
		return postponed;
	}

	async #bury(
		client: Client,
		claim: JobClaim,
		hash: JobHash,
		reason: string,
		error: string,
		attempts: number,
	): Promise<DeadJob | undefined> {
		const fields = {
			...{ reason, attempts: 0, used: attempts, crashes: hash.stc ?? 0 },
			history: this.#longerHistory(claim.id, hash, error),
		};
		const buried = await this.#end(client, claim, async (bull, place) => {
			const job = minimal(claim.id);
			const args = bull.moveToFailedArgs(job, reason, false, this.#token(claim), false, fields);
			await this.#freeDedupeKey(claim, place);
			await bull.moveToFinished(claim.id, args);
		});
		if (!buried) return undefined;
		await this.#keepFor(client, claim.id, JOB_LIFE_MS);
		return await this.#dead.read(client, claim.id);
	}

	/** Ends a claim by one of BullMQ's scripts; false when it no longer holds. */
	async #end(
		client: Client,
		claim: JobClaim,
		work: (bull: RedisQueueBackend, place: Place) => Promise<void>,
	): Promise<boolean> {
		const place = await this.#placeOf(client, claim.id);
		if (!place) return false;
		const ended = await unlessLost(work(await this.#bull.lane(client, place.lane), place));
		this.#held.delete(claim.id);
		return ended;
	}

	/** Writes fields of a job; false when the claim no longer holds. */
	async #note(claim: JobClaim, fields: JobHash): Promise<boolean> {
		const job = this.#lanes.jobPrefix + claim.id;
		const written = await this.options.connection.run(
			NOTE,
			[`${job}:lock`, job],
			[this.#token(claim), ...Object.entries(fields).flat()],
		);
		return written === 1;
	}

	async #placeOf(client: Client, id: string): Promise<Place | undefined> {
		const held = this.#held.get(id);
		if (held) return held;
		const [name, deid] = await client.hmget(this.#lanes.jobPrefix + id, 'name', 'deid');
		const lane = this.#lanes.named(name ?? '');
		return lane && { lane, digest: deid ?? undefined };
	}

	/** BullMQ removes the dedupe key with the job only when the key has no end of its own. */
	async #freeDedupeKey(claim: JobClaim, { digest }: Place): Promise<void> {
		if (digest === undefined) return;
		const { connection } = this.options;
		await connection.run(
			MAKE_ENDLESS,
			[`${this.#lanes.jobPrefix}${claim.id}:lock`, this.#lanes.dedupeKey(digest)],
			[this.#token(claim), claim.id],
		);
	}

	async #read(client: Client, id: string): Promise<JobHash> {
		return await client.hgetall(this.#lanes.jobPrefix + id);
	}

	async #keepFor(client: Client, id: string, ms: number, digest?: string): Promise<void> {
		const keys = [this.#lanes.jobPrefix + id];
		if (digest !== undefined) keys.push(this.#lanes.dedupeKey(digest));
		await Promise.all(keys.map(async (key) => await client.pexpire(key, ms)));
	}

	#longerHistory(id: string, hash: JobHash, error: string): string {
		return longerHistory(toRow(id, 0, hash, 0), Math.floor(this.options.time.wallMs()), error);
	}

	/** The lock of a claim: nobody else has this owner, and this owner never has this fence again. */
	#token({ fence }: { fence: number }): string {
		return `${this.options.membership.owner}-${fence}`;
	}
}

function inClaimOrder(a: ClaimedJob, b: ClaimedJob): number {
	const rank = ({ priority }: ClaimedJob) => (priority === 'critical' ? 0 : 1);
	return rank(a) - rank(b) || Number(a.id) - Number(b.id);
}
