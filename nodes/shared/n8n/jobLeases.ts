import type { ClaimedJob, JobStore } from '../resilience/jobs';
import type { Clock } from '../resilience/ports';

/** A job whose process died comes back at once; one whose process hangs, after this. */
export const LEASE_MS = 60_000;
const EXTEND_EVERY_MS = LEASE_MS / 3;

export interface HeldJob {
	readonly job: ClaimedJob;
	/** Aborted when somebody else has taken the job, and when it is to be handed back. */
	readonly abort: AbortController;
}

/** The jobs that this process has claimed and not settled. */
export class JobLeases {
	/** By job id. */
	readonly #held = new Map<string, HeldJob>();
	#extendAtMs = 0;

	constructor(
		private readonly store: JobStore,
		private readonly clock: Clock,
	) {}

	hold(job: ClaimedJob): HeldJob {
		const held = { job, abort: new AbortController() };
		this.#held.set(job.id, held);
		return held;
	}

	/** Settled: nothing to keep any more. */
	forget(job: ClaimedJob): void {
		if (this.#held.get(job.id)?.job === job) this.#held.delete(job.id);
	}

	get extendInMs(): number {
		return Math.max(this.#extendAtMs - this.clock.monotonicMs(), 0);
	}

	/** Keeps what is held, when it is time. Returns the jobs that somebody else has now. */
	async extend(): Promise<ClaimedJob[]> {
		if (this.extendInMs > 0) return [];
		this.#extendAtMs = this.clock.monotonicMs() + EXTEND_EVERY_MS;
		const held = [...this.#held.values()];
		if (held.length === 0) return [];
		const claims = held.map(({ job }) => job);
		const holds = await this.store.extend(claims, LEASE_MS);
		const lost = held.filter((_, index) => !holds[index]);
		for (const { job, abort } of lost) {
			abort.abort();
			this.forget(job);
		}
		return lost.map(({ job }) => job);
	}

	abortAll(): void {
		for (const { abort } of this.#held.values()) abort.abort();
	}

	/** Hands back everything but `others`. */
	async releaseAllBut(others: ReadonlySet<ClaimedJob>): Promise<void> {
		const jobs = [...this.#held.values()].map(({ job }) => job).filter((job) => !others.has(job));
		if (jobs.length === 0) return;
		for (const job of jobs) this.forget(job);
		await this.store.release(jobs);
	}
}
