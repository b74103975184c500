import type { MinuteCounts, StatisticsStore } from '../../resilience/ports';
import type { Availability } from './availability';
import type { RedisConnection } from './connection';
import type { Keys } from './keys';

const MINUTES = 60;
const HOUR_MS = 3_600_000;
/** A day, the hour before it, and the one that has begun. */
const KEEP_MS = 26 * HOUR_MS;

/** One hash for each hour, with a field for each minute and name. */
export class RedisStatistics implements StatisticsStore {
	/** Counted while Redis was away. */
	readonly #waiting: Array<{ minute: number; counts: Readonly<Record<string, number>> }> = [];

	constructor(
		private readonly options: {
			connection: RedisConnection;
			keys: Keys;
			availability: Availability;
		},
	) {}

	async add(minute: number, counts: Readonly<Record<string, number>>): Promise<void> {
		const { availability } = this.options;
		const added = await availability.attempt(async () => await this.#add(minute, counts));
		if (added === undefined) this.#keep({ minute, counts });
	}

	async since(minute: number): Promise<MinuteCounts[]> {
		const { availability, connection, keys } = this.options;
		const hashes = await availability.attempt(async () => {
			const first = Math.floor(minute / MINUTES);
			return await connection.command(
				async (client) =>
					await Promise.all(
						Array.from({ length: KEEP_MS / HOUR_MS }, async (_, i) =>
							client.hgetall(keys.statistics(first + i)),
						),
					),
			);
		});
		const minutes = new Map<number, Record<string, number>>();
		for (const [field, count] of (hashes ?? []).flatMap(Object.entries<string>)) {
			const separator = field.indexOf(' ');
			const its = Number(field.slice(0, separator));
			if (its < minute) continue;
			const counts = minutes.get(its) ?? {};
			counts[field.slice(separator + 1)] = Number(count);
			minutes.set(its, counts);
		}
		return [...minutes].sort(([a], [b]) => a - b).map(([its, counts]) => ({ minute: its, counts }));
	}

	/** Brings in what was counted without Redis. Throws RedisTrouble. */
	async join(): Promise<void> {
		for (let next = this.#waiting[0]; next; next = this.#waiting[0]) {
			await this.#add(next.minute, next.counts);
			this.#waiting.shift();
		}
	}

	#keep(entry: { minute: number; counts: Readonly<Record<string, number>> }): void {
		this.#waiting.push(entry);
		if (this.#waiting.length > KEEP_MS / 60_000) this.#waiting.shift();
	}

	async #add(minute: number, counts: Readonly<Record<string, number>>): Promise<true> {
		const { connection, keys } = this.options;
		const key = keys.statistics(Math.floor(minute / MINUTES));
		await connection.command(async (client) => {
			const pipeline = client.pipeline();
			for (const [name, count] of Object.entries(counts)) {
				pipeline.hincrbyfloat(key, `${minute} ${name}`, count);
			}
			pipeline.pexpire(key, KEEP_MS);
			const failed = (await pipeline.exec())?.find(([error]) => error)?.[0];
			if (failed) throw failed;
		});
		return true;
	}
}
