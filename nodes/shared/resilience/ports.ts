/**
 * What the resilience room needs from the outside: time, chance, a transport and places to keep state.
 * The runtime hands the implementations in; nothing here knows n8n, undici, SQLite or Redis.
 */

import type { JobStore } from './jobs';

/** Time. Tests hand in a clock that they move by hand. */
export interface Clock {
	/**
	 * Milliseconds on a clock that never goes back and that all processes of one boot share
	 * (CLOCK_MONOTONIC). Fractions allowed. Only differences mean something.
	 */
	monotonicMs(): number;
	/** Milliseconds since the Unix epoch. May step; used for days, for ages that outlive a process, for texts. */
	wallMs(): number;
	/** Resolves after `ms`; rejects with `signal.reason` as soon as the signal aborts. */
	sleep(ms: number, signal?: AbortSignal): Promise<void>;
	/** Calls `task` each `ms` until the returned function is called; never keeps the process alive. */
	every(ms: number, task: () => void): () => void;
}

/** Uniform in [0, 1). */
export type Random = () => number;

/** One line for the person who reads the log: state changes only, never a key, a body or a username. */
export type Warn = (message: string) => void;

// ---------------------------------------------------------------- transport

export interface TransportRequest {
	url: string;
	headers: Readonly<Record<string, string>>;
	/** For the whole attempt, connect to last byte. */
	timeoutMs: number;
	signal?: AbortSignal | undefined;
}

export interface TransportResponse {
	status: number;
	/** Lower-case names; a repeated header is joined by ", ". */
	headers: Readonly<Record<string, string | undefined>>;
	/** Decompressed, byte order mark removed; what is no UTF-8 in it reads as U+FFFD. */
	body: string;
}

/** Sends one GET request. Rejects with TransportError only. Never follows a redirect, never retries. */
export type Transport = (request: TransportRequest) => Promise<TransportResponse>;

export type TransportProblem = 'timeout' | 'network' | 'unreachable' | 'body' | 'cancelled';

/** `sent` is false only when it is certain that the server did not get the request. */
export class TransportError extends Error {
	override readonly name = 'TransportError';

	constructor(
		/** `body`: headers arrived but the body was cut or too large. `unreachable`: for as long as nobody changes something. */
		readonly problem: TransportProblem,
		message: string,
		readonly sent: boolean,
		/** For example ECONNRESET, UND_ERR_SOCKET. Empty when there is none. */
		readonly code = '',
		/** What to change, for `unreachable`. */
		readonly cure = '',
	) {
		super(message);
	}
}

// ---------------------------------------------------------------- admission: rate window and in-flight slots

export type Priority = 'critical' | 'backfill';

export interface RateLimits {
	/** The plan's limit; never exceeded in any `windowMs`, as the server sees it. */
	requestsPerMinute: number;
	/** Tokens that may go at once after a quiet time. */
	burst: number;
	/** Requests in flight at one time. */
	maxConcurrent: number;
	/** 60,000; shorter only in tests that compress time. */
	windowMs: number;
	/** Added to the window against network jitter between grant and arrival: 1,000 for a minute. */
	guardMs: number;
}

/** One token of the rate window together with one in-flight slot. */
export interface Permit {
	readonly id: string;
	/** clock.monotonicMs() at the grant; a permit that is not used within `guardMs / 2` is given back. */
	readonly grantedAtMs: number;
}

export type Admission =
	| { granted: true; permit: Permit }
	| {
			granted: false;
			/** Asking earlier is useless. More than 0. */
			retryInMs: number;
			reason: 'window' | 'burst' | 'paused' | 'in-flight' | 'critical-first';
	  };

export interface AdmissionStatus {
	/** Tokens taken in the last window. */
	usedInWindow: number;
	inFlight: number;
	/** 0 when not paused. */
	pausedForMs: number;
}

/** Shared by everything that uses one API key and one store: all nodes, all processes. */
export interface AdmissionStore {
	/**
	 * Takes a token and a slot, both or neither. A refused critical request makes other processes'
	 * backfill wait (`critical-first`) until it was served or 2 s after it last asked.
	 * The slot comes back by itself when its process dies (heartbeat) or after `leaseMs`.
	 */
	tryAcquire(request: {
		limits: RateLimits;
		priority: Priority;
		leaseMs: number;
	}): Promise<Admission>;
	/** The request was never sent: token and slot go back. */
	giveBack(permit: Permit): Promise<void>;
	/** The request ended: the slot goes back, the token stays in the window. */
	release(permit: Permit): Promise<void>;
	/** Grants nothing for `ms` from now, in all processes. Only ever lengthens a pause. */
	pause(ms: number): Promise<void>;
	status(limits: RateLimits): Promise<AdmissionStatus>;
}

// ---------------------------------------------------------------- small shared states

