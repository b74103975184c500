import { DONE_HOURS } from '../../resilience/jobs';
import type { Client } from './connection';
import type { Keys } from './keys';
import type { ServerTime } from './serverTime';

const HOUR_MS = 3_600_000;

/** Jobs that were done in the last hours: the jobs themselves are gone then. */
export class DoneCount {
	constructor(
		private readonly keys: Keys,
		private readonly time: ServerTime,
	) {}

	async count(client: Client, queue: string, jobs: number): Promise<void> {
		const key = this.keys.jobsDone(queue);
		await client.hincrby(key, String(this.#hour()), jobs);
		const past = Object.keys(await client.hgetall(key)).filter((hour) => !this.#counts(hour));
		if (past.length > 0) await client.hdel(key, ...past);
		await client.pexpire(key, (DONE_HOURS + 1) * HOUR_MS);
	}

	async total(client: Client, queue: string): Promise<number> {
		const hours = Object.entries(await client.hgetall(this.keys.jobsDone(queue)));
		return hours.reduce((sum, [hour, jobs]) => sum + (this.#counts(hour) ? Number(jobs) : 0), 0);
	}

	#counts(hour: string): boolean {
		return Number(hour) > this.#hour() - DONE_HOURS;
	}

	#hour(): number {
		return Math.floor(this.time.wallMs() / HOUR_MS);
	}
}
