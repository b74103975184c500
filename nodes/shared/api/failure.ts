/**
 * Everything that can keep a call from returning a record, as one tagged union.
 * A `switch` over `kind` is exhaustive; each kind is one row of the error table in the README.
 */
export type Failure =
	/** The API itself did not accept the key (401/403 in JSON, or status 200 with a lone `message`). Never billed. */
	| { kind: 'invalid-key'; detail: string }
	/** The account has no credits left (402, or status 200 with a lone `message` about the balance). Never billed. */
	| { kind: 'out-of-credits'; detail: string }
	/** The user does not exist. Billed: the API answers 200. */
	| { kind: 'not-found'; detail: string }
	/** The user, or this list of the user, is private. Billed: the API answers 200. */
	| { kind: 'private'; detail: string }
	/** Another refusal of this very request (400, 404, 422, an unknown `status: error`). Repeating cannot help. */
	| { kind: 'rejected'; detail: string; status: number }
	/** HTTP 429, or a 200 `message` that speaks of too many requests. */
	| { kind: 'rate-limited'; detail: string; retryAfterMs?: number }
	/** HTTP 408, 425 or 5xx, or a 200 that says so in words. */
	| { kind: 'server-error'; detail: string; status: number; retryAfterMs?: number }
	/** No answer just now: refused, reset, no way there. `code` is the system's or undici's error code. */
	| { kind: 'network'; detail: string; code: string }
	/**
	 * No answer, and none before somebody changes something: a certificate that is not trusted, a host name that
	 * does not exist, no TLS, blocked by n8n, a proxy that refuses. `cure` says what to change. Nothing was sent.
	 */
	| { kind: 'unreachable'; detail: string; cure: string; code: string }
	/** Status 4xx, but not from the API: something in between refused. Says nothing of key or user. Never billed. */
	| { kind: 'intercepted'; detail: string; status: number }
	/** The attempt's time ran out. */
	| { kind: 'timeout'; detail: string; timeoutMs: number }
	/** Status 200 but not readable as JSON: cut, HTML, empty. Worth another attempt. */
	| { kind: 'unreadable-body'; detail: string }
	/** Readable JSON without the fields that the endpoint always has. Repeating would only be billed again. */
	| { kind: 'unexpected-body'; detail: string }
	/** The circuit breaker is open: no request was made. */
	| { kind: 'circuit-open'; detail: string; reopensInMs: number }
	/**
	 * The daily budget or the known balance does not allow this call: no request was made. `storeTrouble`: credits
	 * cannot be counted over all processes just now.
	 */
	| { kind: 'budget-exhausted'; detail: string; resetsAtMs?: number; storeTrouble?: true }
	/** The call was cancelled. */
	| { kind: 'cancelled'; detail: string };

export type FailureKind = Failure['kind'];

/** A call that ended without a record. `failure` says why; the numbers say what it cost. */
export class CallFailure extends Error {
	override readonly name = 'CallFailure';

	constructor(
		readonly failure: Failure,
		/** Requests that were sent for this call. */
		readonly attempts = 0,
		/** Credits that were spent, as far as is known. */
		readonly credits = 0,
	) {
		super(failure.detail);
	}
}

/** A parameter that was refused before any request. `parameter` is the name as the person sees it. */
export class InvalidInput extends Error {
	override readonly name = 'InvalidInput';

	constructor(
		readonly parameter: string,
		message: string,
		/** What to do about it, one sentence. */
		readonly advice: string,
	) {
		super(message);
	}
}
