import fc from 'fast-check';
import type { Call } from '../../nodes/shared/api/call';
import { CallFailure } from '../../nodes/shared/api/failure';
import {
	LATE_MS,
	MAX_KNOWN,
	readNewestPost,
	readNewPosts,
	toFeedMemory,
	type FeedMemory,
} from '../../nodes/shared/api/newPosts';
import { ListInterrupted } from '../../nodes/shared/api/operations';

const USER = { kind: 'id', id: '107955' } as const;
const PAGE = 35;
const DAY_SECONDS = LATE_MS / 1_000;
/** When the first post of a feed is made, epoch seconds. */
const START = 1_760_000_000;

interface Post {
	id: string;
	/** `create_time`; undefined: the API does not say. */
	seconds: number | undefined;
	pinned: boolean;
	/** Places it among the others; unique. */
	rank: number;
}

/** A feed as the API shows it: pinned posts first, then newest first; a cursor means what is older. */
class Feed {
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
		const shown = [...this.posts].sort(
			(a, b) => Number(b.pinned) - Number(a.pinned) || b.rank - a.rank,
		);
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
class Watcher {
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

/** An id of TikTok's, the upper 32 bits of which are a time. */
const idMadeAt = (seconds: number) => String((BigInt(seconds) << 32n) + 77n);
const ids = (posts: readonly Post[]) => posts.map(({ id }) => id);

/** A watched feed with some posts that are known. */
async function watched(posts = 10, apart = 3_600, maxPages = 10) {
	const feed = new Feed();
	const old = feed.publish(posts, apart);
	const watcher = new Watcher(feed, maxPages);
	expect(await watcher.look()).toEqual([]);
	feed.requests = 0;
	return { feed, watcher, old };
}

describe('readNewPosts', () => {
	it('tells nothing at the first look, and nothing while nothing happens, for one page each', async () => {
		const { feed, watcher } = await watched(200);
		expect(await watcher.look()).toEqual([]);
		expect(await watcher.look()).toEqual([]);
		expect(feed.requests).toBe(2);
	});

	it('tells each new post once, the oldest first', async () => {
		const { feed, watcher } = await watched();
		const first = feed.publish(3);
		expect(await watcher.look()).toEqual(ids(first));
		expect(await watcher.look()).toEqual([]);
		const second = feed.publish(1);
		expect(await watcher.look()).toEqual(ids(second));
	});

	it('tells posts made in the same second, those of the second that was known last among them', async () => {
		const { feed, watcher } = await watched();
		const same = feed.publish(2, 0);
		expect(await watcher.look()).toEqual(ids(same));
		const again = feed.publish(1, 0);
		expect(await watcher.look()).toEqual(ids(again));
		expect(await watcher.look()).toEqual([]);
	});

	it('reads on until it meets what is known', async () => {
		const { feed, watcher } = await watched(100);
		const fresh = feed.publish(3 * PAGE + 5);
		expect(await watcher.look()).toEqual(ids(fresh));
		expect(feed.requests).toBe(4);
	});

	it('goes on in the next looks where its page cap has ended one', async () => {
		const { feed, watcher } = await watched(100, 3_600, 2);
		const fresh = feed.publish(5 * PAGE);
		expect(await watcher.look()).toEqual(ids(fresh.slice(-2 * PAGE)));
		const more = feed.publish(1);
		expect(await watcher.look()).toEqual([...ids(fresh.slice(PAGE, 3 * PAGE)), ...ids(more)]);
		expect(await watcher.look()).toEqual(ids(fresh.slice(0, PAGE)));
		feed.requests = 0;
		expect(await watcher.look()).toEqual([]);
		expect(feed.requests).toBe(1);
		expect(watcher.lost).toBe(false);
	});

	it('opens another gap in the very look that has closed one', async () => {
		const { feed, watcher } = await watched(100, 3_600, 2);
		const first = feed.publish(3 * PAGE);
		await watcher.look();
		const second = feed.publish(3 * PAGE);
		await watcher.look();
		await watcher.look();
		expect(watcher.lost).toBe(false);
		expect([...watcher.told].sort()).toEqual(ids([...first, ...second]).sort());
		expect(watcher.memory).not.toHaveProperty('gap');
	});

	it('does not read on for ever where more posts than fit were made in one second', async () => {
		const { feed, watcher } = await watched(100, 3_600, 1);
		feed.publish(3 * PAGE, 0);
		for (let looks = 0; looks < 4; looks++) await watcher.look();
		expect(watcher.memory).not.toHaveProperty('gap');
		feed.requests = 0;
		expect(await watcher.look()).toEqual([]);
		expect(feed.requests).toBe(1);
		expect(watcher.told).toHaveLength(3 * PAGE);
	});

	it('says so when there is more than one gap can hold', async () => {
		const { feed, watcher } = await watched(100, 3_600, 1);
		feed.publish(5 * PAGE);
		await watcher.look();
		expect(watcher.lost).toBe(false);
		feed.publish(5 * PAGE);
		await watcher.look();
		expect(watcher.lost).toBe(true);
		expect(new Set(watcher.told).size).toBe(watcher.told.length);
	});

	it('starts anew where a bookmark is not understood any more, and says that posts are lost', async () => {
		const { feed, watcher } = await watched(100, 3_600, 1);
		feed.publish(3 * PAGE);
		await watcher.look();
		const { gap, ...memory } = watcher.memory as FeedMemory;
		if (gap === undefined) throw new Error('There is no gap');
		watcher.memory = { ...memory, gap: { ...gap, bookmark: 'of-another-version' } };
		const fresh = feed.publish(1);
		expect(await watcher.look()).toEqual(ids(fresh));
		expect(watcher.lost).toBe(true);
		expect(watcher.memory).not.toHaveProperty('gap');
	});

	it('does not tell older posts again when the newest ones are deleted', async () => {
		const { feed, watcher, old } = await watched(100);
		feed.remove(...old.slice(-20));
		expect(await watcher.look()).toEqual([]);
		const fresh = feed.publish(1);
		expect(await watcher.look()).toEqual(ids(fresh));
		feed.remove(...fresh);
		expect(await watcher.look()).toEqual([]);
	});

	it('does not tell posts again that come up from below the first page', async () => {
		for (const maxPages of [1, 10]) {
			const { feed, watcher, old } = await watched(200, 60, maxPages);
			feed.remove(...old.slice(-40));
			expect(await watcher.look()).toEqual([]);
			const fresh = feed.publish(3 * PAGE);
			for (let looks = 0; looks < 4; looks++) await watcher.look();
			expect([...watcher.told].sort()).toEqual(ids(fresh).sort());
			feed.remove(...fresh.slice(-2 * PAGE));
			expect(await watcher.look()).toEqual([]);
		}
	});

	it('tells posts once where pages repeat some, in a gap as well', async () => {
		const { feed, watcher } = await watched(100, 3_600, 1);
		feed.overlap = 2;
		const fresh = feed.publish(4 * PAGE, 60);
		for (let looks = 0; looks < 6; looks++) await watcher.look();
		expect([...watcher.told].sort()).toEqual(ids(fresh).sort());
		expect(watcher.lost).toBe(false);
	});

	it('tells a post once that is pinned and let go while it waits in a gap', async () => {
		const { feed, watcher } = await watched(100, 3_600, 1);
		const fresh = feed.publish(5 * PAGE);
		await watcher.look();
		const post = fresh[PAGE] as Post;
		post.pinned = true;
		expect(await watcher.look()).toContain(post.id);
		post.pinned = false;
		for (let looks = 0; looks < 6; looks++) await watcher.look();
		expect([...watcher.told].sort()).toEqual(ids(fresh).sort());
	});

	it('reads on where the first page holds pinned posts only', async () => {
		const { feed, watcher, old } = await watched(100);
		for (const post of old.slice(0, 3)) post.pinned = true;
		feed.pinnedAlone = true;
		const fresh = feed.publish(2);
		expect(await watcher.look()).toEqual(ids(fresh));
		expect(await watcher.look()).toEqual([]);
	});

	it('does not take an old post for new when it is pinned, whether the API says so or not', async () => {
		for (const saysPinned of [true, false]) {
			const { feed, watcher, old } = await watched(100);
			feed.saysPinned = saysPinned;
			for (const post of old.slice(0, 3)) post.pinned = true;
			expect(await watcher.look()).toEqual([]);
			const fresh = feed.publish(2 * PAGE);
			expect(await watcher.look()).toEqual(ids(fresh));
			for (const post of old) post.pinned = false;
			expect(await watcher.look()).toEqual([]);
		}
	});

	it('tells a new post that is pinned at once', async () => {
		const { feed, watcher } = await watched(100);
		const [fresh] = feed.publish(1) as [Post];
		fresh.pinned = true;
		expect(await watcher.look()).toEqual([fresh.id]);
		fresh.pinned = false;
		expect(await watcher.look()).toEqual([]);
	});

	it('tells a post that turns up late, but not one that is older than a day', async () => {
		const { feed, watcher } = await watched(50, 3_600);
		const late = feed.add(feed.nowSeconds - DAY_SECONDS / 2);
		expect(await watcher.look()).toEqual([late.id]);
		feed.add(feed.nowSeconds - DAY_SECONDS - 1);
		expect(await watcher.look()).toEqual([]);
	});

	it('keeps its patience with late posts while nothing is posted', async () => {
		const { feed, watcher } = await watched(3, 3_600);
		feed.nowSeconds += 30 * DAY_SECONDS;
		expect(await watcher.look()).toEqual([]);
		const late = feed.add(feed.nowSeconds - 5 * DAY_SECONDS);
		expect(await watcher.look()).toEqual([late.id]);
	});

	it('does not tell posts again that were gone for one look', async () => {
		const { feed, watcher } = await watched(10);
		const { posts } = feed;
		feed.posts = [];
		expect(await watcher.look()).toEqual([]);
		feed.posts = posts;
		expect(await watcher.look()).toEqual([]);
	});

	it('tells the very first post of a user', async () => {
		const { feed, watcher } = await watched(0);
		const first = feed.publish(1);
		expect(await watcher.look()).toEqual(ids(first));
	});

	it('tells a post that does not say when it was made, once', async () => {
		const { feed, watcher } = await watched(10);
		const timeless = feed.add(undefined);
		expect(await watcher.look()).toEqual([timeless.id]);
		feed.publish(30, DAY_SECONDS / 10);
		await watcher.look();
		expect(await watcher.look()).toEqual([]);
		expect(new Set(watcher.told).size).toBe(31);
	});

	it('takes the time of a post from its id where the API does not say', async () => {
		const { feed, watcher } = await watched(10);
		const timed = feed.publish(40);
		for (const post of timed) {
			post.id = idMadeAt(post.seconds as number);
			post.seconds = undefined;
		}
		expect(await watcher.look()).toEqual(ids(timed));
		const old = feed.add(feed.nowSeconds - 2 * DAY_SECONDS);
		old.id = idMadeAt(old.seconds as number);
		old.seconds = undefined;
		old.pinned = true;
		expect(await watcher.look()).toEqual([]);
	});

	it('does not let a post from the future make all others too old', async () => {
		const { feed, watcher } = await watched(10);
		const wrong = feed.add(feed.nowSeconds + 365 * DAY_SECONDS);
		expect(await watcher.look()).toEqual([wrong.id]);
		feed.remove(wrong);
		const fresh = feed.publish(2);
		expect(await watcher.look()).toEqual(ids(fresh));
		expect(watcher.memory?.newestMs).toBe((fresh[1]?.seconds as number) * 1_000);
	});

	it('leaves the memory as it was when a page cannot be had, and then misses nothing', async () => {
		const { feed, watcher } = await watched(100);
		const fresh = feed.publish(3 * PAGE);
		const { memory } = watcher;
		feed.failAt = 2;
		await expect(watcher.look()).rejects.toBeInstanceOf(ListInterrupted);
		expect(watcher.memory).toBe(memory);
		expect(await watcher.look()).toEqual(ids(fresh));
	});

	it('remembers a bounded number of posts', async () => {
		const { feed, watcher } = await watched(100, 1, 100);
		feed.publish(2_000, 1);
		await watcher.look();
		expect(watcher.told).toHaveLength(2_000);
		expect(watcher.memory?.known.length).toBe(MAX_KNOWN);
		feed.remove(...feed.posts.slice(-1_000));
		expect(await watcher.look()).toEqual([]);
	});

	it('takes nothing but its own memory', () => {
		for (const other of [undefined, null, 'text', {}, { newestMs: 1, floorMs: 1, known: [1] }]) {
			expect(toFeedMemory(other)).toBeUndefined();
		}
		expect(toFeedMemory({ newestMs: 1, floorMs: 0, known: [], gap: { bookmark: 1 } })).toEqual({
			newestMs: 1,
			floorMs: 0,
			known: [],
		});
	});
});

describe('readNewestPost', () => {
	it('is the newest one, not the one that stands first', async () => {
		const { feed, old } = await watched(50);
		(old[0] as Post).pinned = true;
		expect((await readNewestPost(feed.call, USER))?.id).toBe(old.at(-1)?.id);
		expect(await readNewestPost(new Feed().call, USER)).toBeUndefined();
	});
});

interface Action {
	do: 'look' | 'publish' | 'remove' | 'pin' | 'unpin' | 'fail' | 'late';
	which?: number;
	count?: number;
	apart?: number;
	after?: number;
	ago?: number;
}

describe('whatever happens to a feed', () => {
	const choice = fc.nat({ max: 1_000_000 });
	const common = [
		fc.record({ do: fc.constant('look' as const) }),
		fc.record({ do: fc.constant('remove' as const), which: choice, count: fc.nat({ max: 40 }) }),
		fc.record({ do: fc.constant('pin' as const), which: choice }),
		fc.record({ do: fc.constant('unpin' as const) }),
		fc.record({ do: fc.constant('fail' as const), after: fc.integer({ min: 1, max: 4 }) }),
	];
	const publishes = (most: number) =>
		fc.record({
			do: fc.constant('publish' as const),
			count: fc.nat({ max: most }),
			apart: fc.constantFrom(1, 60, 7_200),
		});
	const sameSecond = fc.record({
		do: fc.constant('publish' as const),
		count: fc.nat({ max: 5 }),
		apart: fc.constant(0),
	});
	const late = fc.record({
		do: fc.constant('late' as const),
		ago: fc.integer({ min: 1, max: DAY_SECONDS - 1 }),
	});

	/** Whether all posts since the baseline were told once, and none of those before it. */
	const check = async (actions: readonly Action[], watcher: Watcher) => {
		const { feed } = watcher;
		const before = new Set(ids(feed.publish(60, 3_600)));
		await watcher.look();
		for (const action of actions) {
			const { which = 0, count = 1, apart = 60, after = 0, ago = 0 } = action;
			const picked = which % Math.max(feed.posts.length, 1);
			switch (action.do) {
				case 'look':
					await watcher.look().catch((error: unknown) => {
						if (!(error instanceof CallFailure || error instanceof ListInterrupted)) throw error;
					});
					break;
				case 'publish':
					feed.publish(count, apart);
					break;
				case 'remove':
					feed.remove(...feed.posts.slice(picked, picked + count));
					break;
				case 'pin':
					for (const post of feed.posts.slice(picked, picked + 1)) post.pinned = true;
					feed.posts
						.filter(({ pinned }) => pinned)
						.slice(3)
						.forEach((post) => (post.pinned = false));
					break;
				case 'unpin':
					for (const post of feed.posts) post.pinned = false;
					break;
				case 'fail':
					feed.failAt = feed.requests + after;
					break;
				case 'late':
					feed.add(feed.nowSeconds - ago);
					break;
			}
			if (watcher.lost) return;
		}
		feed.failAt = 0;
		let requests: number;
		do {
			requests = feed.requests;
			await watcher.look();
			if (watcher.lost) return;
		} while (watcher.memory?.gap !== undefined && feed.requests > requests);
		const expected = ids(feed.posts.filter(({ id }) => !before.has(id)));
		expect(new Set(watcher.told).size).toBe(watcher.told.length);
		expect(watcher.told.filter((id) => before.has(id))).toEqual([]);
		expect(expected.filter((id) => !watcher.told.includes(id))).toEqual([]);
	};

	it('tells each new post once, however many there are', async () => {
		const actions = fc.array(fc.oneof(...common, publishes(150), sameSecond), { maxLength: 25 });
		await fc.assert(
			fc.asyncProperty(actions, fc.integer({ min: 1, max: 6 }), async (list, maxPages) => {
				await check(list, new Watcher(new Feed(), maxPages));
			}),
			{ numRuns: 300 },
		);
	});

	it('tells late ones too, where a page holds all of a day', async () => {
		const few = fc.record({
			do: fc.constant('publish' as const),
			count: fc.nat({ max: 2 }),
			apart: fc.constant(14_400),
		});
		const looks = fc.record({ do: fc.constant('look' as const) });
		const actions = fc.array(fc.oneof(looks, late, few), { maxLength: 25 });
		await fc.assert(
			fc.asyncProperty(actions, async (list) => {
				await check(list, new Watcher(new Feed()));
			}),
			{ numRuns: 300 },
		);
	});
});
