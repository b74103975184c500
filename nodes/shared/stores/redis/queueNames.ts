import type { ChainableCommander } from 'ioredis';
import { DEFAULT_QUEUE, QUEUE_KEEP_MS, type QueueUse } from '../../resilience/jobs';
import type { Client, RedisConnection } from './connection';
import { JOB_LIFE_MS } from './jobHash';
import type { Keys } from './keys';
import { END_QUEUE } from './lua/jobs';
import type { ServerTime } from './serverTime';

const ADDED = 'added';
const WORKED_OFF = 'worked-off';

/** Which queues there are, and when each was used last: a field for each queue and use, on the server's clock. */
export class QueueNames {
	constructor(
		private readonly options: { connection: RedisConnection; keys: Keys; time: ServerTime },
	) {}

	/** As part of the transaction that adds the jobs. */
	noteAdded(multi: ChainableCommander, names: ReadonlySet<string>, nowMs: number): void {
		const { jobQueues } = this.options.keys;
		// As an object: BullMQ wraps the transaction, and takes fields in no other form.
		for (const name of names) multi.hset(jobQueues, { [`${name} ${ADDED}`]: nowMs });
		multi.pexpire(jobQueues, JOB_LIFE_MS);
	}

	async noteWorkedOff(client: Client, name: string): Promise<void> {
		const { keys, time } = this.options;
		await client.hset(keys.jobQueues, `${name} ${WORKED_OFF}`, Math.floor(time.wallMs()));
		await client.pexpire(keys.jobQueues, JOB_LIFE_MS);
	}

	/** The default one, and those that were used. */
	async all(client: Client): Promise<QueueUse[]> {
		const { keys, time } = this.options;
		const fields = await client.hgetall(keys.jobQueues);
		const names = new Set([
			DEFAULT_QUEUE,
			...Object.keys(fields).map((field) => field.slice(0, field.indexOf(' '))),
		]);
		const wallMs = (field: string) =>
			fields[field] === undefined ? undefined : Number(fields[field]) - time.skewMs;
		return [...names].map((name) => ({
			name,
			addedAtMs: wallMs(`${name} ${ADDED}`),
			workedOffAtMs: wallMs(`${name} ${WORKED_OFF}`),
		}));
	}

	/** Unless it was used of late. */
	async forget(name: string): Promise<void> {
		const { connection, keys, time } = this.options;
		const sinceMs = Math.floor(time.wallMs() - QUEUE_KEEP_MS);
		const fields = [ADDED, WORKED_OFF].map((use) => `${name} ${use}`);
		await connection.run(END_QUEUE, [keys.jobQueues], [sinceMs, ...fields]);
	}
}
