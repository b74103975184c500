import {
	JOB_STATES,
	type JobFilter,
	type JobKind,
	type JobState,
	type ListedJob,
} from '../../resilience/jobs';
import { toListed } from '../embedded/jobRow';
import type { Client, RedisConnection } from './connection';
import { toRow, type JobHash } from './jobHash';
import type { Lane, Lanes } from './lanes';
import { DELETE_JOB, DELETE_JOBS, LIST_JOBS } from './lua/jobs';
import type { ServerTime } from './serverTime';

/** Some 5 ms of the server's time. */
const AT_ONCE = 1_000;

/** A number that Lua writes as an integer. */
const MOST_IN_LANE = 1e9;

type LaneIds = [
	active: string[],
	waiting: string[],
	due: string[],
	delayed: string[],
	dueMs: string[],
];

/** One job of a lane; `rank` orders it among those of its state in other lanes. */
interface Found {
	id: string;
	state: JobState;
	rank: number;
}

/** Jobs that are neither done nor dead, for people: what there is, and how to take it back. */
export class Backlog {
	constructor(
		private readonly options: {
			connection: RedisConnection;
			lanes: Lanes;
			time: ServerTime;
			/** With a time limit of its own, so that long lists are dealt with in portions. */
			use: <T>(work: (client: Client) => Promise<T>) => Promise<T>;
		},
	) {}

	async list({
		queue,
		limit,
		states = JOB_STATES,
		kinds,
	}: {
		queue: string;
		limit: number;
		states?: readonly JobState[] | undefined;
		kinds?: readonly JobKind[] | undefined;
	}): Promise<ListedJob[]> {
		const { lanes, use } = this.options;
		const found = await use(
			async () => await this.#find(lanes.matching(queue, { kinds }), states, limit),
		);
		const jobs: ListedJob[] = [];
		for (let from = 0; from < found.length; from += AT_ONCE) {
			const portion = found.slice(from, from + AT_ONCE);
			jobs.push(...(await use(async (client) => await this.#read(client, queue, portion))));
		}
		return jobs;
	}

	async delete(which: readonly string[] | (JobFilter & { queue: string })): Promise<number> {
		if (!('queue' in which)) return await this.#deleteSome(which);
		let deleted = 0;
		for (const lane of this.options.lanes.matching(which.queue, which)) {
			deleted += await this.#deleteLane(lane);
		}
		return deleted;
	}

	/** Across lanes: active ones, then critical before backfill and the oldest first, then those that are due next. */
	async #find(
		lanes: readonly Lane[],
		states: readonly JobState[],
		limit: number,
	): Promise<Found[]> {
		const replies = await Promise.all(
			lanes.map(async ({ keys: { wait = '', active = '', delayed = '' } }) => {
				const wanted = (['active', 'waiting', 'delayed'] as const).map((state) =>
					states.includes(state) ? 1 : 0,
				);
				const most = Math.min(limit, MOST_IN_LANE);
				const reply = await this.options.connection.run(
					LIST_JOBS,
					[wait, active, delayed],
					[most, ...wanted],
				);
				return reply as LaneIds;
			}),
		);
		const inLanes = (state: JobState, part: 0 | 1 | 2, priority?: Lane['priority']) =>
			replies
				.filter((_, i) => priority === undefined || lanes[i]?.priority === priority)
				.flatMap((reply) => reply[part].map((id) => ({ id, state, rank: Number(id) })))
				.sort(byRank);
		const delayed = replies.flatMap(([, , , ids, times]) =>
			ids.map((id, i) => ({ id, state: 'delayed' as const, rank: Number(times[i]) })),
		);
		return [
			...inLanes('active', 0),
			...inLanes('waiting', 1, 'critical'),
			...inLanes('waiting', 1, 'backfill'),
			...inLanes('waiting', 2, 'critical'),
			...inLanes('waiting', 2, 'backfill'),
			...delayed.sort(byRank),
		].slice(0, limit);
	}

	async #read(client: Client, queue: string, found: readonly Found[]): Promise<ListedJob[]> {
		const { lanes, time } = this.options;
		const hashes = (await Promise.all(
			found.map(async ({ id }) => await client.hgetall(lanes.jobPrefix + id)),
		)) as JobHash[];
		return found.flatMap(({ id, state }, i) => {
			const hash = hashes[i] ?? {};
			// Done meanwhile, or dead.
			if (hash.timestamp === undefined || hash.finishedOn !== undefined) return [];
			const row = { ...toRow(id, 0, hash, time.skewMs), state };
			return [toListed(row, queue, -Infinity)];
		});
	}

	async #deleteSome(ids: readonly string[]): Promise<number> {
		const { connection, lanes, use } = this.options;
		let deleted = 0;
		for (let from = 0; from < ids.length; from += AT_ONCE) {
			const portion = ids.slice(from, from + AT_ONCE);
			const removed = await use(
				async (client) =>
					await Promise.all(
						portion.map(async (id) => {
							const name = await client.hget(lanes.jobPrefix + id, 'name');
							const lane = lanes.named(name ?? '');
							if (!lane) return 0;
							const { wait = '', delayed = '' } = lane.keys;
							return await connection.run(DELETE_JOB, [wait, delayed], [lanes.jobPrefix, id]);
						}),
					),
			);
			deleted += removed.filter((count) => count === 1).length;
		}
		return deleted;
	}

	/** As many as there are at the start: others may be adding all the time. */
	async #deleteLane({ keys: { wait = '', delayed = '' } }: Lane): Promise<number> {
		const { connection, lanes, use } = this.options;
		let [waitingLeft, delayedLeft] = await use(
			async (client) => await Promise.all([client.llen(wait), client.zcard(delayed)]),
		);
		let deleted = 0;
		while (waitingLeft + delayedLeft > 0) {
			const portion = [Math.min(waitingLeft, AT_ONCE), Math.min(delayedLeft, AT_ONCE)];
			const [waitingGone = 0, delayedGone = 0] = await use(
				async () =>
					(await connection.run(
						DELETE_JOBS,
						[wait, delayed],
						[lanes.jobPrefix, ...portion],
					)) as number[],
			);
			deleted += waitingGone + delayedGone;
			// Fewer than there were: somebody has taken the rest.
			waitingLeft = waitingGone < (portion[0] ?? 0) ? 0 : waitingLeft - waitingGone;
			delayedLeft = delayedGone < (portion[1] ?? 0) ? 0 : delayedLeft - delayedGone;
		}
		return deleted;
	}
}

function byRank(a: Found, b: Found): number {
	return a.rank - b.rank;
}
