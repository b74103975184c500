import { DONE_HOURS } from '../../resilience/jobs';
import type { Client } from './connection';
import type { ServerTime } from './serverTime';

const HOUR_MS = 3_600_000;

/** Jobs that were done in the last hours: the jobs themselves are gone then. */
export class DoneCount {
	constructor(
		private readonly key: string,
		private readonly time: ServerTime,
	) {}

	async count(client: Client, jobs: number): Promise<void> {
		await client.hincrby(this.key, String(this.#hour()), jobs);
		const past = Object.keys(await client.hgetall(this.key)).filter((hour) => !this.#counts(hour));
		if (past.length > 0) await client.hdel(this.key, ...past);
		await client.pexpire(this.key, (DONE_HOURS + 1) * HOUR_MS);
	}

	async total(client: Client): Promise<number> {
		const hours = Object.entries(await client.hgetall(this.key));
		return hours.reduce((sum, [hour, jobs]) => sum + (this.#counts(hour) ? Number(jobs) : 0), 0);
	}

	#counts(hour: string): boolean {
		return Number(hour) > this.#hour() - DONE_HOURS;
	}

	#hour(): number {
		return Math.floor(this.time.wallMs() / HOUR_MS);
	}
}
