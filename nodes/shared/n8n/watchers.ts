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
	return {
		async look(call, user, memory) {
			const before = toProfileMemory(memory);
			// By id, so that a new username is a change and not somebody who is gone.
			const known: UserRef = before?.id ? { kind: 'id', id: before.id } : user;
			const { record } = await readUserInfo(call, known);
			const { changed, memory: next } = profileChange(before, record, fields);
			const json = { user: { ...record }, changed, watchedUser: watchedName(user) };
			const isNews = Object.keys(changed).length > 0;
			return { events: isNews ? [{ json, timeMs: undefined }] : [], memory: next, lost: false };
		},

		async sample(call, user) {
			const { record } = await readUserInfo(call, user);
			const same = fields.map((field) => [field, { before: record[field], after: record[field] }]);
			return {
				user: { ...record },
				changed: Object.fromEntries(same) as IDataObject,
				watchedUser: watchedName(user),
			};
		},
	};
}

/** As it is written in 'Users', cleaned up. */
function watchedName(user: UserRef): string {
	return userKey(user).replace(/^@/, '');
}
