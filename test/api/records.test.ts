import { parseBody, type JsonObject } from '../../nodes/shared/api/json';
import {
	isPinned,
	personId,
	personRecord,
	postId,
	postRecord,
	postTimeMs,
	userRecord,
} from '../../nodes/shared/api/records';

const body = (value: object): JsonObject => parseBody(JSON.stringify(value));

const USER = {
	id: '6943972350728700930',
	uniqueId: 'mineodesu69',
	nickname: 'Kozurin',
	secUid: 'MS4wLjABAAAA',
	avatarThumb: 'https://p16/thumb',
	avatarMedium: 'https://p16/medium',
	avatarLarger: 'https://p16/larger',
	signature: 'line one\nline two',
	verified: false,
	secret: false,
	privateAccount: true,
	bioLink: { link: 'linktr.ee/kozurin', risk: 3 },
	ins_id: 'kozurin.ig',
	twitter_id: '1234567890123456789',
	twitter_name: 'kozurin_x',
	youtube_channel_id: 'UCaaaaaaaaaaaaaaaaaaaaaa',
	youtube_channel_title: 'Kozurin TV',
};
const STATS = {
	followerCount: 207900,
	followingCount: 262,
	videoCount: 191,
	heartCount: 1400000,
	heart: 7,
	diggCount: 911,
};

