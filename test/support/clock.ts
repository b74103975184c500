import type { Clock, Random } from '../../nodes/shared/resilience/ports';

// Taken at load, so that a test may replace the global timers.
const nextTurn = setImmediate;

interface Timer {
	dueMs: number;
	order: number;
	fire: () => void;
}

export interface ManualClockOptions {
	/** Start of the monotonic clock. Default 1,000,000. */
	monotonicMs?: number;
	/** Start of the wall clock. Default 2026-01-15T12:00:00Z. */
	wallMs?: number;
	/**
	 * Lets everything run that is ready, before and after each jump. Default: two turns of the event loop,
	 * enough for promises and node:sqlite. Hand in a longer one where real timers or sockets take part.
	 */
	flush?: () => Promise<void>;
}

/** A clock that moves only when the test moves it. Timers fire in the order of their due times. */
export class ManualClock implements Clock {
	private nowMs: number;

	private wallNowMs: number;

	private nextOrder = 0;

	private readonly timers = new Set<Timer>();

	private readonly flushTurn: () => Promise<void>;

	constructor(options: ManualClockOptions = {}) {
		this.nowMs = options.monotonicMs ?? 1_000_000;
		this.wallNowMs = options.wallMs ?? Date.UTC(2026, 0, 15, 12);
		this.flushTurn = options.flush ?? twoTurns;
	}

	monotonicMs(): number {
		return this.nowMs;
	}

	wallMs(): number {
		return this.wallNowMs;
	}

	sleep(ms: number, signal?: AbortSignal): Promise<void> {
		return new Promise((resolve, reject) => {
			if (signal?.aborted === true) {
				reject(signal.reason as Error);
				return;
			}
			const abort = () => {
				this.timers.delete(timer);
				reject(signal?.reason as Error);
			};
			const timer = this.add(ms, () => {
				this.timers.delete(timer);
				signal?.removeEventListener('abort', abort);
				resolve();
			});
			signal?.addEventListener('abort', abort, { once: true });
		});
	}

	every(ms: number, task: () => void): () => void {
		const timer = this.add(ms, () => {
			timer.dueMs += Math.max(ms, 1);
			timer.order = this.nextOrder++;
			task();
		});
		return () => {
			this.timers.delete(timer);
		};
	}

	/** Moves both clocks on by `ms`; sleepers and repeated tasks run at their due times on the way. */
	async advance(ms: number): Promise<void> {
		const targetMs = this.nowMs + ms;
		await this.flush();
		for (let timer = this.next(); timer && timer.dueMs <= targetMs; timer = this.next()) {
			this.moveTo(timer.dueMs);
			timer.fire();
			await this.flush();
		}
		this.moveTo(targetMs);
		await this.flush();
	}

	/**
	 * Moves both clocks on without running anything, like a blocked event loop or a process that was
	 * suspended. What became due runs with the next `advance`.
	 */
	jump(ms: number): void {
		this.moveTo(this.nowMs + ms);
	}

	/** Steps the wall clock alone, also backwards. */
	stepWall(ms: number): void {
		this.wallNowMs += ms;
	}

	/** Sets the wall clock alone. */
	setWall(ms: number): void {
		this.wallNowMs = ms;
	}

	/**
	 * Goes from timer to timer until `promise` settles, and settles like it.
	 * Rejects when nothing is left to wait for, or after `limitMs` of clock time (default 1 hour).
	 */
	async runUntil<T>(promise: Promise<T>, limitMs = 3_600_000): Promise<T> {
		const progress = { settled: false };
		const settle = () => {
			progress.settled = true;
		};
		promise.then(settle, settle);
		const endMs = this.nowMs + limitMs;
		for (;;) {
			await this.flush();
			if (progress.settled) return await promise;
			const timer = this.next();
			if (!timer) throw new Error('ManualClock.runUntil: no timer left, the promise never settles');
			if (timer.dueMs > endMs)
				throw new Error(`ManualClock.runUntil: not settled in ${limitMs} ms`);
			this.moveTo(timer.dueMs);
			timer.fire();
		}
	}

	/** Lets everything run that is ready now, without moving the clock. */
	async flush(): Promise<void> {
		await this.flushTurn();
	}

	/** Sleepers and repeated tasks that are waiting; 0 shows that nothing leaked. */
	pending(): number {
		return this.timers.size;
	}

	private add(ms: number, fire: () => void): Timer {
		const timer = { dueMs: this.nowMs + Math.max(ms, 0), order: this.nextOrder++, fire };
		this.timers.add(timer);
		return timer;
	}

	private next(): Timer | undefined {
		let first: Timer | undefined;
		for (const timer of this.timers) {
			if (
				!first ||
				timer.dueMs < first.dueMs ||
				(timer.dueMs === first.dueMs && timer.order < first.order)
			) {
				first = timer;
			}
		}
		return first;
	}

	private moveTo(ms: number): void {
		if (ms <= this.nowMs) return;
		this.wallNowMs += ms - this.nowMs;
		this.nowMs = ms;
	}
}

async function twoTurns(): Promise<void> {
	await new Promise<void>((resolve) => nextTurn(resolve));
	await new Promise<void>((resolve) => nextTurn(resolve));
}

/** The same numbers for the same seed (mulberry32), uniform in [0, 1). */
export function seededRandom(seed: number): Random {
	let state = seed >>> 0;
	return () => {
		state = (state + 0x6d2b79f5) >>> 0;
		let mixed = Math.imul(state ^ (state >>> 15), state | 1);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
	};
}
