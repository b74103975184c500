import type { IDataObject } from 'n8n-workflow';
import type { Alerts } from './alerts';
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
 * and what was told as trouble, which is told once more then.
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
	const { users, next } = plain(data) as IDataObject;
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
	assign(data, { event, users: Object.fromEntries(users), next: next ?? null });
}

/** Anything that is none counts as no alerts. */
export function readAlerts(data: IDataObject): Alerts {
	const { trouble, told } = { ...(plain(data['alerts'] ?? null) as Partial<Alerts> | null) };
	return {
		trouble: isOf(trouble, { cause: 'string', sinceMs: 'number', isKnown: 'boolean' })
			? trouble
			: undefined,
		told: Array.isArray(told)
			? told.filter((each) => isOf(each, { cause: 'string', toldMs: 'number', times: 'number' }))
			: [],
	};
}

/** Nothing is written for a trigger that never was in trouble. */
export function writeAlerts(data: IDataObject, alerts: Alerts): void {
	const isNone = alerts.trouble === undefined && alerts.told.length === 0;
	if (isNone && !data['alerts']) return;
	assign(data, { alerts: isNone ? null : alerts });
}

function isOf(value: unknown, types: Readonly<Record<string, string>>): boolean {
	const fields = { ...(value as Record<string, unknown> | undefined) };
	return Object.entries(types).every(([name, type]) => typeof fields[name] === type);
}

/** n8n hands out proxies that see each change. */
function plain(data: unknown): unknown {
	return JSON.parse(JSON.stringify(data));
}

function assign(data: IDataObject, fields: object): void {
	for (const [name, value] of Object.entries(fields)) {
		if (JSON.stringify(data[name]) !== JSON.stringify(value)) data[name] = value as IDataObject;
	}
}