describe('userRecord', () => {
	test('has exactly the documented fields, in their order', () => {
		const record = userRecord(body({ user: USER, stats: STATS }));
		expect(Object.entries(record)).toEqual([
			['userId', '6943972350728700930'],
			['username', 'mineodesu69'],
			['nickname', 'Kozurin'],
			['verified', false],
			['private', true],
			['bio', 'line one\nline two'],
			['bioLink', 'linktr.ee/kozurin'],
			['followerCount', 207900],
			['followingCount', 262],
			['heartCount', 1400000],
			['videoCount', 191],
			['instagram', 'kozurin.ig'],
			['twitter', 'kozurin_x'],
			['youtubeChannelId', 'UCaaaaaaaaaaaaaaaaaaaaaa'],
			['avatarUrl', 'https://p16/larger'],
			['url', 'https://www.tiktok.com/@mineodesu69'],
		]);
	});

	test('what is absent is null', () => {
		const record = userRecord(body({}));
		expect(Object.values(record)).toEqual(Array(16).fill(null));
		expect(userRecord(body({ user: null, stats: null }))).toEqual(record);
		expect(userRecord(body({ user: [1], stats: 'x' }))).toEqual(record);
	});

	const counts = { followerCount: 1, followingCount: 2, heartCount: 3, videoCount: 4 };
	test.each([
		['user.stats', { user: { ...USER, stats: counts } }],
		['user', { user: { ...USER, ...counts } }],
		[
			'snake_case',
			{
				user: USER,
				stats: { follower_count: 1, following_count: 2, heart_count: 3, video_count: 4 },
			},
		],
		[
			'texts',
			{
				user: USER,
				stats: { followerCount: '1', followingCount: ' 2 ', heartCount: '3', videoCount: '4' },
			},
		],
		['heart for heartCount', { user: USER, stats: { ...counts, heartCount: null, heart: 3 } }],
		[
			'null above, the number below',
			{
				user: { ...USER, stats: counts },
				stats: { followerCount: null, followingCount: '', heartCount: 'many' },
			},
		],
	])('counts from %s', (_title, value) => {
		expect(userRecord(body(value))).toMatchObject(counts);
	});

	test('the upper place counts, also when it says 0', () => {
		const user = { ...USER, followerCount: 3, stats: { followerCount: 2 } };
		expect(userRecord(body({ user, stats: { followerCount: 1 } })).followerCount).toBe(1);
		expect(userRecord(body({ user, stats: { followerCount: 0 } })).followerCount).toBe(0);
		expect(userRecord(body({ user })).followerCount).toBe(2);
	});

	test('snake_case profile', () => {
		const record = userRecord(
			body({
				user: {
					id: '1',
					unique_id: 'a',
					private_account: true,
					avatar_larger: 'https://x',
					bio_link: { link: 'a.example' },
				},
			}),
		);
		expect(record).toMatchObject({
			username: 'a',
			private: true,
			avatarUrl: 'https://x',
			bioLink: 'a.example',
		});
	});

	test.each([
		[{ link: ' https://a.example/x ', risk: 0 }, 'https://a.example/x'],
		['a.example', 'a.example'],
		[{ link: '' }, null],
		[{ link: null }, null],
		[{ link: { url: 'x' } }, null],
		['', null],
		[null, null],
		[['a.example'], null],
	])('bioLink %j', (bioLink, expected) => {
		expect(userRecord(body({ user: { id: '1', bioLink } })).bioLink).toBe(expected);
	});

	test.each([
		[{ ins_id: '', twitter_id: '', twitter_name: '', youtube_channel_id: '' }, [null, null, null]],
		[{ insId: 'i', twitterId: '5', twitterName: 't', youtubeChannelId: 'UC1' }, ['i', 't', 'UC1']],
		[{ twitter_id: 1234567890123456, twitter_name: '' }, [null, '1234567890123456', null]],
		[{ twitter_id: '0', ins_id: null }, [null, null, null]],
	])('accounts elsewhere: %j', (fields, expected) => {
		const user = body({ user: { id: '1', ...fields } });
		for (const record of [userRecord(user), personRecord(body(fields))]) {
			expect([record.instagram, record.twitter, record.youtubeChannelId]).toEqual(expected);
		}
	});

	test.each([
		['avatarLarger', 1],
		['avatarMedium', 2],
		['avatarThumb', 3],
	])('the largest avatar that is there: %s', (name, position) => {
		const names = ['avatarLarger', 'avatarMedium', 'avatarThumb'];
		const empty = Object.fromEntries(names.slice(0, position - 1).map((key) => [key, '']));
		expect(userRecord(body({ user: { ...USER, ...empty } })).avatarUrl).toBe(
			USER[name as 'avatarThumb'],
		);
	});

	test.each(['avatar_medium', 'avatar_thumb', 'avatar'])('avatar under %s', (name) => {
		expect(userRecord(body({ user: { id: '1', [name]: 'https://x' } })).avatarUrl).toBe(
			'https://x',
		);
	});

	test('secret stands in for privateAccount', () => {
		expect(userRecord(body({ user: { id: '1', secret: true } })).private).toBe(true);
		expect(
			userRecord(body({ user: { id: '1', secret: true, privateAccount: false } })).private,
		).toBe(false);
	});

	test.each([
		[1, true],
		[0, false],
		['1', true],
		['0', false],
		['true', true],
		['false', false],
		['yes', null],
		[2, null],
		[null, null],
	])('verified %p', (verified, expected) => {
		expect(userRecord(body({ user: { id: '1', verified } })).verified).toBe(expected);
	});

	test('an empty bio is an empty text, an empty name is no name', () => {
		expect(userRecord(body({ user: { id: '1', uniqueId: '', signature: '' } }))).toMatchObject({
			bio: '',
			username: null,
			url: null,
		});
	});

	test('an id that arrives as a number is a text', () => {
		expect(userRecord({ user: { id: 107955 } }).userId).toBe('107955');
		expect(userRecord(parseBody('{"user":{"id":6943972350728700930}}')).userId).toBe(
			'6943972350728700930',
		);
	});

	test('a negative count in one place does not hide the count in another', () => {
		const user = { ...USER, stats: { followerCount: 7 } };
		expect(userRecord(body({ user, stats: { followerCount: -1 } })).followerCount).toBe(7);
	});

	test('a text field that holds no text is null', () => {
		const record = userRecord(body({ user: { id: '1', signature: 5, nickname: { a: 1 } } }));
		expect(record).toMatchObject({ bio: null, nickname: null });
	});

	test('a name may hold periods and underscores', () => {
		expect(userRecord(body({ user: { id: '1', uniqueId: '.a_b.c' } })).url).toBe(
			'https://www.tiktok.com/@.a_b.c',
		);
	});

	test('a strange name makes no address', () => {
		expect(userRecord(body({ user: { id: '1', uniqueId: 'a/../b' } })).url).toBeNull();
	});
});

const PERSON = {
	id: '107955',
	region: 'ES',
	sec_uid: 'MS4w',
	unique_id: 'ana',
	nickname: 'Ana',
	signature: 'hola',
	avatar: 'https://p16/ana',
	aweme_count: 12,
	follower_count: 34,
	following_count: 56,
	favoriting_count: 999,
	total_favorited: 78,
	ins_id: 'ana.ig',
	twitter_id: '77',
	twitter_name: '',
	youtube_channel_id: '',
};

