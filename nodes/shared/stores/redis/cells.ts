import { createHash } from 'node:crypto';
import type { Clock, Random, StateCell, Warn } from '../../resilience/ports';
import type { Availability } from './availability';
import type { RedisConnection } from './connection';
import type { Keys } from './keys';
import { CHANGE_CELL, READ_CELL } from './lua/cells';
import type { ServerTime } from './serverTime';

/** Others who change the same state get a moment; it doubles with each lost race up to the second. */
const BACKOFF_MS = 2;
const LONGEST_BACKOFF_MS = 50;
/** States that are remembered for the time when Redis will be gone; those not used for longest go first. */
const REMEMBERED = 1_000;

type Change<S, R> = (state: S | undefined, nowMs: number) => { state: S | undefined; result: R };

/** What this process last saw in Redis, and what it wrote down itself since Redis went away. */
interface Local {
	shared: string | null;
	text: string | null;
	changed: boolean;
}

/** Small states, changed by compare-and-set on the clock of the Redis server. */
export class RedisCells implements StateCell {
	readonly #local = new Map<string, Local>();
	#warned = false;

	constructor(
		private readonly options: {
			connection: RedisConnection;
			keys: Keys;
			availability: Availability;
			clock: Clock;
			time: ServerTime;
			random: Random;
			warn: Warn;
		},
	) {}

	async update<S, R>(name: string, change: Change<S, R>): Promise<R> {
		const { availability, clock, random } = this.options;
		for (let races = 0; ; races++) {
			const answer = await availability.attempt(async () => await this.#try(name, change));
			if (answer === undefined) return this.#updateLocally(name, change);
			if (answer.written) return answer.result;
			const longestMs = Math.min(LONGEST_BACKOFF_MS, BACKOFF_MS * 2 ** races);
			await clock.sleep(random() * longestMs);
		}
	}

	/** Brings in what was changed without Redis, unless somebody else was there first. Throws RedisTrouble. */
	async join(): Promise<void> {
		for (const [name, local] of this.#local) {
			if (!local.changed) continue;
			const written = await this.#write(name, local.shared, local.text);
			if (written) this.#local.set(name, { shared: local.text, text: local.text, changed: false });
			else this.#local.delete(name);
		}
	}

	async #try<S, R>(
		name: string,
		change: Change<S, R>,
	): Promise<{ written: false } | { written: true; result: R }> {
		const { connection, keys } = this.options;
		const reply = await connection.run(READ_CELL, [keys.clock, keys.cell(name)]);
		const [nowMs, before] = reply as [string, string | null];
		this.#remember(name, before);
		const { text, result } = this.#apply(name, before, Number(nowMs), change);
		if (text === before) return { written: true, result };
		if (!(await this.#write(name, before, text))) return { written: false };
		this.#remember(name, text);
		return { written: true, result };
	}

	#remember(name: string, text: string | null): void {
		this.#local.delete(name);
		this.#local.set(name, { shared: text, text, changed: false });
		const [oldest] = this.#local.keys();
		if (this.#local.size > REMEMBERED && oldest !== undefined) this.#local.delete(oldest);
	}

	async #write(name: string, before: string | null, text: string | null): Promise<boolean> {
		const { connection, keys } = this.options;
		const digest = before === null ? '' : createHash('sha1').update(before).digest('hex');
		const written = await connection.run(
			CHANGE_CELL,
			[keys.cell(name)],
			[digest, text === null ? 'delete' : 'set', text ?? ''],
		);
		return written === 1;
	}

	#updateLocally<S, R>(name: string, change: Change<S, R>): R {
		const { shared = null, text: before = null } = this.#local.get(name) ?? {};
		const { text, result } = this.#apply(name, before, this.options.time.storeMs(), change);
		const changed = this.#local.get(name)?.changed === true || text !== before;
		this.#local.set(name, { shared, text, changed });
		return result;
	}

	/** The state after the change as text, null for none; the same text when nothing changed. */
	#apply<S, R>(
		name: string,
		before: string | null,
		nowMs: number,
		change: Change<S, R>,
	): { text: string | null; result: R } {
		const read = this.#read<S>(name, before);
		const { state, result } = change(read, nowMs);
		if (state === read) return { text: before, result };
		return { text: state === undefined ? null : JSON.stringify(state), result };
	}

	#read<S>(name: string, text: string | null): S | undefined {
		if (text === null) return undefined;
		try {
			return JSON.parse(text) as S;
		} catch {
			if (!this.#warned)
				this.options.warn(`The stored state "${name}" was damaged and begins anew`);
			this.#warned = true;
			return undefined;
		}
	}
}
