import type { Count, UserRecord } from './records';

/**
 * What of a profile can be watched. The id never changes; the address follows the username; avatar addresses are
 * signed and expire (facts section 2), so they change without anybody changing anything.
 */
export const PROFILE_FIELDS = [
	'bio',
	'followerCount',
	'followingCount',
	'heartCount',
	'nickname',
	'private',
	'username',
	'verified',
	'videoCount',
] as const satisfies readonly (keyof UserRecord)[];

export type ProfileField = (typeof PROFILE_FIELDS)[number];
export type ProfileValue = NonNullable<Count | UserRecord[ProfileField]>;

/** What is remembered of a profile between two looks; plain JSON. */
export interface ProfileMemory {
	/** By which it is asked for from then on: so a change of the username is seen, too. */
	readonly id: string | null;
	readonly values: Readonly<Partial<Record<ProfileField, ProfileValue>>>;
}

export interface ProfileChange {
	/** Empty when nothing has changed, as with the first look. */
	readonly changed: Partial<Record<ProfileField, { before: ProfileValue; after: ProfileValue }>>;
	readonly memory: ProfileMemory;
}

/**
 * What has changed of the watched fields. A null says nothing, so it is no change; a field that was not watched or
 * not known before is remembered without being told.
 */
export function profileChange(
	before: ProfileMemory | undefined,
	record: UserRecord,
	fields: readonly ProfileField[],
): ProfileChange {
	const changed: ProfileChange['changed'] = {};
	const values: Partial<Record<ProfileField, ProfileValue>> = {};
	for (const field of fields) {
		const known = before?.values[field];
		const now = record[field] ?? known;
		if (now === undefined) continue;
		values[field] = now;
		if (known !== undefined && known !== now) changed[field] = { before: known, after: now };
	}
	return { changed, memory: { id: record.id ?? before?.id ?? null, values } };
}

/** Undefined for anything that is not the memory of a profile. */
export function toProfileMemory(value: unknown): ProfileMemory | undefined {
	const { id, values } = (value ?? {}) as Partial<ProfileMemory>;
	if ((typeof id !== 'string' && id !== null) || typeof values !== 'object' || values === null) {
		return undefined;
	}
	return { id, values };
}
