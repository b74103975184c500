import { randomUUID } from 'node:crypto';
import { budgetDay, shiftDay } from '../../resilience/budgetDay';
import type {
	BudgetLimits,
	BudgetUsage,
	CreditCount,
	Ledger,
	Priority,
	Reservation,
	ReserveResult,
	Settlement,
	StoredResponse,
} from '../../resilience/ports';
import type { Database } from './database';
import type { EmbeddedResponses } from './responses';
import { attempt, isBusy } from './sqliteError';

const DAYS_KEPT = 400;

/** How long a reservation that was taken for lost can still be settled. */
const SWEPT_KEPT_MS = 24 * 3_600_000;

/** The row of one key in `ledgers`. */
interface Book {
	/** The day that was booked last. */
	day: string;
	balanceEntered: number | undefined;
	balanceUsed: number;
	/** Grows with each new balance: a credit returns only to the count that it was taken from. */
	balanceCount: number;
}

/** One count of credits, one for each priority and day. Reserved credits count as used. */
export class EmbeddedLedger implements Ledger {
	constructor(
		private readonly database: Database,
		private readonly key: number,
		private readonly responses: EmbeddedResponses,
	) {}

	async reserve(priority: Priority, limits: BudgetLimits): Promise<ReserveResult> {
		const outcome = attempt(() => this.database.transaction(() => this.decide(priority, limits)));
		if (outcome.ok) return outcome.value;
		if (!isBusy(outcome.error)) throw outcome.error;
		return { granted: false, reason: 'store-trouble', remaining: 0 };
	}

	async settle(
		reservation: Reservation,
		outcome: Settlement,
		responses: readonly StoredResponse[] = [],
	): Promise<void> {
		const { database, key } = this;
		const work = () => {
			const row = database.get(
				'DELETE FROM reservations WHERE id = ? AND key = ? RETURNING balance_count, swept_at',
				...[reservation.id, key],
			);
			if (!row) return;
			move(database, key, reservation, row['swept_at'] === null ? 'reserved' : 'unknown', outcome);
			if (outcome === 'returned') {
				database.run(
					'UPDATE ledgers SET balance_used = balance_used - 1 WHERE key = ? AND balance_count = ?',
					...[key, Number(row['balance_count'])],
				);
			}
			for (const response of responses) this.responses.write(response);
		};
		// What was paid for must outlive a power cut.
		database.eventually(work, outcome === 'spent');
	}

	async usage(limits: BudgetLimits): Promise<BudgetUsage> {
		return this.database.read(() => {
			const book = this.current(this.load(), limits);
			const byPriority = this.count(book.day);
			const left = creditsLeft(byPriority, limits, book);
			const remaining = Math.min(left.budget, left.balance);
			const finite = (credits: number) =>
				Number.isFinite(credits) ? Math.max(credits, 0) : undefined;
			return {
				day: book.day,
				byPriority,
				remaining: {
					critical: finite(remaining),
					backfill: finite(remaining - limits.criticalReserve),
				},
				balance: finite(left.balance),
			};
		});
	}

	private decide(priority: Priority, limits: BudgetLimits): ReserveResult {
		const { database, key } = this;
		const stored = this.load();
		const book = this.current(stored, limits);
		const left = creditsLeft(this.count(book.day), limits, book);
		const refusal = this.refuse(left, priority, limits.criticalReserve);
		if (refusal) return refusal;

		if (book.balanceCount !== stored.balanceCount) {
			database.run(
				'UPDATE reservations SET balance_count = ? WHERE key = ? AND swept_at IS NULL',
				...[book.balanceCount, key],
			);
		}
		const reservation = { id: randomUUID(), day: book.day, priority };
		database.run(
			`INSERT INTO reservations (id, key, day, priority, owner, balance_count)
			VALUES (?, ?, ?, ?, ?, ?)`,
			...[reservation.id, key, book.day, priority, database.owner, book.balanceCount],
		);
		database.run(
			`INSERT INTO credits (key, day, priority, spent, unknown, returned, reserved)
			VALUES (?, ?, ?, 0, 0, 0, 1)
			ON CONFLICT DO UPDATE SET reserved = reserved + 1`,
			...[key, book.day, priority],
		);
		this.save({ ...book, balanceUsed: book.balanceUsed + 1 });
		if (book.day !== stored.day) this.dropOld(book.day);
		return { granted: true, reservation };
	}

	private refuse(
		left: { budget: number; balance: number },
		priority: Priority,
		criticalReserve: number,
	): Extract<ReserveResult, { granted: false }> | undefined {
		const needed = priority === 'critical' ? 1 : 1 + criticalReserve;
		const refused = (reason: 'daily-budget' | 'balance' | 'store-trouble', credits: number) =>
			({ granted: false, reason, remaining: Math.max(credits, 0) }) as const;
		if (left.budget < needed) return refused('daily-budget', left.budget);
		if (left.balance < needed) return refused('balance', left.balance);
		const least = Math.min(left.budget, left.balance);
		// Each process counts for itself now.
		if (this.database.peers > 1 && priority === 'backfill' && least < Infinity) {
			return refused('store-trouble', least);
		}
		return undefined;
	}