describe('personRecord', () => {
	test('has exactly the documented fields, in their order', () => {
		expect(Object.entries(personRecord(body(PERSON)))).toEqual([
			['userId', '107955'],
			['username', 'ana'],
			['nickname', 'Ana'],
			['bio', 'hola'],
			['region', 'ES'],
			['followerCount', 34],
			['followingCount', 56],
			['videoCount', 12],
			['instagram', 'ana.ig'],
			['twitter', '77'],
			['youtubeChannelId', null],
			['avatarUrl', 'https://p16/ana'],
			['url', 'https://www.tiktok.com/@ana'],
		]);
	});

	test('what is absent is null; likes given are not people followed', () => {
		expect(Object.values(personRecord(body({})))).toEqual(Array(13).fill(null));
		expect(personRecord(body({ favoriting_count: 999 })).followingCount).toBeNull();
	});

	test('camelCase', () => {
		expect(
			personRecord(
				body({
					id: '1',
					uniqueId: 'ana',
					followerCount: 1,
					followingCount: 2,
					awemeCount: 3,
					avatarLarger: 'https://l',
				}),
			),
		).toMatchObject({
			username: 'ana',
			followerCount: 1,
			followingCount: 2,
			videoCount: 3,
			avatarUrl: 'https://l',
		});
	});

	test.each(['video_count', 'videoCount'])('videos under %s', (name) => {
		expect(personRecord(body({ [name]: 5 })).videoCount).toBe(5);
	});

	test.each(['avatarMedium', 'avatarThumb'])('avatar under %s', (name) => {
		expect(personRecord(body({ [name]: 'https://x', avatar: '' })).avatarUrl).toBe('https://x');
	});

	test.each([
		['id', '107955'],
		['sec_uid', 'MS4w'],
		['unique_id', 'ana'],
	])('personId falls back: %s', (first, expected) => {
		const keys = ['id', 'sec_uid', 'unique_id'];
		const rest = Object.fromEntries(
			Object.entries(PERSON).filter(([key]) => keys.indexOf(key) >= keys.indexOf(first)),
		);
		expect(personId(body(rest))).toBe(expected);
	});

	test.each([null, '6.9000000000000000e+18', '6900000000000000000.0', '-1', ''])(
		'somebody whose id is %p leaves a record all the same, told apart by another name',
		(id) => {
			const person = body({ ...PERSON, id });
			expect(personRecord(person)).toMatchObject({ userId: null, username: 'ana' });
			expect(personId(person)).toBe('MS4w');
		},
	);

	test.each(['secUid', 'uniqueId'])('personId by %s', (name) => {
		expect(personId(body({ [name]: 'x' }))).toBe('x');
		expect(personId(body({}))).toBeUndefined();
	});
});

const POST = {
	video_id: '7621307384165666079',
	aweme_id: 'v15044gf0000d724vbfog65ugaj79100',
	title: 'A day',
	create_time: 1774473919,
	play: 'https://v/play',
	wmplay: 'https://v/wmplay',
	play_count: 92640,
	digg_count: 5360,
	comment_count: 322,
	share_count: 240,
	collect_count: 325,
	download_count: 24,
	cover: 'https://v/cover',
	origin_cover: 'https://v/origin',
	duration: 124,
	is_top: 0,
	music_info: { id: '6815230000000000001', title: 'original sound', author: '' },
	music: 'https://m/6815999.mp3',
	author: { id: '107955', unique_id: 'ana', nickname: 'Ana' },
};

