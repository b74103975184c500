import { DEFAULT_QUEUE } from '../../resilience/jobs';

/**
 * The names of everything that belongs to one API key. The part in braces is the same in all of them, so that a
 * Redis Cluster keeps them on one node and a script may touch several. Nothing here lasts for ever: each script
 * gives what it writes a time to live.
 */
export interface Keys {
	/** Text in front of all of them, BullMQ's included. */
	readonly prefix: string;
	/** Hash: what keeps the store's clock from going back. */
	readonly clock: string;
	/** Hash: burst bucket, pauses, and since when this window is known. Its absence means that state was lost. */
	readonly gate: string;
	/** Sorted set: the grants of the last window by their time. */
	readonly window: string;
	/** Sorted set: permits in flight by the end of their lease. */
	readonly slots: string;
	/** Sorted set: processes with a critical request that waits, by when it last asked. */
	readonly critical: string;
	/** Sorted set: processes by their last heartbeat. */
	readonly workers: string;
	/** Hash: how to recognise them. */
	readonly identities: string;
	/** Hash: the day that was booked last, the known balance and what was taken from it. */
	readonly ledger: string;
	/** Hash: reservations that are not settled. */
	readonly reservations: string;
	/** Sorted set: stored answers as `key:bytes` by the end of their time. */
	readonly answers: string;
	/** Number: the sum of their bytes. */
	readonly answerBytes: string;
	/** Hash: when each queue was used last. */
	readonly jobQueues: string;
	/** Numbers: the last id that was given to a job, and to a claim. */
	readonly jobSeq: string;
	readonly jobFence: string;
	/** Hash: completed jobs of a queue by hour. */
	jobsDone(queue: string): string;
	/** Hash: what was counted in one hour, by minute and name. */
	statistics(hour: number): string;
	cell(name: string): string;
	/** Hash: credits of one day. */
	credits(day: string): string;
	answer(key: string): string;
	claim(key: string): string;
}

/** @param keyId a hash of the API key, never the key */
export function keysOf(keyId: string): Keys {
	const prefix = `{tiklive:${keyId}}`;
	const name = (end: string) => `${prefix}:${end}`;
	return {
		prefix,
		clock: name('clock'),
		gate: name('gate'),
		window: name('window'),
		slots: name('slots'),
		critical: name('critical'),
		workers: name('workers'),
		identities: name('identities'),
		ledger: name('ledger'),
		reservations: name('reservations'),
		answers: name('answers'),
		answerBytes: name('answer-bytes'),
		jobQueues: name('jobs:queues'),
		jobSeq: name('jobs:seq'),
		jobFence: name('jobs:fence'),
		jobsDone: (queue) => name(queue === DEFAULT_QUEUE ? 'jobs-done' : `jobs-done:${queue}`),
		statistics: (hour) => name(`statistics:${hour}`),
		cell: (cell) => name(`cell:${cell}`),
		credits: (day) => name(`credits:${day}`),
		answer: (key) => name(`answer:${key}`),
		claim: (key) => name(`claim:${key}`),
	};
}
