import type { JobStore } from '../resilience/jobs';
import type { Clock, Warn } from '../resilience/ports';
import { holds, queueUse } from '../resilience/queues';

const TELL_EVERY_MS = 20_000;
/** Somebody who has mistyped a name finds out while they still look. */
const LONELY_AFTER_MS = 5 * 60_000;
const QUEUES_NAMED = 10;

/** Tells everybody that an active trigger works this queue off, and the log once when nobody ever uses the queue. */
export class QueueMark {
	readonly #sinceMs: number;
	#tellAtMs = -Infinity;
	#isWatched = true;

	constructor(
		private readonly deps: { jobs: JobStore; clock: Clock; warn: Warn },
		private readonly queue: string,
	) {
		this.#sinceMs = deps.clock.monotonicMs();
	}

	/** When it is time. */
	async renew(): Promise<void> {
		const { clock, jobs } = this.deps;
		const nowMs = clock.monotonicMs();
		if (nowMs < this.#tellAtMs) return;
		await jobs.markWorkedOff(this.queue);
		this.#tellAtMs = nowMs + TELL_EVERY_MS;
		if (this.#isWatched && nowMs >= this.#sinceMs + LONELY_AFTER_MS) await this.#look();
	}

	async #look(): Promise<void> {
		const { jobs, warn } = this.deps;
		const { addedAtMs } = await queueUse(jobs, this.queue);
		if (addedAtMs === undefined && !holds(await jobs.stats(this.queue))) {
			const others: string[] = [];
			for (const { name } of await jobs.queues()) {
				if (holds(await jobs.stats(name))) others.push(name);
			}
			const named = others.slice(0, QUEUES_NAMED).join(', ');
			const more = others.length > QUEUES_NAMED ? ', ...' : '.';
			const known = others.length === 0 ? 'No queue has any.' : `Queues with jobs: ${named}${more}`;
			warn(
				`A Queue Trigger works off the queue '${this.queue}', but nobody has added a job to it. ${known} ` +
					"'Queue' must say the same in the node that adds the jobs.",
			);
		}
		this.#isWatched = false;
	}
}
