import { inDialect } from './dialects.ts';
import { feedBookmark, pageAt, peopleBookmark } from './paging.ts';
import type { Person, Population, Post } from './population.ts';
import type { Special } from './specials.ts';

/** Answers with status 200 that are no success. The first two were observed word for word; the third is a guess. */
export const NO_KEY_BODY = '{"message":"Please sign up to tikliveapi.com"}';
export const WRONG_KEY_BODY = '{"message":"Api-Key is not available"}';
export const NO_CREDIT_BODY =
	'{"message":"Your credit balance is exhausted, please purchase more credits"}';
export const NOT_FOUND_BODY = '{"status":"error","message":"Not found user"}';
export const PRIVATE_BODY = '{"status":"error","message":"This account is private"}';

export const SOUND_TITLE = 'original sound';

const DEEP_LEVELS = 100_000;
const EXACT_NUMBER = /"\\u0000exact (\d+)"/g;

type Tree = Record<string, unknown>;

/** /userid/ */
export function userIdBody(person: Person): string {
	const { special } = person;
	const body: Tree = { id: idOf(person.id, special) };
	return special?.body === 'deep' ? write(body) : finish(body, special);
}

/** /userinfo-by-username/ and /userinfo-by-id/ */
export function userInfoBody(person: Person): string {
	const { special } = person;
	if (special?.body === 'missing-keys') return missingKeys();
	const counter = counterOf(special);
	const stats: Tree = {
		followerCount: counter(person.followerCount),
		followingCount: counter(person.followingCount),
		heartCount: counter(person.heartCount),
		heart: counter(person.heartCount),
		videoCount: counter(person.videoCount),
		diggCount: counter(person.likesGiven),
	};
	const user: Tree = {
		id: idOf(person.id, special),
		shortId: '',
		uniqueId: person.username,
		nickname: person.nickname,
		avatarThumb: sized(person.avatarUrl, '100x100'),
		avatarMedium: sized(person.avatarUrl, '720x720'),
		avatarLarger: person.avatarUrl,
		...(person.bio === null ? {} : { signature: person.bio }),
		verified: person.verified,
		secUid: person.secUid,
		secret: person.private,
		privateAccount: person.private,
		ftc: false,
		isADVirtual: false,
		openFavorite: false,
		ttSeller: false,
		relation: 0,
		commentSetting: 0,
		duetSetting: 0,
		stitchSetting: 0,
		roomId: '',
		...(person.bioLink === null ? {} : { bioLink: { link: person.bioLink, risk: 3 } }),
		...accountsElsewhere(person),
	};
	const owned =
		special?.body === 'proto' ? poison(user, { signature: 'leaked from a prototype' }) : user;
	switch (special?.stats) {
		case 'absent':
			return finish({ user: owned }, special);
		case 'nested':
			return finish({ user: { ...owned, stats } }, special);
		case 'flat':
			return finish({ user: { ...owned, ...stats } }, special);
		case undefined:
			return finish({ user: owned, stats }, special);
	}
}

/** /user-followers/ and /user-following/; `time` as asked, epoch seconds. */
export function peopleBody(
	population: Population,
	owner: Person,
	list: 'followers' | 'following',
	count: number,
	time: number,
): string {
	const { special } = owner;
	if (special?.body === 'missing-keys') return missingKeys();
	const total = owner.totals[list];
	const page = pageAt(peopleBookmark.read(owner, time), count, total, special?.paging);
	const people: Tree[] = [];
	for (let position = page.from; position < page.to; position++) {
		people.push(personItem(population.listed(owner, list, position), special));
	}
	if (people.length === 0 && endsWithoutList(special)) {
		return listlessPage(list === 'followers' ? 'followers' : 'followings', 'time', special);
	}
	const next = lastOr(special, page.hasMore, time, peopleBookmark.write(owner, page.next));
	return finish(
		{
			[list === 'followers' ? 'followers' : 'followings']: people,
			total: counterOf(special)(total),
			...(next.absent
				? {}
				: { time: special?.flags === 'string' ? String(next.value) : next.value }),
			hasMore: flag(special, next.hasMore),
		},
		special,
	);
}

/** /user-posts/; `cursor` as asked, epoch milliseconds. */
export function postsBody(
	population: Population,
	owner: Person,
	count: number,
	cursor: number,
): string {
	const { special } = owner;
	if (special?.body === 'missing-keys') return missingKeys();
	const total = owner.totals.posts;
	const page = pageAt(feedBookmark.read(owner, cursor), count, total, special?.paging);
	const videos: Tree[] = [];
	for (let position = page.from; position < page.to; position++) {
		videos.push(postItem(owner, population.post(owner, position)));
	}
	if (videos.length === 0 && endsWithoutList(special)) {
		return listlessPage('videos', 'cursor', special);
	}
	const next = lastOr(special, page.hasMore, cursor, feedBookmark.write(owner, page.next));
	return finish(
		{
			videos,
			...(next.absent
				? {}
				: { cursor: special?.flags === 'number' ? next.value : String(next.value) }),
			hasMore: flag(special, next.hasMore),
		},
		special,
	);
}

function personItem(person: Person, special: Special | undefined): Tree {
	const counter = counterOf(special);
	const item: Tree = {
		id: idOf(person.id, special),
		...(person.region === null ? {} : { region: person.region }),
		sec_uid: person.secUid,
		unique_id: person.username,
		nickname: person.nickname,
		signature: person.bio,
		avatar: person.avatarUrl,
		follower_count: counter(person.followerCount),
		following_count: counter(person.followingCount),
		aweme_count: counter(person.videoCount),
		favoriting_count: counter(person.likesGiven),
		total_favorited: counter(person.heartCount),
		...accountsElsewhere(person),
	};
	return special?.body === 'proto' ? poison(item, { region: 'leaked from a prototype' }) : item;
}

