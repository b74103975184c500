import type { JobsOptions } from 'bullmq';
import type { Row } from '../embedded/database';
import { PRIORITIES } from '../embedded/jobRow';
import { parseLaneName } from './lanes';

/** What nobody has touched for so long after its time belongs to a key that is no longer used. */
export const JOB_LIFE_MS = 90 * 24 * 3_600_000;

/** A job as Redis holds it. The first fields are BullMQ's, the others ours. Times are on the server's clock. */
export interface JobHash {
	/** Of the lane. */
	name?: string;
	/** The payload. */
	data?: string;
	/** JSON of what BullMQ was told when the job was added. */
	opts?: string;
	/** When it was added. */
	timestamp?: string;
	/** Deliveries that BullMQ found stalled. */
	stc?: string;
	/** The digest of its dedupe key. */
	deid?: string;
	finishedOn?: string;

	/** Of the stalled deliveries those that were counted. */
	crashes?: string;
	attempts?: string;
	/** When it is due, once that is later than was said when it was added. */
	due?: string;
	/** The bookmark of a list that was read in part. */
	bookmark?: string;
	history?: string;
	reason?: string;
	/** Attempts of a dead letter; `attempts` is 0 again then. */
	used?: string;
}

/**
 * The same as a row of the embedded store, whose rules then hold here too.
 *
 * @param skewMs how far the server's wall clock is ahead of this machine's
 */
export function toRow(id: string, fence: number, hash: JobHash, skewMs: number): Row {
	const { kind, priority } = parseLaneName(hash.name ?? '');
	const isDead = hash.finishedOn !== undefined;
	return {
		seq: id,
		fence,
		kind,
		priority: PRIORITIES.findIndex((known) => known === priority),
		payload: hash.data ?? '',
		progress: hash.bookmark ?? null,
		attempts: Number((isDead ? hash.used : hash.attempts) ?? 0),
		max_attempts: maxAttempts(hash),
		created_wall_ms: Number(hash.timestamp ?? 0) - skewMs,
		due_wall_ms: dueMs(hash) - skewMs,
		died_wall_ms: Number(hash.finishedOn ?? 0) - skewMs,
		reason: hash.reason ?? '',
		history: hash.history ?? '[]',
	};
}

export function maxAttempts(hash: JobHash): number {
	return optionsOf(hash).attempts ?? 1;
}

/** On the server's clock; Infinity when nothing is known of it. */
export function dueMs(hash: JobHash): number {
	if (hash.due !== undefined) return Number(hash.due);
	return hash.timestamp === undefined
		? Infinity
		: Number(hash.timestamp) + (optionsOf(hash).delay ?? 0);
}

function optionsOf({ opts = '{}' }: JobHash): JobsOptions {
	try {
		return JSON.parse(opts) as JobsOptions;
	} catch {
		return {};
	}
}
