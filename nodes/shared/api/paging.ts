import type { JsonValue } from './json';

/** Where a page starts, exactly as the API gave it; 0 is the start of the list. */
export type Cursor = string | number;

export const START: Cursor = 0;

/**
 * `end`, `older`: nothing more to get. `no-cursor`, `repeated-cursor`, `empty-pages`, `nothing-new`: the API
 * says there is more but gives no way to it; asking on would only cost credits.
 * `limit`, `max-pages`: our own caps; another run can go on.
 */
export type StopReason =
	| 'end'
	| 'older'
	| 'no-cursor'
	| 'repeated-cursor'
	| 'empty-pages'
	| 'nothing-new'
	| 'limit'
	| 'max-pages';

/** TikTok filters pages, so one may be empty while more follow (facts section 2). The third in a row ends the list. */
export const MAX_EMPTY_PAGES = 2;
/** Pages in a row that bring items but none that is new; the second one ends the list. */
export const MAX_STALE_PAGES = 2;
/** Repeats come from neighbouring pages; this covers 100 full pages at about 2 MB. */
export const MAX_REMEMBERED_IDS = 20_000;
/** A cycle longer than this is ended by the page cap. */
export const MAX_REMEMBERED_CURSORS = 1_000;
/**
 * Later pages ask for at least this many. A page of one or two may hold nothing but the people of the second
 * where the last page ended, and then its cursor stands still; a larger page costs the same credit.
 */
export const MIN_NEXT_PAGE = 20;

export interface PageItem {
	/** Undefined when the element carries none; such an item is delivered but does not count as new. */
	readonly id: string | undefined;
	readonly wanted: boolean;
}

export interface Page {
	readonly items: readonly PageItem[];
	/** As in the body. */
	readonly hasMore: JsonValue | undefined;
	readonly cursor: JsonValue | undefined;
	/** The page holds an item from before the time that was asked for; all later ones are older still. */
	readonly reachedOlder: boolean;
}

/** A place in a list: `delivered` items at the start of the page at `cursor` are already in somebody's hands. */
export interface Position {
	readonly cursor: Cursor;
	readonly delivered: number;
}

export interface ListState {
	/** The page to ask for. */
	readonly position: Position;
	/** Pages read and items delivered in this run. */
	readonly pages: number;
	readonly taken: number;
	readonly maxItems: number;
	readonly maxPages: number;
	/** Page size of the first request; that of the page that an earlier run left half delivered. */
	readonly firstCount: number | undefined;
	readonly emptyPages: number;
	readonly stalePages: number;
	/** The latest cursors, as text. */
	readonly cursors: readonly string[];
	/** The latest ids, a set a page. */
	readonly ids: readonly ReadonlySet<string>[];
}

export interface PageOutcome {
	/** To ask on with, when `stop` is undefined. */
	readonly state: ListState;
	/** Indexes of the page's items to deliver, in order. */
	readonly take: readonly number[];
	readonly stop: StopReason | undefined;
	/** Where to go on, now or in another run; undefined when the list has ended. */
	readonly next: Position | undefined;
}

export function startList(options: {
	/** Infinity for all. */
	maxItems: number;
	maxPages: number;
	position?: Position | undefined;
	firstCount?: number | undefined;
}): ListState {
	const position = options.position ?? { cursor: START, delivered: 0 };
	return {
		position,
		pages: 0,
		taken: 0,
		maxItems: options.maxItems,
		maxPages: options.maxPages,
		firstCount: options.firstCount,
		emptyPages: 0,
		stalePages: 0,
		cursors: [String(position.cursor)],
		ids: [],
	};
}

/** How many items to ask for. */
export function pageSize(state: ListState, maxPageSize: number): number {
	const missing = state.maxItems - state.taken;
	if (state.pages > 0) return Math.min(maxPageSize, Math.max(missing, MIN_NEXT_PAGE));
	return state.firstCount ?? Math.min(maxPageSize, missing);
}

