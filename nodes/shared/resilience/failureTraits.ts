import type { Failure, FailureKind } from '../api';
import type { Verdict } from './breaker';
import type { CallOutcome } from './metrics';
import type { Settlement, TransportError } from './ports';

interface Traits {
	/** Another attempt can help. */
	retry: boolean;
	/** What it tells the breaker about the API's health. */
	verdict: Verdict;
	/** The label in the metrics. */
	outcome: CallOutcome;
	/** The API or the budget is not available just now: an old stored answer is better than this. */
	unavailable: boolean;
}

/** What each failure means to each pattern, in one place. */
export const FAILURE_TRAITS: Readonly<Record<FailureKind, Traits>> = {
	'invalid-key': { retry: false, verdict: 'neutral', outcome: 'refused', unavailable: false },
	'out-of-credits': { retry: false, verdict: 'neutral', outcome: 'refused', unavailable: true },
	'not-found': { retry: false, verdict: 'success', outcome: 'not-found', unavailable: false },
	private: { retry: false, verdict: 'success', outcome: 'refused', unavailable: false },
	rejected: { retry: false, verdict: 'neutral', outcome: 'refused', unavailable: false },
	'rate-limited': { retry: true, verdict: 'neutral', outcome: 'rate-limited', unavailable: true },
	'server-error': { retry: true, verdict: 'failure', outcome: 'server-error', unavailable: true },
	network: { retry: true, verdict: 'failure', outcome: 'network', unavailable: true },
	unreachable: { retry: false, verdict: 'neutral', outcome: 'network', unavailable: true },
	intercepted: { retry: false, verdict: 'neutral', outcome: 'refused', unavailable: true },
	timeout: { retry: true, verdict: 'failure', outcome: 'timeout', unavailable: true },
	'unreadable-body': { retry: true, verdict: 'failure', outcome: 'bad-body', unavailable: true },
	'unexpected-body': { retry: false, verdict: 'neutral', outcome: 'bad-body', unavailable: false },
	'circuit-open': { retry: false, verdict: 'neutral', outcome: 'refused', unavailable: true },
	'budget-exhausted': { retry: false, verdict: 'neutral', outcome: 'refused', unavailable: true },
	cancelled: { retry: false, verdict: 'neutral', outcome: 'cancelled', unavailable: false },
};

/** What an attempt without a readable answer means, and whether a credit may be gone. */
export function fromTransportError(
	error: TransportError,
	timeoutMs: number,
): { failure: Failure; billed: Settlement } {
	return { failure: failureOf(error, timeoutMs), billed: error.sent ? 'unknown' : 'returned' };
}

function failureOf({ problem, message, code, cure }: TransportError, timeoutMs: number): Failure {
	switch (problem) {
		case 'timeout':
			return { kind: 'timeout', detail: `No answer within ${timeoutMs} ms`, timeoutMs };
		case 'body':
			return { kind: 'unreadable-body', detail: message };
		case 'network':
			return { kind: 'network', detail: message, code };
		case 'unreachable':
			return { kind: 'unreachable', detail: message, cure, code };
		case 'cancelled':
			return { kind: 'cancelled', detail: message };
	}
}
