import { answerTo, free, readUrl, type PlainAnswer } from './api.ts';
import { damage, type WireFault } from './damage.ts';
import { Faults, plainBody, tooManyRequests, type Fault } from './faults.ts';
import { Judge, type JudgeReport } from './judge.ts';
import { Ledger, requestName, type LedgerReport } from './ledger.ts';
import { Population } from './population.ts';
import { NO_CREDIT_BODY, NO_KEY_BODY, WRONG_KEY_BODY } from './shapes.ts';
import { truthOf, type Truth } from './truth.ts';

export interface ServerLimits {
	/** Arrivals of one key in any `windowMs`; one more is answered 429 and still counts. Default 200. */
	requestsPerMinute: number;
	/** Default 60,000; less compresses the API's time, the burst's second with it. */
	windowMs: number;
	/** Arrivals of one key in a sixtieth of the window. Default 50. */
	burst: number;
	/** Send Retry-After with the seconds until the window has room. Default false: the API is not known to. */
	retryAfter: boolean;
}

export interface SimulatorOptions {
	/** Makes another population and another stream of chance. Default 1. */
	seed?: number;
	/** Numbered users. Default 200,000. */
	size?: number;
	/** Keys that are accepted, each with limits and credits of its own. Default ['test-key']. */
	keys?: readonly string[];
	/** `message` (default): status 200 with a lone message for a missing or wrong key. `status`: 401 and 403. */
	authStyle?: 'message' | 'status';
	/** Credits of each key at the start. Default: without end. */
	credits?: number;
	/** Whether "Not found user" and "This account is private" cost a credit. Default true. */
	billNotFound?: boolean;
	/** Answer 429 above the limits. Default true. */
	enforceLimits?: boolean;
	limits?: Partial<ServerLimits>;
	/** Monotonic clock for stamps and limits, ms. Default performance.now. */
	now?: () => number;
	/** Wall clock for dates in headers, ms since the epoch. Default Date.now. */
	wallNow?: () => number;
}

export interface SimulatedRequest {
	/** Default GET. */
	method?: string;
	/** Path and query, for example /userid/?username=creator000017 */
	url: string;
	/** Lower-case names. */
	headers: Readonly<Record<string, string | string[] | undefined>>;
}

export interface Answer {
	/** 0 where the wire fault leaves no answer. */
	status: number;
	headers: Record<string, string>;
	/** Whole, also with a wire fault that cuts it. */
	body: string;
	/** How long the server takes before the first byte, ms. */
	delayMs: number;
	fault?: WireFault;
	/**
	 * To be called when the exchange has ended; frees the place in flight. `delivered` false: the caller
	 * went away before the last byte. A second call does nothing.
	 */
	end(delivered?: boolean): void;
}

export interface SimulatorReport {
	judge: JudgeReport;
	perKey: Record<string, JudgeReport>;
	ledger: LedgerReport;
	/** Answers by status, or by the kind of wire fault. */
	answers: Record<string, number>;
	/** Steps of scripts that no request has met. */
	scriptsPending: number;
}

/** The parts of a simulator, with or without a socket. */
export interface SimulatorParts {
	population: Population;
	truth: Truth;
	faults: Faults;
	ledger: Ledger;
	/** All arrivals on known or unknown endpoints, whatever their key. */
	judge: Judge;
	report(): SimulatorReport;
	/** Forgets arrivals, credits, faults, published posts and edits; an outage stays until it is ended. */
	reset(): void;
}

export type Responder = ((request: SimulatedRequest) => Answer) & SimulatorParts;

