import type { IRedisClient, IRedisTransaction, JobJson, RedisQueueBackend } from 'bullmq';
import type { ChainableCommander } from 'ioredis';
import type { AddedJob, NewJob } from '../../resilience/jobs';
import type { Bull } from './bull';
import type { Client } from './connection';
import { JOB_LIFE_MS } from './jobHash';
import type { Keys } from './keys';
import type { Lane, Lanes } from './lanes';
import type { QueueNames } from './queueNames';
import type { ServerTime } from './serverTime';

/** Puts jobs into their lanes. */
export class Adding {
	constructor(
		private readonly options: {
			keys: Keys;
			time: ServerTime;
			lanes: Lanes;
			bull: Bull;
			names: QueueNames;
		},
	) {}

	/** All or none, in one transaction. Of a job whose dedupe key is taken, the id of the one that has it. */
	async add(client: Client, jobs: readonly NewJob[]): Promise<AddedJob[]> {
		const { bull, keys, lanes: known, names, time } = this.options;
		const nowMs = Math.floor(time.wallMs());
		const last = await client.incrby(keys.jobSeq, jobs.length);
		const adapted = await bull.adapt(client);
		const multi = adapted.multi() as IRedisTransaction & ChainableCommander;
		const lanes = new Map<string, { lane: Lane; backend: RedisQueueBackend }>();
		for (const { queue, kind, priority } of jobs) {
			const lane = known.of(queue, kind, priority);
			if (lanes.has(lane.name)) continue;
			lanes.set(lane.name, { lane, backend: await bull.lane(client, lane) });
		}
		const entries = jobs.map((job, i) => {
			const id = String(last - jobs.length + 1 + i);
			const lane = known.of(job.queue, job.kind, job.priority);
			const delay = Math.max(Math.ceil(job.notBeforeMs + time.skewMs) - nowMs, 0);
			const deduplicationId = known.dedupeDigest(job.queue, job.dedupeKey);
			const entry = {
				...{ id, name: lane.name, data: job.payload, timestamp: nowMs, deduplicationId },
				opts: {
					attempts: job.maxAttempts,
					delay,
					deduplication: { id: deduplicationId, ttl: delay + JOB_LIFE_MS },
				},
			} as JobJson;
			const add = async (to: IRedisClient | IRedisTransaction): Promise<string> =>
				String(
					await lanes
						.get(lane.name)
						?.backend.addJobToTransaction(to as IRedisTransaction, entry, id, {}, lane.keys),
				);
			return { id, delay, add };
		});
		// The command is in the transaction at once; the promise says nothing more.
		for (const { add } of entries) void add(multi);
		// The dedupe key has its end from the start: a duplicate must not touch the one of a job that just ends.
		for (const { id, delay } of entries) multi.pexpire(known.jobPrefix + id, delay + JOB_LIFE_MS);
		const queues = [...lanes.values()].flatMap(({ lane }) => Object.values(lane.keys));
		for (const key of new Set([...queues, keys.jobSeq])) multi.pexpire(key, JOB_LIFE_MS);
		names.noteAdded(multi, new Set(jobs.map(({ queue }) => queue)), nowMs);
		const results = (await multi.exec()) ?? [];
		return await Promise.all(
			entries.map(async ({ id, delay, add }, i) => {
				const [error, there] = results[i] ?? [new Error('the transaction was not carried out')];
				if (!error) return { id: String(there), duplicate: String(there) !== id };
				// The script was not known any more; outside of a transaction BullMQ sends it along.
				if (!error.message.startsWith('NOSCRIPT')) throw error;
				const added = await add(adapted);
				if (added === id) await client.pexpire(known.jobPrefix + added, delay + JOB_LIFE_MS);
				return { id: added, duplicate: added !== id };
			}),
		);
	}
}
