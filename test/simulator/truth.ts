import type { Count, Person, Population } from './population.ts';
import { SOUND_TITLE } from './shapes.ts';

/** A counter above 2^53 is kept as its digits. */
export type CountTruth = number | string | null;

export interface UserTruth {
	userId: string;
	username: string;
	nickname: string;
	verified: boolean;
	private: boolean;
	bio: string | null;
	bioLink: string | null;
	followerCount: CountTruth;
	followingCount: CountTruth;
	heartCount: CountTruth;
	videoCount: CountTruth;
	instagram: string | null;
	twitter: string | null;
	youtubeChannelId: string | null;
	avatarUrl: string;
	url: string;
}

export interface PersonTruth {
	userId: string;
	username: string;
	nickname: string;
	bio: string | null;
	region: string | null;
	followerCount: CountTruth;
	followingCount: CountTruth;
	videoCount: CountTruth;
	instagram: string | null;
	twitter: string | null;
	youtubeChannelId: string | null;
	avatarUrl: string;
	url: string;
}

export interface PostTruth {
	postId: string;
	username: string;
	userId: string;
	title: string | null;
	postedAt: string;
	url: string;
	playCount: CountTruth;
	likeCount: CountTruth;
	commentCount: CountTruth;
	shareCount: CountTruth;
	saveCount: CountTruth;
	durationSeconds: number;
	pinned: boolean;
	/** null for a photo post. */
	videoUrl: string | null;
	coverUrl: string;
	imageUrls: string | null;
	soundId: string;
	soundTitle: string;
}

/**
 * The simplified records that a right reader ends with: everything the list holds, once each, in the
 * order of the pages asked with the largest count. Made from the population, not from the bodies.
 */
export interface Truth {
	/** False for a user that every endpoint answers with "Not found user". */
	exists(username: string): boolean;
	/** undefined where no record can be had. */
	userInfo(username: string): UserTruth | undefined;
	/** Empty where the list is refused or unreadable, too. */
	followers(username: string): PersonTruth[];
	following(username: string): PersonTruth[];
	posts(username: string): PostTruth[];
}

export function truthOf(population: Population): Truth {
	const readable = (username: string): Person | undefined => {
		const person = population.byUsername(username);
		const body = person?.special?.body;
		return body === 'missing-keys' || body === 'deep' ? undefined : person;
	};
	const owner = (username: string): Person | undefined => {
		const person = readable(username);
		return person?.special?.access === 'refused' ? undefined : person;
	};
	const people = (username: string, list: 'followers' | 'following'): PersonTruth[] => {
		const person = owner(username);
		if (!person) return [];
		return Array.from({ length: person.totals[list] }, (_, position) =>
			personTruth(population.listed(person, list, position)),
		);
	};
	return {
		exists: (username) => population.byUsername(username) !== undefined,
		userInfo(username) {
			const person = readable(username);
			return person && userTruth(person);
		},
		followers: (username) => people(username, 'followers'),
		following: (username) => people(username, 'following'),
		posts(username) {
			const person = owner(username);
			if (!person) return [];
			return Array.from({ length: person.totals.posts }, (_, position) =>
				postTruth(population, person, position),
			);
		},
	};
}

function userTruth(person: Person): UserTruth {
	const count = person.special?.stats === 'absent' ? () => null : exact;
	return {
		userId: person.id,
		username: person.username,
		nickname: storable(person.nickname),
		verified: person.verified,
		private: person.private,
		bio: storable(person.bio),
		bioLink: person.bioLink,
		followerCount: count(person.followerCount),
		followingCount: count(person.followingCount),
		heartCount: count(person.heartCount),
		videoCount: count(person.videoCount),
		...accountsElsewhere(person),
		avatarUrl: person.avatarUrl,
		url: profileUrl(person),
	};
}

function personTruth(person: Person): PersonTruth {
	return {
		userId: person.id,
		username: person.username,
		nickname: storable(person.nickname),
		bio: storable(person.bio),
		region: person.region,
		followerCount: exact(person.followerCount),
		followingCount: exact(person.followingCount),
		videoCount: exact(person.videoCount),
		...accountsElsewhere(person),
		avatarUrl: person.avatarUrl,
		url: profileUrl(person),
	};
}

function postTruth(population: Population, author: Person, position: number): PostTruth {
	const post = population.post(author, position);
	const postedSeconds =
		author.special?.times === 'absent' ? Number(BigInt(post.videoId) >> 32n) : post.createdSeconds;
	return {
		postId: post.videoId,
		username: author.username,
		userId: author.id,
		title: storable(post.title),
		postedAt: new Date(postedSeconds * 1000).toISOString(),
		url: `${profileUrl(author)}/${post.imageUrls.length > 0 ? 'photo' : 'video'}/${post.videoId}`,
		playCount: exact(post.plays),
		likeCount: exact(post.likes),
		commentCount: exact(post.comments),
		shareCount: exact(post.shares),
		saveCount: post.saves === null ? null : exact(post.saves),
		durationSeconds: post.durationSeconds,
		pinned: post.pinned,
		videoUrl: post.videoUrl,
		coverUrl: post.coverUrl,
		imageUrls: post.imageUrls.length > 0 ? post.imageUrls.join('\n') : null,
		soundId: post.musicId,
		soundTitle: SOUND_TITLE,
	};
}

function accountsElsewhere({ instagram, twitterName, twitterId, youtubeChannelId }: Person) {
	return { instagram, twitter: twitterName ?? twitterId, youtubeChannelId };
}

/** What databases take of a text: no NUL, no half surrogates. */
function storable<T extends string | null>(text: T): T {
	return (text === null ? null : text.replace(/\p{Cs}/gu, '\ufffd').replaceAll('\0', '')) as T;
}

function profileUrl(person: Person): string {
	return `https://www.tiktok.com/@${person.username}`;
}

function exact(count: Count): number | string {
	return typeof count === 'bigint' ? String(count) : count;
}
