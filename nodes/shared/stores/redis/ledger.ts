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
import { toBytes } from './answerText';
import type { Availability } from './availability';
import type { RedisConnection } from './connection';
import type { Entry, Journal } from './journal';
import type { Keys } from './keys';
import { LocalBudget } from './localBudget';
import { RESERVE, RESTORE, SETTLE, USAGE } from './lua/ledger';
import type { Membership } from './membership';
import type { ServerTime } from './serverTime';
import type { Timing } from './timing';
import { withState } from './withState';

/** The ledger of a credit that was reserved without Redis. */
const NO_EPOCH = 'local';

type ReserveReply =
	| ['day', serverMs: string]
	| ['lost']
	| ['refused', 'daily-budget' | 'balance', remaining: number]
	| ['granted', day: string, epoch: string];

type UsageReply = [
	serverMs: string,
	epoch: string,
	bookedDay: string,
	entered: string,
	used: string,
	balances: string,
	open: number,
	counts: readonly number[],
];

/** The ledger as this process last saw it. */
export interface Snapshot {
	epoch: string;
	day: string;
	/** The balance that was entered last; empty for none. */
	entered: string;
	/** Taken from it. */
	used: number;
	balances: string;
	/** Reservations that are not settled, of all days. */
	open: number;
	/** Critical spent, unknown, returned, reserved; then backfill's. */
	counts: readonly number[];
}

/**
 * Credits of all processes, counted in Redis on the server's clock. Without Redis this process counts for itself,
 * spends on critical requests only, and writes down later what it spent.
 */
export class RedisLedger implements Ledger {
	/** Reservations of this process that are not settled, with the epoch of their ledger. */
	readonly #open = new Map<string, { reservation: Reservation; epoch: string }>();
	readonly #local = new LocalBudget();
	#limits: BudgetLimits | undefined;
	#seen: Snapshot | undefined;

	constructor(
		private readonly options: {
			connection: RedisConnection;
			keys: Keys;
			availability: Availability;
			membership: Membership;
			journal: Journal;
			time: ServerTime;
			timing: Timing;
		},
	) {}

