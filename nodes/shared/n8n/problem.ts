import { BaseError, NodeApiError, NodeOperationError } from 'n8n-workflow';
import { CallFailure, InvalidInput, ListInterrupted, type Failure } from '../api';
import { StoreUnavailable } from '../resilience/ports';
import { explain, type Declaration } from './explain';
import { systemClock } from './systemClock';
import { PartialList } from './wholeList';

/** About whom something went wrong, and what must not be told. */
export interface Concern {
	/** "@tiktok", or an id. Empty where nobody in particular is concerned. */
	users?: readonly string[] | undefined;
	/** Of the trigger that watches users, which comes back by itself. */
	isPoll?: boolean;
	/** Cut out of every text, in case the API ever quotes it. Empty when it is not known yet. */
	apiKey: string;
}

/** What is told about something that went wrong, in whichever form: an error, an item, a line in the log. */
export interface Problem {
	/**
	 * That of the call that failed; `invalid-input`: a parameter or the credential cannot be used; `state-unreachable`:
	 * the store of limits and answers cannot be; `node-defect`: anything else, which is a bug.
	 */
	kind: Failure['kind'] | 'invalid-input' | 'state-unreachable' | 'node-defect';
	/** What happened and to whom, one sentence. */
	message: string;
	/** What to do about it. */
	advice: string;
	declaration: Declaration | undefined;
	httpStatus?: number;
	/** Wall clock. Asking earlier is useless. */
	retryAtMs?: number;
	/** Of an interrupted list: where to go on. */
	bookmark?: string;
	/** Of an interrupted list: records that were delivered beside this. */
	recordsRead?: number;
	requestsSent?: number;
	creditsSpent?: number;
}

/** @param error anything that was thrown */
export function problemOf(error: unknown, concern: Concern): Problem {
	const problem = read(error, concern);
	const withoutKey = (text: string) =>
		concern.apiKey === '' ? text : text.replaceAll(concern.apiKey, '***');
	return {
		...problem,
		message: withoutKey(problem.message),
		advice: withoutKey(problem.advice),
	};
}

function read(error: unknown, { users = [], isPoll = false }: Concern): Problem {
	if (error instanceof ListInterrupted) {
		return {
			...read(error.cause, { users, isPoll, apiKey: '' }),
			bookmark: error.bookmark,
			...(error instanceof PartialList && { recordsRead: error.records.length }),
		};
	}
	if (error instanceof CallFailure) return ofCall(error, users, isPoll);
	if (error instanceof InvalidInput) {
		const about =
			users.length === 0 || error.parameter === 'User' ? '' : ` for ${users.join(', ')}`;
		return {
			kind: 'invalid-input',
			message: `${error.message} (parameter '${error.parameter}')${about}`,
			advice: error.advice,
			declaration: { cause: 'configuration-invalid' },
		};
	}
	if (error instanceof StoreUnavailable) {
		return {
			kind: 'state-unreachable',
			message: error.message,
			advice: 'Nothing was lost. Run this again once it can be reached.',
			declaration: { cause: 'temporarily-unavailable' },
		};
	}
	// n8n's own, such as an expression that cannot be evaluated, and a credential that was refused.
	if (error instanceof BaseError || isNodeError(error)) {
		return {
			kind: 'invalid-input',
			message: error.message,
			advice: error.description ?? '',
			declaration: isNodeError(error) ? error.failure : undefined,
		};
	}
	return {
		kind: 'node-defect',
		message: error instanceof Error ? error.message : String(error),
		advice: 'Please report this to the makers of the node.',
		declaration: { cause: 'node-defect' },
	};
}

function ofCall(
	{ failure, attempts, credits }: CallFailure,
	users: readonly string[],
	isPoll: boolean,
): Problem {
	const nowMs = systemClock.wallMs();
	const { message, advice, declaration, httpStatus } = explain(failure, users, isPoll, nowMs);
	const retryAtMs = retryAt(failure, nowMs);
	return {
		kind: failure.kind,
		message,
		advice: `${advice.trim()} ${failure.detail.replace(/[.\s]+$/, '')}.`,
		declaration,
		...(httpStatus !== undefined && { httpStatus }),
		...(retryAtMs !== undefined && { retryAtMs }),
		...(attempts > 0 && { requestsSent: attempts, creditsSpent: credits }),
	};
}

function retryAt(failure: Failure, nowMs: number): number | undefined {
	if (failure.kind === 'circuit-open') return nowMs + failure.reopensInMs;
	if (failure.kind === 'budget-exhausted') return failure.resetsAtMs;
	const waitMs = 'retryAfterMs' in failure ? failure.retryAfterMs : undefined;
	return waitMs === undefined ? undefined : nowMs + waitMs;
}

export function isNodeError(error: unknown): error is NodeApiError | NodeOperationError {
	return error instanceof NodeApiError || error instanceof NodeOperationError;
}
