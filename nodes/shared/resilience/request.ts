import {
	CallFailure,
	ENDPOINTS,
	parseBody,
	type EndpointName,
	type Failure,
	type JsonObject,
} from '../api';
import { Breaker, type Verdict } from './breaker';
import { budgetDay } from './budgetDay';
import { cacheKey, ResponseCache, type Params } from './cache';
import type {
	CallOptions,
	CallResult,
	Client,
	ClientSettings,
	ClientStatus,
	Source,
} from './client';
import { Exchange, type Sent } from './exchange';
import { FAILURE_TRAITS } from './failureTraits';
import type { Metrics } from './metrics';
import type { Clock, Random, Reservation, StoredResponse, Stores, Transport, Warn } from './ports';
import { RateLimitLog } from './rateLimitLog';
import { withRetries } from './retry';
import { RetryQuota } from './retryQuota';
import { Scheduler, type Slot } from './scheduler';
import { AccountStanding } from './standing';

const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_MAX_ATTEMPTS = 6;
/** Added to an attempt's own time limit before its half-open probe counts as hung. */
const PROBE_MARGIN_MS = 5_000;
/** When a store that cannot be used is worth another look. */
const STORE_TROUBLE_MS = 10_000;
/** A 429 without Retry-After holds everybody for this long; the caller itself backs off on top of it. */
const DEFAULT_PAUSE_MS = 1_000;

export interface ClientDeps {
	settings: ClientSettings;
	/** A hash of base URL and API key; the key itself goes nowhere but into the request header. */
	keyId: string;
	stores: Stores;
	transport: Transport;
	clock: Clock;
	random: Random;
	metrics: Metrics;
	warn: Warn;
}

/** One call on its way down. */
interface Question {
	endpoint: EndpointName;
	params: Params;
	key: string;
	options: CallOptions;
	/** Wall clock. */
	askedAtMs: number;
	/** What this call has cost so far, over all attempts. */
	cost: { attempts: number; credits: number };
}

/** The eight patterns composed: cache, retry, breaker, scheduler, rate, budget, transport, settle. */
export function createClient(deps: ClientDeps): Client {
	return new ResilientClient(deps);
}

class ResilientClient implements Client {
	readonly #deps: ClientDeps;
	readonly #cache: ResponseCache;
	readonly #breaker: Breaker;
	readonly #scheduler: Scheduler;
	readonly #standing: AccountStanding;
	readonly #exchange: Exchange;
	readonly #rateLimitLog: RateLimitLog;
	readonly #quota = new RetryQuota();
	#cannotStore = false;
	#settings: ClientSettings;

	constructor(deps: ClientDeps) {
		const { settings, stores, clock, random, metrics, warn } = deps;
		this.#deps = deps;
		this.#settings = settings;
		this.#cache = new ResponseCache(stores.responses, clock, metrics);
		this.#breaker = new Breaker(stores.cells, random, metrics, warn);
		this.#scheduler = new Scheduler(stores.admission, clock, metrics, settings.limits);
		this.#standing = new AccountStanding(clock);
		this.#rateLimitLog = new RateLimitLog(clock, warn);
		this.#exchange = new Exchange(deps.transport, clock, metrics, deps.keyId, warn);
	}

	async call(
		endpoint: EndpointName,
		params: Params,
		options: CallOptions = {},
	): Promise<CallResult> {
		const question = this.#question(endpoint, params, options);
		try {
			const hit = await this.#find(question);
			if (hit !== undefined) return hit;
			this.#deps.metrics.cache(endpoint, 'miss');
			return await this.#fetchOnce(question);
		} catch (error) {
			return await this.#lastResort(question, error);
		}
	}

	async stored(
		endpoint: EndpointName,
		params: Params,
		options: CallOptions = {},
	): Promise<CallResult | undefined> {
		return await this.#find(this.#question(endpoint, params, options));
	}

	configure(settings: ClientSettings): void {
		this.#settings = settings;
		this.#scheduler.configure(settings.limits);
	}

