import { decodeBookmark, encodeBookmark, type Bookmark } from './bookmark';
import type { Call, CallAnswer } from './call';
import { ENDPOINTS, type ListEndpoint } from './endpoints';
import { CallFailure, InvalidInput } from './failure';
import { isJsonObject, type JsonObject, type JsonValue } from './json';
import {
	nextPage,
	pageSize,
	startList,
	type PageItem,
	type Position,
	type StopReason,
} from './paging';
import {
	isPinned,
	personId,
	personRecord,
	postId,
	postRecord,
	postTimeMs,
	userRecord,
	type PersonRecord,
	type PostRecord,
	type UserRecord,
} from './records';
import { isUserId, type UserRef } from './user';

export interface UserInfo {
	/** The body as the API gave it, ids as strings. */
	raw: JsonObject;
	record: UserRecord;
	answer: CallAnswer;
}

/** The simplified record of each list. */
export interface ListRecords {
	userFollowers: PersonRecord;
	userFollowing: PersonRecord;
	userPosts: PostRecord;
}

export interface ListRequest<E extends ListEndpoint> {
	endpoint: E;
	user: UserRef;
	/** Items at most; undefined for all of them. */
	limit: number | undefined;
	/** Pages at most, each one credit. */
	maxPages: number;
	/** A bookmark of an earlier run. */
	startFrom?: string | undefined;
	/** Posts only: ms since the epoch; posts from this time or before are left out, and end the list. */
	newerThanMs?: number | undefined;
}

export interface ListPage<E extends ListEndpoint> {
	/** As the API gave them, ids as strings. */
	records: JsonObject[];
	/** The same items in the same order. */
	simplified: ListRecords[E][];
	answer: CallAnswer;
	/** The look-up of the user id, on the first page, if one was made. */
	lookup: CallAnswer | undefined;
	/** Where to go on after this page; undefined when the list has ended. */
	bookmark: string | undefined;
}

export interface ListResult {
	stopReason: StopReason;
	/** Undefined when the list has ended. */
	bookmark: string | undefined;
	pages: number;
	userId: string;
}

/** A list that failed on the way. Everything up to `bookmark` was delivered; the failure is the cause. */
export class ListInterrupted extends Error {
	override readonly name = 'ListInterrupted';

	constructor(
		/** Another run that starts from here loses nothing and pays for nothing twice. */
		readonly bookmark: string,
		override readonly cause: CallFailure,
	) {
		super(cause.message);
	}
}

/** What differs between the lists, beside what ENDPOINTS says. */
interface ItemReader<E extends ListEndpoint> {
	id(item: JsonObject): string | undefined;
	simplify(item: JsonObject, ownerUsername: string | undefined): ListRecords[E];
}

const ITEM_READERS: { readonly [E in ListEndpoint]: ItemReader<E> } = {
	userFollowers: { id: personId, simplify: personRecord },
	userFollowing: { id: personId, simplify: personRecord },
	userPosts: { id: postId, simplify: postRecord },
};

/** @throws CallFailure */
export async function readUserInfo(call: Call, user: UserRef): Promise<UserInfo> {
	const answer =
		user.kind === 'id'
			? await call('userInfoById', { userid: user.id })
			: await call('userInfoByUsername', { username: user.username });
	return { raw: answer.body, record: userRecord(answer.body), answer };
}

/**
 * The numeric id that the lists need. An id is taken as it is; a handle is looked up.
 *
 * @throws CallFailure
 */
export async function resolveUserId(
	call: Call,
	user: UserRef,
): Promise<{ userId: string; lookup: CallAnswer | undefined }> {
	if (user.kind === 'id') return { userId: user.id, lookup: undefined };
	const lookup = await call('userId', { username: user.username });
	const userId = lookup.body['id'];
	if (isUserId(userId)) return { userId, lookup };
	throw new CallFailure(
		{ kind: 'unexpected-body', detail: 'TikLiveAPI answered without id' },
		lookup.attempts,
		lookup.credits,
	);
}

/**
 * Reads a list page by page; a page is asked for when the consumer asks for it, so leaving the loop spends
 * nothing more. Items come once each, in the API's order.
 *
 * @throws InvalidInput before any request
 * @throws CallFailure when nothing was delivered and there is no bookmark to go on from
 * @throws ListInterrupted for any other failure of a call
 */