	async reserve(priority: Priority, limits: BudgetLimits): Promise<ReserveResult> {
		const { availability, journal, timing } = this.options;
		this.#limits = limits;
		const id = randomUUID();
		const asked = availability.outage === undefined;
		const result = await availability.attemptPatiently(
			priority === 'backfill' ? timing.patienceMs : 0,
			async () => await withState(availability, async () => await this.#ask(id, priority, limits)),
		);
		if (result) return result;
		if (asked) {
			// It may have been made although nobody heard of it.
			const { day } = budgetDay(this.options.time.wallMs(), limits.timezone);
			const lost: Reservation = { id, day, priority };
			journal.add({ reservation: lost, outcome: 'returned', answers: [], first: false, epoch: '' });
		}
		return this.#reserveLocally(priority, limits);
	}

	async settle(
		reservation: Reservation,
		outcome: Settlement,
		responses: readonly StoredResponse[] = [],
	): Promise<void> {
		const { availability, journal, time } = this.options;
		const mine = this.#open.get(reservation.id);
		this.#open.delete(reservation.id);
		if (mine?.epoch === NO_EPOCH) this.#local.settle(reservation, outcome);
		const skewMs = time.skewMs;
		const answers = responses.map((response) => ({
			...response,
			fetchedAtMs: response.fetchedAtMs + skewMs,
			keepUntilMs: response.keepUntilMs + skewMs,
		}));
		const epoch = mine?.epoch ?? '';
		const entry: Entry = { reservation, outcome, answers, first: mine !== undefined, epoch };
		const done = await availability.attempt(async () => await this.#write(entry));
		if (done === undefined) journal.add(entry);
	}

	async usage(limits: BudgetLimits): Promise<BudgetUsage> {
		const { availability } = this.options;
		this.#limits = limits;
		const seen = await availability.attempt(async () => await this.#look(limits));
		return this.#usageOf(seen ?? this.#withLocal(limits), limits);
	}

	/** Looks at the ledger for the time when Redis will be gone. Throws RedisTrouble. */
	async watch(): Promise<void> {
		if (this.#limits) await this.#look(this.#limits);
	}

	/** Brings in what this process remembers and what it did without Redis. Throws RedisTrouble. */
	async join(): Promise<void> {
		const { connection, keys, journal, membership } = this.options;
		const seen = this.#seen;
		const { day = '', entered = '', used = 0, balances = '0', counts = [] } = seen ?? {};
		const open = [...this.#open.values()].map(
			({ reservation: { id, day: its, priority }, epoch }) => [
				...[id, its, priority, membership.owner, epoch === NO_EPOCH ? 1 : 0],
			],
		);
		const epoch = await connection.run(
			RESTORE,
			[keys.ledger, keys.reservations, keys.credits(day)],
			[
				...[randomUUID(), day, entered, used, balances],
				...[JSON.stringify(counts), JSON.stringify(open), keys.credits(''), seen?.epoch ?? ''],
			],
		);
		if (seen) this.#seen = { ...seen, epoch: String(epoch) };
		// They are in this ledger now, also those that were made without one.
		for (const entry of this.#open.values()) entry.epoch = String(epoch);
		await journal.drain(async (entry) => void (await this.#write(entry)));
		if (this.#limits) this.#seen = await this.#read(this.#limits);
		this.#local.reset();
	}

	/** Undefined when the ledger was lost. */
	async #ask(
		id: string,
		priority: Priority,
		limits: BudgetLimits,
	): Promise<ReserveResult | undefined> {
		const { connection, membership, time } = this.options;
		const { dailyBudget, criticalReserve, creditBalance, timezone } = limits;
		let serverMs = time.wallMs();
		for (;;) {
			const { day, endsAtMs } = budgetDay(serverMs, timezone);
			const reply = (await connection.run(RESERVE, this.#keys(day), [
				...[id, priority, membership.owner, day, shiftDay(day, 1), endsAtMs],
				...[dailyBudget ?? '', criticalReserve, creditBalance ?? ''],
			])) as ReserveReply;
			switch (reply[0]) {
				case 'lost':
					return undefined;
				case 'day':
					serverMs = Number(reply[1]);
					continue;
				case 'refused':
					return { granted: false, reason: reply[1], remaining: reply[2] };
				case 'granted': {
					const reservation: Reservation = { id, day: reply[1], priority };
					this.#open.set(id, { reservation, epoch: reply[2] });
					return { granted: true, reservation };
				}
			}
		}
	}

	async #write(entry: Entry): Promise<true> {
		const { connection, keys, time } = this.options;
		const { reservation, outcome, answers, first, epoch } = entry;
		const nowMs = time.wallMs();
		await connection.run(
			SETTLE,
			[
				...[keys.ledger, keys.reservations, keys.credits(reservation.day)],
				...[keys.answers, keys.answerBytes],
				...answers.map(({ key }) => keys.answer(key)),
			],
			[
				...[reservation.id, outcome, reservation.priority, first ? 1 : 0, epoch],
				...answers.flatMap((answer) => [answer.key, answer.keepUntilMs - nowMs, toBytes(answer)]),
			],
		);
		return true;
	}

	async #look(limits: BudgetLimits): Promise<Snapshot> {
		const snapshot = await this.#read(limits);
		if (this.#hasShrunk(snapshot)) await this.options.availability.rejoin();
		else this.#seen = snapshot;
		return snapshot;
	}

	async #read(limits: BudgetLimits): Promise<Snapshot> {
		const { connection, time } = this.options;
		const { day } = budgetDay(time.wallMs(), limits.timezone);
		const nextDay = shiftDay(day, 1);
		const reply = await connection.run(USAGE, this.#keys(day), [nextDay]);
		const [, epoch, bookedDay, entered, used, balances, open, counts] = reply as UsageReply;
		return {
			...{ epoch, entered, used: Number(used), balances, open, counts },
			day: bookedDay === nextDay ? nextDay : day,
		};
	}

	/** Credits that were spent do not come back by themselves: something was evicted or flushed. */
	#hasShrunk({ epoch, day, counts }: Snapshot): boolean {
		if (!this.#seen) return false;
		if (epoch !== this.#seen.epoch) return true;
		const before = this.#seen.counts;
		const spent = (of: readonly number[]) => (of[0] ?? 0) + (of[4] ?? 0);
		return day === this.#seen.day && spent(counts) < spent(before);
	}

	#reserveLocally(priority: Priority, limits: BudgetLimits): ReserveResult {
		const { membership, time } = this.options;
		const { day } = budgetDay(time.wallMs(), limits.timezone);
		if (priority === 'backfill') return { granted: false, reason: 'store-trouble', remaining: 0 };
		const left = this.#seen && this.#usageOf(seenOn(this.#seen, day), limits).remaining.critical;
		const refusal = this.#local.refuse(limits, left, membership.workers, day);
		if (refusal) return refusal;
		const reservation: Reservation = { id: randomUUID(), day, priority };
		this.#local.reserve(reservation);
		this.#open.set(reservation.id, { reservation, epoch: NO_EPOCH });
		return { granted: true, reservation };
	}

	/** The ledger as last seen, with what this process did since. */
	#withLocal(limits: BudgetLimits): Snapshot {
		const { day } = budgetDay(this.options.time.wallMs(), limits.timezone);
		return this.#local.addTo(seenOn(this.#seen, day));
	}

	#usageOf(seen: Snapshot, limits: BudgetLimits): BudgetUsage {
		const byPriority = {
			critical: toCount(seen.counts.slice(0, 4)),
			backfill: toCount(seen.counts.slice(4, 8)),
		};
		const taken = Object.values(byPriority).reduce(
			(sum, { spent, unknown, reserved }) => sum + spent + unknown + reserved,
			0,
		);
		const { dailyBudget = Infinity, creditBalance = Infinity, criticalReserve } = limits;
		// A balance that nobody has counted from yet.
		const isNew = Number(seen.entered || Infinity) !== creditBalance;
		const balance = creditBalance - (isNew ? seen.open : seen.used);
		const remaining = Math.min(dailyBudget - taken, balance);
		return {
			day: seen.day,
			byPriority,
			remaining: {
				critical: finite(remaining),
				backfill: finite(remaining - criticalReserve),
			},
			balance: finite(balance),
		};
	}

	#keys(day: string): string[] {
		const { keys } = this.options;
		return [keys.ledger, keys.reservations, keys.credits(day), keys.credits(shiftDay(day, 1))];
	}
}

/** The same ledger on another day: nothing is known to be spent on it. */
function seenOn(seen: Snapshot | undefined, day: string): Snapshot {
	if (seen?.day === day) return seen;
	const counts = [0, 0, 0, 0, 0, 0, 0, 0];
	if (seen) return { ...seen, day, counts };
	return { epoch: '', day, entered: '', used: 0, balances: '0', open: 0, counts };
}

function toCount([
	spent = 0,
	unknown = 0,
	returned = 0,
	reserved = 0,
]: readonly number[]): CreditCount {
	return { spent, unknown, returned, reserved };
}

function finite(credits: number): number | undefined {
	return Number.isFinite(credits) ? Math.max(credits, 0) : undefined;
}
