import type { Reservation, Settlement, StoredResponse } from '../../resilience/ports';

/** Bytes of answers that wait for Redis in memory: some 10,000 profiles. Beyond it only the credits are kept. */
const MAX_WAITING_CHARS = 50_000_000;

/** A settlement that has not reached Redis, its answers on the server's clock. */
export interface Entry {
	readonly reservation: Reservation;
	readonly outcome: Settlement;
	readonly answers: readonly StoredResponse[];
	/** This process made the reservation, and this is its first settlement. */
	readonly first: boolean;
	/** Of the ledger that the reservation was made in. */
	readonly epoch: string;
}

/** What was settled without Redis, in order, until it can be written down. */
export class Journal {
	readonly #entries: Entry[] = [];
	readonly #answers = new Map<string, StoredResponse>();
	#chars = 0;

	add(entry: Entry): void {
		const answers = entry.answers.filter(({ body }) => {
			if (this.#chars + body.length > MAX_WAITING_CHARS) return false;
			this.#chars += body.length;
			return true;
		});
		for (const answer of answers) this.#answers.set(answer.key, answer);
		this.#entries.push({ ...entry, answers });
	}

	/** An answer that waits here. */
	find(key: string): StoredResponse | undefined {
		return this.#answers.get(key);
	}

	get entries(): readonly Entry[] {
		return this.#entries;
	}

	/** Hands the entries on, oldest first; one that could not be written down stays, and those after it. */
	async drain(write: (entry: Entry) => Promise<void>): Promise<void> {
		for (let entry = this.#entries[0]; entry; entry = this.#entries[0]) {
			await write(entry);
			this.#entries.shift();
		}
		this.#answers.clear();
		this.#chars = 0;
	}
}
