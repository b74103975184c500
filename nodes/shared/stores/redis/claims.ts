import type { RedisQueueBackend } from 'bullmq';
import { crashDelayMs } from '../../resilience/jobPolicy';
import type { ClaimedJob, DeadJob, JobClaim } from '../../resilience/jobs';
import type { Random } from '../../resilience/ports';
import { longerHistory, toClaimed } from '../embedded/jobRow';
import { minimal, unlessLost, type Bull } from './bull';
import type { Client, RedisConnection } from './connection';
import type { DeadLetters } from './deadLetters';
import { JOB_LIFE_MS, maxAttempts, toRow, type JobHash } from './jobHash';
import type { Keys } from './keys';
import type { Lane, Lanes } from './lanes';
import { MAKE_ENDLESS, NOTE } from './lua/jobs';
import type { Membership } from './membership';
import type { ServerTime } from './serverTime';

/** What has to be known of a job to end a claim on it. */
interface Place {
	lane: Lane;
	/** Of the dedupe key. */
	digest: string | undefined;
}

const CRASHED = 'The process that held the job ended, or its lease ran out';

/**
 * The rights of this handle to finish jobs. BullMQ's scripts move the jobs and check the lock that makes a claim;
 * counting crashes and history are ours.
 */
export class Claims {
	/** Of the jobs that this handle holds. */
	readonly #held = new Map<string, Place>();
	#lastFence = 0;

	constructor(
		private readonly options: {
			connection: RedisConnection;
			keys: Keys;
			membership: Membership;
			time: ServerTime;
			random: Random;
			lanes: Lanes;
			bull: Bull;
			dead: DeadLetters;
		},
	) {}

	/** False when the claim no longer holds. */
	async extend(client: Client, claim: JobClaim, leaseMs: number): Promise<boolean> {
		const place = await this.#placeOf(client, claim.id);
		if (!place) return false;
		const bull = await this.options.bull.lane(client, place.lane);
		const token = this.#token(claim);
		const held = (await bull.extendLock(claim.id, token, Math.ceil(leaseMs))) === 1;
		if (!held) this.#held.delete(claim.id);
		return held;
	}

	/** False when the claim no longer holds. */
	async complete(client: Client, claim: JobClaim): Promise<boolean> {
		return await this.#end(client, claim, async (bull, place) => {
			const job = minimal(claim.id);
			const args = bull.moveToCompletedArgs(job, 'null', true, this.#token(claim));
			await this.#freeDedupeKey(claim, place);
			await bull.moveToFinished(claim.id, args);
		});
	}

	async release(client: Client, claim: JobClaim): Promise<void> {
		await this.#end(client, claim, async (bull) => {
			await bull.moveJobFromActiveToWait(claim.id, this.#token(claim));
		});
	}

	/** Higher than any before in this process, also when Redis was put back to an earlier state. Returns the last one. */
	async nextFences(client: Client, count: number): Promise<number> {
		const { jobFence } = this.options.keys;
		const last = await client.incrby(jobFence, count);
		const behind = this.#lastFence + count - last;
		const fence = behind > 0 ? await client.incrby(jobFence, behind) : last;
		this.#lastFence = Math.max(this.#lastFence, fence);
		await client.pexpire(jobFence, JOB_LIFE_MS);
		return fence;
	}

	/** Undefined when somebody else was faster, or the job has to wait after a crash. */
	async take(
		client: Client,
		lane: Lane,
		fence: number,
		leaseMs: number,
	): Promise<ClaimedJob | DeadJob | undefined> {
		const bull = await this.options.bull.lane(client, lane, leaseMs);
		const [found, id] = await bull.moveToActive(this.#token({ fence }));
		if (!found || id === undefined) return undefined;
		const hash = await this.read(client, id);
		const claim = { id, queue: lane.queue, fence };
		this.#held.set(id, { lane, digest: hash.deid });
		const crashes = Number(hash.stc ?? 0);
		if (crashes > Number(hash.crashes ?? 0)) {
			const attempts = Number(hash.attempts ?? 0) + 1;
			if (attempts >= maxAttempts(hash)) {
				return await this.bury(client, claim, hash, 'crashed', CRASHED, attempts);
			}
			const delayMs = crashDelayMs(attempts, this.options.random);
			if (delayMs > 0) {
				await this.postpone(client, claim, hash, delayMs, CRASHED, attempts);
				return undefined;
			}
			const history = this.#longerHistory(id, hash, CRASHED);
			const counted = { attempts: String(attempts), crashes: String(crashes), history };
			if (!(await this.note(claim, counted))) return undefined;
			Object.assign(hash, counted);
		}
		const job = toClaimed(toRow(id, fence, hash, this.options.time.skewMs), lane.queue);
		if (job) return job;
		const attempts = Number(hash.attempts ?? 0);
		return await this.bury(client, claim, hash, 'damaged', 'The row is damaged', attempts);
	}

	async postpone(
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

	async bury(
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
		await client.pexpire(this.options.lanes.failed(claim.queue), JOB_LIFE_MS);
		return await this.options.dead.read(client, claim.queue, claim.id);
	}

	/** Ends a claim by one of BullMQ's scripts; false when it no longer holds. */
	async #end(
		client: Client,
		claim: JobClaim,
		work: (bull: RedisQueueBackend, place: Place) => Promise<void>,
	): Promise<boolean> {
		const place = await this.#placeOf(client, claim.id);
		if (!place) return false;
		const ended = await unlessLost(work(await this.options.bull.lane(client, place.lane), place));
		this.#held.delete(claim.id);
		return ended;
	}

	/** Writes fields of a job; false when the claim no longer holds. */
	async note(claim: JobClaim, fields: JobHash): Promise<boolean> {
		const job = this.options.lanes.jobPrefix + claim.id;
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
		const [name, deid] = await client.hmget(this.options.lanes.jobPrefix + id, 'name', 'deid');
		const lane = this.options.lanes.named(name ?? '');
		return lane && { lane, digest: deid ?? undefined };
	}

	/** BullMQ removes the dedupe key with the job only when the key has no end of its own. */
	async #freeDedupeKey(claim: JobClaim, { digest }: Place): Promise<void> {
		if (digest === undefined) return;
		const { connection } = this.options;
		await connection.run(
			MAKE_ENDLESS,
			[`${this.options.lanes.jobPrefix}${claim.id}:lock`, this.options.lanes.dedupeKey(digest)],
			[this.#token(claim), claim.id],
		);
	}

	async read(client: Client, id: string): Promise<JobHash> {
		return await client.hgetall(this.options.lanes.jobPrefix + id);
	}

	async #keepFor(client: Client, id: string, ms: number, digest?: string): Promise<void> {
		const keys = [this.options.lanes.jobPrefix + id];
		if (digest !== undefined) keys.push(this.options.lanes.dedupeKey(digest));
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