function accountsElsewhere(person: Person): Tree {
	return {
		ins_id: person.instagram ?? '',
		twitter_id: person.twitterId ?? '',
		twitter_name: person.twitterName ?? '',
		youtube_channel_id: person.youtubeChannelId ?? '',
		youtube_channel_title: '',
	};
}

function postItem(author: Person, post: Post): Tree {
	const { special } = author;
	const counter = counterOf(special);
	const play = post.videoUrl ?? post.musicUrl;
	const item: Tree = {
		aweme_id: post.awemeId,
		video_id: idOf(post.videoId, special),
		region: author.region,
		title: special?.text === 'encoded-titles' ? encodedWord(post.title) : post.title,
		content_desc: [],
		cover: post.coverUrl,
		ai_dynamic_cover: sized(post.coverUrl, 'dynamic'),
		origin_cover: sized(post.coverUrl, 'origin'),
		duration: post.durationSeconds,
		play,
		wmplay: `${play}&watermark=1`,
		size: post.bytes,
		wm_size: post.bytes + 40_000,
		music: post.musicUrl,
		music_info: {
			id: post.musicId,
			title: SOUND_TITLE,
			play: post.musicUrl,
			cover: author.avatarUrl,
			author: author.nickname,
			original: true,
			duration: post.durationSeconds,
			album: '',
		},
		play_count: counter(post.plays),
		digg_count: counter(post.likes),
		comment_count: counter(post.comments),
		share_count: counter(post.shares),
		download_count: counter(post.downloads),
		...(post.saves === null ? {} : { collect_count: counter(post.saves) }),
		...(special?.times === 'absent' ? {} : { create_time: post.createdSeconds }),
		anchors: null,
		anchors_extras: '',
		is_ad: false,
		commerce_info: {
			adv_promotable: false,
			auction_ad_invited: false,
			branded_content_type: 0,
			is_diversion_ad: 0,
			organic_log_extra: '',
			with_comment_filter_words: false,
		},
		commercial_video_info: '',
		item_comment_settings: 0,
		mentioned_users: '',
		...(post.imageUrls.length > 0 ? { images: post.imageUrls } : {}),
		is_top: post.pinned ? 1 : 0,
		author: {
			id: idOf(author.id, special),
			unique_id: author.username,
			nickname: author.nickname,
			avatar: author.avatarUrl,
		},
	};
	return special?.body === 'proto' ? poison(item, { collect_count: 666 }) : item;
}

function endsWithoutList(special: Special | undefined): boolean {
	return special?.paging === 'no-list-at-end' || special?.paging === 'null-list-at-end';
}

function listlessPage(list: string, bookmark: string, special: Special | undefined): string {
	const isNull = special?.paging === 'null-list-at-end';
	return write({ ...(isNull && { [list]: null }), [bookmark]: '0', hasMore: false });
}

/** What the page says about going on; an edge-case user ends differently. */
function lastOr(
	special: Special | undefined,
	hasMore: boolean,
	asked: number,
	value: number,
): { value: number; absent: boolean; hasMore: boolean } {
	if (hasMore) return { value, absent: false, hasMore };
	switch (special?.lastBookmark) {
		case 'zero':
			return { value: 0, absent: false, hasMore };
		case 'minus-one':
			return { value: -1, absent: false, hasMore };
		case 'unchanged':
			return { value: asked, absent: false, hasMore };
		case 'absent':
			return { value, absent: true, hasMore };
		case 'absent-but-more':
			return { value, absent: true, hasMore: true };
		case undefined:
			return { value, absent: false, hasMore };
	}
}

function flag(special: Special | undefined, value: boolean): boolean | number | string {
	if (special?.flags === 'number') return value ? 1 : 0;
	return special?.flags === 'string' ? String(value) : value;
}

function counterOf(special: Special | undefined): (value: number | bigint) => unknown {
	switch (special?.body) {
		case 'string-numbers':
			return String;
		case 'printed-numbers':
			return (value) => value.toLocaleString('en-US');
		default:
			return (value) => value;
	}
}

function idOf(id: string, special: Special | undefined): string | bigint {
	return special?.body === 'huge-numbers' ? BigInt(id) : id;
}

/** RFC 2047, as some titles arrive. */
function encodedWord(title: string | null): string | null {
	return title === null ? null : `=?UTF-8?B?${Buffer.from(title).toString('base64')}?=`;
}

function sized(url: string, size: string): string {
	return url.replace(/1080x1080|tplv-cover/, size);
}

function missingKeys(): string {
	return write({ code: 0, processed_time: 0.2134 });
}

/** Own keys with dangerous names; `leaked` must never be seen by a reader. */
function poison(tree: Tree, leaked: Tree): Tree {
	return {
		...tree,
		['__proto__']: { ...leaked, polluted: true },
		constructor: { prototype: { polluted: true } },
	};
}

function finish(tree: Tree, special: Special | undefined): string {
	if (special?.body === 'proto') return write(poison(tree, { id: '1', hasMore: true }));
	const text = write(tree, special?.body === 'huge-numbers');
	if (special?.dialect) return inDialect(special.dialect, text);
	if (special?.body !== 'deep') return text;
	return `${text.slice(0, -1)},"extra":${'['.repeat(DEEP_LEVELS)}${']'.repeat(DEEP_LEVELS)}}`;
}

/** JSON; `exact` writes bigints as numbers with all their digits. */
function write(tree: Tree, exact = false): string {
	if (!exact) return JSON.stringify(tree);
	return JSON.stringify(tree, (_key, value: unknown) =>
		typeof value === 'bigint' ? `\u0000exact ${value}` : value,
	).replace(EXACT_NUMBER, '$1');
}
