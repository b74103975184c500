import type { IDataObject } from 'n8n-workflow';
import type { WatchedEvent } from './watchParameters';

/** What is remembered of one user. */
export interface WatchedUser {
	/** Of the last look that went well; undefined before the first one. */
	memory?: unknown;
	/** What the last look failed with, so that it is told once. */
	trouble?: string;
	/** Wall clock, ms: it would be the same again before then. */
	askAgainMs?: number;
}

/**
 * What a trigger remembers from poll to poll, in n8n's static data of the node: cursors, some hundred bytes a user.
 *
 * n8n's default: saved after the poll that activates the workflow, and as an execution starts. Killed in the moment
 * between these two writes, n8n has told events that come again, or saved the cursor of some that were never told;
 * killed at another time, it forgets no more than what a quiet poll has learned: a first look that had failed before,
 * and what was told as trouble.
 *
 * With durable poll cursors (`N8N_POLLER_DURABLE_CURSORS_ENABLED`): saved after each scheduled poll, and in one
 * transaction with the execution that it starts. The poll that activates the workflow saves nothing when it tells
 * nothing, so the first scheduled one sets the baseline.
 */
export interface WatchState {
	users: Map<string, WatchedUser>;
	/** With whom the next poll begins, when the last one did not get to everybody. */
	next: string | undefined;
}

/** Nothing is remembered when the trigger has watched for something else before. */
export function readWatchState(data: IDataObject, event: WatchedEvent): WatchState {
	if (data['event'] !== event) return { users: new Map(), next: undefined };
	// n8n hands out proxies that see each change.
	const { users, next } = JSON.parse(JSON.stringify(data)) as IDataObject;
	const isList = typeof users === 'object' && users !== null;
	const entries = Object.entries(isList ? users : {}).filter(
		([, user]) => typeof user === 'object' && user !== null,
	);
	return { users: new Map(entries), next: typeof next === 'string' ? next : undefined };
}

/** Writes only what differs: n8n takes every assignment for a change. */
export function writeWatchState(
	data: IDataObject,
	event: WatchedEvent,
	{ users, next }: WatchState,
): void {
	const fresh = { event, users: Object.fromEntries(users), next: next ?? null };
	for (const [name, value] of Object.entries(fresh)) {
		if (JSON.stringify(data[name]) !== JSON.stringify(value)) data[name] = value as IDataObject;
	}
}
