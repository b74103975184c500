import type { Special, Totals } from './specials.ts';

/** A counter as the API shows it; a bigint where it is above 2^53. */
export type Count = number | bigint;

export interface Person {
	/** Place in the population; special users stand from SPECIALS_START on. */
	readonly index: number;
	readonly username: string;
	/** 19 digits, above 2^53. */
	readonly id: string;
	readonly secUid: string;
	readonly nickname: string;
	/** null = the key is absent in the body. */
	readonly bio: string | null;
	/** null = the key is absent in the body. */
	readonly region: string | null;
	readonly verified: boolean;
	readonly private: boolean;
	readonly avatarUrl: string;
	/** The address in the bio, and accounts elsewhere; null = none, an empty text in the body. */
	readonly bioLink: string | null;
	readonly instagram: string | null;
	readonly twitterName: string | null;
	readonly twitterId: string | null;
	readonly youtubeChannelId: string | null;
	readonly followerCount: Count;
	readonly followingCount: Count;
	readonly heartCount: Count;
	readonly videoCount: Count;
	readonly likesGiven: number;
	/** What the lists really hold. */
	readonly totals: Totals;
	/** Bookmark 0 of the lists of people, epoch seconds. */
	readonly listStartSeconds: number;
	/** The oldest post falls into the first interval after this, the next one into the second, ... Epoch seconds. */
	readonly feedStartSeconds: number;
	readonly feedIntervalSeconds: number;
	readonly special: Special | undefined;
}

export interface Post {
	/** 19 digits, the upper 32 bits of which are a time: the id in the web address of the post. */
	readonly videoId: string;
	/** The media's name; looks like an id and is none. */
	readonly awemeId: string;
	readonly title: string | null;
	readonly createdSeconds: number;
	readonly durationSeconds: number;
	readonly plays: Count;
	readonly likes: Count;
	readonly comments: Count;
	readonly shares: Count;
	/** null = the key is absent in the body. */
	readonly saves: Count | null;
	readonly downloads: number;
	readonly bytes: number;
	readonly pinned: boolean;
	/** null for a photo post, whose `play` is its music. */
	readonly videoUrl: string | null;
	readonly coverUrl: string;
	readonly musicUrl: string;
	readonly musicId: string;
	/** Photo posts only. */
	readonly imageUrls: readonly string[];
}

/**
 * What a test may change of a user while the simulator runs. Lists keep their length, and are not refused to anybody
 * because of `private`. With a new username, nobody has the old one any more.
 */
export type PersonEdit = Partial<
	Pick<
		Person,
		| 'username'
		| 'nickname'
		| 'bio'
		| 'bioLink'
		| 'verified'
		| 'private'
		| 'followerCount'
		| 'followingCount'
		| 'heartCount'
	>
>;