	/** The book as of now: of today, and with a new count when there is a new balance. */
	private current(stored: Book, { timezone, creditBalance }: BudgetLimits): Book {
		const today = budgetDay(this.database.wallMs(), timezone).day;
		// A clock that is set back over midnight gets no second budget: the credit goes to the later day.
		const isBack = stored.day !== '' && today === shiftDay(stored.day, -1);
		const book = { ...stored, day: isBack ? stored.day : today };
		if (creditBalance === undefined || creditBalance === stored.balanceEntered) return book;
		return {
			...book,
			balanceEntered: creditBalance,
			balanceCount: stored.balanceCount + 1,
			// What is still open may be billed to the new balance: it counts.
			balanceUsed: this.open(),
		};
	}

	private open(): number {
		const row = this.database.get(
			'SELECT COUNT(*) AS open FROM reservations WHERE key = ? AND swept_at IS NULL',
			this.key,
		);
		return Number(row?.['open']);
	}

	private count(day: string): Record<Priority, CreditCount> {
		const counts = { critical: noCredits(), backfill: noCredits() };
		const rows = this.database.all(
			'SELECT * FROM credits WHERE key = ? AND day = ?',
			...[this.key, day],
		);
		for (const row of rows) {
			counts[row['priority'] as Priority] = {
				spent: Number(row['spent']),
				unknown: Number(row['unknown']),
				returned: Number(row['returned']),
				reserved: Number(row['reserved']),
			};
		}
		return counts;
	}

	private load(): Book {
		const row = this.database.get('SELECT * FROM ledgers WHERE key = ?', this.key);
		const entered = row?.['balance_entered'] ?? undefined;
		return {
			day: String(row?.['day'] ?? ''),
			balanceEntered: entered === undefined ? undefined : Number(entered),
			balanceUsed: Number(row?.['balance_used'] ?? 0),
			balanceCount: Number(row?.['balance_count'] ?? 0),
		};
	}

	private save(book: Book): void {
		this.database.run(
			`INSERT INTO ledgers (key, day, balance_entered, balance_used, balance_count)
			VALUES (?1, ?2, ?3, ?4, ?5)
			ON CONFLICT DO UPDATE SET day = ?2, balance_entered = ?3, balance_used = ?4, balance_count = ?5`,
			...[this.key, book.day, book.balanceEntered ?? null, book.balanceUsed, book.balanceCount],
		);
	}

	private dropOld(today: string): void {
		const { database, key } = this;
		database.run(
			'DELETE FROM credits WHERE key = ? AND day < ?',
			...[key, shiftDay(today, -DAYS_KEPT)],
		);
		database.run(
			'DELETE FROM reservations WHERE key = ? AND swept_at < ?',
			...[key, database.nowMs() - SWEPT_KEPT_MS],
		);
	}
}

/** Open reservations of a process that is gone: nobody knows whether they were billed, so they count. */
export function sweepReservations(database: Database, owner: string): void {
	const rows = database.all(
		`UPDATE reservations SET swept_at = ?, owner = '' WHERE owner = ? AND swept_at IS NULL
		RETURNING key, day, priority`,
		...[database.nowMs(), owner],
	);
	for (const row of rows) {
		const booked = { day: String(row['day']), priority: String(row['priority']) };
		move(database, Number(row['key']), booked, 'reserved', 'unknown');
	}
}

function move(
	database: Database,
	key: number,
	{ day, priority }: { day: string; priority: string },
	from: 'reserved' | 'unknown',
	to: Settlement,
): void {
	database.run(
		`UPDATE credits SET ${from} = ${from} - 1 WHERE key = ? AND day = ? AND priority = ?`,
		...[key, day, priority],
	);
	database.run(
		`UPDATE credits SET ${to} = ${to} + 1 WHERE key = ? AND day = ? AND priority = ?`,
		...[key, day, priority],
	);
}

/** Infinity where there is no limit. */
function creditsLeft(
	counts: Record<Priority, CreditCount>,
	limits: BudgetLimits,
	book: Book,
): { budget: number; balance: number } {
	const used = Object.values(counts).reduce(
		(sum, { spent, unknown, reserved }) => sum + spent + unknown + reserved,
		0,
	);
	return {
		budget: (limits.dailyBudget ?? Infinity) - used,
		balance: (limits.creditBalance ?? Infinity) - book.balanceUsed,
	};
}

function noCredits(): CreditCount {
	return { spent: 0, unknown: 0, returned: 0, reserved: 0 };
}