/** TikLiveAPI as a synchronous function, for tests that have a transport and a clock of their own. */
export function createResponder(options: SimulatorOptions = {}): Responder {
	const {
		seed = 1,
		size = 200_000,
		keys = ['test-key'],
		authStyle = 'message',
		credits = Infinity,
		billNotFound = true,
		enforceLimits = true,
		now = () => performance.now(),
		wallNow = () => Date.now(),
	} = options;
	const limits: ServerLimits = {
		requestsPerMinute: 200,
		windowMs: 60_000,
		burst: 50,
		retryAfter: false,
		...options.limits,
	};
	const newJudge = (): Judge => new Judge(limits.requestsPerMinute, limits.windowMs);
	const population = new Population({ seed, size });
	const faults = new Faults(seed, wallNow);
	const ledger = new Ledger(credits);
	const judge = newJudge();
	const judges = new Map(keys.map((key) => [key, newJudge()]));
	let answers: Record<string, number> = {};

	const plainAnswer = (
		method: string,
		key: unknown,
		path: string,
		params: URLSearchParams,
	): PlainAnswer => {
		if (method !== 'GET') return free(405, plainBody(405));
		if (key === undefined || key === '') return refusal(401, NO_KEY_BODY);
		if (!judges.has(String(key))) return refusal(403, WRONG_KEY_BODY);
		if (ledger.balance(String(key)) <= 0) return free(200, NO_CREDIT_BODY);
		return answerTo(population, path, params);
	};
	const refusal = (status: number, body: string): PlainAnswer =>
		free(authStyle === 'status' ? status : 200, body);

	const overLimit = (mine: Judge | undefined, nowMs: number): Fault | undefined => {
		if (!enforceLimits || !mine) return undefined;
		const { requestsPerMinute, windowMs, burst } = limits;
		const inWindow = mine.countSince(nowMs - windowMs);
		const inBurst = mine.countSince(nowMs - windowMs / 60);
		if (inWindow <= requestsPerMinute && inBurst <= burst) return undefined;
		if (!limits.retryAfter) return tooManyRequests({});
		const waitMs = Math.max(
			mine.msUntilBelow(requestsPerMinute, windowMs, nowMs),
			mine.msUntilBelow(burst, windowMs / 60, nowMs),
		);
		return tooManyRequests({ 'retry-after': String(Math.ceil(waitMs / 1000)) });
	};

	const respond = (request: SimulatedRequest): Answer => {
		const { path, params } = readUrl(request.url);
		const header = request.headers['x-api-key'];
		const mine = judges.get(String(header));
		const nowMs = now();
		judge.arrive(nowMs);
		mine?.arrive(nowMs);

		const fault =
			faults.forced({ endpoint: path, params }) ?? overLimit(mine, nowMs) ?? faults.drawn();
		const draft = damage(fault, path, () =>
			plainAnswer(request.method ?? 'GET', header, path, params),
		);

		const outcome = draft.wire?.kind ?? draft.status;
		answers[outcome] = (answers[outcome] ?? 0) + 1;
		const paid = draft.billing === 'found' || (draft.billing === 'entity-error' && billNotFound);
		const name = paid ? requestName(path, params) : '';
		if (paid) {
			ledger.bill({ key: String(header), endpoint: path, request: name, username: draft.username });
			if (draft.loss) ledger.lose(name, draft.loss);
		}

		let ended = false;
		return {
			status: draft.status,
			headers: draft.headers,
			body: draft.body,
			delayMs: draft.delayMs + faults.latencyMs(),
			...(draft.wire ? { fault: draft.wire } : {}),
			end(delivered = true) {
				if (ended) return;
				ended = true;
				judge.end();
				mine?.end();
				if (paid && !delivered && !draft.loss) ledger.lose(name, 'caller-left');
			},
		};
	};

	const parts: SimulatorParts = {
		population,
		truth: truthOf(population),
		faults,
		ledger,
		judge,
		report: () => ({
			judge: judge.report(),
			perKey: Object.fromEntries([...judges].map(([key, mine]) => [key, mine.report()])),
			ledger: ledger.report(),
			answers: { ...answers },
			scriptsPending: faults.pending(),
		}),
		reset() {
			population.reset();
			faults.reset();
			ledger.reset();
			judge.reset();
			for (const mine of judges.values()) mine.reset();
			answers = {};
		},
	};
	return Object.assign(respond, parts);
}
