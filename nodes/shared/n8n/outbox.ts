import type { INodeExecutionData } from 'n8n-workflow';
import { batchShare } from '../resilience/jobPolicy';
import type { ClaimedJob } from '../resilience/jobs';

/** A job that was done; its items wait for an execution. */
export interface FinishedJob {
	job: ClaimedJob;
	items: INodeExecutionData[];
}

/** A job that has failed for good, and what it had brought by then. */
export interface DeadLetter {
	item: INodeExecutionData;
	records: INodeExecutionData[];
}

/** What one execution gets. */
export interface Batch {
	jobs: FinishedJob[];
	deadLetters: DeadLetter[];
}

interface Line {
	jobs: FinishedJob[];
	/** When the first of them came. */
	sinceMs: number;
}

/**
 * Collects finished jobs until there are enough for an execution or the first has waited long enough.
 * Jobs that came back before have lines of their own, with smaller batches.
 */
export class Outbox {
	/** By the size of a batch. */
	readonly #lines = new Map<number, Line>();
	#deadLetters: DeadLetter[] = [];
	#deadSinceMs = 0;

	constructor(
		private readonly batchSize: number,
		private readonly batchWaitMs: number,
	) {}

	/** Jobs that wait. */
	get size(): number {
		return this.#all().length;
	}

	/** Nothing waits, not even a dead letter. */
	get isEmpty(): boolean {
		return this.size === 0 && this.#deadLetters.length === 0;
	}

	add(finished: FinishedJob, nowMs: number): void {
		const share = batchShare(this.batchSize, finished.job.attempts);
		const line = this.#lines.get(share) ?? { jobs: [], sinceMs: nowMs };
		line.jobs.push(finished);
		this.#lines.set(share, line);
	}

	addDeadLetter(letter: DeadLetter, nowMs: number): void {
		if (this.#deadLetters.length === 0) this.#deadSinceMs = nowMs;
		this.#deadLetters.push(letter);
	}

	/** The next batch that is full or has waited long enough; dead letters travel with whatever goes first. */
	next(nowMs: number): Batch | undefined {
		for (const [share, line] of this.#lines) {
			if (line.jobs.length < share && nowMs < line.sinceMs + this.batchWaitMs) continue;
			const jobs = line.jobs.splice(0, share);
			if (line.jobs.length === 0) this.#lines.delete(share);
			return { jobs, deadLetters: this.#takeDeadLetters() };
		}
		const waited = nowMs >= this.#deadSinceMs + this.batchWaitMs;
		if (this.#deadLetters.length === 0) return undefined;
		if (!waited && this.#deadLetters.length < this.batchSize) return undefined;
		return { jobs: [], deadLetters: this.#takeDeadLetters() };
	}

	/** Everything in one batch, whatever its size. */
	takeAll(): Batch {
		const jobs = this.#all();
		this.#lines.clear();
		return { jobs, deadLetters: this.#takeDeadLetters() };
	}

	/** Until `next` has something, if nothing more comes; Infinity when nothing waits. */
	dueInMs(nowMs: number): number {
		const since = [...this.#lines.values()].map(({ sinceMs }) => sinceMs);
		if (this.#deadLetters.length > 0) since.push(this.#deadSinceMs);
		return Math.max(Math.min(...since) + this.batchWaitMs - nowMs, 0);
	}

	/** Takes out the jobs for which `isLost` is true. */
	drop(isLost: (job: ClaimedJob) => boolean): void {
		for (const [share, line] of this.#lines) {
			line.jobs = line.jobs.filter(({ job }) => !isLost(job));
			if (line.jobs.length === 0) this.#lines.delete(share);
		}
	}

	#all(): FinishedJob[] {
		return [...this.#lines.values()].flatMap(({ jobs }) => jobs);
	}

	#takeDeadLetters(): DeadLetter[] {
		const taken = this.#deadLetters;
		this.#deadLetters = [];
		return taken;
	}
}
