import type { INodeProperties, IPollFunctions } from 'n8n-workflow';
import {
	InvalidInput,
	parseUserList,
	PROFILE_FIELDS,
	type ProfileField,
	type UserRef,
} from '../api';
import type { CallOptions } from '../resilience/client';
import {
	askOptions,
	collection,
	maxAge,
	maxAttempts,
	maxPages,
	priority,
	timeout,
} from './options';
import { checkedOptions, choice, number } from './optionValues';

export type WatchedEvent = 'newPost' | 'profileChange';

/** Two and a half minutes of the usual plan's 200 requests; what is remembered of them stays below a megabyte. */
const MOST_USERS = 500;
/**
 * Below a minute, n8n's shortest interval, so that each poll asks anew; several workflows that watch the same user
 * at about the same time share one answer.
 */
const DEFAULT_MAX_AGE_SECONDS = 30;
/** 350 posts of one user between two polls. */
const DEFAULT_MAX_PAGES = 10;

/** What a poll is to look for, read and checked. */
export interface WatchRequest {
	event: WatchedEvent;
	users: UserRef[];
	simplify: boolean;
	fields: readonly ProfileField[];
	call: CallOptions;
	maxPages: number;
}

export const costNotice: INodeProperties = {
	displayName:
		'Each poll costs one credit for each user, and one more for the ID of a username, once in 30 days. 20 users every 5 minutes are 5,760 credits a day, more than the default Daily Budget of 5,000.',
	name: 'notice',
	type: 'notice',
	default: '',
};

export const eventParameter: INodeProperties = {
	displayName: 'Event',
	name: 'event',
	type: 'options',
	noDataExpression: true,
	options: [
		{
			name: 'New Post',
			value: 'newPost',
			description: 'A user has made a new post. One item for each post, oldest first.',
		},
		{
			name: 'Profile Change',
			value: 'profileChange',
			description: 'The profile of a user has changed. One item for each user.',
		},
	],
	default: 'newPost',
	description: 'What to watch the users for',
};

export const usersParameter: INodeProperties = {
	displayName: 'Users',
	name: 'users',
	type: 'string',
	// With several rows, line breaks survive the pasting of a list.
	typeOptions: { multipleValues: true, multipleValueButtonText: 'Add User', rows: 2 },
	default: [],
	required: true,
	placeholder: 'e.g. tiktok',
	description:
		'The TikTok users to watch: username, @name, profile URL or numeric ID. Each value may hold several of them, with commas or line breaks in between. Digits alone are an ID; a username of digits needs its @.',
};

const FIELD_CHOICES: Readonly<Record<ProfileField, string>> = {
	bio: 'Bio',
	bioLink: 'Bio Link',
	followerCount: 'Follower Count',
	followingCount: 'Following Count',
	heartCount: 'Heart Count',
	instagram: 'Instagram',
	nickname: 'Nickname',
	private: 'Private',
	twitter: 'Twitter',
	username: 'Username',
	verified: 'Verified',
	videoCount: 'Video Count',
	youtubeChannelId: 'YouTube Channel ID',
};

export const fieldsParameter: INodeProperties = {
	displayName: 'Fields',
	name: 'fields',
	type: 'multiOptions',
	options: PROFILE_FIELDS.map((value) => ({ name: FIELD_CHOICES[value], value })),
	default: ['bio', 'nickname', 'private', 'username', 'verified'],
	required: true,
	displayOptions: { show: { event: ['profileChange'] } },
	description:
		'What of the profile to watch. Counts change all the time, so with them nearly every poll starts the workflow.',
};

export const watchOptions = collection(
	{
		...maxAge,
		default: DEFAULT_MAX_AGE_SECONDS,
		description:
			'How old a stored answer may be, in seconds. Workflows that watch the same user share answers within this time; keep it below the time between two polls.',
	},
	maxAttempts,
	{
		...maxPages,
		default: DEFAULT_MAX_PAGES,
		displayOptions: { show: { '/event': ['newPost'] } },
		description:
			'How many pages of one user a poll reads at most, if there are that many new posts. Each page costs one credit and holds up to 35 posts. The next poll goes on where this one ended.',
	},
	priority,
	timeout,
);

/** @throws InvalidInput before anything is sent */
export function readWatchRequest(context: IPollFunctions): WatchRequest {
	const event = choice(eventParameter, { event: context.getNodeParameter('event') }, [
		'newPost',
		'profileChange',
	]);
	const options = checkedOptions(context.getNodeParameter('options', {}));
	const { call } = askOptions(options);
	return {
		event,
		users: parseUserList(context.getNodeParameter('users'), 'Users', MOST_USERS),
		simplify: context.getNodeParameter('simplify', true) as boolean,
		fields: event === 'profileChange' ? readFields(context.getNodeParameter('fields')) : [],
		call: { ...call, maxAgeMs: call.maxAgeMs ?? DEFAULT_MAX_AGE_SECONDS * 1_000 },
		maxPages: number(maxPages, options, 1) ?? DEFAULT_MAX_PAGES,
	};
}

function readFields(value: unknown): ProfileField[] {
	const fields = PROFILE_FIELDS.filter((field) => Array.isArray(value) && value.includes(field));
	if (fields.length > 0) return fields;
	throw new InvalidInput(
		'Fields',
		'Fields names nothing to watch',
		'Choose at least one field of the profile.',
	);
}
