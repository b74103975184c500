import { ENDPOINTS, type Endpoint, type EndpointName } from './endpoints';
import type { Failure } from './failure';
import {
	BODY_PROBLEM_TEXT,
	isJsonObject,
	readBody,
	type BodyProblem,
	type JsonObject,
} from './json';
import { plainText } from './plainText';
import { parseRetryAfter } from './retryAfter';
import { isUserId } from './user';

export interface ApiResponse {
	status: number;
	/** Lower-case names. */
	headers: Readonly<Record<string, string | undefined>>;
	body: string;
}

/**
 * What the answer did to the account: `spent` one credit, `returned` none, or `unknown`.
 * Every status 200 that speaks of the user is counted as spent, also a not-found (facts section 3d).
 */
export type Billed = 'spent' | 'returned' | 'unknown';

export type Verdict =
	{ ok: true; body: JsonObject } | { ok: false; failure: Failure; billed: Billed };

/** What a text of the API means. `lone`: only when `message` is the body's one field. */
interface TextRule {
	readonly meaning: 'rate-limited' | 'out-of-credits' | 'invalid-key' | 'not-found' | 'private';
	readonly scope: 'any' | 'lone';
	readonly pattern: RegExp;
}

/**
 * First match wins. Only "Api-Key is not available", "Please sign up to tikliveapi.com" and "Not found post"
 * have been observed; the words for credits are those that running clients look for (facts section 3a).
 * A lone `message` is about the account, so words such as "limit" mean credits there; beside `status: error`
 * they may speak of the user ("limited who can see this"), so only unmistakable words count.
 */
const TEXT_RULES: readonly TextRule[] = [
	{
		meaning: 'rate-limited',
		scope: 'any',
		pattern:
			/too many|rate[ -]?limit|throttl|slow down|requests? ?(?:per|\/|a|every) ?(?:s|min|hour)/i,
	},
	{ meaning: 'out-of-credits', scope: 'any', pattern: /\b(?:credits?|balance|quota)\b/i },
	{
		meaning: 'out-of-credits',
		scope: 'lone',
		pattern:
			/\b(?:exhausted|purchase|limit(?:ed|s)?|top[ -]?up|insufficient|payment|recharge|upgrade)\b/i,
	},
	{ meaning: 'invalid-key', scope: 'any', pattern: /api[ _-]?key|unauthori[sz]ed/i },
	{
		meaning: 'invalid-key',
		scope: 'lone',
		pattern: /\bsign (?:up|in)|\blog ?in|forbidden|access denied/i,
	},
	{
		meaning: 'not-found',
		scope: 'any',
		pattern: /not[ _-]?found|no such|n.t exist|unique_id is invalid/i,
	},
	{ meaning: 'private', scope: 'any', pattern: /private|privacy/i },
];

/**
 * Tells success from failure by status AND body: this API answers 200 to a wrong key, an empty account
 * and a missing user.
 *
 * @param nowWallMs ms since the epoch, for a Retry-After date without a Date header
 */
export function classify(
	endpoint: EndpointName,
	response: ApiResponse,
	nowWallMs: number,
): Verdict {
	return response.status === 200
		? classifyAnswer(endpoint, response, nowWallMs)
		: { ok: false, failure: failureOfStatus(response, nowWallMs), billed: 'returned' };
}

function failureOfStatus(response: ApiResponse, nowWallMs: number): Failure {
	const { status } = response;
	const read = readBody(response.body);
	const body = typeof read === 'string' ? undefined : read;
	const detail = describe(status, body && textOf(body));
	if (status === 401 || status === 403) return { kind: 'invalid-key', detail };
	if (status === 402) return { kind: 'out-of-credits', detail };
	if (status === 429) return { kind: 'rate-limited', detail, ...retryAfter(response, nowWallMs) };
	if (status === 408 || status === 425 || status >= 500) {
		return { kind: 'server-error', detail, status, ...retryAfter(response, nowWallMs) };
	}
	// 201 to 206: an answer without the answer (204), or a part of it (206) that was not asked for.
	if (status < 300) return { kind: 'unreadable-body', detail: describe(status, undefined) };
	if (status < 400) {
		const redirect = `${describe(status, undefined)}, a redirect, which is never followed`;
		return { kind: 'rejected', detail: redirect, status };
	}
	const meaning = body && isErrorEnvelope(body) ? meaningOf(textOf(body), 'any') : undefined;
	return meaning === 'not-found' || meaning === 'private'
		? { kind: meaning, detail }
		: { kind: 'rejected', detail, status };
}