/** What a page that was read means: what to deliver, whether to go on, and from where. */
export function nextPage(state: ListState, page: Page): PageOutcome {
	const { take, ids, fresh, rest } = selectItems(state, page.items);
	const taken = state.taken + take.length;
	const pages = state.pages + 1;
	const isEmpty = page.items.length === 0;
	const read = {
		...state,
		pages,
		taken,
		emptyPages: isEmpty ? state.emptyPages + 1 : 0,
		stalePages: nextStalePages(state, isEmpty, fresh),
		ids: remember(state.ids, ids),
	};

	if (rest !== undefined) {
		const next = { cursor: state.position.cursor, delivered: rest };
		return { state: { ...read, position: next }, take, stop: 'limit', next };
	}
	const cursor = usableCursor(page.cursor);
	const ended = endReason(read, page, cursor);
	if (ended !== undefined || cursor === undefined) {
		return { state: read, take, stop: ended, next: undefined };
	}
	const next = { cursor, delivered: 0 };
	const cursors = [...state.cursors, String(cursor)].slice(-MAX_REMEMBERED_CURSORS);
	return { state: { ...read, position: next, cursors }, take, stop: capReason(read), next };
}

/**
 * Walks the page in order: leaves out what was delivered before, what is a repeat and what is not wanted,
 * and stops at the first item that would go over the item cap (`rest` is its index).
 */
function selectItems(state: ListState, items: readonly PageItem[]) {
	const take: number[] = [];
	const ids = new Set<string>();
	let fresh = 0;
	for (const [index, { id, wanted }] of items.entries()) {
		if (id !== undefined && (ids.has(id) || state.ids.some((known) => known.has(id)))) continue;
		const isDelivered = index < state.position.delivered;
		if (wanted && !isDelivered) {
			if (state.taken + take.length >= state.maxItems) return { take, ids, fresh, rest: index };
			take.push(index);
		}
		if (id === undefined) continue;
		ids.add(id);
		if (!isDelivered) fresh++;
	}
	return { take, ids, fresh, rest: undefined };
}

/** An empty page neither counts nor forgives: empty and stale pages by turns must end too. */
function nextStalePages(state: ListState, isEmpty: boolean, fresh: number): number {
	if (fresh > 0) return 0;
	return isEmpty ? state.stalePages : state.stalePages + 1;
}

function endReason(
	read: ListState,
	page: Page,
	cursor: Cursor | undefined,
): StopReason | undefined {
	if (!isTruthy(page.hasMore)) return 'end';
	if (page.reachedOlder) return 'older';
	if (cursor === undefined) return 'no-cursor';
	if (read.cursors.includes(String(cursor))) return 'repeated-cursor';
	if (read.emptyPages > MAX_EMPTY_PAGES) return 'empty-pages';
	if (read.stalePages >= MAX_STALE_PAGES) return 'nothing-new';
	return undefined;
}

function capReason(read: ListState): StopReason | undefined {
	if (read.taken >= read.maxItems) return 'limit';
	return read.pages >= read.maxPages ? 'max-pages' : undefined;
}

/** `hasMore` has been seen as true, 1 and absent; as text it would be true in JavaScript even when it says no. */
function isTruthy(value: JsonValue | undefined): boolean {
	if (typeof value === 'string')
		return !['', '0', 'false', 'null'].includes(value.trim().toLowerCase());
	return Boolean(value);
}

/** The last page may carry 0, -1, an empty text or nothing (facts section 2). Any other text is opaque. */
function usableCursor(value: JsonValue | undefined): Cursor | undefined {
	if (typeof value === 'number') return Number.isFinite(value) && value > 0 ? value : undefined;
	if (typeof value !== 'string') return undefined;
	// Number('') and Number(' ') are 0; a text that is not a number gives NaN, which is not <= 0.
	return Number(value) <= 0 ? undefined : value;
}

/** Forgets the oldest pages once the newer ones alone fill the memory. */
function remember(
	known: readonly ReadonlySet<string>[],
	added: ReadonlySet<string>,
): readonly ReadonlySet<string>[] {
	if (added.size === 0) return known;
	const all = [...known, added];
	let newer = all.reduce((sum, ids) => sum + ids.size, 0);
	return all.filter((ids) => {
		newer -= ids.size;
		return newer < MAX_REMEMBERED_IDS;
	});
}