export async function* readList<E extends ListEndpoint>(
	call: Call,
	request: ListRequest<E>,
): AsyncGenerator<ListPage<E>, ListResult, void> {
	const { endpoint, user, startFrom } = request;
	const { key, paging, maxPageSize } = ENDPOINTS[endpoint].list;
	const maxItems = request.limit === undefined ? Infinity : wholeNumber('Limit', request.limit);
	const maxPages = wholeNumber('Max Pages', request.maxPages);
	if (Number.isNaN(request.newerThanMs)) {
		throw new InvalidInput('Newer Than', 'Newer Than is not a time', 'Enter a date and a time.');
	}
	const start = startFrom ? decodeBookmark(startFrom, endpoint, user) : undefined;

	const ask = tallied(call);
	let resumeAt = startFrom ? startFrom.trim() : undefined;
	const { userId, lookup } = await resumable(listUserId(ask, user, start), resumeAt);
	if (startFrom) decodeBookmark(startFrom, endpoint, { kind: 'id', id: userId });
	const username = user.kind === 'username' ? user.username : start?.username;

	let state = startList({
		maxItems,
		maxPages,
		position: start,
		firstCount: start?.count,
	});
	for (;;) {
		const count = pageSize(state, maxPageSize);
		const params = { userid: userId, count, [paging]: state.position.cursor };
		const answer = await resumable(ask(endpoint, params), resumeAt);

		const items = listIn(answer.body, key);
		const outcome = nextPage(state, {
			items: items.map((item) => toPageItem(endpoint, item, request.newerThanMs)),
			hasMore: answer.body['hasMore'] ?? answer.body['has_more'],
			cursor: answer.body[paging],
			reachedOlder: items.some((item) => isOlder(endpoint, item, request.newerThanMs)),
		});
		resumeAt = outcome.next && encodePosition({ endpoint, userId, username }, outcome.next, count);
		const records = outcome.take.map((index) => items[index]).filter(isJsonObject);
		yield {
			records,
			simplified: records.map((item) => ITEM_READERS[endpoint].simplify(item, username)),
			answer,
			lookup: state.pages === 0 ? lookup : undefined,
			bookmark: resumeAt,
		};
		state = outcome.state;
		if (outcome.stop !== undefined) {
			return { stopReason: outcome.stop, bookmark: resumeAt, pages: state.pages, userId };
		}
	}
}

/** A failure tells what the whole list has cost so far: the look-up and the pages before it too. */
function tallied(call: Call): Call {
	let attempts = 0;
	let credits = 0;
	return async (endpoint, params) => {
		const answer = await call(endpoint, params).catch((error: unknown) => {
			throw error instanceof CallFailure && attempts > 0
				? new CallFailure(error.failure, attempts + error.attempts, credits + error.credits)
				: error;
		});
		attempts += answer.attempts;
		credits += answer.credits;
		return answer;
	};
}

/** A bookmark that was made under the same handle knows the id, which saves the look-up. */
async function listUserId(call: Call, user: UserRef, start: Bookmark | undefined) {
	return user.kind === 'username' && start?.username === user.username
		? { userId: start.userId, lookup: undefined }
		: await resolveUserId(call, user);
}

async function resumable<T>(work: Promise<T>, bookmark: string | undefined): Promise<T> {
	return await work.catch((error: unknown) => {
		throw bookmark !== undefined && error instanceof CallFailure
			? new ListInterrupted(bookmark, error)
			: error;
	});
}

function encodePosition(
	list: Pick<Bookmark, 'endpoint' | 'userId' | 'username'>,
	{ cursor, delivered }: Position,
	count: number,
): string {
	return encodeBookmark({ ...list, cursor, delivered, count: delivered > 0 ? count : undefined });
}

function listIn(body: JsonObject, key: string): readonly JsonValue[] {
	const list = body[key];
	return Array.isArray(list) ? list : [];
}

/** An element that is not an object keeps its place, so that positions in the page stay true, and is left out. */
function toPageItem(
	endpoint: ListEndpoint,
	item: JsonValue,
	newerThanMs: number | undefined,
): PageItem {
	if (!isJsonObject(item)) return { id: undefined, wanted: false };
	return {
		id: ITEM_READERS[endpoint].id(item),
		wanted: endpoint !== 'userPosts' || !isTooOld(item, newerThanMs),
	};
}

/** Whether the rest of the list is too old as well. A pinned post says nothing about those after it. */
function isOlder(
	endpoint: ListEndpoint,
	item: JsonValue,
	newerThanMs: number | undefined,
): boolean {
	return (
		endpoint === 'userPosts' && isJsonObject(item) && !isPinned(item) && isTooOld(item, newerThanMs)
	);
}

/** A post without a time is not left out: nothing says that it is old. */
function isTooOld(post: JsonObject, newerThanMs: number | undefined): boolean {
	const timeMs = postTimeMs(post);
	return newerThanMs !== undefined && timeMs !== undefined && timeMs <= newerThanMs;
}

function wholeNumber(parameter: string, value: number): number {
	if (Number.isSafeInteger(value) && value >= 1) return value;
	throw new InvalidInput(
		parameter,
		`${parameter} is ${value}, but must be a whole number from 1`,
		`Set ${parameter} to 1 or more.`,
	);
}
