import {
	BaseError,
	NodeApiError,
	NodeOperationError,
	type INode,
	type NodeError,
} from 'n8n-workflow';
import { CallFailure, ListInterrupted } from '../api';
import { isNodeError, problemOf, type Concern, type Problem } from './problem';

export interface ErrorPlace extends Concern {
	node: INode;
	/** Undefined where there is no input. */
	itemIndex?: number;
}

/** Anything that can go wrong, as an error that n8n shows well. */
export function toNodeError(error: unknown, place: ErrorPlace): NodeApiError | NodeOperationError {
	if (isNodeError(error)) return error;
	const problem = problemOf(error, place);
	const { node, itemIndex } = place;
	const at = itemIndex === undefined ? {} : { itemIndex };
	// n8n's own: its context tells the editor where.
	if (error instanceof BaseError && problem.kind === 'invalid-input') {
		return new NodeOperationError(node, error, at);
	}
	const options = {
		message: problem.message,
		description: description(problem),
		...at,
		...(problem.declaration && { failure: problem.declaration }),
	};
	if (!(error instanceof CallFailure || error instanceof ListInterrupted)) {
		return finished(new NodeOperationError(node, problem.message, options), problem, itemIndex);
	}
	const httpCode = problem.httpStatus === undefined ? {} : { httpCode: String(problem.httpStatus) };
	const apiError = new NodeApiError(
		node,
		{ message: problem.message },
		{ ...options, ...httpCode },
	);
	return finished(apiError, problem, itemIndex);
}

/** The same as the details of a failed item, in sentences. */
function description({ advice, bookmark, requestsSent, creditsSpent }: Problem): string {
	const sentences = [advice];
	if (requestsSent !== undefined) {
		sentences.push(`Requests sent: ${requestsSent}, credits spent: ${creditsSpent ?? 0}.`);
	}
	if (bookmark !== undefined) {
		sentences.push(`To go on where this list was interrupted, set 'Start From' to ${bookmark}`);
	}
	return sentences.join(' ');
}

/** n8n replaces a message that holds a word such as EPERM anywhere, also inside somebody's username. */
function finished<E extends NodeError>(
	error: E,
	{ message }: Problem,
	itemIndex: number | undefined,
): E {
	error.message = itemIndex === undefined ? message : `${message} [item ${itemIndex}]`;
	return error;
}
