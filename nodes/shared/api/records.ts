import {
	address,
	addresses,
	amount,
	count,
	flag,
	id,
	listIn,
	objectIn,
	optionalId,
	storable,
	text,
	word,
	type Count,
} from './fields';
import type { JsonObject } from './json';

export type { Count } from './fields';

/*
 * Simplified records are flat and name no field `id`, `createdAt` or `updatedAt`, so that they can be stored as
 * they are: n8n's Data Table refuses nested values, and puts its own in the place of these three without a word.
 */

export interface UserRecord {
	userId: string | null;
	username: string | null;
	nickname: string | null;
	verified: boolean | null;
	private: boolean | null;
	bio: string | null;
	/** As the user wrote it, often without "https://". */
	bioLink: string | null;
	followerCount: Count;
	followingCount: Count;
	heartCount: Count;
	videoCount: Count;
	/** Handles of accounts elsewhere; that of Twitter is its numeric id where the API does not know the handle. */
	instagram: string | null;
	twitter: string | null;
	youtubeChannelId: string | null;
	avatarUrl: string | null;
	url: string | null;
}

/** A follower, or somebody who is followed. */
export interface PersonRecord {
	userId: string | null;
	username: string | null;
	nickname: string | null;
	bio: string | null;
	region: string | null;
	followerCount: Count;
	followingCount: Count;
	videoCount: Count;
	instagram: string | null;
	twitter: string | null;
	youtubeChannelId: string | null;
	avatarUrl: string | null;
	url: string | null;
}

export interface PostRecord {
	postId: string | null;
	/** Both of the author. */
	username: string | null;
	userId: string | null;
	title: string | null;
	/** ISO 8601, UTC. */
	postedAt: string | null;
	url: string | null;
	playCount: Count;
	likeCount: Count;
	commentCount: Count;
	shareCount: Count;
	saveCount: Count;
	durationSeconds: number | null;
	pinned: boolean | null;
	/** Without watermark; signed by TikTok, so it expires. Null for a photo post, whose `play` is its music. */
	videoUrl: string | null;
	coverUrl: string | null;
	/** The slides of a photo post, one address a line. */
	imageUrls: string | null;
	soundId: string | null;
	soundTitle: string | null;
}

const PERSON_NAME_FIELDS = ['sec_uid', 'secUid', 'unique_id', 'uniqueId'];
/** `video_id` is the post; `aweme_id` may be a media address and is the last resort (facts section 2). */
const POST_ID_FIELDS = ['video_id', 'videoId', 'id', 'aweme_id', 'awemeId'];
const USERNAME_FIELDS = ['uniqueId', 'unique_id'];
const PINNED_FIELDS = ['is_top', 'isTop'];

/** The largest time that a JavaScript Date can hold. */
const MAX_DATE_MS = 8.64e15;
/** TikTok began in September 2016; an id that says less holds no time. */
const OLDEST_POST_SECONDS = Date.UTC(2016, 0, 1) / 1_000;

/**
 * The profile in a /userinfo-by-…/ body. Counts stand in `stats` beside `user`, but clients that ran against
 * the API also read them from `user.stats` and from `user` itself (facts section 7): the first found counts.
 */
export function userRecord(body: JsonObject): UserRecord {
	const user = objectIn(body, 'user');
	const places = [objectIn(body, 'stats'), objectIn(user, 'stats'), user];
	const stat = (...fields: string[]): Count =>
		places.map((place) => count(place, fields)).find((value) => value !== null) ?? null;
	const username = word(user, USERNAME_FIELDS);
	const { instagram, twitter, youtubeChannelId } = accountsElsewhere(user);
	return {
		userId: id(user, ['id']),
		username,
		nickname: text(user, ['nickname']),
		verified: flag(user, ['verified']),
		private: flag(user, ['privateAccount', 'private_account', 'secret']),
		bio: text(user, ['signature']),
		bioLink:
			word(objectIn(user, 'bioLink', 'bio_link'), ['link']) ?? word(user, ['bioLink', 'bio_link']),
		followerCount: stat('followerCount', 'follower_count'),
		followingCount: stat('followingCount', 'following_count'),
		heartCount: stat('heartCount', 'heart_count', 'heart'),
		videoCount: stat('videoCount', 'video_count'),
		instagram,
		twitter,
		youtubeChannelId,
		avatarUrl: address(user, [
			...['avatarLarger', 'avatar_larger', 'avatarMedium', 'avatar_medium'],
			...['avatarThumb', 'avatar_thumb', 'avatar'],
		]),
		url: profileUrl(username),
	};
}

/** One element of `followers` or `followings`. (`favoriting_count` is likes given, not people followed.) */
export function personRecord(person: JsonObject): PersonRecord {
	const username = word(person, USERNAME_FIELDS);
	const { instagram, twitter, youtubeChannelId } = accountsElsewhere(person);
	return {
		userId: id(person, ['id']),
		username,
		nickname: text(person, ['nickname']),
		bio: text(person, ['signature']),
		region: word(person, ['region']),
		followerCount: count(person, ['follower_count', 'followerCount']),
		followingCount: count(person, ['following_count', 'followingCount']),
		videoCount: count(person, ['aweme_count', 'awemeCount', 'video_count', 'videoCount']),
		instagram,
		twitter,
		youtubeChannelId,
		avatarUrl: address(person, ['avatar', 'avatarLarger', 'avatarMedium', 'avatarThumb']),
		url: profileUrl(username),
	};
}

