import type {
	BudgetLimits,
	Priority,
	Reservation,
	ReserveResult,
	Settlement,
} from '../../resilience/ports';
import type { Snapshot } from './ledger';

type Refusal = Extract<ReserveResult, { granted: false }>;

const NAMES = ['spent', 'unknown', 'returned', 'reserved'] as const;
const PRIORITIES: readonly Priority[] = ['critical', 'backfill'];

/** Credits that this process took while it could not reach Redis. */
export class LocalBudget {
	/** By day, in the order of Snapshot.counts. */
	readonly #counts = new Map<string, number[]>();

	/**
	 * @param left critical credits that were left when Redis was last seen; undefined when there is no limit, or
	 * when Redis never was seen
	 * @param workers processes that share them
	 */
	refuse(
		{ dailyBudget, criticalReserve, creditBalance }: BudgetLimits,
		left: number | undefined,
		workers: number,
		day: string,
	): Refusal | undefined {
		const limit = Math.min(dailyBudget ?? Infinity, creditBalance ?? Infinity);
		if (limit === Infinity) return undefined;
		// What nobody has seen may be spent already, but for the reserve.
		const share = Math.floor((left ?? Math.min(criticalReserve, limit)) / workers);
		const [spent = 0, unknown = 0, , reserved = 0] = this.#counts.get(day) ?? [];
		const remaining = share - spent - unknown - reserved;
		if (remaining > 0) return undefined;
		return { granted: false, reason: 'daily-budget', remaining: 0 };
	}

	reserve({ day, priority }: Reservation): void {
		this.#add(day, priority, 'reserved', 1);
	}

	settle({ day, priority }: Reservation, outcome: Settlement): void {
		this.#add(day, priority, 'reserved', -1);
		this.#add(day, priority, outcome, 1);
	}

	addTo(seen: Snapshot): Snapshot {
		const mine = this.#counts.get(seen.day) ?? [];
		const [spent = 0, unknown = 0, , reserved = 0] = mine;
		return {
			...seen,
			used: seen.used + spent + unknown + reserved,
			counts: seen.counts.map((count, i) => count + (mine[i] ?? 0)),
		};
	}

	/** It is all in Redis now. */
	reset(): void {
		this.#counts.clear();
	}

	#add(day: string, priority: Priority, name: (typeof NAMES)[number], credits: number): void {
		const counts = this.#counts.get(day) ?? [0, 0, 0, 0, 0, 0, 0, 0];
		const index = PRIORITIES.indexOf(priority) * NAMES.length + NAMES.indexOf(name);
		counts[index] = (counts[index] ?? 0) + credits;
		this.#counts.set(day, counts);
	}
}
