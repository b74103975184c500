import type { Call } from './call';
import { InvalidInput } from './failure';
import type { JsonObject } from './json';
import { readList } from './operations';
import { isPinned, postId, postTimeMs, type PostRecord } from './records';
import type { UserRef } from './user';

/**
 * How much earlier than the newest post another one may have been made and still be news when it turns up. TikTok
 * holds posts back for review, and its servers do not all know a post at the same moment. It is told where a look
 * meets it: on the first page, or above the newest post that was known. Below that no look pays for pages.
 */
export const LATE_MS = 24 * 60 * 60_000;
/** Posts of one user that are remembered; a user with more of them in `LATE_MS` gets less patience with late ones. */
export const MAX_KNOWN = 500;
/** How far ahead of our clock a post's time may be; what says more, such as an id without a time in it, is wrong. */
const AHEAD_MS = 24 * 60 * 60_000;
/** Pages that a first look goes through to find any post at all: the API may filter a page down to nothing. */
const FIRST_LOOK_PAGES = 3;

/** One post as the feed shows it. */
export interface FeedPost {
	/** Undefined: nothing tells it apart from others, so it is never news. */
	readonly id: string | undefined;
	/**
	 * When it was made, ms since the epoch. Undefined also for a time in the future: remembered as the newest one,
	 * it would make all posts of the years until then too old to be told.
	 */
	readonly timeMs: number | undefined;
	readonly pinned: boolean;
	/** As the API gave it, ids as strings. */
	readonly raw: JsonObject;
	readonly record: PostRecord;
}

/**
 * What is remembered of a feed between two looks; plain JSON. Every post from after the floor that a look has ever
 * seen is in `known`; what is older than the floor is not news whenever it turns up: pinned, moved up after a
 * deletion, or made public again.
 */
export interface FeedMemory {
	/** When the newest post ever seen was made, ms since the epoch. It never goes back when that post is deleted. */
	readonly newestMs: number;
	readonly floorMs: number;
	readonly known: readonly (readonly [id: string, madeMs: number])[];
	/** Posts that there was no room for in the last look. */
	readonly gap?: FeedGap;
}

/** Posts between two times that are still to be read, because a look was ended by its page cap. */
export interface FeedGap {
	/** Where reading goes on. */
	readonly bookmark: string;
	/** Posts made from then on are news, ms since the epoch. */
	readonly fromMs: number;
	/** Posts made until then are news. */
	readonly toMs: number;
	/** Posts from in between that are known: made at one of the two very moments, or seen at the top, pinned. */
	readonly known: FeedMemory['known'];
}

export interface FeedNews {
	/** Oldest first. */
	readonly posts: readonly FeedPost[];
	readonly memory: FeedMemory;
	/** More pages are missing than one gap can remember: some posts will never be told. */
	readonly lost: boolean;
}

/** The pages of one look, from the top of the feed or from a bookmark on. */
export interface FeedPart {
	/** In the API's order. */
	readonly posts: readonly FeedPost[];
	/** Where to go on; undefined when the part reaches the end of the feed, or what is known. */
	readonly cutAt: string | undefined;
}

/** The baseline: everything there is, is known. */
export function firstLook(posts: readonly FeedPost[], nowMs: number): FeedMemory {
	const newestMs = newestOf(posts) ?? nowMs - LATE_MS;
	const floorMs = Math.max(newestMs - LATE_MS, oldestMs(posts) ?? -Infinity);
	return remember({ newestMs, floorMs, known: [] }, posts);
}

/** What is new at the top of the feed. */
export function laterLook(memory: FeedMemory, { posts, cutAt }: FeedPart): FeedNews {
	const known = new Map(memory.known);
	const news = posts.filter(
		({ id, timeMs }) =>
			id !== undefined && !known.has(id) && (timeMs === undefined || timeMs > memory.floorMs),
	);
	const newestMs = Math.max(memory.newestMs, newestOf(posts) ?? -Infinity);
	const toMs = cutAt === undefined ? undefined : oldestMs(posts);
	const floorMs = Math.max(memory.floorMs, newestMs - LATE_MS, toMs ?? -Infinity);
	const next = remember({ ...memory, newestMs, floorMs }, posts);
	const inOrder = oldestFirst(news);
	// Without any news there is no way down to more of it: asking on would cost credits in every look.
	if (cutAt === undefined || news.length === 0)
		return { posts: inOrder, memory: next, lost: false };
	if (toMs === undefined) return { posts: inOrder, memory: next, lost: true };
	if (memory.gap !== undefined) return { posts: inOrder, memory: next, lost: true };
	const fromMs = memory.newestMs;
	const edge = [...memory.known, ...entries(posts, newestMs)].filter(
		([, madeMs]) => madeMs >= fromMs && madeMs <= toMs,
	);
	return {
		posts: inOrder,
		memory: { ...next, gap: { bookmark: cutAt, fromMs, toMs, known: edge } },
		lost: false,
	};
}

