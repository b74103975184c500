import { userKey, userRecord, type ListEndpoint, type UserRef } from '../api';
import type { Client } from '../resilience/client';

/** Which count of a profile says how long a list is, and what it counts. */
const COUNTS = {
	userFollowers: { field: 'followerCount', noun: 'followers' },
	userFollowing: { field: 'followingCount', noun: 'people whom the user follows' },
	userPosts: { field: 'videoCount', noun: 'posts' },
} as const satisfies Record<ListEndpoint, object>;

/**
 * Whether a list that came back empty should hold something, by the profile that is stored, however old. Asks for
 * nothing, so it costs nothing.
 *
 * @returns a sentence for the hint, undefined when the profile says nothing else
 */
export async function emptyListDoubt(
	client: Pick<Client, 'stored'>,
	endpoint: ListEndpoint,
	user: UserRef,
	userId: string,
): Promise<string | undefined> {
	const { field, noun } = COUNTS[endpoint];
	const profiles = [
		...(user.kind === 'username'
			? [client.stored('userInfoByUsername', { username: user.username }, ANY_AGE)]
			: []),
		client.stored('userInfoById', { userid: userId }, ANY_AGE),
	];
	for (const asked of profiles) {
		// A remembered "not found" says nothing about the list.
		const profile = await asked.catch(() => undefined);
		const count = profile && userRecord(profile.body)[field];
		if (count === undefined || count === null || Number(count) === 0) continue;
		return `${userKey(user)} has ${count} ${noun} by the stored profile, but the list came back empty: it may be limited, private or filtered`;
	}
	return undefined;
}

const ANY_AGE = { maxAgeMs: Infinity };
