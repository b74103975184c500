import { contentOf, isErrorEnvelope, isStatusError, missingField, unwrap } from './answer';
import type { EndpointName } from './endpoints';
import type { Failure } from './failure';
import { BODY_PROBLEM_TEXT, readBody, type BodyProblem, type JsonObject } from './json';
import { plainText } from './plainText';
import { parseRateLimitReset } from './rateLimitReset';
import { parseRetryAfter } from './retryAfter';

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
	| {
			ok: true;
			body: JsonObject;
			/** The body as text, where that is not the answer as it came: to be stored in its place. */
			text?: string;
			/** For the log: what was strange about the answer. */
			note?: string;
	  }
	| { ok: false; failure: Failure; billed: Billed };

/** What a text of the API means. `lone`: only when `message` is the body's one field. */
interface TextRule {
	readonly meaning:
		'rate-limited' | 'out-of-credits' | 'invalid-key' | 'not-found' | 'private' | 'server-error';
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
	// What speaks of a limit, or of something to correct, is no matter of waiting.
	{
		meaning: 'server-error',
		scope: 'any',
		pattern:
			/^(?!.*\b(?:limit|invalid|incorrect|check)).*(?:server error|internal error|try (?:it )?again|temporar|time(?:d)?[ -]?out|\bbusy\b|maintenance|overload)/is,
	},
];

const PRECEDED =
	'TikLiveAPI answers with something else, such as a warning of PHP, in front of its JSON. The JSON is read';

/** An id, as number or as text, with a point or an exponent. */
const FLOAT_ID = /"id"[ \t\n\r]*:[ \t\n\r]*"?-?\d+[.eE]/;

/** From here on a person wants to know the time at which to come back. */
const LONG_WAIT_MS = 30_000;

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
	const body = typeof read === 'string' ? undefined : read.body;
	const detail = describe(status, body && textOf(body));
	if (status === 429) return rateLimited(status, body && textOf(body), response, nowWallMs);
	if (status === 408 || status === 425 || status >= 500) {
		return { kind: 'server-error', detail, status, ...retryAfter(response, nowWallMs) };
	}
	// 201 to 206: an answer without the answer (204), or a part of it (206) that was not asked for.
	if (status < 300) return { kind: 'unreadable-body', detail: describe(status, undefined) };
	if (status < 400) {
		const redirect = `${describe(status, undefined)}, a redirect, which is never followed`;
		return { kind: 'rejected', detail: redirect, status };
	}
	const instead = notOfTheApi(response, read);
	if (instead !== undefined) {
		return { kind: 'intercepted', detail: `HTTP ${status} came with ${instead}`, status };
	}
	if (status === 401 || status === 403) return { kind: 'invalid-key', detail };
	if (status === 402) return { kind: 'out-of-credits', detail };
	const meaning = body && isStatusError(body) ? meaningOf(textOf(body), 'any') : undefined;
	return meaning === 'not-found' || meaning === 'private'
		? { kind: meaning, detail }
		: { kind: 'rejected', detail, status };
}

/**
 * What came in place of an answer of the API, which speaks JSON: a page is made for people, by a CDN, a firewall or
 * a portal in between, and a refusal in plain words says nothing of the key either (Cloudflare: "error code: 1020").
 * A 401 or 403 without any body counts as the API's own: Spring, ASP.NET and Envoy refuse a key like that, while
 * those in between have something to say.
 */
function notOfTheApi(
	{ status, headers, body }: ApiResponse,
	read: ReturnType<typeof readBody>,
): string | undefined {
	const isHtml = /\bhtml\b/i.test(headers['content-type'] ?? '');
	if (read === 'html' || (isHtml && (read === 'empty' || read === 'not-json'))) {
		const title = /<title[^>]*>([^<]{1,200})/i.exec(body.slice(0, 20_000))?.[1];
		const named = plainText(title ?? '', 100);
		return `a web page${named === '' ? '' : `, "${named}",`} in place of an answer of TikLiveAPI`;
	}
	if (read === 'not-json' && (status === 401 || status === 403)) {
		return `text in place of JSON: ${plainText(body, 100)}`;
	}
	return undefined;
}

function classifyAnswer(endpoint: EndpointName, response: ApiResponse, nowWallMs: number): Verdict {
	const read = readBody(response.body);
	if (typeof read === 'string') return failureOfBody(read);
	const body = unwrap(endpoint, read.body);
	const text = textOf(body) ?? textOf(read.body);
	const lone = Object.keys(body).length === 1 && typeof body['message'] === 'string';
	const meaning = meaningOf(text, lone ? 'lone' : 'any');

	const isError = isErrorEnvelope(read.body) || isErrorEnvelope(body);
	const isRefusal = meaning === 'not-found' || meaning === 'private';
	const content = isError ? undefined : contentOf(endpoint, body, !isRefusal);
	if (content !== undefined) {
		const asItCame = content === read.body && !read.preceded;
		return {
			ok: true,
			body: content,
			...(!asItCame && { text: JSON.stringify(content) }),
			...(read.preceded && { note: PRECEDED }),
		};
	}

	const detail = describe(200, text);
	switch (meaning) {
		case 'rate-limited':
			return {
				ok: false,
				failure: rateLimited(200, text, response, nowWallMs),
				billed: 'returned',
			};
		case 'out-of-credits':
		case 'invalid-key':
			return { ok: false, failure: { kind: meaning, detail }, billed: 'returned' };
		case 'not-found':
		case 'private':
			return { ok: false, failure: { kind: meaning, detail }, billed: 'spent' };
		case 'server-error':
			return {
				ok: false,
				failure: { kind: meaning, detail, status: 200, ...retryAfter(response, nowWallMs) },
				billed: 'unknown',
			};
		case undefined:
			return {
				ok: false,
				failure:
					lone || isError
						? { kind: 'rejected', detail, status: 200 }
						: { kind: 'unexpected-body', detail: whatIsMissing(endpoint, response.body) },
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

function whatIsMissing(endpoint: EndpointName, text: string): string {
	const field = missingField(endpoint);
	const start = `TikLiveAPI answered HTTP 200 with`;
	return field.endsWith('id') && FLOAT_ID.test(text)
		? `${start} ${field} as a number with a point or an exponent, which may be somebody else's id`
		: `${start}out ${field}`;
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

function rateLimited(
	status: number,
	text: string | undefined,
	{ headers }: ApiResponse,
	nowWallMs: number,
): Failure {
	const retryAfterMs =
		parseRetryAfter(headers, nowWallMs) ?? parseRateLimitReset(headers, nowWallMs);
	const detail = describe(status, text);
	if (retryAfterMs === undefined) return { kind: 'rate-limited', detail };
	const until = new Date(nowWallMs + retryAfterMs).toISOString().replace(/\.\d+Z$/, 'Z');
	return {
		kind: 'rate-limited',
		detail: retryAfterMs < LONG_WAIT_MS ? detail : `${detail}; it wants no request before ${until}`,
		retryAfterMs,
	};
}

function retryAfter(response: ApiResponse, nowWallMs: number): { retryAfterMs?: number } {
	const retryAfterMs = parseRetryAfter(response.headers, nowWallMs);
	return retryAfterMs === undefined ? {} : { retryAfterMs };
}