/**
 * A small JSON state that is changed atomically, by a pure function, on the store's own clock.
 * The function may run more than once and must not touch anything else.
 * `undefined` as state means "never written"; returning the same reference writes nothing.
 */
export interface StateCell {
	update<S, R>(
		name: string,
		change: (state: S | undefined, nowMs: number) => { state: S | undefined; result: R },
	): Promise<R>;
}

// ---------------------------------------------------------------- credits

export interface BudgetLimits {
	/** Credits per day, or undefined for no daily limit. 0 allows nothing. */
	dailyBudget: number | undefined;
	/** The last credits of budget and balance that only critical requests may use. */
	criticalReserve: number;
	/** Credits on the account when this value was entered; undefined = unknown. A new value starts a new count. */
	creditBalance: number | undefined;
	/** IANA name, for example Europe/Berlin. Days begin at its midnight. */
	timezone: string;
}

export interface Reservation {
	readonly id: string;
	/** YYYY-MM-DD in the budget's time zone; the credit is booked to this day whenever it is settled. */
	readonly day: string;
	readonly priority: Priority;
}

export type ReserveResult =
	| { granted: true; reservation: Reservation }
	| {
			granted: false;
			/** `store-trouble`: credits cannot be counted over all processes now, so only critical requests spend any. */
			reason: 'daily-budget' | 'balance' | 'store-trouble';
			remaining: number;
	  };

/** `unknown`: sent, but no usable answer came back; it may have been billed and counts as used. */
export type Settlement = 'spent' | 'returned' | 'unknown';

export interface CreditCount {
	spent: number;
	unknown: number;
	returned: number;
	/** Reserved and not settled yet. A reservation of a dead process becomes `unknown`. */
	reserved: number;
}

export interface BudgetUsage {
	day: string;
	byPriority: Record<Priority, CreditCount>;
	/** Credits left today before the limit for this priority; undefined when there is no limit. */
	remaining: Record<Priority, number | undefined>;
	/** Counted from `creditBalance`; undefined when that is unknown. */
	balance: number | undefined;
}

export interface StoredResponse {
	/** See cacheKey(). */
	key: string;
	/** Endpoint name, for sweeping and statistics; never a username. */
	endpoint: string;
	/** A missing user is remembered too, for a short time. */
	kind: 'found' | 'not-found';
	/** The body as text, validated before it was stored. */
	body: string;
	/** Wall clock. */
	fetchedAtMs: number;
	/** Wall clock; swept after this. */
	keepUntilMs: number;
}

/** Counts credits, and stores what they bought in the same transaction. */
export interface Ledger {
	/** Atomic: 50 callers at one credit left get exactly one reservation. */
	reserve(priority: Priority, limits: BudgetLimits): Promise<ReserveResult>;
	/** Settles and stores in one transaction; a second settlement of the same reservation changes nothing. */
	settle(
		reservation: Reservation,
		outcome: Settlement,
		responses?: readonly StoredResponse[],
	): Promise<void>;
	usage(limits: BudgetLimits): Promise<BudgetUsage>;
}

// ---------------------------------------------------------------- stored responses

export interface ResponseStore {
	/** A damaged row is a miss, is removed, and warns once. */
	get(key: string): Promise<StoredResponse | undefined>;
	/**
	 * Single flight over processes: true when this caller is now the one who fetches `key`.
	 * The claim ends by itself after `leaseMs`, or at once when its process is dead.
	 */
	claim(key: string, leaseMs: number): Promise<boolean>;
	unclaim(key: string): Promise<void>;
	/** Stores something that nobody has paid for, so that it may be lost when the store is in trouble. */
	keep(response: StoredResponse): Promise<void>;
	remove(key: string): Promise<void>;
	/** Removes what is past its time or over the size cap; returns the number of rows removed. */
	sweep(): Promise<number>;
}

// ---------------------------------------------------------------- statistics

export interface MinuteCounts {
	/** Minutes since the Unix epoch. */
	minute: number;
	/** By name; names are bounded (endpoints, outcomes, priorities). */
	counts: Record<string, number>;
}

/** Counts per minute, over all processes, for 25 hours. */
export interface StatisticsStore {
	add(minute: number, counts: Readonly<Record<string, number>>): Promise<void>;
	/** Oldest first, minutes without counts left out. */
	since(minute: number): Promise<MinuteCounts[]>;
}

// ---------------------------------------------------------------- all of them

/** What only a shared store can do cannot be done now; it is worth trying again later. */
export class StoreUnavailable extends Error {
	override readonly name = 'StoreUnavailable';
}

/** The state of one API key. */
export interface Stores {
	readonly kind: 'embedded' | 'redis';
	readonly admission: AdmissionStore;
	readonly cells: StateCell;
	readonly ledger: Ledger;
	readonly responses: ResponseStore;
	readonly statistics: StatisticsStore;
	readonly jobs: JobStore;
	/** Ends timers and connections that this handle opened. */
	dispose(): Promise<void>;
}
