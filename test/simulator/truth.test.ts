import {
	buildUrl,
	classify,
	readList,
	readUserInfo,
	type Call,
} from '../../nodes/shared/api/index.ts';
import { ask } from './asking.ts';
import { createResponder } from './responder.ts';
import { SPECIAL_USERS } from './specials.ts';

const respond = createResponder({ enforceLimits: false, size: 50_000 });
const { population, truth } = respond;
const LISTS = [
	['userFollowers', '/user-followers/', 'followers', 'time', 200],
	['userFollowing', '/user-following/', 'following', 'time', 200],
	['userPosts', '/user-posts/', 'posts', 'cursor', 35],
] as const;
/** Users with every size of list up to a few thousand people. */
const NUMBERED = Array.from({ length: 12 }, (_, step) => population.username(step * 4_001)).filter(
	(username) => truth.followers(username).length < 3_000,
);

interface RawItem {
	id?: string;
	video_id?: string;
	follower_count?: number;
	play_count?: number;
}

/** Follows the bookmarks as long as they lead on; trusts the bodies. */
function walk(path: string, username: string, bookmark: string, count: number): RawItem[] {
	const items: RawItem[] = [];
	let at = '0';
	for (;;) {
		const body = ask(respond, path, { userid: population.id(username), count, [bookmark]: at });
		items.push(...((body.followers ?? body.followings ?? body.videos) as RawItem[]));
		if (body.hasMore !== true) return items;
		at = String(body[bookmark]);
	}
}

describe('truth', () => {
	it.each(NUMBERED)('%s: the pages hold what the truth says, at any page size', (username) => {
		for (const [, path, list, bookmark, count] of LISTS) {
			const known = truth[list](username).map((record) =>
				'postId' in record
					? [record.postId, record.playCount]
					: [record.userId, record.followerCount],
			);
			for (const size of [count, 17]) {
				const items = walk(path, username, bookmark, size).map((item) =>
					item.video_id ? [item.video_id, item.play_count] : [item.id, item.follower_count],
				);
				expect(JSON.stringify(items)).toBe(JSON.stringify(known));
			}
		}
	});

	it('a follower has the same id and counts in the list and in the profile', () => {
		const follower = truth.followers('short_pages')[0]!;
		const { userId, followerCount, videoCount, avatarUrl, instagram, twitter } = truth.userInfo(
			follower.username,
		)!;
		expect(follower).toMatchObject({
			userId,
			followerCount,
			videoCount,
			avatarUrl,
			instagram,
			twitter,
		});
	});

	it('says who exists and what cannot be had', () => {
		expect(truth.exists('creator000000')).toBe(true);
		expect(truth.exists('private_user')).toBe(true);
		expect(truth.exists('deleted_user')).toBe(false);
		expect(truth.userInfo('private_user')).toMatchObject({ private: true });
		expect(truth.posts('private_user')).toEqual([]);
		expect(truth.userInfo('missing_keys')).toBeUndefined();
		expect(truth.userInfo('no_stats')).toMatchObject({ followerCount: null, heartCount: null });
	});

	it('keeps counters above 2^53 as digits', () => {
		expect(truth.userInfo('huge_numbers')!.followerCount).toBe('9007199254740993');
		expect(truth.posts('huge_numbers')[0]!.playCount).toMatch(/^9007199254741\d{3}$/);
	});

	it('shows published posts and edits', () => {
		const before = truth.posts('creator000003');
		population.publish('creator000003');
		population.edit('creator000003', { bio: 'changed' });
		expect(truth.posts('creator000003').slice(1)).toEqual(before);
		expect(truth.userInfo('creator000003')!.bio).toBe('changed');
		expect(walk('/user-posts/', 'creator000003', 'cursor', 35)).toHaveLength(before.length + 1);
		population.reset();
	});
});

describe('the package reads what the truth says', () => {
	const base = 'http://127.0.0.1';
	const call: Call = async (endpoint, params) => {
		const url = buildUrl(base, endpoint, params).slice(base.length);
		const answer = respond({ url, headers: { 'x-api-key': 'test-key' } });
		answer.end();
		const verdict = classify(endpoint, answer, 0);
		if (!verdict.ok) throw new Error(verdict.failure.kind);
		return { body: verdict.body, source: 'network', fetchedAtMs: 0, attempts: 1, credits: 1 };
	};

	it.each([...Object.keys(SPECIAL_USERS), ...NUMBERED.slice(0, 4)])('%s', async (username) => {
		const user = { kind: 'username', username } as const;
		const info = await readUserInfo(call, user).catch(() => undefined);
		expect(info?.record).toEqual(truth.userInfo(username));
		for (const [endpoint, , list] of LISTS) {
			const records: unknown[] = [];
			const pages = readList(call, { endpoint, user, limit: undefined, maxPages: 100 });
			try {
				for await (const page of pages) records.push(...page.simplified);
			} catch (error) {
				expect((error as Error).message).toMatch(/^(private|not-found|unexpected-body)$/);
			}
			expect(JSON.stringify(records)).toBe(JSON.stringify(truth[list](username)));
		}
	});
});