describe('postRecord', () => {
	test('has exactly the documented fields, in their order', () => {
		expect(Object.entries(postRecord(body(POST), 'other'))).toEqual([
			['postId', '7621307384165666079'],
			['username', 'ana'],
			['userId', '107955'],
			['title', 'A day'],
			['postedAt', '2026-03-25T21:25:19.000Z'],
			['url', 'https://www.tiktok.com/@ana/video/7621307384165666079'],
			['playCount', 92640],
			['likeCount', 5360],
			['commentCount', 322],
			['shareCount', 240],
			['saveCount', 325],
			['durationSeconds', 124],
			['pinned', false],
			['videoUrl', 'https://v/play'],
			['coverUrl', 'https://v/cover'],
			['imageUrls', null],
			['soundId', '6815230000000000001'],
			['soundTitle', 'original sound'],
		]);
	});

	test('what is absent is null', () => {
		expect(Object.values(postRecord(body({}), undefined))).toEqual(Array(18).fill(null));
	});

	test('camelCase', () => {
		const record = postRecord(
			body({
				videoId: '5',
				author: { uniqueId: 'ana' },
				musicInfo: { id: '8', title: 'A song' },
				createTime: 1,
				playCount: 1,
				diggCount: 2,
				commentCount: 3,
				shareCount: 4,
				collectCount: 5,
				isTop: true,
				originCover: 'https://o',
			}),
			undefined,
		);
		expect(record).toMatchObject({
			postId: '5',
			username: 'ana',
			postedAt: '1970-01-01T00:00:01.000Z',
			playCount: 1,
			likeCount: 2,
			commentCount: 3,
			shareCount: 4,
			saveCount: 5,
			pinned: true,
			coverUrl: 'https://o',
			soundId: '8',
			soundTitle: 'A song',
		});
	});

	test.each([null, '', [], { id: '', title: '' }, { id: '0' }])('sound %j', (music_info) => {
		expect(postRecord(body({ ...POST, music_info }), undefined)).toMatchObject({
			soundId: null,
			soundTitle: null,
		});
	});

	test.each([
		[{ video_id: '1', id: '2', aweme_id: '3' }, '1', 'https://www.tiktok.com/@ana/video/1'],
		[{ id: '2', aweme_id: '3' }, '2', 'https://www.tiktok.com/@ana/video/2'],
		[{ aweme_id: '3' }, '3', 'https://www.tiktok.com/@ana/video/3'],
		[{ awemeId: '4' }, '4', 'https://www.tiktok.com/@ana/video/4'],
		[{ video_id: '', aweme_id: 'v15044gf0000d724' }, 'v15044gf0000d724', null],
		[{ video_id: '12ab' }, '12ab', null],
	])('id of %j', (ids, id, url) => {
		const post = body({ ...ids, author: POST.author });
		expect(postRecord(post, undefined)).toMatchObject({ postId: id, url });
		expect(postId(post)).toBe(id);
	});

	test('a post without an id has none', () => {
		expect(postId(body({}))).toBeUndefined();
	});

	test('the owner stands in for a missing author', () => {
		const anonymous = { ...POST, author: null };
		expect(postRecord(body(anonymous), 'owner')).toMatchObject({
			username: 'owner',
			url: 'https://www.tiktok.com/@owner/video/7621307384165666079',
		});
		expect(postRecord(body(anonymous), undefined)).toMatchObject({ username: null, url: null });
		expect(postRecord(body({ ...POST, author: { unique_id: '' } }), 'owner').username).toBe(
			'owner',
		);
	});

	test.each([
		['none', undefined, '2026-03-25T21:25:03.000Z'],
		['0', 0, '2026-03-25T21:25:03.000Z'],
		['a text', 'yesterday', '2026-03-25T21:25:03.000Z'],
		['one', 1774473919, '2026-03-25T21:25:19.000Z'],
	])('create_time: %s', (_title, create_time, postedAt) => {
		expect(postRecord(body({ ...POST, create_time }), undefined)).toMatchObject({ postedAt });
	});

	test.each([
		[['https://i/1', 'https://i/2'], 'https://i/1\nhttps://i/2'],
		[{ 2: 'https://i/3', 0: 'https://i/1' }, 'https://i/1\nhttps://i/3'],
		[['', null, '/origin.jpeg', 'https://i/ 1\n'], 'https://i/%201'],
		[['/origin.jpeg'], null],
	])('a photo post has its pictures, and no video: play is its music (%j)', (images, imageUrls) => {
		const photos = { ...POST, images, play: 'https://v/music.mp3' };
		expect(postRecord(body(photos), undefined)).toMatchObject({
			url: 'https://www.tiktok.com/@ana/photo/7621307384165666079',
			videoUrl: null,
			imageUrls,
		});
	});

	test.each([[[]], [null], ['x'], [{}], [{ a: 'https://i/1' }]])(
		'images %j are no pictures',
		(images) => {
			expect(postRecord(body({ ...POST, images }), undefined)).toMatchObject({
				url: 'https://www.tiktok.com/@ana/video/7621307384165666079',
				videoUrl: 'https://v/play',
				imageUrls: null,
			});
		},
	);

	test('only the video without watermark is taken', () => {
		expect(postRecord(body({ ...POST, play: '' }), undefined).videoUrl).toBeNull();
	});

	test.each(['', '/origin.jpeg', null])('origin_cover stands in for cover %p', (cover) => {
		expect(postRecord(body({ ...POST, cover }), undefined).coverUrl).toBe('https://v/origin');
	});

	test.each([
		['null', null, null],
		['empty', '', ''],
		['UTF-8 in base 64', '=?UTF-8?B?SMOpbGxv?=', 'Héllo'],
		['in lower case', '=?utf-8?b?SMOpbGxv?= you', 'Héllo you'],
		['padded', '=?UTF-8?B?YQ==?=', 'a'],
		['two words', '=?UTF-8?B?SMOp?= =?UTF-8?B?bGxv?=', 'Héllo'],
		['three words', '=?UTF-8?B?YQ==?=\n =?utf-8?b?Yg==?= =?UTF-8?B?Yw==?=', 'abc'],
		['all of base 64', '=?UTF-8?B?Pj4+Pz8/?=', '>>>???'],
		['a word amid text', 'a =?UTF-8?B?YQ==?= b', 'a a b'],
		['not UTF-8', '=?UTF-8?B?/w==?=', '=?UTF-8?B?/w==?='],
		['another charset', '=?ISO-8859-1?B?6Q==?=', '=?ISO-8859-1?B?6Q==?='],
		['not base 64', '=?UTF-8?B?***?=', '=?UTF-8?B?***?='],
		['plain', 'what =? is ?= this', 'what =? is ?= this'],
		['NUL within a word', '=?UTF-8?B?YQBi?=', 'ab'],
		['half surrogates around a NUL', 'a\ud83d\0\udc00', 'a\ufffd\ufffd'],
	])('title: %s', (_title, title, expected) => {
		expect(postRecord(body({ ...POST, title }), undefined).title).toBe(expected);
	});

	test('counts as texts', () => {
		expect(
			postRecord(body({ ...POST, play_count: '92640', digg_count: '' }), undefined),
		).toMatchObject({
			playCount: 92640,
			likeCount: null,
		});
	});
});

