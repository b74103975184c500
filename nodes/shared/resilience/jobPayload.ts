import { createHash } from 'node:crypto';
import type { UserRef } from '../api';
import { JOB_VERSION, type JobKind } from './jobs';

/** What one job asks for: the parameters of an action node for one user. */
export interface JobRequest {
	user: UserRef;
	/** Records in the short form. */
	simplify: boolean;
	/** For followers, following and posts. */
	list?: {
		/** Undefined for all. */
		limit?: number;
		maxPages?: number;
		startFrom?: string;
		newerThanMs?: number;
		includeBookmark?: boolean;
	};
	/** What the client is told; undefined leaves its defaults. */
	call: {
		maxAgeMs?: number;
		timeoutMs?: number;
		maxAttempts?: number;
		/** Wall clock. What was stored since then serves the job, even from before the job was made. */
		answersSinceMs?: number;
	};
}

export type DecodedPayload =
	| { ok: true; request: JobRequest }
	/** `version`: written by a newer version of this package. */
	| { ok: false; reason: 'damaged' | 'version'; problem: string };

export function encodePayload(request: JobRequest): string {
	return JSON.stringify({ v: JOB_VERSION, ...request });
}

/** Never throws: the text may have been damaged, or written by another version. */
export function decodePayload(kind: JobKind, text: string): DecodedPayload {
	const payload = parse(text);
	if (!isFields(payload)) return damaged('It is not a JSON object');
	if (typeof payload['v'] !== 'number') return damaged('It has no version');
	if (payload['v'] !== JOB_VERSION) {
		const problem = `It is of version ${payload['v']}; this package knows version ${JOB_VERSION}`;
		return { ok: false, reason: 'version', problem };
	}
	const { user, simplify, list, call } = payload;
	if (!isUser(user)) return damaged('It names no user');
	if (typeof simplify !== 'boolean') return damaged('simplify is not a boolean');
	if (!isFields(call) || !Object.values(call).every(isCount))
		return damaged('call is not readable');
	if (kind === 'userInfo') return { ok: true, request: { user, simplify, call } };
	if (!isList(list)) return damaged('list is not readable');
	return { ok: true, request: { user, simplify, list, call } };
}

/** The same for the same question, so that a user who waits already is not asked for a second time. */
export function defaultDedupeKey(kind: JobKind, { call, ...request }: JobRequest): string {
	const { answersSinceMs: _, ...asked } = call;
	return digest(`${kind} ${canonical({ ...request, call: asked })}`);
}

/** The key of a job whose name somebody has chosen; never that of an unnamed one. */
export function namedDedupeKey(name: string): string {
	return digest(`named ${name}`);
}

/** Short, and it names nobody. */
function digest(text: string): string {
	return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}

function canonical(value: unknown): string {
	return JSON.stringify(value, (_key, inner: unknown) =>
		isFields(inner) ? Object.fromEntries(Object.entries(inner).sort()) : inner,
	);
}

type Fields = Record<string, unknown>;
type List = NonNullable<JobRequest['list']>;

function damaged(problem: string): DecodedPayload {
	return { ok: false, reason: 'damaged', problem };
}

function parse(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}

function isFields(value: unknown): value is Fields {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
	return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isUser(value: unknown): value is UserRef {
	if (!isFields(value)) return false;
	return value['kind'] === 'id'
		? typeof value['id'] === 'string'
		: value['kind'] === 'username' && typeof value['username'] === 'string';
}

function isList(value: unknown): value is List {
	if (!isFields(value)) return false;
	const { limit, maxPages, startFrom, newerThanMs, includeBookmark } = value;
	return (
		[limit, maxPages, newerThanMs].every((count) => count === undefined || isCount(count)) &&
		(startFrom === undefined || typeof startFrom === 'string') &&
		(includeBookmark === undefined || typeof includeBookmark === 'boolean')
	);
}
