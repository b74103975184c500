import Bottleneck from 'bottleneck';
import type { Metrics } from './metrics';
import type { AdmissionStore, Clock, Permit, Priority, RateLimits } from './ports';

/** Bottleneck admits one job after the other at some 330 a second, so only this many wait inside it. */
const SUBMITTED_AT_MOST = 40;
/** A slot of a living process comes back after this even if its request never ended: twice the longest attempt. */
export const SLOT_LEASE_MS = 5 * 60_000;
/** Bottleneck reads the wall clock; a step back by more than this would stall it until the clock caught up. */
const CLOCK_STEP_MS = 1_000;

/** With a reason of its own an abort need not build an error with a stack, which would cost 100 us. */
const WOKEN = new Error('Woken');

/** What a task gets: the right to send one request now. */
export interface Slot {
	/**
	 * Right before the send. A task that ends without it gives token and slot back.
	 *
	 * @throws PermitExpired when the token was granted too long ago; let it through, the task is run again
	 */
	spend(): void;
}

/** A token that is spent too late would reach the server outside the guard band of the window. */
export class PermitExpired extends Error {
	override readonly name = 'PermitExpired';
}

interface Entry {
	readonly priority: Priority;
	readonly joinedAtMs: number;
	readonly task: (slot: Slot) => Promise<void>;
	readonly fail: (reason: unknown) => void;
	/** Nobody waits for it any more. */
	cancelled: boolean;
}

/**
 * The concurrency cap and the priorities of this process. Bottleneck orders the jobs and holds at most
 * `maxConcurrent` of them in flight; its reservoir starts empty and gets one unit for each permit that
 * the shared rate window grants, so the pace is the window's alone.
 */
export class Scheduler {
	readonly #waiting: Record<Priority, Entry[]> = { critical: [], backfill: [] };
	/** Handed to bottleneck and not started yet. */
	readonly #submitted = new Set<Entry>();
	/** Callers that still wait, whether submitted or not. */
	readonly #live: Record<Priority, number> = { critical: 0, backfill: 0 };
	/** Granted by the window, not yet taken by a job. */
	readonly #permits: Permit[] = [];
	#limiter: Bottleneck;
	#limits: RateLimits;
	#running = 0;
	#feeding = false;
	#wake: () => void = () => {};
	#highestWallMs = 0;

	constructor(
		private readonly admission: AdmissionStore,
		private readonly clock: Clock,
		private readonly metrics: Metrics,
		limits: RateLimits,
	) {
		this.#limits = limits;
		this.#limiter = this.#newLimiter();
	}

	/** Calls that wait for their turn. */
	waiting(): Record<Priority, number> {
		return { ...this.#live };
	}

	configure(limits: RateLimits): void {
		const changed = limits.maxConcurrent !== this.#limits.maxConcurrent;
		this.#limits = limits;
		if (changed) void this.#limiter.updateSettings({ maxConcurrent: limits.maxConcurrent });
		this.#wake();
	}

	/**
	 * Runs `task` as soon as a token and a slot are free, critical before backfill, then in order of arrival.
	 * A cancelled caller is released at once; what it was granted goes to the next one.
	 *
	 * @throws `signal.reason` when cancelled before the start; whatever the task throws
	 */
	async run<T>(
		priority: Priority,
		signal: AbortSignal,
		task: (slot: Slot) => Promise<T>,
	): Promise<T> {
		for (let joining: 'push' | 'unshift' = 'push'; ; joining = 'unshift') {
			try {
				return await this.#runOnce(priority, signal, task, joining);
			} catch (error) {
				if (!(error instanceof PermitExpired)) throw error as Error;
			}
		}
	}

	async #runOnce<T>(
		priority: Priority,
		signal: AbortSignal,
		task: (slot: Slot) => Promise<T>,
		joining: 'push' | 'unshift',
	): Promise<T> {
		signal.throwIfAborted();
		return await new Promise<T>((resolve, reject) => {
			const onAbort = () => {
				this.#forget(entry);
				reject(signal.reason as Error);
			};
			const entry: Entry = {
				priority,
				joinedAtMs: this.clock.monotonicMs(),
				cancelled: false,
				fail: reject,
				task: async (slot) => {
					signal.removeEventListener('abort', onAbort);
					this.#live[priority] -= 1;
					await task(slot).then(resolve, reject);
				},
			};
			signal.addEventListener('abort', onAbort, { once: true });
			this.#waiting[priority][joining](entry);
			this.#live[priority] += 1;
			this.#pump();
			this.#wake();
		});
	}

