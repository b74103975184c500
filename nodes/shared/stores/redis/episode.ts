import type { Clock, Warn } from '../../resilience/ports';
import type { RedisConnection, RedisTrouble } from './connection';

/** One line when trouble with a Redis begins and one when it is over, however many keys and turns it has. */
export class Episode {
	readonly #down = new Set<object>();
	#open = false;
	#stopWaiting: (() => void) | undefined;

	constructor(
		private readonly connection: RedisConnection,
		private readonly clock: Clock,
		private readonly calmMs: number,
		private readonly warn: Warn,
	) {}

	begin(who: object, trouble: RedisTrouble, consequence: string): void {
		this.#down.add(who);
		this.#stopWaiting?.();
		this.#stopWaiting = undefined;
		if (this.#open) return;
		this.#open = true;
		this.warn(
			`Redis at ${this.connection.address} cannot be used (${trouble.message}). ${consequence}`,
		);
	}

	end(who: object): void {
		this.#down.delete(who);
		if (!this.#open || this.#down.size > 0) return;
		this.#stopWaiting?.();
		const stop = this.clock.every(this.calmMs, () => {
			stop();
			this.#stopWaiting = undefined;
			this.#open = false;
			this.warn(
				`Redis at ${this.connection.address} can be used again: limits, budget and stored answers are shared.`,
			);
		});
		this.#stopWaiting = stop;
	}

	/** Whoever is disposed of says nothing more. */
	leave(who: object): void {
		this.#down.delete(who);
		if (this.#down.size === 0) this.#stopWaiting?.();
	}
}
