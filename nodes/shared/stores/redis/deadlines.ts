import type { Clock } from '../../resilience/ports';

const CHECK_MS = 50;

interface Wait {
	readonly limitMs: number;
	dueMs: number;
	readonly fail: (error: Error) => void;
}

/**
 * Time limits for many short waits at the cost of one timer. A process that was busy itself for longer than
 * the limit has not read the answers yet: that is not held against them.
 */
export class Deadlines {
	readonly #waits = new Set<Wait>();
	#stopChecks: (() => void) | undefined;
	#lastCheckMs = 0;

	constructor(
		private readonly clock: Clock,
		private readonly late: (limitMs: number) => Error,
	) {}

	/** Settles like `work`, or rejects some `limitMs` from now. */
	async within<T>(limitMs: number, work: Promise<T>): Promise<T> {
		return await new Promise<T>((resolve, reject) => {
			const wait: Wait = {
				limitMs,
				dueMs: this.clock.monotonicMs() + limitMs - CHECK_MS,
				fail: reject,
			};
			this.#add(wait);
			work.then(resolve, reject).finally(() => this.#remove(wait));
		});
	}

	stop(): void {
		this.#stopChecks?.();
		this.#stopChecks = undefined;
	}

	#add(wait: Wait): void {
		this.#waits.add(wait);
		if (this.#stopChecks) return;
		this.#lastCheckMs = this.clock.monotonicMs();
		this.#stopChecks = this.clock.every(CHECK_MS, () => this.#check());
	}

	#remove(wait: Wait): void {
		this.#waits.delete(wait);
		if (this.#waits.size === 0) this.stop();
	}

	#check(): void {
		const nowMs = this.clock.monotonicMs();
		const blockedMs = nowMs - this.#lastCheckMs - CHECK_MS;
		this.#lastCheckMs = nowMs;
		for (const wait of this.#waits) {
			if (blockedMs > CHECK_MS) wait.dueMs += blockedMs;
			if (nowMs < wait.dueMs) continue;
			this.#remove(wait);
			wait.fail(this.late(wait.limitMs));
		}
	}
}