describe('postTimeMs', () => {
	test.each([
		[1774473919, 1774473919000],
		['1774473919', 1774473919000],
		[1774473919.5, 1774473919500],
		[1774473919000, 1774473919000],
		[99_999_999_999, 99_999_999_999_000],
		[100_000_000_000, 100_000_000_000],
		[8.64e15, 8.64e15],
		[8.64e15 + 1, undefined],
		[0, undefined],
		[-5, undefined],
		['soon', undefined],
		[null, undefined],
	])('create_time %p', (create_time, expected) => {
		expect(postTimeMs(body({ create_time }))).toBe(expected);
	});

	/** Its upper 32 bits are `seconds`. */
	const made = (seconds: number) => String((BigInt(seconds) << 32n) + 1_234_567n);

	test.each([
		['7621307384165666079', 1774473903000],
		['7371101961053048097', 1716218414000],
		[made(Date.UTC(2016, 0, 1) / 1_000), Date.UTC(2016, 0, 1)],
		[made(Date.UTC(2016, 0, 1) / 1_000 - 1), undefined],
		[made(2 ** 32 - 1), (2 ** 32 - 1) * 1_000],
		[made(2 ** 32), undefined],
		['107955', undefined],
		['v15044gf0000d724vbfog65ugaj79100', undefined],
		['762130738416566607a', undefined],
	])('without create_time, from the id %s', (video_id, expected) => {
		expect(postTimeMs(body({ video_id }))).toBe(expected);
		expect(postTimeMs(body({ id: video_id, create_time: 8.64e15 + 1 }))).toBe(expected);
	});
});

test.each([
	[1, true],
	['1', true],
	[true, true],
	[0, false],
	['0', false],
	[null, false],
])('isPinned: is_top %p', (is_top, expected) => {
	expect(isPinned(body({ is_top }))).toBe(expected);
});