/** What pages of the top hold of a gap: what was pinned meanwhile has left its place. */
function pinnedOfGap(gap: FeedGap, posts: readonly FeedPost[]) {
	const news = newsOfGap(gap, posts);
	return { posts: news, gap: { ...gap, known: [...gap.known, ...entries(news, gap.toMs)] } };
}

/** What a further part of a gap holds, and the gap that is left. */
export function gapLook(
	gap: FeedGap,
	{ posts, cutAt }: FeedPart,
): { posts: readonly FeedPost[]; gap: FeedGap | undefined } {
	const news = newsOfGap(gap, posts);
	const toMs = Math.min(gap.toMs, oldestMs(posts) ?? gap.toMs);
	if (cutAt === undefined || toMs < gap.fromMs) return { posts: news, gap: undefined };
	const edge = entries(posts, toMs).filter(([, madeMs]) => madeMs <= toMs);
	const known = [...gap.known, ...edge].slice(-MAX_KNOWN);
	return { posts: news, gap: { ...gap, bookmark: cutAt, toMs, known } };
}

function newsOfGap({ fromMs, toMs, known }: FeedGap, posts: readonly FeedPost[]): FeedPost[] {
	const ids = new Set(known.map(([id]) => id));
	const news = posts.filter(
		({ id, timeMs }) =>
			id !== undefined &&
			!ids.has(id) &&
			timeMs !== undefined &&
			timeMs >= fromMs &&
			timeMs <= toMs,
	);
	return oldestFirst(news);
}

/** Whether all that follows on later pages is older than `ms`. Pinned posts stand before the others, out of order. */
export function reaches(posts: readonly FeedPost[], ms: number): boolean {
	return (oldestMs(posts) ?? Infinity) < ms;
}

export interface NewPostsRequest {
	user: UserRef;
	/** Undefined for the first look. */
	memory: FeedMemory | undefined;
	/** Pages of the top and of a gap at most, each one credit. */
	maxPages: number;
	/** Wall clock, ms since the epoch. */
	nowMs: number;
}

/**
 * Looks at a feed: usually at one page, and at further ones until what is known is reached. What does not fit into
 * `maxPages` is read by the next looks.
 *
 * @throws CallFailure or ListInterrupted when a page could not be had. Nothing is lost: the memory stays as it was
 */
export async function readNewPosts(
	call: Call,
	{ user, memory, maxPages, nowMs }: NewPostsRequest,
): Promise<FeedNews> {
	const latestMs = nowMs + AHEAD_MS;
	if (memory === undefined) {
		const look = { user, maxPages: FIRST_LOOK_PAGES, latestMs };
		const { posts } = await readPart(call, look, (read) => read.length > 0);
		return { posts: [], memory: firstLook(posts, nowMs), lost: false };
	}
	const look = { user, maxPages, latestMs };
	const top = await readPart(call, look, (read) => reaches(read, memory.newestMs));
	const { gap } = memory;
	if (gap === undefined) return laterLook(memory, top);

	const pinned = pinnedOfGap(gap, top.posts);
	const part = await readGap(call, look, gap);
	const older = part === undefined ? { posts: [], gap: undefined } : gapLook(pinned.gap, part);
	const rest = withoutGap(memory);
	const news = laterLook(older.gap === undefined ? rest : { ...rest, gap: older.gap }, top);
	return {
		...news,
		posts: [...oldestFirst([...older.posts, ...pinned.posts]), ...news.posts],
		lost: news.lost || part === undefined,
	};
}

/** The newest post of a feed, for a test run; undefined when there is none. */
export async function readNewestPost(call: Call, user: UserRef): Promise<FeedPost | undefined> {
	const look = { user, maxPages: FIRST_LOOK_PAGES, latestMs: Infinity };
	const { posts } = await readPart(call, look, (read) => read.length > 0);
	return oldestFirst(posts).at(-1);
}

/** Undefined for anything that is not the memory of a feed. */
export function toFeedMemory(value: unknown): FeedMemory | undefined {
	const { newestMs, floorMs, known, gap } = (value ?? {}) as Partial<FeedMemory>;
	if (!isTime(newestMs) || !isTime(floorMs) || !isKnown(known)) return undefined;
	const memory = { newestMs, floorMs, known };
	return isGap(gap) ? { ...memory, gap } : memory;
}

