import { isJsonObject, type JsonObject, type JsonValue } from './json';

/** A count; a string when it is beyond 2^53, null when the API did not say. */
export type Count = number | string | null;

export interface UserRecord {
	id: string | null;
	username: string | null;
	nickname: string | null;
	verified: boolean | null;
	private: boolean | null;
	bio: string | null;
	followerCount: Count;
	followingCount: Count;
	heartCount: Count;
	videoCount: Count;
	avatarUrl: string | null;
	url: string | null;
}

/** A follower, or somebody who is followed. */
export interface PersonRecord {
	id: string | null;
	username: string | null;
	nickname: string | null;
	bio: string | null;
	region: string | null;
	followerCount: Count;
	followingCount: Count;
	videoCount: Count;
	avatarUrl: string | null;
	url: string | null;
}

export interface PostRecord {
	id: string | null;
	username: string | null;
	title: string | null;
	/** ISO 8601, UTC. */
	createdAt: string | null;
	url: string | null;
	playCount: Count;
	likeCount: Count;
	commentCount: Count;
	shareCount: Count;
	saveCount: Count;
	durationSeconds: Count;
	pinned: boolean | null;
	/** Without watermark; signed by TikTok, so it expires. Null for a photo post, whose `play` is its music. */
	videoUrl: string | null;
	coverUrl: string | null;
}

const USER_ID_FIELDS = ['id'];
const PERSON_ID_FIELDS = ['id', 'sec_uid', 'secUid', 'unique_id', 'uniqueId'];
/** `video_id` is the post; `aweme_id` may be a media address and is the last resort (facts section 2). */
const POST_ID_FIELDS = ['video_id', 'videoId', 'id', 'aweme_id', 'awemeId'];
const USERNAME_FIELDS = ['uniqueId', 'unique_id'];
const PINNED_FIELDS = ['is_top', 'isTop'];

/** The largest time that a JavaScript Date can hold. */
const MAX_DATE_MS = 8.64e15;

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
	return {
		id: word(user, USER_ID_FIELDS),
		username,
		nickname: text(user, ['nickname']),
		verified: flag(user, ['verified']),
		private: flag(user, ['privateAccount', 'private_account', 'secret']),
		bio: text(user, ['signature']),
		followerCount: stat('followerCount', 'follower_count'),
		followingCount: stat('followingCount', 'following_count'),
		heartCount: stat('heartCount', 'heart_count', 'heart'),
		videoCount: stat('videoCount', 'video_count'),
		avatarUrl: word(user, [
			...['avatarLarger', 'avatar_larger', 'avatarMedium', 'avatar_medium'],
			...['avatarThumb', 'avatar_thumb', 'avatar'],
		]),
		url: profileUrl(username),
	};
}

/** One element of `followers` or `followings`. (`favoriting_count` is likes given, not people followed.) */
export function personRecord(person: JsonObject): PersonRecord {
	const username = word(person, USERNAME_FIELDS);
	return {
		id: word(person, USER_ID_FIELDS),
		username,
		nickname: text(person, ['nickname']),
		bio: text(person, ['signature']),
		region: word(person, ['region']),
		followerCount: count(person, ['follower_count', 'followerCount']),
		followingCount: count(person, ['following_count', 'followingCount']),
		videoCount: count(person, ['aweme_count', 'awemeCount', 'video_count', 'videoCount']),
		avatarUrl: word(person, ['avatar', 'avatarLarger', 'avatarMedium', 'avatarThumb']),
		url: profileUrl(username),
	};
}

/**
 * One element of `videos`.
 *
 * @param ownerUsername whose posts were asked for, if known; used when the post does not name its author
 */
