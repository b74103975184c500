import fc from 'fast-check';
import { CallFailure } from '../../nodes/shared/api/failure';
import { ListInterrupted } from '../../nodes/shared/api/operations';
import { runs } from '../support/property';
import { DAY_SECONDS, Feed, ids, PAGE, Watcher, type Post } from './feed';

interface Action {
	do: 'look' | 'publish' | 'remove' | 'pin' | 'unpin' | 'fail';
	which?: number;
	count?: number;
	apart?: number;
	after?: number;
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
	/** Whether all posts since the baseline were told once, and none of those before it. */
	const check = async (actions: readonly Action[], watcher: Watcher) => {
		const { feed } = watcher;
		const before = new Set(ids(feed.publish(60, 3_600)));
		await watcher.look();
		for (const action of actions) {
			const { which = 0, count = 1, apart = 60, after = 0 } = action;
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
			runs(300),
		);
	});

	/**
	 * What the next look cannot miss: it reads a page, and further ones down to the newest post that it knows. There it
	 * finds every post that was made less than a day before that one, or later.
	 */
	const within = ({ feed, memory }: Watcher) => {
		const knownSeconds = (memory?.newestMs ?? 0) / 1_000;
		const made = ({ seconds }: Post) => (seconds ?? 0) - knownSeconds;
		return feed
			.shown()
			.filter((post, index) => (index < PAGE || made(post) > 0) && made(post) > -DAY_SECONDS);
	};

	it('tells each late one too that stands where a look reads, and is not older than a day', async () => {
		const action = fc.oneof(
			fc.record({ do: fc.constant('look' as const) }),
			fc.record({
				do: fc.constant('late' as const),
				ago: fc.integer({ min: 1, max: DAY_SECONDS }),
			}),
			fc.record({
				do: fc.constant('publish' as const),
				count: fc.nat({ max: 2 }),
				apart: fc.constant(14_400),
			}),
		);
		await fc.assert(
			fc.asyncProperty(fc.array(action, { maxLength: 25 }), async (actions) => {
				const watcher = new Watcher(new Feed());
				const { feed } = watcher;
				const before = new Set(ids(feed.publish(60, 3_600)));
				await watcher.look();
				for (const each of [...actions, { do: 'look' as const }]) {
					if (each.do === 'publish') feed.publish(each.count, each.apart);
					else if (each.do === 'late') feed.add(feed.nowSeconds - each.ago);
					else {
						const due = ids(within(watcher)).filter((id) => !before.has(id));
						await watcher.look();
						expect(due.filter((id) => !watcher.told.includes(id))).toEqual([]);
					}
				}
				expect(new Set(watcher.told).size).toBe(watcher.told.length);
				expect(watcher.told.filter((id) => before.has(id))).toEqual([]);
			}),
			runs(300),
		);
	});
});
