import type { NodeError } from 'n8n-workflow';
import { looksLikeId, type Failure } from '../api';

/** What n8n and its poll scheduler are told about the cause. */
export type Declaration = NonNullable<NodeError['failure']>;

/** What a person reads about a failure, and what n8n is told. */
export interface Explanation {
	/** What happened and to whom, one sentence without a full stop. */
	message: string;
	/** What to do about it. */
	advice: string;
	declaration: Declaration;
	httpStatus?: number;
}

/** A wait that is worth telling the end of; shorter ones are over before it is read. */
const LONG_WAIT_MS = 60_000;
const NAMED_AT_MOST = 5;

/**
 * One row of the error table in the README for each kind.
 *
 * @param users whom was asked for: "@tiktok", or an id; several of them in a trigger that watches users
 * @param isPoll of that trigger, which comes back by itself
 * @param nowMs wall clock
 */
export function explain(
	failure: Failure,
	users: readonly string[],
	isPoll: boolean,
	nowMs: number,
): Explanation {
	const parameter = isPoll ? "'Users'" : "'User'";
	const forUser = users.length === 0 ? '' : ` for ${named(users)}`;
	const subject = users.length === 0 ? `The user in ${parameter}` : named(users);
	const several = users.length > 1;
	switch (failure.kind) {
		case 'invalid-key':
			return {
				message: `TikLiveAPI did not accept the API key${forUser}`,
				advice:
					'Open the TikLiveAPI credential and enter the key from your profile page on tikliveapi.com again.',
				declaration: { cause: 'credential-invalid' },
			};
		case 'out-of-credits':
			return {
				message: `The TikLiveAPI account has no credits left${forUser}`,
				advice: 'Buy credits on tikliveapi.com, then run this again.',
				declaration: { cause: 'quota-exhausted' },
			};
		case 'not-found':
			return {
				message: `${subject} ${several ? 'were' : 'was'} not found on TikTok`,
				advice: `Check the spelling. The account may also have been renamed, banned or deleted.${idAdvice(users)}`,
				declaration: { cause: 'configuration-invalid' },
			};
		case 'private':
			return {
				message: `${subject} ${several ? 'keep' : 'keeps'} this private`,
				advice: `TikLiveAPI sees public data only. Take ${several ? 'these users' : 'this user'} out of the input.`,
				declaration: { cause: 'configuration-invalid' },
			};
		case 'rejected':
			return {
				message: `TikLiveAPI refused this request${forUser}`,
				advice: `Repeating it would not help. Check ${parameter} and the options.`,
				declaration: { cause: 'configuration-invalid' },
				httpStatus: failure.status,
			};
		case 'rate-limited':
			return {
				message: `TikLiveAPI gets too many requests with this API key and did not answer${forUser}`,
				advice: `${comeBack(failure.retryAfterMs, nowMs)}Set 'Requests per Minute' of the credential to the limit of your plan, and see whether something else uses the same key.`,
				declaration: { cause: 'rate-limited', ...after(failure.retryAfterMs) },
				httpStatus: 429,
			};
		case 'server-error':
			return {
				message: `TikLiveAPI could not answer${forUser} just now`,
				advice: comeBack(failure.retryAfterMs, nowMs) || 'Run this again later.',
				declaration: { cause: 'temporarily-unavailable', ...after(failure.retryAfterMs) },
				httpStatus: failure.status,
			};
		case 'network':
			return {
				message: `TikLiveAPI could not be reached${forUser}`,
				advice: "Check the internet connection of n8n and 'Base URL' of the credential.",
				declaration: { cause: 'temporarily-unavailable' },
			};
		case 'unreachable':
			return {
				message: `TikLiveAPI cannot be reached from here${forUser}`,
				advice: failure.cure,
				declaration: { cause: 'temporarily-unavailable' },
			};
		case 'intercepted':
			return {
				message: `Something between n8n and TikLiveAPI refused the request${forUser}`,
				advice:
					"Check 'Base URL' of the credential, and whether a firewall, a proxy or the CDN of TikLiveAPI blocks this machine. Nobody has judged the API key.",
				declaration: { cause: 'temporarily-unavailable' },
				httpStatus: failure.status,
			};
		case 'timeout':
			return {
				message: `TikLiveAPI did not answer${forUser} within ${seconds(failure.timeoutMs)}`,
				advice:
					"Run this again later, or raise 'Timeout' in the options. The request may have been billed.",
				declaration: { cause: 'temporarily-unavailable' },
			};
		case 'unreadable-body':
			return {
				message: `The answer of TikLiveAPI${forUser} could not be read`,
				advice: 'Run this again later.',
				declaration: { cause: 'temporarily-unavailable' },
			};
		case 'unexpected-body':
			return {
				message: `The answer of TikLiveAPI${forUser} does not hold what was asked for`,
				advice: 'Run this again later. If it stays, look for a newer version of this node.',
				declaration: { cause: 'temporarily-unavailable' },
			};
		case 'circuit-open':
			return {
				message: `TikLiveAPI is left alone for another ${seconds(failure.reopensInMs)} after several requests went wrong, so nothing was asked${forUser}`,
				advice: isPoll
					? 'Nothing was sent and nothing spent. The next poll after that time asks again.'
					: "Nothing was sent and nothing spent. Run this again after that time, or set 'When Unavailable' in the options.",
				declaration: {
					cause: 'temporarily-unavailable',
					retryAfterMs: Math.ceil(failure.reopensInMs),
				},
			};
		case 'budget-exhausted':
			if (failure.storeTrouble) {
				return {
					message: `Redis, where credits are counted, cannot be used just now, so nothing was asked${forUser}`,
					advice:
						"Nothing was sent: until Redis is back only critical requests are made. Run this again then, or set 'Priority' in the options to Critical.",
					declaration: { cause: 'temporarily-unavailable' },
				};
			}
			return {
				message: `The credit budget does not allow this request${forUser}`,
				advice: budgetAdvice(failure.resetsAtMs),
				declaration: {
					cause: 'quota-exhausted',
					...(failure.resetsAtMs !== undefined && { resetsAtEpochMs: failure.resetsAtMs }),
				},
			};
		case 'cancelled':
			return {
				message: `The request${forUser} was given up before it was answered`,
				advice: 'Run this again.',
				declaration: { cause: 'temporarily-unavailable' },
			};
	}
}

/** "@tiktok, @nba and 3 more". */
function named(users: readonly string[]): string {
	const shown = users.slice(0, NAMED_AT_MOST).join(', ');
	return users.length > NAMED_AT_MOST ? `${shown} and ${users.length - NAMED_AT_MOST} more` : shown;
}

function idAdvice(users: readonly string[]): string {
	const isId = users.some((user) => user.startsWith('@') && looksLikeId(user.slice(1)));
	return isId ? " It looks like a numeric id: choose By ID in 'User' for those." : '';
}

function after(retryAfterMs: number | undefined): { retryAfterMs?: number } {
	return retryAfterMs === undefined ? {} : { retryAfterMs: Math.ceil(retryAfterMs) };
}

function comeBack(retryAfterMs: number | undefined, nowMs: number): string {
	if (retryAfterMs === undefined || retryAfterMs < LONG_WAIT_MS) return '';
	return `TikLiveAPI asks to come back at ${new Date(nowMs + retryAfterMs).toISOString()}. `;
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
