import { CallFailure, canonicalParams, type Call } from '../api';
import type { CallOptions, Client } from '../resilience/client';
import { FAILURE_TRAITS } from '../resilience/failureTraits';
import type { RunReport } from './hints';

/** Refusals of one run that are remembered. */
const MOST_REFUSALS = 10_000;

/** The client's `call` with the options of one item, as they are at each call, counted in the report of the run. */
export function boundCall(client: Client, options: CallOptions, report: RunReport): Call {
	return (endpoint, params) =>
		client.call(endpoint, params, options).then(
			(answer) => {
				report.answered(answer);
				return answer;
			},
			(error: unknown) => {
				const failure = ownFailure(error);
				if (failure instanceof CallFailure) report.failed(failure);
				throw failure;
			},
		);
}

/**
 * The same, but what was refused for good and billed ("this user is private") is not asked for a second time in the
 * same run of a node: n8n's Retry On Fail would pay for the refusal at each try.
 */
export function rememberingRefusals(call: Call, refusals: Map<string, CallFailure>): Call {
	return async (endpoint, params) => {
		const question = `${endpoint} ${canonicalParams(params)}`;
		const known = refusals.get(question);
		if (known !== undefined) throw new CallFailure(known.failure);
		return await call(endpoint, params).catch((error: unknown) => {
			const isPaid = error instanceof CallFailure && error.credits > 0;
			if (isPaid && !FAILURE_TRAITS[error.failure.kind].retry && refusals.size < MOST_REFUSALS) {
				refusals.set(question, error);
			}
			throw error;
		});
	};
}

/** After an update of the package in a running n8n, the client is still that of the older copy, with its own classes. */
function ownFailure(error: unknown): unknown {
	if (error instanceof CallFailure || (error as Error).name !== 'CallFailure') return error;
	const { failure, attempts, credits } = error as CallFailure;
	return new CallFailure(failure, attempts, credits);
}
