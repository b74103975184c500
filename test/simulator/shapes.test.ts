import { ask, exchange } from './asking.ts';
import { createResponder } from './responder.ts';

const respond = createResponder({ enforceLimits: false, size: 50_000 });

type Fields = Record<string, unknown>;

function profile(username: string): Fields {
	return ask(respond, '/userinfo-by-username/', { username });
}

function list(kind: 'followers' | 'following' | 'posts', username: string, query = {}): Fields {
	return ask(respond, `/user-${kind}/`, { userid: respond.population.id(username), ...query });
}

function bodyOf(path: string, username: string): string {
	return exchange(respond, path, { username, userid: respond.population.id(username) }).body;
}

function items(body: Fields): Fields[] {
	return (body.followers ?? body.followings ?? body.videos) as Fields[];
}

describe('usual bodies', () => {
	it('/userid/ is flat', () => {
		expect(ask(respond, '/userid/', { username: 'creator000017' })).toEqual({
			id: respond.population.id('creator000017'),
		});
	});

	it('profiles are camelCase with snake_case islands, stats beside user, by name and by id alike', () => {
		const body = profile('creator000017');
		expect(Object.keys(body)).toEqual(['user', 'stats']);
		expect(body.user).toMatchObject({
			id: respond.population.id('creator000017'),
			uniqueId: 'creator000017',
			secUid: expect.stringMatching(/^MS4wLjABAAAA/),
			privateAccount: false,
			ins_id: expect.any(String),
		});
		for (const name of ['avatarThumb', 'avatarMedium', 'avatarLarger']) {
			expect((body.user as Fields)[name]).toMatch(/^https:\/\/.*\.invalid\/.*x-signature=/);
		}
		expect(Object.keys(body.stats as Fields).sort()).toEqual(
			['diggCount', 'followerCount', 'followingCount', 'heart', 'heartCount', 'videoCount'].sort(),
		);
		const id = respond.population.id('creator000017');
		expect(ask(respond, '/userinfo-by-id/', { userid: id })).toEqual(body);
	});

	it('lists of people are snake_case, with time in seconds, total and hasMore', () => {
		const followers = list('followers', 'short_pages', { count: 10 });
		expect(Object.keys(followers)).toEqual(['followers', 'total', 'time', 'hasMore']);
		expect(followers).toMatchObject({ total: 250, hasMore: true });
		expect(String(followers.time)).toMatch(/^\d{10}$/);
		expect(Object.keys(items(followers)[0]!)).toEqual(
			expect.arrayContaining(
				['id', 'region', 'sec_uid', 'unique_id', 'nickname', 'signature', 'avatar'].concat(
					['aweme_count', 'follower_count', 'following_count', 'favoriting_count'],
					['total_favorited', 'ins_id', 'twitter_id', 'twitter_name', 'youtube_channel_id'],
				),
			),
		);
		expect(Object.keys(list('following', 'short_pages'))[0]).toBe('followings');
	});

	it('posts carry video_id, another aweme_id, counters, media and a string cursor in milliseconds', () => {
		const body = list('posts', 'short_pages');
		expect(Object.keys(body)).toEqual(['videos', 'cursor', 'hasMore']);
		expect(body.cursor).toMatch(/^\d{13}$/);
		for (const video of items(body)) {
			expect(video.video_id).toMatch(/^\d{19}$/);
			expect(video.aweme_id).not.toBe(video.video_id);
			expect(video).toMatchObject({
				create_time: expect.any(Number),
				play: expect.stringContaining('.tiktokcdn.invalid/'),
				wmplay: expect.any(String),
				play_count: expect.any(Number),
				digg_count: expect.any(Number),
				comment_count: expect.any(Number),
				share_count: expect.any(Number),
				collect_count: expect.any(Number),
				download_count: expect.any(Number),
				is_top: 0,
				author: { id: respond.population.id('short_pages'), unique_id: 'short_pages' },
				music_info: { id: expect.any(String), original: true },
				commerce_info: expect.any(Object),
				anchors: null,
			});
		}
	});

	it('a photo post has images, and its play is its music', () => {
		const videos = items(list('posts', 'null_titles', { count: 35 }));
		const photo = videos.find((video) => video.images !== undefined)!;
		expect(photo.play).toBe(photo.music);
		expect(videos.find((video) => video.images === undefined)!.play).not.toContain('music');
	});

	it('an empty user has empty lists that end', () => {
		expect(list('followers', 'empty_user')).toMatchObject({
			followers: [],
			total: 0,
			hasMore: false,
		});
		expect(list('posts', 'empty_user')).toMatchObject({ videos: [], hasMore: false });
	});
});