	/** Everybody who still waits is told `reason`. */
	stop(reason: Error): void {
		const callers = [...this.#waiting.critical, ...this.#waiting.backfill, ...this.#submitted];
		for (const entry of callers) {
			if (entry.cancelled) continue;
			this.#forget(entry);
			entry.fail(reason);
		}
	}

	#newLimiter(): Bottleneck {
		return new Bottleneck({ maxConcurrent: this.#limits.maxConcurrent, reservoir: 0 });
	}

	/** Moves waiting calls into bottleneck, each priority up to its share. */
	#pump(): void {
		for (const priority of ['critical', 'backfill'] as const) {
			let inside = 0;
			for (const entry of this.#submitted) if (entry.priority === priority) inside += 1;
			for (; inside < SUBMITTED_AT_MOST; inside += 1) {
				const entry = this.#waiting[priority].shift();
				if (entry === undefined) break;
				this.#submit(entry);
			}
		}
		void this.#feed();
	}

	#submit(entry: Entry): void {
		this.#submitted.add(entry);
		const limiter = this.#limiter;
		limiter
			.schedule({ priority: entry.priority === 'critical' ? 0 : 9 }, async () => {
				// After a clock step the entry may have moved to a new limiter; the old one's turn is void.
				if (limiter === this.#limiter) await this.#start(entry);
			})
			.catch(entry.fail);
	}

	/** Bottleneck gave the turn to `entry`; a permit is there, since the reservoir counts the permits. */
	async #start(entry: Entry): Promise<void> {
		this.#submitted.delete(entry);
		const permit = this.#permits.shift();
		if (permit === undefined || entry.cancelled) {
			if (permit !== undefined) await this.#grant(permit);
			if (!entry.cancelled) this.#waiting[entry.priority].unshift(entry);
			this.#pump();
			return;
		}
		if (this.#isExpired(permit)) {
			this.#waiting[entry.priority].unshift(entry);
			await this.admission.giveBack(permit);
			this.#pump();
			return;
		}
		let spent = false;
		this.#running += 1;
		this.metrics.rateWait(entry.priority, (this.clock.monotonicMs() - entry.joinedAtMs) / 1000);
		try {
			await entry.task({
				spend: () => {
					if (this.#isExpired(permit)) throw new PermitExpired();
					spent = true;
				},
			});
		} finally {
			this.#running -= 1;
			await (spent ? this.admission.release(permit) : this.admission.giveBack(permit));
			this.#wake();
			this.#pump();
		}
	}

	#isExpired({ grantedAtMs }: Permit): boolean {
		return this.clock.monotonicMs() - grantedAtMs > this.#limits.guardMs / 2;
	}

	/** Lets bottleneck start one more job; a permit that nobody waits for goes back to the window. */
	async #grant(permit: Permit): Promise<void> {
		if (this.#demand() > this.#permits.length) {
			this.#permits.push(permit);
			void this.#limiter.incrementReservoir(1);
		} else {
			await this.admission.giveBack(permit);
		}
	}

	/** Callers that a permit would help. */
	#demand(): number {
		return this.#live.critical + this.#live.backfill;
	}

	#forget(entry: Entry): void {
		entry.cancelled = true;
		this.#live[entry.priority] -= 1;
		const line = this.#waiting[entry.priority];
		const index = line.indexOf(entry);
		if (index >= 0) line.splice(index, 1);
		this.#wake();
	}

	/** Asks the window for permits as long as somebody waits; one loop per process. */
	async #feed(): Promise<void> {
		if (this.#feeding) return;
		this.#feeding = true;
		try {
			while (this.#demand() > 0) {
				this.#surviveClockStep();
				const full = this.#running + this.#permits.length >= this.#limits.maxConcurrent;
				if (full || this.#permits.length >= this.#demand()) {
					await this.#sleepUntilWoken(CLOCK_STEP_MS);
					continue;
				}
				const answer = await this.admission.tryAcquire({
					limits: this.#limits,
					priority: this.#live.critical > 0 ? 'critical' : 'backfill',
					leaseMs: SLOT_LEASE_MS,
				});
				if (answer.granted) await this.#grant(answer.permit);
				else await this.#sleepUntilWoken(answer.retryInMs);
			}
		} catch (error) {
			this.stop(error as Error);
		} finally {
			this.#feeding = false;
		}
	}

	async #sleepUntilWoken(ms: number): Promise<void> {
		const woken = new AbortController();
		this.#wake = () => woken.abort(WOKEN);
		await this.clock.sleep(ms, woken.signal).catch(() => {});
		this.#wake = () => {};
	}

	/** Bottleneck would wait until the wall clock is where it was: it gets replaced, its jobs move over. */
	#surviveClockStep(): void {
		const wallMs = this.clock.wallMs();
		if (wallMs < this.#highestWallMs - CLOCK_STEP_MS) {
			const moved = [...this.#submitted];
			this.#submitted.clear();
			const old = this.#limiter;
			this.#limiter = this.#newLimiter();
			void this.#limiter.incrementReservoir(this.#permits.length);
			for (const entry of moved) this.#submit(entry);
			void old.disconnect();
			this.#highestWallMs = wallMs;
		}
		this.#highestWallMs = Math.max(this.#highestWallMs, wallMs);
	}
}
