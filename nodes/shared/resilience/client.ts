import type { EndpointName, JsonObject } from '../api';
import type { BreakerSnapshot } from './breaker';
import type { AdmissionStatus, BudgetLimits, BudgetUsage, Priority, RateLimits } from './ports';

/** What a credential says about pace and spend. Changing it takes effect with the next call. */
export interface ClientSettings {
	/** Without a trailing slash. */
	baseUrl: string;
	apiKey: string;
	limits: RateLimits;
	budget: BudgetLimits;
}

export interface CallOptions {
	/** Default `backfill`. */
	priority?: Priority;
	/**
	 * Ends the call at once: a waiting slot or token goes back and nothing new is sent. A request in flight
	 * may be billed already, so it is left to end in the background and its answer is stored.
	 */
	signal?: AbortSignal | undefined;
	/** How old a stored answer may be, in ms; 0 = always ask. Default: the endpoint's own. */
	maxAgeMs?: number | undefined;
	/**
	 * Any answer stored at or after this wall-clock time is taken, whatever `maxAgeMs` says: the start of
	 * the node run (so that n8n's Retry On Fail never pays again) or the creation of a job.
	 */
	notBeforeMs?: number | undefined;
	/** For one attempt, ms. Default 30,000. */
	timeoutMs?: number | undefined;
	/** Requests sent at most, 1 to 10. Default 6. */
	maxAttempts?: number | undefined;
	/** Serve a stored answer of any age when the call would fail because the API or the budget is not available. */
	staleOk?: boolean;
}

export type Source =
	/** Asked and paid. */
	| 'network'
	/** A stored answer that was young enough. */
	| 'cache'
	/** Somebody else was asking the same just then. */
	| 'shared'
	/** An old stored answer, because the API could not be asked. */
	| 'stale';

export interface CallResult {
	/** Parsed; a fresh object for each caller. Big integers and ids are strings. */
	body: JsonObject;
	source: Source;
	/** Wall clock, when the API gave this answer. */
	fetchedAtMs: number;
	/** Requests that this caller sent. */
	attempts: number;
	/** Credits that this caller spent, unknown ones included. */
	credits: number;
}

export interface ClientStatus {
	breaker: BreakerSnapshot;
	admission: AdmissionStatus;
	budget: BudgetUsage;
	/** Calls of this process that wait for a token, by priority. */
	waiting: Record<Priority, number>;
}

/** The hook: one per API key and store. All nodes go through `call`. */
export interface Client {
	/** @throws CallFailure */
	call(
		endpoint: EndpointName,
		params: Readonly<Record<string, string | number>>,
		options?: CallOptions,
	): Promise<CallResult>;
	/**
	 * The stored answer that `call` would take; undefined where it would have to ask.
	 * @throws CallFailure for a remembered "not found"
	 */
	stored(
		endpoint: EndpointName,
		params: Readonly<Record<string, string | number>>,
		options?: Pick<CallOptions, 'maxAgeMs' | 'notBeforeMs'>,
	): Promise<CallResult | undefined>;
	/** New limits or budget for the same key, without losing what is counted. */
	configure(settings: ClientSettings): void;
	status(): Promise<ClientStatus>;
	resetBreaker(): Promise<void>;
	dispose(): Promise<void>;
}
