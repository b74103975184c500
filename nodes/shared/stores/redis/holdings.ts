import type { Clock, Permit, RateLimits } from '../../resilience/ports';

/** The plan's, for a process that has not been told. */
const USUAL: RateLimits = {
	requestsPerMinute: 200,
	burst: 10,
	maxConcurrent: 20,
	windowMs: 60_000,
	guardMs: 1_000,
};

/** What this process took from the rate window and has not used up: what it brings along when it joins. */
export class Holdings {
	/** Those that were asked for last. */
	limits = USUAL;
	/** By permit: clock.monotonicMs() of the grant, in order. */
	readonly #grants = new Map<string, number>();
	/** By permit: clock.monotonicMs() of the end of its lease. */
	readonly #slots = new Map<string, number>();
	/** Numbers of permits that were asked for and not heard of. */
	readonly #asked = new Set<number>();
	#lastAsked = 0;
	#pausedUntilMs = -Infinity;

	constructor(private readonly clock: Clock) {}

	/** How long a grant counts, guard included. */
	get windowMs(): number {
		return this.limits.windowMs + this.limits.guardMs;
	}

	get intervalMs(): number {
		return this.windowMs / this.limits.requestsPerMinute;
	}

	/**
	 * How long nothing may be granted between two times that know nothing of each other's grants. In x ms a burst
	 * bucket lets at most `burst + x / interval` go. So in a window with a gap of two bursts in it both times
	 * together stay within the limit, whatever each of them did.
	 */
	get settleMs(): number {
		const { burst, guardMs } = this.limits;
		return Math.min(2 * burst * this.intervalMs + guardMs, this.windowMs);
	}

	get pausedForMs(): number {
		return Math.max(this.#pausedUntilMs - this.clock.monotonicMs(), 0);
	}

	ask(number: number): void {
		this.#lastAsked = number;
		this.#asked.add(number);
	}

	answered(number: number): void {
		this.#asked.delete(number);
	}

	/** Of all permits up to this number it is known here whether they were granted. */
	get knownUpTo(): number {
		return Math.min(this.#lastAsked, ...[...this.#asked].map((number) => number - 1));
	}

	take({ id, grantedAtMs }: Permit, leaseMs: number): void {
		this.#forgetOld();
		this.#grants.set(id, grantedAtMs);
		this.#slots.set(id, grantedAtMs + leaseMs);
	}

	giveBack(permit: Permit): void {
		this.#grants.delete(permit.id);
		this.#slots.delete(permit.id);
	}

	release(permit: Permit): void {
		this.#slots.delete(permit.id);
	}

	pause(ms: number): void {
		this.#pausedUntilMs = Math.max(this.#pausedUntilMs, this.clock.monotonicMs() + ms);
	}

	/** Times of the grants that count, oldest first. */
	grantTimes(): number[] {
		this.#forgetOld();
		return [...this.#grants.values()];
	}

	/** Each grant that counts with its age. */
	grants(): Array<[permit: string, ageMs: number]> {
		this.#forgetOld();
		const nowMs = this.clock.monotonicMs();
		return [...this.#grants].map(([id, atMs]) => [id, nowMs - atMs]);
	}

	/** Each slot with the rest of its lease. */
	slots(): Array<[permit: string, leftMs: number]> {
		const nowMs = this.clock.monotonicMs();
		for (const [id, endMs] of this.#slots) if (endMs <= nowMs) this.#slots.delete(id);
		return [...this.#slots].map(([id, endMs]) => [id, endMs - nowMs]);
	}

	#forgetOld(): void {
		const cutoffMs = this.clock.monotonicMs() - this.windowMs;
		for (const [id, atMs] of this.#grants) {
			if (atMs > cutoffMs) break;
			this.#grants.delete(id);
		}
	}
}
