import type { Clock, Random } from '../../resilience/ports';
import { RedisTrouble, type RedisConnection } from './connection';
import type { Episode } from './episode';

const LONGEST_PROBE_PAUSES = 8;
const PATIENT_POLL_MS = 50;

/** What a degraded process needs to know of the trouble. */
export interface Outage {
	/** clock.monotonicMs(): when this process saw it, and when Redis last answered before it. */
	readonly sinceMs: number;
	readonly lastAnswerMs: number;
}

/**
 * Whether Redis can be used for one API key. The first failed command ends it; then Redis is looked at from time
 * to time, and once this process has brought in what it did meanwhile, it can be used again.
 */
export class Availability {
	#state: 'new' | 'up' | 'down' = 'new';
	#outage: Outage | undefined;
	#joining: Promise<boolean> | undefined;
	#stopProbing: (() => void) | undefined;
	readonly #stopListening: () => void;
	#lastAnswerMs = -Infinity;
	#disposed = false;

	constructor(
		private readonly options: {
			connection: RedisConnection;
			episode: Episode;
			clock: Clock;
			random: Random;
			probeMs: number;
			/** Brings this process's state in. Throws RedisTrouble when it cannot. */
			join: () => Promise<void>;
			/** A sentence on what this process does without Redis. */
			consequence: () => string;
		},
	) {
		const { connection } = options;
		this.#stopListening = connection.onReady(() => {
			// A new connection may lead to a Redis that has forgotten something.
			if (this.#state !== 'new') void this.rejoin();
		});
	}

	/** Undefined while Redis can be used. */
	get outage(): Outage | undefined {
		return this.#state === 'down' ? this.#outage : undefined;
	}

	/** clock.monotonicMs() of the last command that was carried out; -Infinity when there was none. */
	get lastAnswerMs(): number {
		return this.#lastAnswerMs;
	}

	/** What `work` finds out from Redis; undefined when Redis cannot be used. */
	async attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
		if (this.#state === 'new') this.#joining ??= this.#join();
		if (this.#joining) await this.#joining;
		if (this.#state !== 'up') return undefined;
		return await work().then(
			(result) => {
				this.#lastAnswerMs = this.options.clock.monotonicMs();
				return result;
			},
			(error: unknown) => this.#fall(error),
		);
	}

	/** The same; while Redis is away for less than `patienceMs` it waits for it. */
	async attemptPatiently<T>(patienceMs: number, work: () => Promise<T>): Promise<T | undefined> {
		const { clock } = this.options;
		let untilMs: number | undefined;
		for (;;) {
			const result = await this.attempt(work);
			if (result !== undefined || !this.outage || this.#disposed) return result;
			// Of the first outage: where this work is itself what fails, each try begins another one.
			untilMs ??= this.outage.sinceMs + patienceMs;
			if (clock.monotonicMs() >= untilMs) return undefined;
			await clock.sleep(PATIENT_POLL_MS);
		}
	}

	/** Brings everything in again; true when Redis can be used then. */
	async rejoin(): Promise<boolean> {
		return await (this.#joining ??= this.#join());
	}

	/** Ends with a last command if Redis can be used, whatever comes of it. */
	async dispose(work: () => Promise<void>): Promise<void> {
		if (this.#joining) await this.#joining;
		this.#disposed = true;
		if (this.#state === 'up') await work().catch(() => {});
		this.#stopProbing?.();
		this.#stopListening();
		this.options.episode.leave(this);
	}

	async #join(): Promise<boolean> {
		const { clock, episode, join } = this.options;
		const joined = await join()
			.then(
				() => true,
				(error: unknown) => this.#fall(error),
			)
			.finally(() => (this.#joining = undefined));
		if (!joined) return false;
		this.#lastAnswerMs = clock.monotonicMs();
		this.#state = 'up';
		this.#stopProbing?.();
		this.#stopProbing = undefined;
		episode.end(this);
		return true;
	}

	/** @throws what is not the fault of Redis */
	#fall(trouble: unknown): undefined {
		if (!(trouble instanceof RedisTrouble)) throw trouble;
		if (this.#disposed) return;
		const { clock, connection, episode, consequence } = this.options;
		if (this.#state !== 'down') {
			this.#state = 'down';
			this.#outage = { sinceMs: clock.monotonicMs(), lastAnswerMs: this.#lastAnswerMs };
			this.#probe();
			episode.begin(this, trouble, consequence());
		}
		// After a failover the old primary refuses to write.
		if (trouble.message.startsWith('READONLY')) connection.reconnect();
	}

	/** Each time that Redis still does not work the next look is a little later. */
	#probe(): void {
		const { clock, connection, random, probeMs } = this.options;
		let pauses = 1;
		let left = 1;
		this.#stopProbing = clock.every(probeMs * (0.75 + 0.5 * random()), () => {
			if (--left > 0 || !connection.ready || this.#joining) return;
			pauses = Math.min(pauses * 2, LONGEST_PROBE_PAUSES);
			left = pauses;
			void this.rejoin();
		});
	}
}