// ---------------------------------------------------------------- reading

interface PartRequest {
	user: UserRef;
	maxPages: number;
	/** Times from after this are not believed, ms since the epoch. */
	latestMs: number;
	/** A bookmark. */
	startFrom?: string;
}

/** Undefined when the bookmark is not understood any more. */
async function readGap(call: Call, look: PartRequest, gap: FeedGap): Promise<FeedPart | undefined> {
	const known = (read: readonly FeedPost[]) => reaches(read, gap.fromMs);
	try {
		return await readPart(call, { ...look, startFrom: gap.bookmark }, known);
	} catch (error) {
		if (error instanceof InvalidInput) return undefined;
		throw error as Error;
	}
}

async function readPart(
	call: Call,
	{ latestMs, ...request }: PartRequest,
	isEnough: (posts: readonly FeedPost[]) => boolean,
): Promise<FeedPart> {
	const pages = readList(call, { endpoint: 'userPosts', ...request, limit: undefined });
	const posts: FeedPost[] = [];
	for (;;) {
		const { done, value } = await pages.next();
		if (done) {
			return { posts, cutAt: value.stopReason === 'max-pages' ? value.bookmark : undefined };
		}
		const page = value.records.map((raw, index) =>
			feedPost(raw, value.simplified[index] as PostRecord, latestMs),
		);
		posts.push(...page);
		if (isEnough(page)) return { posts, cutAt: undefined };
	}
}

function feedPost(raw: JsonObject, record: PostRecord, latestMs: number): FeedPost {
	const madeMs = postTimeMs(raw);
	const timeMs = madeMs !== undefined && madeMs <= latestMs ? madeMs : undefined;
	return { id: postId(raw), timeMs, pinned: isPinned(raw), raw, record };
}

// ---------------------------------------------------------------- remembering

/** Takes in what was seen, and forgets what is not news anyway. */
function remember(memory: FeedMemory, posts: readonly FeedPost[]): FeedMemory {
	// A post that does not say when it was made counts as the newest one for as long as it is seen.
	const seen = new Map(entries(posts, memory.newestMs));
	const all = [...new Map([...memory.known, ...seen])]
		.filter(([, madeMs]) => madeMs > memory.floorMs)
		.sort(([, a], [, b]) => b - a);
	const firstForgotten = all[MAX_KNOWN];
	if (firstForgotten === undefined) return { ...memory, known: all };
	const floorMs = Math.max(memory.floorMs, firstForgotten[1]);
	return { ...memory, floorMs, known: all.slice(0, MAX_KNOWN) };
}

function withoutGap({ newestMs, floorMs, known }: FeedMemory): FeedMemory {
	return { newestMs, floorMs, known };
}

/** @param insteadMs for posts that do not say when they were made */
function entries(posts: readonly FeedPost[], insteadMs: number): [string, number][] {
	return posts.flatMap(({ id, timeMs }): [string, number][] =>
		id === undefined ? [] : [[id, timeMs ?? insteadMs]],
	);
}

function newestOf(posts: readonly FeedPost[]): number | undefined {
	const newestMs = posts.reduce((most, { timeMs }) => Math.max(most, timeMs ?? most), -Infinity);
	return newestMs === -Infinity ? undefined : newestMs;
}

/** How far down the feed was read. The last post says it: some in front of it may be pinned without saying so. */
function oldestMs(posts: readonly FeedPost[]): number | undefined {
	return posts.findLast(({ pinned, timeMs }) => !pinned && timeMs !== undefined)?.timeMs;
}

/** Of posts made in the same second, the one further down the feed came first. */
function oldestFirst(posts: readonly FeedPost[]): FeedPost[] {
	return posts.toReversed().sort((a, b) => (a.timeMs ?? Infinity) - (b.timeMs ?? Infinity) || 0);
}

function isGap(value: unknown): value is FeedGap {
	const { bookmark, fromMs, toMs, known } = (value ?? {}) as Partial<FeedGap>;
	return typeof bookmark === 'string' && isTime(fromMs) && isTime(toMs) && isKnown(known);
}

function isTime(value: unknown): value is number {
	return typeof value === 'number' && Number.isFinite(value);
}

function isKnown(value: unknown): value is FeedMemory['known'] {
	return (
		Array.isArray(value) &&
		value.every(
			(entry: unknown) => Array.isArray(entry) && typeof entry[0] === 'string' && isTime(entry[1]),
		)
	);
}
