import { ENDPOINTS, type ListEndpoint } from './endpoints';
import { InvalidInput } from './failure';
import type { Cursor } from './paging';
import { isUserId, type UserRef } from './user';

const VERSION = 1;
const PARAMETER = 'Start From';
const ADVICE =
	'Leave Start From empty to begin at the start of the list, or give the bookmark of an earlier run unchanged.';

/**
 * The place where a list was left, so that a later run pays only for what is still missing. It is a place, not
 * a memory: what the API repeats right after it comes once more in the later run.
 */
export interface Bookmark {
	readonly endpoint: ListEndpoint;
	readonly userId: string;
	/** The handle under which the list was asked for, if it was by handle. */
	readonly username: string | undefined;
	/** The type is kept, so that the API gets back exactly what it gave. */
	readonly cursor: Cursor;
	/** Items at the start of that page that were already delivered. */
	readonly delivered: number;
	/** The page size that `delivered` refers to; undefined when nothing of the page was delivered. */
	readonly count: number | undefined;
}

/** Opaque, and safe in addresses and file names. */
export function encodeBookmark(bookmark: Bookmark): string {
	const { endpoint, userId, username, cursor, delivered, count } = bookmark;
	const fields = [VERSION, endpoint, userId, username, cursor, delivered, count];
	return Buffer.from(JSON.stringify(fields)).toString('base64url');
}

/**
 * @param endpoint and `user`: what the list is asked for now
 * @throws InvalidInput "Start From" for anything that is not a bookmark of this version, list and user.
 *   A bookmark made by id does not know the handle; decode it again with the id once that is known.
 */
export function decodeBookmark(text: string, endpoint: ListEndpoint, user: UserRef): Bookmark {
	const fields = readFields(text.trim());
	if (fields === undefined) throw refused('Start From does not hold a bookmark');
	if (fields[0] !== VERSION) throw refused('The bookmark is from another version of this package');

	const bookmark = toBookmark(fields);
	if (bookmark === undefined) throw refused('Start From does not hold a bookmark');
	if (bookmark.endpoint !== endpoint) {
		throw refused(`The bookmark is for ${bookmark.endpoint}, not for ${endpoint}`);
	}
	const isOther =
		user.kind === 'id'
			? bookmark.userId !== user.id
			: bookmark.username !== undefined && bookmark.username !== user.username;
	if (isOther) throw refused('The bookmark is for another user');
	return bookmark;
}

function readFields(text: string): unknown[] | undefined {
	if (!/^[\w-]+$/.test(text)) return undefined;
	try {
		const json: unknown = JSON.parse(Buffer.from(text, 'base64url').toString());
		return Array.isArray(json) ? json : undefined;
	} catch {
		return undefined;
	}
}

function toBookmark(fields: unknown[]): Bookmark | undefined {
	const [, endpoint, userId, username, cursor, delivered, count] = fields;
	if (fields.length !== 7 || !isListEndpoint(endpoint) || !isUserId(userId)) return undefined;
	if (username !== null && typeof username !== 'string') return undefined;
	if (!isCursor(cursor) || !isWhole(delivered) || delivered < 0) return undefined;
	const isPartial = delivered > 0;
	if (isPartial ? !isPageSize(count, endpoint) : count !== null) return undefined;
	return {
		endpoint,
		userId,
		username: username ?? undefined,
		cursor,
		delivered,
		count: isWhole(count) ? count : undefined,
	};
}

function isListEndpoint(value: unknown): value is ListEndpoint {
	return Object.entries(ENDPOINTS).some(([name, { list }]) => name === value && list !== null);
}

function isCursor(value: unknown): value is Cursor {
	return typeof value === 'string' ? value !== '' : Number.isFinite(value);
}

function isPageSize(value: unknown, endpoint: ListEndpoint): value is number {
	return isWhole(value) && value >= 1 && value <= ENDPOINTS[endpoint].list.maxPageSize;
}

function isWhole(value: unknown): value is number {
	return Number.isSafeInteger(value);
}

function refused(message: string): InvalidInput {
	return new InvalidInput(PARAMETER, message, ADVICE);
}
