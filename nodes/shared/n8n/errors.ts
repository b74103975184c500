import {
	BaseError,
	NodeApiError,
	NodeOperationError,
	type INode,
	type NodeError,
} from 'n8n-workflow';
import { CallFailure, InvalidInput, ListInterrupted, type Failure } from '../api';
import { StoreUnavailable } from '../resilience/ports';

/** What n8n and its poll scheduler are told about the cause. */
type Declaration = NonNullable<NodeError['failure']>;

/** What a person reads, and what n8n is told. */
interface Explanation {
	/** What happened. */
	message: string;
	/** What to do about it. */
	advice: string;
	failure: Declaration;
	httpCode?: string;
}

export interface ErrorPlace {
	node: INode;
	/** Undefined where there is no input. */
	itemIndex?: number;
	/** Whom it is about, where a trigger asks for several users: "@tiktok, @nba". */
	about?: string;
	/** Cut out of every text, in case the API ever quotes it. Empty when it is not known yet. */
	apiKey: string;
}

/** Anything that can go wrong with one item, as an error that n8n shows well. */
export function toNodeError(error: unknown, place: ErrorPlace): NodeApiError | NodeOperationError {
	if (error instanceof NodeApiError || error instanceof NodeOperationError) return error;
	if (error instanceof ListInterrupted) return apiError(error.cause, place, error.bookmark);
	if (error instanceof CallFailure) return apiError(error, place);
	if (error instanceof InvalidInput) {
		const { message, parameter, advice } = error;
		return operationError(`${message} (parameter '${parameter}')`, advice, place, {
			cause: 'configuration-invalid',
		});
	}
	// n8n's own, such as an expression that cannot be evaluated: its context tells the editor where.
	if (error instanceof BaseError) {
		return new NodeOperationError(place.node, error, itemOf(place));
	}
	if (error instanceof StoreUnavailable) {
		const advice = 'Nothing was lost. Run this again once it can be reached.';
		return operationError(error.message, advice, place, { cause: 'temporarily-unavailable' });
	}
	const text = error instanceof Error ? error.message : String(error);
	return operationError(text, 'Please report this to the makers of the node.', place, {
		cause: 'node-defect',
	});
}

function apiError(
	{ failure, attempts, credits }: CallFailure,
	place: ErrorPlace,
	bookmark?: string,
): NodeApiError {
	const { node, apiKey } = place;
	const {
		message,
		advice,
		failure: declaration,
		httpCode,
	} = explain(failure, place.about !== undefined);
	const detail = withoutKey(failure.detail, apiKey);
	const sentences = [advice, `${detail.replace(/[.\s]+$/, '')}.`];
	if (attempts > 0) sentences.push(`Requests sent: ${attempts}, credits spent: ${credits}.`);
	if (bookmark !== undefined) {
		sentences.push(`To go on where this list was interrupted, set 'Start From' to ${bookmark}`);
	}
	const error = new NodeApiError(
		node,
		{ message: detail },
		{
			message,
			description: sentences.join(' '),
			...itemOf(place),
			failure: declaration,
			...(httpCode !== undefined && { httpCode }),
		},
	);
	return finished(error, withoutKey(message, apiKey), place);
}

function operationError(
	message: string,
	description: string,
	place: ErrorPlace,
	failure: Declaration,
): NodeOperationError {
	const text = withoutKey(message, place.apiKey);
	const options = { description, ...itemOf(place), failure };
	return finished(new NodeOperationError(place.node, text, options), text, place);
}

function itemOf({ itemIndex }: ErrorPlace): { itemIndex?: number } {
	return itemIndex === undefined ? {} : { itemIndex };
}

/** n8n replaces a message that holds a word such as EPERM anywhere, also inside somebody's username. */
function finished<E extends NodeError>(
	error: E,
	message: string,
	{ itemIndex, about }: ErrorPlace,
): E {
	const item = itemIndex === undefined ? '' : ` [item ${itemIndex}]`;
	error.message = `${message}${about === undefined ? item : ` (${about})`}`;
	return error;
}

function withoutKey(text: string, apiKey: string): string {
	return apiKey === '' ? text : text.replaceAll(apiKey, '***');
}

/**
 * One row of the error table in the README for each kind.
 *
 * @param isPoll of the trigger that watches users, which comes back by itself
 */
