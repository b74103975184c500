import type { DeadJob, JobFilter, JobSelection } from '../../resilience/jobs';
import { DEAD_KEEP_COUNT, DEAD_KEEP_MS } from '../../resilience/jobs';
import { toDead } from '../embedded/jobRow';
import { minimal, unlessLost, type Bull } from './bull';
import type { Client, RedisConnection } from './connection';
import { JOB_LIFE_MS, toRow, type JobHash } from './jobHash';
import type { Lanes } from './lanes';
import { DELETE_DEAD, DUE_DEAD } from './lua/jobs';
import type { QueueNames } from './queueNames';
import type { ServerTime } from './serverTime';

const AT_ONCE = 500;
/** A dead letter on its way back holds its dedupe key for so long, should this process end on the way. */
const REVIVING_MS = 30_000;

/** BullMQ's failed jobs, of all lanes of a queue together. */
export class DeadLetters {
	constructor(
		private readonly options: {
			connection: RedisConnection;
			lanes: Lanes;
			bull: Bull;
			names: QueueNames;
			time: ServerTime;
			/** With a time limit of its own, so that a long list is asked for in portions. */
			use: <T>(work: (client: Client) => Promise<T>) => Promise<T>;
		},
	) {}

	async count(client: Client, queue: string): Promise<number> {
		return await client.zcard(this.options.lanes.failed(queue));
	}

	async read(client: Client, queue: string, id: string): Promise<DeadJob> {
		const { lanes, time } = this.options;
		const hash = (await client.hgetall(lanes.jobPrefix + id)) as JobHash;
		return toDead(toRow(id, 0, hash, time.skewMs), queue);
	}

	/** Newest first. */
	async list(queue: string, limit: number, kinds: JobFilter['kinds'] = []): Promise<DeadJob[]> {
		const failed = this.options.lanes.failed(queue);
		const dead: DeadJob[] = [];
		for (let from = 0; dead.length < limit; from += AT_ONCE) {
			const jobs = await this.options.use(async (client) => {
				const ids = await client.zrevrange(failed, from, from + AT_ONCE - 1);
				return await Promise.all(ids.map(async (id) => await this.read(client, queue, id)));
			});
			if (jobs.length === 0) break;
			const wanted = jobs.filter(
				({ kind }) => kinds.length === 0 || kinds.some((known) => known === kind),
			);
			dead.push(...wanted.slice(0, limit - dead.length));
		}
		return dead;
	}

	async retry(which: JobSelection): Promise<number> {
		return await this.#each(which, async (client, portion) => {
			const revived = await Promise.all(portion.map(async (id) => await this.#revive(client, id)));
			return revived.filter(Boolean).length;
		});
	}

	async delete(which: JobSelection): Promise<number> {
		const { connection, lanes, names, use } = this.options;
		const queues =
			'queue' in which
				? [which.queue]
				: (await use(async (client) => await names.all(client))).map(({ name }) => name);
		return await this.#each(which, async (_client, portion) => {
			const removed = await Promise.all(
				queues.map(
					async (queue) =>
						await connection.run(DELETE_DEAD, [lanes.failed(queue)], [lanes.jobPrefix, ...portion]),
				),
			);
			return removed.reduce<number>((sum, count) => sum + Number(count), 0);
		});
	}

	/** Removes those past their retention. */
	async sweep(queue: string): Promise<number> {
		const failed = this.options.lanes.failed(queue);
		const untilMs = Math.floor(this.options.time.wallMs() - DEAD_KEEP_MS);
		const past = await this.options.use(async (client) => [
			...(await client.zrangebyscore(failed, '-inf', untilMs)),
			...(await client.zrange(failed, '0', String(-1 - DEAD_KEEP_COUNT))),
		]);
		return await this.delete([...new Set(past)]);
	}

	async #revive(client: Client, id: string): Promise<boolean> {
		const { bull, connection, lanes, time } = this.options;
		const job = lanes.jobPrefix + id;
		const [name, digest] = await client.hmget(job, 'name', 'deid');
		const lane = lanes.named(name ?? '');
		if (!lane || !digest) return false;
		const dedupeKey = lanes.dedupeKey(digest);
		const taken = await client.set(dedupeKey, id, 'PX', REVIVING_MS, 'NX');
		if (taken === null && (await client.get(dedupeKey)) !== id) return false;
		const due = [id, Math.floor(time.wallMs())];
		const failed = lanes.failed(lane.queue);
		if ((await connection.run(DUE_DEAD, [failed, job], due)) !== 1) return false;
		const queue = await bull.lane(client, lane);
		const revived = await unlessLost(queue.retryFinishedJob(minimal(id), 'failed'));
		if (revived) await client.pexpire(dedupeKey, JOB_LIFE_MS);
		// Not removed: somebody else may have brought it back meanwhile. It ends by itself.
		return revived;
	}

	async #each(
		which: JobSelection,
		work: (client: Client, portion: readonly string[]) => Promise<number>,
	): Promise<number> {
		const { lanes, use } = this.options;
		const chosen =
			'queue' in which
				? await use(async (client) => await client.zrange(lanes.failed(which.queue), '0', '-1'))
				: which;
		let total = 0;
		for (let from = 0; from < chosen.length; from += AT_ONCE) {
			const portion = chosen.slice(from, from + AT_ONCE);
			total += await use(async (client) => await work(client, portion));
		}
		return total;
	}
}
