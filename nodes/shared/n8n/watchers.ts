import type { IDataObject } from 'n8n-workflow';
import {
	profileChange,
	readNewestPost,
	readNewPosts,
	readUserInfo,
	toFeedMemory,
	toProfileMemory,
	userKey,
	type Call,
	type FeedPost,
	type ProfileChange,
	type UserRecord,
	type UserRef,
} from '../api';
import type { WatchRequest } from './watchParameters';

/** One item for the workflow. */
export interface WatchEvent {
	json: IDataObject;
	/** When it came about, ms since the epoch, where that is known. */
	timeMs: number | undefined;
}

/** What one look at a user has brought. */
export interface Look {
	events: WatchEvent[];
	/** Plain JSON; for the next look. */
	memory: unknown;
	/** Some events will never be told. */
	lost: boolean;
}

/** One kind of event. */
export interface Watcher {
	/**
	 * @param memory of the last look at this user; anything else counts as none, and the look tells nothing
	 * @param nowMs wall clock
	 * @throws CallFailure or ListInterrupted
	 */
	look(call: Call, user: UserRef, memory: unknown, nowMs: number): Promise<Look>;
	/** What an event of this user looks like; undefined when there is nothing to show. */
	sample(call: Call, user: UserRef): Promise<IDataObject | undefined>;
}

export function watcherOf(request: WatchRequest): Watcher {
	switch (request.event) {
		case 'newPost':
			return newPostWatcher(request);
		case 'profileChange':
			return profileWatcher(request);
	}
}

function newPostWatcher({ simplify, maxPages }: WatchRequest): Watcher {
	const json = ({ raw, record }: FeedPost, user: UserRef): IDataObject => ({
		...(simplify ? record : raw),
		watchedUser: watchedName(user),
	});
	return {
		async look(call, user, memory, nowMs) {
			const {
				posts,
				memory: next,
				lost,
			} = await readNewPosts(call, {
				...{ user, maxPages, nowMs },
				memory: toFeedMemory(memory),
			});
			const events = posts.map((post) => ({ json: json(post, user), timeMs: post.timeMs }));
			return { events, memory: next, lost };
		},

		async sample(call, user) {
			const post = await readNewestPost(call, user);
			return post && json(post, user);
		},
	};
}

function profileWatcher({ fields }: WatchRequest): Watcher {
	const json = (
		record: UserRecord,
		before: ProfileChange['before'],
		user: UserRef,
	): IDataObject => ({
		...record,
		changedFields: Object.keys(before).join(),
		...Object.fromEntries(
			Object.entries(before).map(([field, value]) => [`${field}Before`, value]),
		),
		watchedUser: watchedName(user),
	});
	return {
		async look(call, user, memory) {
			const known = toProfileMemory(memory);
			// By id, so that a new username is a change and not somebody who is gone.
			const asked: UserRef = known?.id ? { kind: 'id', id: known.id } : user;
			const { record } = await readUserInfo(call, asked);
			const { before, memory: next } = profileChange(known, record, fields);
			const isNews = Object.keys(before).length > 0;
			const events = isNews ? [{ json: json(record, before, user), timeMs: undefined }] : [];
			return { events, memory: next, lost: false };
		},

		async sample(call, user) {
			const { record } = await readUserInfo(call, user);
			const same = Object.fromEntries(fields.map((field) => [field, record[field]]));
			return json(record, same, user);
		},
	};
}

/** As it is written in 'Users', cleaned up. */
function watchedName(user: UserRef): string {
	return userKey(user).replace(/^@/, '');
}
