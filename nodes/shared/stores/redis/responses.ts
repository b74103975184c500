import type { Clock, ResponseStore, StoredResponse, Warn } from '../../resilience/ports';
import { fromBytes, toBytes } from './answerText';
import type { Availability } from './availability';
import type { RedisConnection } from './connection';
import type { Journal } from './journal';
import type { Keys } from './keys';
import { CLAIM, SWEEP_ANSWERS, UNCLAIM } from './lua/answers';
import type { Membership } from './membership';
import type { ServerTime } from './serverTime';
import type { Timing } from './timing';

/** Answers that one script removes, so that nobody waits for it. */
const SWEEP_PORTION = 1_000;
/** Of the answers of one API key. */
export const MAX_ANSWER_BYTES = 256 * 2 ** 20;

/**
 * Stored answers and single flight. Times are stored on the server's wall clock and handed out on this machine's,
 * so that a machine whose clock is wrong neither keeps answers for ever nor takes fresh ones for old.
 */
export class RedisResponses implements ResponseStore {
	/** Single flights of this process while Redis is away. */
	readonly #claimed = new Set<string>();
	/** Given up while Redis was away. */
	readonly #unclaimed = new Set<string>();
	#warned = false;

	constructor(
		private readonly options: {
			connection: RedisConnection;
			keys: Keys;
			availability: Availability;
			membership: Membership;
			journal: Journal;
			clock: Clock;
			time: ServerTime;
			timing: Timing;
			warn: Warn;
			maxBytes: number;
		},
	) {}

	async get(key: string): Promise<StoredResponse | undefined> {
		const { availability, clock, journal, time } = this.options;
		const stored = journal.find(key) ?? (await availability.attempt(async () => this.#fetch(key)));
		if (!stored) return undefined;
		const skewMs = time.skewMs;
		const response = {
			...stored,
			fetchedAtMs: stored.fetchedAtMs - skewMs,
			keepUntilMs: stored.keepUntilMs - skewMs,
		};
		return response.keepUntilMs > clock.wallMs() ? response : undefined;
	}

	async claim(key: string, leaseMs: number): Promise<boolean> {
		const { availability, connection, keys, membership, timing } = this.options;
		const claimed = await availability.attempt(
			async () =>
				await connection.run(
					CLAIM,
					[keys.clock, keys.claim(key), keys.workers],
					[membership.owner, leaseMs, timing.deadMs],
				),
		);
		if (claimed !== undefined) return claimed === 1;
		// It may have been made although nobody heard of it.
		this.#unclaimed.add(key);
		if (this.#claimed.has(key)) return false;
		this.#claimed.add(key);
		return true;
	}

	async unclaim(key: string): Promise<void> {
		const { availability } = this.options;
		if (this.#claimed.delete(key)) return;
		const done = await availability.attempt(async () => await this.#unclaim(key));
		if (done === undefined) this.#unclaimed.add(key);
	}

	/** Small things with a time to live of their own: they need no place in the index of what is swept. */
	async keep(response: StoredResponse): Promise<void> {
		const { availability, clock, connection, keys, time } = this.options;
		const leftMs = Math.ceil(response.keepUntilMs - clock.wallMs());
		if (leftMs <= 0) return;
		const bytes = toBytes({
			...response,
			fetchedAtMs: response.fetchedAtMs + time.skewMs,
			keepUntilMs: response.keepUntilMs + time.skewMs,
		});
		await availability.attempt(
			async () =>
				await connection.command(
					async (client) => await client.set(keys.answer(response.key), bytes, 'PX', leftMs),
				),
		);
	}

	async remove(key: string): Promise<void> {
		const { availability, connection, keys } = this.options;
		await availability.attempt(
			async () => await connection.command(async (client) => await client.del(keys.answer(key))),
		);
	}

	async sweep(): Promise<number> {
		const { availability, connection, keys, maxBytes } = this.options;
		let total = 0;
		for (;;) {
			const removed = await availability.attempt(
				async () =>
					(await connection.run(
						SWEEP_ANSWERS,
						[keys.answers, keys.answerBytes],
						[SWEEP_PORTION, maxBytes, keys.answer('')],
					)) as number,
			);
			total += removed ?? 0;
			if (removed !== SWEEP_PORTION) return total;
		}
	}

	/** Ends what ended while Redis was away. Throws RedisTrouble. */
	async join(): Promise<void> {
		for (const key of this.#unclaimed) {
			await this.#unclaim(key);
			this.#unclaimed.delete(key);
		}
	}

	async #unclaim(key: string): Promise<true> {
		const { connection, keys, membership } = this.options;
		await connection.run(UNCLAIM, [keys.claim(key)], [membership.owner]);
		return true;
	}

	/** Null when there is none. */
	async #fetch(key: string): Promise<StoredResponse | null> {
		const { connection, keys, warn } = this.options;
		const name = keys.answer(key);
		const bytes = await connection.command(async (client) => await client.getBuffer(name));
		if (bytes === null) return null;
		const stored = fromBytes(key, bytes);
		if (stored) return stored;
		await connection.command(async (client) => await client.del(name));
		if (!this.#warned) warn('A stored TikLiveAPI answer was damaged and has been removed');
		this.#warned = true;
		return null;
	}
}