	async status(): Promise<ClientStatus> {
		const { stores } = this.#deps;
		return {
			breaker: await this.#breaker.peek(),
			admission: await stores.admission.status(this.#settings.limits),
			budget: await stores.ledger.usage(this.#settings.budget),
			waiting: this.#scheduler.waiting(),
		};
	}

	async resetBreaker(): Promise<void> {
		await this.#breaker.reset();
	}

	async dispose(): Promise<void> {
		this.#scheduler.stop(new Error('The TikLiveAPI runtime was closed'));
		await this.#deps.stores.dispose();
	}

	#question(endpoint: EndpointName, params: Params, options: CallOptions): Question {
		return {
			endpoint,
			params,
			key: cacheKey(this.#settings.baseUrl, this.#deps.keyId, endpoint, params),
			options,
			askedAtMs: this.#deps.clock.wallMs(),
			cost: { attempts: 0, credits: 0 },
		};
	}

	async #find(question: Question): Promise<CallResult | undefined> {
		const { maxAgeMs = ENDPOINTS[question.endpoint].defaultMaxAgeMs, notBeforeMs } =
			question.options;
		const hit = await this.#cache.find(question.key, { maxAgeMs, notBeforeMs });
		return hit && this.#answer(question, hit, 'cache');
	}

	/** One caller fetches, in this process and over all of them; the others wait for it. */
	async #fetchOnce(question: Question): Promise<CallResult> {
		const { key, askedAtMs, options } = question;
		// A critical call must not fail with a backfill call that met its budget line: it flies on its own.
		const flight = `${options.priority ?? 'backfill'} ${key}`;
		const { value, led } = await this.#cache.share(flight, options.signal, async (signal) => {
			return await this.#cache.shareAcross(
				key,
				askedAtMs,
				signal,
				async () => ({
					stored: await this.#fetchWithRetries(question, signal),
					source: 'network' as Source,
				}),
				(stored) => ({ stored, source: 'shared' as Source }),
			);
		});
		if (!led) this.#deps.metrics.cache(question.endpoint, 'shared');
		return this.#answer(question, value.stored, led ? value.source : 'shared');
	}

	async #fetchWithRetries(question: Question, signal: AbortSignal): Promise<StoredResponse> {
		const { clock, random, metrics } = this.#deps;
		return await withRetries(async () => await this.#attempt(question, signal), {
			maxAttempts: question.options.maxAttempts ?? DEFAULT_MAX_ATTEMPTS,
			clock,
			random,
			quota: this.#quota,
			signal,
			onRetry: ({ failure }) => metrics.retry(question.endpoint, failure.kind),
		});
	}

	/** One attempt: leaves at once while the breaker is open, otherwise waits for its token and slot. */
	async #attempt(question: Question, signal: AbortSignal): Promise<StoredResponse> {
		const refusal = this.#standing.current();
		if (refusal !== undefined) throw new CallFailure(refusal);
		const breaker = await this.#breaker.peek();
		if (breaker.state !== 'closed' && breaker.reopensInMs > 0) {
			throw new CallFailure(circuitOpen(breaker.reopensInMs));
		}
		const { failure, stored } = await this.#scheduler.run(
			question.options.priority ?? 'backfill',
			signal,
			async (slot) => await this.#withProbe(question, signal, slot),
		);
		if (failure !== undefined) throw new CallFailure(failure);
		return stored[0] as StoredResponse;
	}

	/** Asked again right before the send: key or breaker may have turned bad while the call waited. */
	async #withProbe(question: Question, signal: AbortSignal, slot: Slot): Promise<Sent> {
		const meanwhile = this.#standing.current();
		if (meanwhile !== undefined) return notSent(meanwhile);
		const timeoutMs = question.options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
		const decision = await this.#breaker.admit(timeoutMs + PROBE_MARGIN_MS);
		if (!decision.allowed) return notSent(circuitOpen(decision.reopensInMs));
		let verdict: Verdict = 'neutral';
		try {
			const sent = await this.#withCredit(question, signal, slot, timeoutMs);
			verdict = sent.failure ? FAILURE_TRAITS[sent.failure.kind].verdict : 'success';
			return sent;
		} finally {
			await this.#breaker.record(decision.permit, verdict);
		}
	}

	/** Reserves a credit, sends, and settles: the paid answer is stored before anything else can fail. */
	async #withCredit(
		question: Question,
		signal: AbortSignal,
		slot: Slot,
		timeoutMs: number,
	): Promise<Sent> {
		const { stores, metrics } = this.#deps;
		const { endpoint, params, options, cost } = question;
		const priority = options.priority ?? 'backfill';
		const reserved = await stores.ledger.reserve(priority, this.#settings.budget);
		if (!reserved.granted) {
			metrics.credit(priority, 'refused');
			return notSent(this.#budgetExhausted(reserved.reason));
		}
		let sent = notSent(CANCELLED);
		try {
			if (!signal.aborted) {
				slot.spend();
				cost.attempts += 1;
				sent = { billed: 'unknown', stored: [] };
				sent = await this.#exchange.send(this.#settings, endpoint, params, timeoutMs);
			}
		} finally {
			await this.#settle(reserved.reservation, sent);
		}
		if (sent.billed !== 'returned') cost.credits += 1;
		metrics.credit(priority, sent.billed);
		await this.#learn(sent);
		return sent;
	}

	/** A store in trouble must not cost the caller an answer that is already paid. */
	async #settle(reservation: Reservation, { billed, stored }: Sent): Promise<void> {
		try {
			await this.#deps.stores.ledger.settle(reservation, billed, stored);
			this.#cannotStore = false;
		} catch (error) {
			if (this.#cannotStore) return;
			this.#cannotStore = true;
			this.#deps.warn(
				`Paid TikLiveAPI answers cannot be stored just now: ${(error as Error).message}`,
			);
		}
	}

	/** What one answer tells all later calls. */
	async #learn({ failure, stored }: Sent): Promise<void> {
		for (const response of stored) this.#cache.remember(response);
		if (failure === undefined) {
			this.#rateLimitLog.accepted();
			return;
		}
		this.#standing.learn(failure);
		if (failure.kind === 'rate-limited') {
			const pauseMs = failure.retryAfterMs ?? DEFAULT_PAUSE_MS;
			this.#rateLimitLog.limited(pauseMs);
			await this.#deps.stores.admission.pause(pauseMs);
		}
	}

	/** A stored answer as a result; a remembered "not found" as the failure it was. */
	#answer({ cost }: Question, stored: StoredResponse, source: Source): CallResult {
		if (stored.kind === 'not-found') {
			throw new CallFailure({ kind: 'not-found', detail: stored.body });
		}
		const body: JsonObject = parseBody(stored.body);
		return { body, source, fetchedAtMs: stored.fetchedAtMs, ...cost };
	}

	/** An old stored answer where the caller takes one and the API or the budget is not available; else the failure. */
	async #lastResort(question: Question, error: unknown): Promise<CallResult> {
		const { endpoint, key, options, cost } = question;
		if (options.signal?.aborted) {
			throw new CallFailure(CANCELLED, cost.attempts, cost.credits);
		}
		if (!(error instanceof CallFailure)) throw error;
		if (options.staleOk && FAILURE_TRAITS[error.failure.kind].unavailable) {
			const stale = await this.#cache.findStale(key);
			if (stale !== undefined) {
				this.#deps.metrics.cache(endpoint, 'stale');
				return this.#answer(question, stale, 'stale');
			}
		}
		throw new CallFailure(error.failure, cost.attempts, cost.credits);
	}

	#budgetExhausted(reason: 'daily-budget' | 'balance' | 'store-trouble'): Failure {
		if (reason === 'balance') {
			return {
				kind: 'budget-exhausted',
				detail: 'The known credit balance does not allow this call',
			};
		}
		if (reason === 'store-trouble') {
			return {
				kind: 'budget-exhausted',
				detail: 'Credits cannot be counted now, so only critical requests are made',
				resetsAtMs: this.#deps.clock.wallMs() + STORE_TROUBLE_MS,
				storeTrouble: true,
			};
		}
		const { timezone } = this.#settings.budget;
		return {
			kind: 'budget-exhausted',
			detail: 'The daily credit budget does not allow this call',
			resetsAtMs: budgetDay(this.#deps.clock.wallMs(), timezone).endsAtMs,
		};
	}
}

const CANCELLED: Failure = { kind: 'cancelled', detail: 'The call was cancelled' };

function circuitOpen(reopensInMs: number): Failure {
	const detail = 'The circuit breaker is open after repeated failures';
	return { kind: 'circuit-open', detail, reopensInMs };
}

function notSent(failure: Failure): Sent {
	return { failure, billed: 'returned', stored: [] };
}
