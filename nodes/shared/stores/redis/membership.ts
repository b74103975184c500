import { randomBytes } from 'node:crypto';
import type { Clock } from '../../resilience/ports';
import { isAlive, thisProcess, type ProcessIdentity } from '../embedded/owner';
import type { RedisConnection } from './connection';
import type { Holdings } from './holdings';
import type { Keys } from './keys';
import { JOIN } from './lua/admission';
import { BEAT, LEAVE } from './lua/workers';
import type { ServerTime } from './serverTime';
import type { Timing } from './timing';

/** One process that uses the same API key, as it was last seen. */
interface Worker {
	owner: string;
	silentMs: number;
	/** JSON of a ProcessIdentity. */
	identity: string;
}

type BeatReply = [serverMs: string, storeMs: string, born: string, crew: readonly string[]];

/** How many processes share the limits when nobody has said. */
const EXPECTED_WORKERS = 4;

/**
 * This handle among all that share an API key: says that it lives, learns who else does, and tells the death of
 * processes on its own machine at once.
 */
export class Membership {
	/** Stands for this handle in permits, reservations and claims. */
	readonly owner = randomBytes(6).toString('hex');
	readonly #identity: string;
	#crew: Worker[] = [];
	/** When the window began that this process joined. */
	#born = '';

	constructor(
		private readonly options: {
			connection: RedisConnection;
			keys: Keys;
			clock: Clock;
			time: ServerTime;
			holdings: Holdings;
			timing: Timing;
			expectedWorkers: number | undefined;
			identity: ProcessIdentity | undefined;
		},
	) {
		this.#identity = JSON.stringify(options.identity ?? thisProcess());
	}

	/** How many processes share the limits, this one and those that are silent included. */
	get workers(): number {
		return this.#crew.length || (this.options.expectedWorkers ?? EXPECTED_WORKERS);
	}

	/**
	 * Tells the shared window what this process has taken from it.
	 *
	 * @param known whether this process knew the window before
	 */
	async join(known: boolean): Promise<void> {
		const { connection, keys, holdings } = this.options;
		const { clock, gate, window, slots, workers, identities } = keys;
		const others = this.#crew.filter(({ owner }) => owner !== this.owner);
		await connection.run(
			JOIN,
			[clock, gate, window, slots, workers, identities],
			[
				this.owner,
				this.#identity,
				JSON.stringify(holdings.grants()),
				JSON.stringify(holdings.slots()),
				JSON.stringify(others.map(({ owner, silentMs, identity }) => [owner, silentMs, identity])),
				known ? holdings.settleMs : 0,
				holdings.pausedForMs,
				holdings.intervalMs,
				holdings.knownUpTo,
			],
		);
		this.#born = await this.#beat();
	}

	/** False when the window is not the one that this process joined. */
	async beat(): Promise<boolean> {
		return (await this.#beat()) === this.#born;
	}

	async #beat(): Promise<string> {
		const { connection, clock, time, holdings, timing, keys } = this.options;
		const sentAtMs = clock.monotonicMs();
		const reply = await connection.run(BEAT, this.#keys(), [
			this.owner,
			this.#identity,
			JSON.stringify(holdings.slots()),
			timing.deadMs,
			timing.slotsMs,
			timing.forgetMs,
			keys.credits(''),
		]);
		const [serverMs, storeMs, born, crew] = reply as BeatReply;
		time.sample(Number(serverMs), Number(storeMs), sentAtMs, clock.monotonicMs());
		this.#see(crew);
		await this.#bury();
		return born;
	}

	/** This process ends in order: nothing of it is kept for it. */
	async leave(): Promise<void> {
		await this.#remove(this.owner);
	}

	/** The same at the very end of the process, when no answer can be waited for any more. */
	leaveAtOnce(): void {
		const { connection, keys } = this.options;
		connection.send(LEAVE, this.#keys(), [this.owner, keys.credits('')]);
	}

	#see(reply: readonly string[]): void {
		const crew: Worker[] = [];
		for (let i = 0; i + 2 < reply.length; i += 3) {
			const [owner = '', silentMs = '', identity = ''] = reply.slice(i, i + 3);
			crew.push({ owner, silentMs: Number(silentMs), identity });
		}
		this.#crew = crew;
	}

	/** Removes silent processes of this machine that are dead beyond doubt. */
	async #bury(): Promise<void> {
		for (const { owner, silentMs, identity } of this.#crew) {
			if (silentMs < 2 * this.options.timing.beatMs || owner === this.owner) continue;
			if (isGone(identity)) await this.#remove(owner);
		}
	}

	async #remove(owner: string): Promise<void> {
		const { connection, keys } = this.options;
		await connection.run(LEAVE, this.#keys(), [owner, keys.credits('')]);
	}

	#keys(): string[] {
		const { clock, gate, workers, identities, slots, critical, reservations } = this.options.keys;
		return [clock, gate, workers, identities, slots, critical, reservations];
	}
}

/** On this machine, and no longer running. */
function isGone(text: string): boolean {
	try {
		const identity = JSON.parse(text) as ProcessIdentity;
		if (identity.host !== thisProcess().host) return false;
		return !isAlive({ ...identity, renewedAt: 0 }, 0);
	} catch {
		return false;
	}
}
