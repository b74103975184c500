import { createHash } from 'node:crypto';
import { ENDPOINTS, userKey, type Call, type ListEndpoint, type UserRef } from '../api';
import type { Clock, ResponseStore } from '../resilience/ports';

/** For so long what an interrupted list has read serves the next run of the same list. */
export const RESUME_MS = 60 * 60_000;
/** A list that takes longer than this says anew that it is not finished, in case the process is killed. */
const RENEW_MS = 10 * 60_000;

/** What tells one list from another: pages of the same list are stored under the same questions. */
export interface ListName {
	endpoint: ListEndpoint;
	user: UserRef;
	startFrom: string | undefined;
}

/**
 * Remembers in the store that a list was begun and did not come to its end, whatever kept it from that: a failure, a
 * cancel, a kill. The next run then takes the pages that were read, and pays only for the rest.
 */
export class UnfinishedList {
	readonly #key: string;
	/** Wall clock: the oldest page of the list. */
	#sinceMs = Infinity;
	#pages = 0;
	#notedAtMs = -Infinity;

	constructor(
		private readonly store: ResponseStore,
		private readonly clock: Clock,
		name: ListName,
	) {
		const text = JSON.stringify([name.endpoint, userKey(name.user), name.startFrom ?? null]);
		this.#key = `unfinished ${createHash('sha256').update(text).digest('base64url')}`;
	}

	/** Wall clock: what was stored since then belongs to an earlier run of the list; undefined when there is none. */
	async since(): Promise<number | undefined> {
		const note = await this.store.get(this.#key);
		if (note === undefined) return undefined;
		this.#sinceMs = note.fetchedAtMs;
		this.#notedAtMs = this.clock.monotonicMs();
		return note.fetchedAtMs;
	}

	/** The same as `call`, and from the second page on the list is remembered as unfinished. */
	following(call: Call): Call {
		return async (endpoint, params) => {
			const isPage = ENDPOINTS[endpoint].list !== null;
			if (isPage && this.#pages > 0 && this.clock.monotonicMs() >= this.#notedAtMs + RENEW_MS) {
				await this.#note();
			}
			const answer = await call(endpoint, params);
			if (isPage) this.#pages += 1;
			// What was taken although it is old must not make others of its age count as fresh.
			if (answer.source === 'network' || (isPage && answer.source !== 'stale')) {
				this.#sinceMs = Math.min(this.#sinceMs, answer.fetchedAtMs);
			}
			return answer;
		};
	}

	/** The list was interrupted: from now on its pages are kept ready for `RESUME_MS`. */
	async interrupted(): Promise<void> {
		if (this.#pages > 0) await this.#note();
	}

	/** The list has ended as it should, so the next run reads it anew. */
	async ended(): Promise<void> {
		if (this.#notedAtMs > -Infinity) await this.store.remove(this.#key);
	}

	async #note(): Promise<void> {
		if (this.#sinceMs === Infinity) return;
		this.#notedAtMs = this.clock.monotonicMs();
		await this.store.keep({
			...{ key: this.#key, endpoint: 'unfinishedList', kind: 'found', body: '' },
			fetchedAtMs: this.#sinceMs,
			keepUntilMs: this.clock.wallMs() + RESUME_MS,
		});
	}
}
