import type { UserRecord } from './records';

/**
 * What of a profile can be watched. The id never changes; the address follows the username; avatar addresses are
 * signed and expire (facts section 2), so they change without anybody changing anything.
 */
export const PROFILE_FIELDS = [
	'bio',
	'bioLink',
	'followerCount',
	'followingCount',
	'heartCount',
	'instagram',
	'nickname',
	'private',
	'twitter',
	'username',
	'verified',
	'videoCount',
	'youtubeChannelId',
] as const satisfies readonly (keyof UserRecord)[];

/** What many users do not have: to add and to remove it are changes, too. */
const OPTIONAL_FIELDS: ReadonlySet<ProfileField> = new Set([
	'bioLink',
	'instagram',
	'twitter',
	'youtubeChannelId',
]);

export type ProfileField = (typeof PROFILE_FIELDS)[number];
/** Null: the user has none. */
export type ProfileValue = UserRecord[ProfileField];

/** What is remembered of a profile between two looks; plain JSON. */
export interface ProfileMemory {
	/** By which it is asked for from then on: so a change of the username is seen, too. */
	readonly id: string | null;
	/** What is not known is not there. */
	readonly values: Readonly<Partial<Record<ProfileField, ProfileValue>>>;
}

export interface ProfileChange {
	/** What the fields that have changed were before; empty when nothing has changed, as with the first look. */
	readonly before: Partial<Record<ProfileField, ProfileValue>>;
	readonly memory: ProfileMemory;
}

/**
 * What has changed of the watched fields. A null says nothing, so it is no change, but where it says that the user
 * has none; a field that was not watched or not known before is remembered without being told.
 */
export function profileChange(
	memory: ProfileMemory | undefined,
	record: UserRecord,
	fields: readonly ProfileField[],
): ProfileChange {
	const before: ProfileChange['before'] = {};
	const values: Partial<Record<ProfileField, ProfileValue>> = {};
	for (const field of fields) {
		const known = memory?.values[field];
		const stated = statedValue(record, field);
		const now = stated === undefined ? known : stated;
		if (now === undefined) continue;
		values[field] = now;
		if (known !== undefined && known !== now) before[field] = known;
	}
	return { before, memory: { id: record.userId ?? memory?.id ?? null, values } };
}

/** Undefined: the answer does not say. One that holds a bio, be it an empty one, is a whole profile. */
function statedValue(record: UserRecord, field: ProfileField): ProfileValue | undefined {
	const isNone = OPTIONAL_FIELDS.has(field) && record.bio !== null;
	return record[field] ?? (isNone ? null : undefined);
}

/** Undefined for anything that is not the memory of a profile. */
export function toProfileMemory(value: unknown): ProfileMemory | undefined {
	const { id, values } = (value ?? {}) as Partial<ProfileMemory>;
	if ((typeof id !== 'string' && id !== null) || typeof values !== 'object' || values === null) {
		return undefined;
	}
	return { id, values };
}
