import { userRecord, type ListEndpoint } from '../api';
import type { CallResult, Client } from '../resilience/client';

/** Which count of a profile says how long a list is, and what it counts. */
const COUNTS = {
	userFollowers: { field: 'followerCount', noun: 'followers' },
	userFollowing: { field: 'followingCount', noun: 'people whom the user follows' },
	userPosts: { field: 'videoCount', noun: 'posts' },
} as const satisfies Record<ListEndpoint, object>;

const ANY_AGE = { maxAgeMs: Infinity };

/** A list that came back empty. */
export interface EmptyList {
	endpoint: ListEndpoint;
	userId: string;
	/** Usernames by which the profile may have been asked for. */
	names: readonly string[];
}

/**
 * Whether a list that came back empty should hold something, by the profile that is stored, however old. Asks for
 * nothing, so it costs nothing.
 *
 * @returns a sentence for the hint, undefined when the profile says nothing else
 */
export async function emptyListDoubt(
	client: Pick<Client, 'stored'>,
	{ endpoint, userId, names }: EmptyList,
): Promise<string | undefined> {
	const { field, noun } = COUNTS[endpoint];
	const places = [
		...names.map((username) => ['userInfoByUsername', { username }] as const),
		['userInfoById', { userid: userId }] as const,
	];
	for (const [profileEndpoint, params] of places) {
		// A remembered "not found" says nothing about the list.
		const profile: CallResult | undefined = await client
			.stored(profileEndpoint, params, ANY_AGE)
			.catch(() => undefined);
		if (profile === undefined) continue;
		const record = userRecord(profile.body);
		// A name may have gone to somebody else.
		if (record.userId !== null && record.userId !== userId) continue;
		const count = record[field] ?? 0;
		if (Number(count) === 0) continue;
		const user = record.username === null ? userId : `@${record.username.toLowerCase()}`;
		return `${user} has ${count} ${noun} by the stored profile, but the list came back empty: it may be limited, private or filtered`;
	}
	return undefined;
}
