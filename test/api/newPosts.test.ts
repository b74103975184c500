import {
	MAX_KNOWN,
	readNewestPost,
	toFeedMemory,
	type FeedMemory,
} from '../../nodes/shared/api/newPosts';
import { ListInterrupted } from '../../nodes/shared/api/operations';
import { DAY_SECONDS, Feed, ids, PAGE, USER, Watcher, type Post } from './feed';

/** An id of TikTok's, the upper 32 bits of which are a time. */
const idMadeAt = (seconds: number) => String((BigInt(seconds) << 32n) + 77n);

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

	it('tells a late post only where it stands on the pages that are read anyway', async () => {
		// 36 hours without a look, in which twelve posts have come before the 23 of the 22 hours before: a page.
		for (const looksBetween of [false, true]) {
			const { feed, watcher } = await watched(60, 3_600);
			const late = feed.add(feed.nowSeconds - 79_201);
			const told = looksBetween ? await watcher.look() : [];
			const fresh = [...feed.publish(3, 14_400), feed.add(feed.nowSeconds - 1)];
			fresh.push(...feed.publish(4, 14_400), feed.add(feed.nowSeconds - 1));
			fresh.push(...feed.publish(2, 14_400), feed.add(feed.nowSeconds - 1));
			feed.requests = 0;
			told.push(...(await watcher.look()));
			expect(feed.requests).toBe(1);
			expect(told.toSorted()).toEqual(ids(looksBetween ? [late, ...fresh] : fresh).toSorted());
		}
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
