import type { Call } from '../../nodes/shared/api/call';
import { CallFailure } from '../../nodes/shared/api/failure';
import {
	LATE_MS,
	readNewPosts,
	toFeedMemory,
	type FeedMemory,
} from '../../nodes/shared/api/newPosts';

export const USER = { kind: 'id', id: '107955' } as const;
/** Posts of a page. */
export const PAGE = 35;
export const DAY_SECONDS = LATE_MS / 1_000;
/** When the first post of a feed is made, epoch seconds. */
const START = 1_760_000_000;

export interface Post {
	id: string;
	/** Undefined: the API does not say. */
	seconds: number | undefined;
	pinned: boolean;
	/** Places it among the others; unique. */
	rank: number;
}

/** A feed as the API shows it: pinned posts first, then newest first; a cursor means what is older. */
export class Feed {
	posts: Post[] = [];
	requests = 0;
	/** The request with this number fails, counted from 1. */
	failAt = 0;
	/** Whether the body says which posts are pinned. */
	saysPinned = true;
	/** How many posts of a page come again on the next one. */
	overlap = 0;
	/** Whether the first page holds the pinned posts only. */
	pinnedAlone = false;
	nowSeconds = START;
	#made = 0;

	/** Posts made one after the other, `apart` seconds between them. */
	publish(count = 1, apart = 60): Post[] {
		return Array.from({ length: count }, () => {
			this.nowSeconds += apart;
			return this.add(this.nowSeconds);
		});
	}

	/** A post made at some time, whenever it turns up. */
	add(seconds: number | undefined): Post {
		this.#made += 1;
		const rank = (seconds ?? this.nowSeconds) * 1_000 + (this.#made % 1_000);
		const post = { id: `7${this.#made}`, seconds, pinned: false, rank };
		this.posts.push(post);
		return post;
	}

	/** All of them, in the order in which the API shows them. */
	shown(): Post[] {
		return [...this.posts].sort((a, b) => Number(b.pinned) - Number(a.pinned) || b.rank - a.rank);
	}

	remove(...gone: Post[]): void {
		this.posts = this.posts.filter((post) => !gone.includes(post));
	}

	readonly call: Call = async (endpoint, params) => {
		expect(endpoint).toBe('userPosts');
		this.requests += 1;
		if (this.requests === this.failAt) {
			throw new CallFailure({ kind: 'network', detail: 'gone', code: 'ECONNRESET' });
		}
		const cursor = Number(params['cursor']);
		const shown = this.shown();
		const rest = cursor === 0 ? shown : shown.filter((post) => !post.pinned && post.rank < cursor);
		const pinned = rest.filter((post) => post.pinned);
		const page =
			this.pinnedAlone && pinned.length > 0 ? pinned : rest.slice(0, Number(params['count']));
		const last = page.at(-1 - this.overlap);
		return {
			body: {
				videos: page.map(({ id, seconds, pinned }) => ({
					video_id: id,
					...(seconds !== undefined && { create_time: seconds }),
					is_top: this.saysPinned && pinned ? 1 : 0,
				})),
				cursor: String(last?.pinned === false ? last.rank : this.nowSeconds * 1_000 + 999_999),
				hasMore: rest.length > page.length,
			},
			source: 'network',
			fetchedAtMs: this.nowSeconds * 1_000,
			attempts: 1,
			credits: 1,
		};
	};
}

/** Looks at a feed again and again, as polls do; what is remembered goes through JSON. */
export class Watcher {
	memory: FeedMemory | undefined;
	readonly told: string[] = [];
	lost = false;

	constructor(
		readonly feed: Feed,
		readonly maxPages = 10,
	) {}

	/** The ids of the posts that are told by this look. */
	async look(): Promise<string[]> {
		const { posts, memory, lost } = await readNewPosts(this.feed.call, {
			user: USER,
			memory: this.memory,
			maxPages: this.maxPages,
			nowMs: this.feed.nowSeconds * 1_000,
		});
		this.memory = toFeedMemory(JSON.parse(JSON.stringify(memory)));
		expect(this.memory).toBeDefined();
		this.lost ||= lost;
		const ids = posts.map(({ id }) => id as string);
		this.told.push(...ids);
		return ids;
	}
}

export const ids = (posts: readonly Post[]) => posts.map(({ id }) => id);