export function postRecord(post: JsonObject, ownerUsername: string | undefined): PostRecord {
	const id = word(post, POST_ID_FIELDS);
	const username = word(objectIn(post, 'author'), USERNAME_FIELDS) ?? ownerUsername ?? null;
	const images = post['images'];
	const isPhoto = Array.isArray(images) && images.length > 0;
	const timeMs = postTimeMs(post);
	const title = text(post, ['title']);
	return {
		id,
		username,
		title: title === null ? null : decodeEncodedWords(title),
		createdAt: timeMs === undefined ? null : new Date(timeMs).toISOString(),
		url: postUrl(username, id, isPhoto),
		playCount: count(post, ['play_count', 'playCount']),
		likeCount: count(post, ['digg_count', 'diggCount']),
		commentCount: count(post, ['comment_count', 'commentCount']),
		shareCount: count(post, ['share_count', 'shareCount']),
		saveCount: count(post, ['collect_count', 'collectCount']),
		durationSeconds: count(post, ['duration']),
		pinned: flag(post, PINNED_FIELDS),
		videoUrl: isPhoto ? null : word(post, ['play']),
		coverUrl: word(post, ['cover', 'origin_cover', 'originCover']),
	};
}

/** What tells two people of a list apart. */
export function personId(person: JsonObject): string | undefined {
	return word(person, PERSON_ID_FIELDS) ?? undefined;
}

/** What tells two posts of a list apart. */
export function postId(post: JsonObject): string | undefined {
	return word(post, POST_ID_FIELDS) ?? undefined;
}

/** Pinned posts stand before all others, out of order. */
export function isPinned(post: JsonObject): boolean {
	return flag(post, PINNED_FIELDS) === true;
}

/** When the post was made, in ms since the epoch. The API gives seconds. */
export function postTimeMs(post: JsonObject): number | undefined {
	const time = count(post, ['create_time', 'createTime']);
	if (typeof time !== 'number' || time <= 0) return undefined;
	// 1e11 seconds is the year 5138: a number from there on can only be milliseconds.
	const ms = time < 1e11 ? time * 1_000 : time;
	return ms <= MAX_DATE_MS ? ms : undefined;
}

function profileUrl(username: string | null): string | null {
	return username !== null && /^[\w.]+$/.test(username)
		? `https://www.tiktok.com/@${username}`
		: null;
}

function postUrl(username: string | null, id: string | null, isPhoto: boolean): string | null {
	const profile = profileUrl(username);
	if (profile === null || id === null || !/^\d+$/.test(id)) return null;
	return `${profile}/${isPhoto ? 'photo' : 'video'}/${id}`;
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

/** The first of the fields that `read` can make something of. */
function first<T>(
	source: JsonObject | undefined,
	fields: readonly string[],
	read: (value: JsonValue | undefined) => T | null,
): T | null {
	if (source === undefined) return null;
	return fields.map((field) => read(source[field])).find((value) => value !== null) ?? null;
}

/** A text that may be empty, such as a bio. */
function text(source: JsonObject | undefined, fields: readonly string[]): string | null {
	return first(source, fields, (value) => (typeof value === 'string' ? value : null));
}

/** A text that says nothing when it is empty, such as an id or an address. */
function word(source: JsonObject | undefined, fields: readonly string[]): string | null {
	return first(source, fields, (value) => {
		if (typeof value === 'number') return String(value);
		return typeof value === 'string' && value !== '' ? value : null;
	});
}

function count(source: JsonObject | undefined, fields: readonly string[]): Count {
	return first(source, fields, (value): Count => {
		if (typeof value === 'number') return Number.isFinite(value) ? value : null;
		if (typeof value !== 'string') return null;
		const digits = value.trim();
		if (!/^-?\d+(?:\.\d+)?$/.test(digits)) return null;
		return Math.abs(Number(digits)) <= Number.MAX_SAFE_INTEGER ? Number(digits) : digits;
	});
}

function flag(source: JsonObject | undefined, fields: readonly string[]): boolean | null {
	return first(source, fields, (value) => {
		if (value === true || value === 1 || value === '1' || value === 'true') return true;
		return value === false || value === 0 || value === '0' || value === 'false' ? false : null;
	});
}

function objectIn(source: JsonObject | undefined, field: string): JsonObject | undefined {
	const value = source?.[field];
	return isJsonObject(value) ? value : undefined;
}