function classifyAnswer(endpoint: EndpointName, response: ApiResponse, nowWallMs: number): Verdict {
	const body = readBody(response.body);
	if (typeof body === 'string') return failureOfBody(body);
	if (!isErrorEnvelope(body) && hasShape(endpoint, body)) return { ok: true, body };

	const text = textOf(body);
	const detail = describe(200, text);
	const lone = Object.keys(body).length === 1 && typeof body['message'] === 'string';
	const meaning = meaningOf(text, lone ? 'lone' : 'any');
	switch (meaning) {
		case 'rate-limited':
			return {
				ok: false,
				failure: { kind: meaning, detail, ...retryAfter(response, nowWallMs) },
				billed: 'returned',
			};
		case 'out-of-credits':
		case 'invalid-key':
			return { ok: false, failure: { kind: meaning, detail }, billed: 'returned' };
		case 'not-found':
		case 'private':
			return { ok: false, failure: { kind: meaning, detail }, billed: 'spent' };
		case undefined:
			return {
				ok: false,
				failure:
					lone || isErrorEnvelope(body)
						? { kind: 'rejected', detail, status: 200 }
						: { kind: 'unexpected-body', detail: missingField(endpoint) },
				billed: 'spent',
			};
	}
}

function failureOfBody(problem: BodyProblem): Verdict {
	const detail = `TikLiveAPI answered HTTP 200 with ${BODY_PROBLEM_TEXT[problem]}`;
	switch (problem) {
		case 'empty':
		case 'html':
		case 'not-json':
			return { ok: false, failure: { kind: 'unreadable-body', detail }, billed: 'unknown' };
		case 'not-object':
		case 'too-deep':
			return { ok: false, failure: { kind: 'unexpected-body', detail }, billed: 'spent' };
	}
}

function isErrorEnvelope({ status }: JsonObject): boolean {
	return typeof status === 'string' && status.toLowerCase() === 'error';
}

/** Asks only for what the endpoint always has; everything else may be null or missing. */
function hasShape(endpoint: EndpointName, body: JsonObject): boolean {
	const { list }: Endpoint = ENDPOINTS[endpoint];
	if (list) return Array.isArray(body[list.key]);
	const holder = endpoint === 'userId' ? body : body['user'];
	return isJsonObject(holder) && isUserId(holder['id']);
}

function missingField(endpoint: EndpointName): string {
	const { list }: Endpoint = ENDPOINTS[endpoint];
	const field = list?.key ?? (endpoint === 'userId' ? 'id' : 'user.id');
	return `TikLiveAPI answered HTTP 200 without ${field}`;
}

/** The API's own words, under whatever name this family of APIs puts them. */
function textOf(body: JsonObject): string | undefined {
	return ['message', 'msg', 'error', 'detail']
		.map((name) => body[name])
		.find((value) => typeof value === 'string');
}

function meaningOf(
	text: string | undefined,
	scope: TextRule['scope'],
): TextRule['meaning'] | undefined {
	if (text === undefined) return undefined;
	return TEXT_RULES.find(
		(rule) => (rule.scope === 'any' || rule.scope === scope) && rule.pattern.test(text),
	)?.meaning;
}

function describe(status: number, text: string | undefined): string {
	const start = `TikLiveAPI answered HTTP ${status}`;
	const quoted = plainText(text ?? '', 150);
	return quoted === '' ? start : `${start}: ${quoted}`;
}

function retryAfter(response: ApiResponse, nowWallMs: number): { retryAfterMs?: number } {
	const retryAfterMs = parseRetryAfter(response.headers, nowWallMs);
	return retryAfterMs === undefined ? {} : { retryAfterMs };
}