describe('special users', () => {
	it('no_stats, nested_stats and flat_stats move the counters', () => {
		expect(profile('no_stats')).not.toHaveProperty('stats');
		expect(profile('nested_stats')).toMatchObject({ user: { stats: { followerCount: 250 } } });
		expect(profile('nested_stats')).not.toHaveProperty('stats');
		expect(profile('flat_stats')).toMatchObject({ user: { followerCount: 250 } });
	});

	it('string_numbers: every counter is a numeric string', () => {
		expect(profile('string_numbers').stats).toMatchObject({
			followerCount: '250',
			videoCount: '50',
		});
		expect(list('followers', 'string_numbers').total).toBe('250');
		expect(items(list('followers', 'string_numbers'))[0]!.follower_count).toMatch(/^\d+$/);
		expect(items(list('posts', 'string_numbers'))[0]!.play_count).toMatch(/^\d+$/);
	});

	it('null_titles and encoded_titles', () => {
		for (const video of items(list('posts', 'null_titles'))) expect(video.title).toBeNull();
		const titles = items(list('posts', 'encoded_titles')).map((video) => video.title);
		for (const title of titles) expect(title ?? '=?UTF-8?B?').toMatch(/^=\?UTF-8\?B\?/);
	});

	it('pinned_first: an old post first, then newest first', () => {
		const videos = items(list('posts', 'pinned_first', { count: 35 }));
		const times = videos.map((video) => Number(video.create_time));
		expect(videos.map((video) => video.is_top)).toEqual([1, ...Array(34).fill(0)]);
		expect(times[0]).toBeLessThan(Math.min(...times.slice(1)));
		expect(times.slice(1)).toEqual(times.slice(1).sort((a, b) => b - a));
	});

	it('number_cursor and string_flags change the types that tell how to go on', () => {
		expect(list('posts', 'number_cursor')).toMatchObject({
			cursor: expect.any(Number),
			hasMore: 1,
		});
		expect(list('followers', 'number_cursor', { count: 200, time: 1 }).hasMore).toBe(0);
		expect(list('followers', 'string_flags')).toMatchObject({
			time: expect.stringMatching(/^\d+$/),
			hasMore: 'true',
		});
	});

	it.each([
		['last_time_zero', 0],
		['last_time_minus_one', -1],
		['last_time_absent', undefined],
	])('%s ends with %p', (username, value) => {
		const first = list('followers', username, { count: 200 });
		expect(first.hasMore).toBe(true);
		const last = list('followers', username, { count: 200, time: Number(first.time) });
		expect(last.hasMore).toBe(false);
		expect(last.time).toBe(value);
		const feed = list('posts', username, { count: 35, cursor: 1_000 });
		expect(feed.cursor).toBe(value === undefined ? undefined : String(value));
	});

	it('last_time_unchanged and more_without_cursor', () => {
		const first = list('followers', 'last_time_unchanged', { count: 200 });
		const last = list('followers', 'last_time_unchanged', { count: 200, time: Number(first.time) });
		expect(last).toMatchObject({ hasMore: false, time: first.time });
		const stuck = list('followers', 'more_without_cursor', { count: 200, time: 1 });
		expect(stuck.hasMore).toBe(true);
		expect(stuck).not.toHaveProperty('time');
	});

	it('proto_body: dangerous own keys in bodies and items', () => {
		for (const path of ['/userid/', '/userinfo-by-username/', '/user-followers/', '/user-posts/']) {
			const text = bodyOf(path, 'proto_body');
			expect(text).toContain('"__proto__":{');
			expect(text).toContain('"constructor":{');
			expect(Object.hasOwn(JSON.parse(text) as object, '__proto__')).toBe(true);
		}
		expect(bodyOf('/user-followers/', 'proto_body').match(/"__proto__"/g)!.length).toBe(51);
		expect(Object.prototype).not.toHaveProperty('polluted');
	});

	it('huge_numbers: exact JSON numbers above 2^53', () => {
		const id = respond.population.id('huge_numbers');
		expect(bodyOf('/userid/', 'huge_numbers')).toBe(`{"id":${id}}`);
		expect(bodyOf('/userinfo-by-username/', 'huge_numbers')).toContain(
			`"followerCount":${2n ** 53n + 1n},`,
		);
		expect(bodyOf('/user-posts/', 'huge_numbers')).toMatch(
			/"video_id":7\d{18},.*"play_count":90071992547\d+,/,
		);
		expect(bodyOf('/user-followers/', 'huge_numbers')).toMatch(/"id":6\d{18},/);
	});

	it('unicode_user and lone_surrogate keep their texts through JSON', () => {
		expect(JSON.stringify(profile('unicode_user'))).toContain('日本語');
		const text = bodyOf('/userinfo-by-username/', 'lone_surrogate');
		expect(text).toContain('\\ud83d and \\udc00');
		expect((JSON.parse(text) as { user: Fields }).user.nickname).toContain('\ud83d and \udc00');
	});

	it('deep_body: valid JSON, 100,000 levels', () => {
		const body = profile('deep_body');
		expect(body).toHaveProperty('user');
		let depth = 0;
		for (let node = body.extra; Array.isArray(node); node = node[0]) depth++;
		expect(depth).toBe(100_000);
		expect(bodyOf('/userid/', 'deep_body')).not.toContain('[');
	});

	it('missing_keys: no expected key, and no lone message', () => {
		for (const kind of ['followers', 'following', 'posts'] as const) {
			expect(Object.keys(list(kind, 'missing_keys'))).toEqual(['code', 'processed_time']);
		}
		expect(profile('missing_keys')).not.toHaveProperty('user');
		expect(ask(respond, '/userid/', { username: 'missing_keys' })).toHaveProperty('id');
	});
});