/**
 * One element of `videos`.
 *
 * @param ownerUsername whose posts were asked for, if known; used when the post does not name its author
 */
export function postRecord(post: JsonObject, ownerUsername: string | undefined): PostRecord {
	const author = objectIn(post, 'author');
	const sound = objectIn(post, 'music_info', 'musicInfo');
	const postId = id(post, POST_ID_FIELDS);
	const username = word(author, USERNAME_FIELDS) ?? ownerUsername ?? null;
	const isPhoto = listIn(post, 'images').length > 0;
	const timeMs = postTimeMs(post);
	const title = text(post, ['title']);
	return {
		postId,
		username,
		userId: id(author, ['id']),
		title: title === null ? null : storable(decodeEncodedWords(title)),
		postedAt: timeMs === undefined ? null : new Date(timeMs).toISOString(),
		url: postUrl(username, postId, isPhoto),
		playCount: count(post, ['play_count', 'playCount']),
		likeCount: count(post, ['digg_count', 'diggCount']),
		commentCount: count(post, ['comment_count', 'commentCount']),
		shareCount: count(post, ['share_count', 'shareCount']),
		saveCount: count(post, ['collect_count', 'collectCount']),
		durationSeconds: amount(post, ['duration']),
		pinned: flag(post, PINNED_FIELDS),
		videoUrl: isPhoto ? null : address(post, ['play']),
		coverUrl: address(post, ['cover', 'origin_cover', 'originCover']),
		imageUrls: addresses(post, 'images').join('\n') || null,
		soundId: optionalId(sound, ['id']),
		soundTitle: word(sound, ['title']),
	};
}

/** What tells two people of a list apart. */
export function personId(person: JsonObject): string | undefined {
	return id(person, ['id']) ?? word(person, PERSON_NAME_FIELDS) ?? undefined;
}

/** What tells two posts of a list apart. */
export function postId(post: JsonObject): string | undefined {
	return id(post, POST_ID_FIELDS) ?? undefined;
}

/** Pinned posts stand before all others, out of order. */
export function isPinned(post: JsonObject): boolean {
	return flag(post, PINNED_FIELDS) === true;
}

/** When the post was made, in ms since the epoch. The API gives seconds; where it gives none, the post's id tells. */
export function postTimeMs(post: JsonObject): number | undefined {
	const time = amount(post, ['create_time', 'createTime']);
	if (time === null || time === 0) return timeInIdMs(id(post, POST_ID_FIELDS));
	// 1e11 seconds is the year 5138: a number from there on can only be milliseconds.
	const ms = time < 1e11 ? time * 1_000 : time;
	return ms <= MAX_DATE_MS ? ms : timeInIdMs(id(post, POST_ID_FIELDS));
}

/**
 * Post ids have 64 bits, and the upper 32 are a time in seconds, 4 to 21 s before `create_time` (facts section 10):
 * not good for an order within a minute.
 */
function timeInIdMs(postId: string | null): number | undefined {
	if (postId === null || !/^\d{19,20}$/.test(postId)) return undefined;
	const seconds = Number(BigInt(postId) >> 32n);
	return seconds >= OLDEST_POST_SECONDS && seconds < 2 ** 32 ? seconds * 1_000 : undefined;
}

function accountsElsewhere(user: JsonObject | undefined) {
	return {
		instagram: word(user, ['ins_id', 'insId']),
		// The name is the handle, the id a number of 19 digits (facts section 10).
		twitter:
			word(user, ['twitter_name', 'twitterName']) ?? optionalId(user, ['twitter_id', 'twitterId']),
		youtubeChannelId: word(user, ['youtube_channel_id', 'youtubeChannelId']),
	};
}

function profileUrl(username: string | null): string | null {
	return username !== null && /^[\w.]+$/.test(username)
		? `https://www.tiktok.com/@${username}`
		: null;
}

function postUrl(username: string | null, postId: string | null, isPhoto: boolean): string | null {
	const profile = profileUrl(username);
	if (profile === null || postId === null || !/^\d+$/.test(postId)) return null;
	return `${profile}/${isPhoto ? 'photo' : 'video'}/${postId}`;
}

/** Titles sometimes arrive as MIME encoded-words (RFC 2047). What does not decode stays as it is. */
function decodeEncodedWords(title: string): string {
	return title
		.replace(/\?=\s+=\?(?=utf-8\?b\?)/gi, '?==?')
		.replace(/=\?utf-8\?b\?([\w+/]+={0,2})\?=/gi, (encoded: string, base64: string) => {
			try {
				return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(base64, 'base64'));
			} catch {
				return encoded;
			}
		});
}