function explain(failure: Failure, isPoll: boolean): Explanation {
	const parameter = isPoll ? "'Users'" : "'User'";
	switch (failure.kind) {
		case 'invalid-key':
			return {
				message: 'TikLiveAPI did not accept the API key',
				advice:
					'Open the TikLiveAPI credential and enter the key from your profile page on tikliveapi.com again.',
				failure: { cause: 'credential-invalid' },
			};
		case 'out-of-credits':
			return {
				message: 'The TikLiveAPI account has no credits left',
				advice: 'Buy credits on tikliveapi.com, then run this again.',
				failure: { cause: 'quota-exhausted' },
			};
		case 'not-found':
			return {
				message: `The user in ${parameter} was not found on TikTok`,
				advice: 'Check the spelling. The account may also have been renamed, banned or deleted.',
				failure: { cause: 'configuration-invalid' },
			};
		case 'private':
			return {
				message: `The user in ${parameter} keeps this private`,
				advice: 'TikLiveAPI sees public data only. Take this user out of the input.',
				failure: { cause: 'configuration-invalid' },
			};
		case 'rejected':
			return {
				message: 'TikLiveAPI refused this request',
				advice: `Repeating it would not help. Check ${parameter} and the options.`,
				failure: { cause: 'configuration-invalid' },
				httpCode: String(failure.status),
			};
		case 'rate-limited':
			return {
				message: 'TikLiveAPI gets too many requests with this API key',
				advice:
					"Set 'Requests per Minute' of the credential to the limit of your plan, and see whether something else uses the same key.",
				failure: { cause: 'rate-limited', ...after(failure.retryAfterMs) },
			};
		case 'server-error':
			return {
				message: 'TikLiveAPI could not answer just now',
				advice: 'Run this again later.',
				failure: { cause: 'temporarily-unavailable', ...after(failure.retryAfterMs) },
				httpCode: String(failure.status),
			};
		case 'network':
			return {
				message: 'TikLiveAPI could not be reached',
				advice: "Check the internet connection of n8n and 'Base URL' of the credential.",
				failure: { cause: 'temporarily-unavailable' },
			};
		case 'unreachable':
			return {
				message: 'TikLiveAPI cannot be reached from here',
				advice: failure.cure,
				failure: { cause: 'temporarily-unavailable' },
			};
		case 'intercepted':
			return {
				message: 'Something between n8n and TikLiveAPI refused the request',
				advice:
					"Check 'Base URL' of the credential, and whether a firewall, a proxy or the CDN of TikLiveAPI blocks this machine. Nobody has judged the API key.",
				failure: { cause: 'temporarily-unavailable' },
				httpCode: String(failure.status),
			};
		case 'timeout':
			return {
				message: `TikLiveAPI did not answer within ${seconds(failure.timeoutMs)}`,
				advice:
					"Run this again later, or raise 'Timeout' in the options. The request may have been billed.",
				failure: { cause: 'temporarily-unavailable' },
			};
		case 'unreadable-body':
			return {
				message: 'The answer of TikLiveAPI could not be read',
				advice: 'Run this again later.',
				failure: { cause: 'temporarily-unavailable' },
			};
		case 'unexpected-body':
			return {
				message: 'The answer of TikLiveAPI does not hold what was asked for',
				advice: 'Run this again later. If it stays, look for a newer version of this node.',
				failure: { cause: 'temporarily-unavailable' },
			};
		case 'circuit-open':
			return {
				message: `TikLiveAPI is left alone for another ${seconds(failure.reopensInMs)} after several requests went wrong`,
				advice: isPoll
					? 'Nothing was sent and nothing spent. The next poll after that time asks again.'
					: "Nothing was sent and nothing spent. Run this again after that time, or set 'When Unavailable' in the options.",
				failure: { cause: 'temporarily-unavailable', retryAfterMs: Math.ceil(failure.reopensInMs) },
			};
		case 'budget-exhausted':
			if (failure.storeTrouble) {
				return {
					message: 'Redis, where credits are counted, cannot be used just now',
					advice:
						"Nothing was sent: until Redis is back only critical requests are made. Run this again then, or set 'Priority' in the options to Critical.",
					failure: { cause: 'temporarily-unavailable' },
				};
			}
			return {
				message: 'The credit budget does not allow this request',
				advice: budgetAdvice(failure.resetsAtMs),
				failure: {
					cause: 'quota-exhausted',
					...(failure.resetsAtMs !== undefined && { resetsAtEpochMs: failure.resetsAtMs }),
				},
			};
		case 'cancelled':
			return {
				message: 'The request was given up before it was answered',
				advice: 'Run this again.',
				failure: { cause: 'temporarily-unavailable' },
			};
	}
}

function after(retryAfterMs: number | undefined): { retryAfterMs?: number } {
	return retryAfterMs === undefined ? {} : { retryAfterMs: Math.ceil(retryAfterMs) };
}

function budgetAdvice(resetsAtMs: number | undefined): string {
	return resetsAtMs === undefined
		? "Nothing was sent. If there are credits on the account, enter their number as 'Credit Balance' in the credential."
		: `Nothing was sent. The budget starts again at ${new Date(resetsAtMs).toISOString()}; until then raise 'Daily Budget' in the credential, or set 'Priority' to Critical if there is a reserve.`;
}

function seconds(ms: number): string {
	const count = Math.ceil(ms / 1000);
	return count === 1 ? '1 second' : `${count} seconds`;
}
