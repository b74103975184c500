import { CallFailure, type Call } from '../api';
import type { CallOptions, Client } from '../resilience/client';
import type { RunReport } from './hints';

/** The client's `call` with the options of one item, counted in the report of the run. */
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

/** After an update of the package in a running n8n, the client is still that of the older copy, with its own classes. */
function ownFailure(error: unknown): unknown {
	if (error instanceof CallFailure || (error as Error).name !== 'CallFailure') return error;
	const { failure, attempts, credits } = error as CallFailure;
	return new CallFailure(failure, attempts, credits);
}
