import {
	HISTORY_LENGTH,
	JOB_KINDS,
	type ClaimedJob,
	type DeadJob,
	type JobHistoryEntry,
	type ListedJob,
} from '../../resilience/jobs';
import type { Priority } from '../../resilience/ports';
import type { Row } from './database';

/** Longest text kept of one failure. */
const ERROR_CHARS = 500;

/** The column `priority` holds the index: the order in which jobs are claimed. */
export const PRIORITIES: readonly Priority[] = ['critical', 'backfill'];

/** Undefined when the row holds no job that this version knows. */
export function toClaimed(row: Row, queue: string): ClaimedJob | undefined {
	const { payload, progress } = row;
	const kind = JOB_KINDS.find((known) => known === row['kind']);
	const priority = PRIORITIES[Number(row['priority'])];
	if (kind === undefined || priority === undefined || typeof payload !== 'string') return undefined;
	return {
		id: String(row['seq']),
		queue,
		fence: Number(row['fence']),
		kind,
		payload,
		priority,
		attempts: Number(row['attempts']),
		maxAttempts: Number(row['max_attempts']),
		createdAtMs: Number(row['created_wall_ms']),
		progress: typeof progress === 'string' ? progress : undefined,
	};
}

export function toDead(row: Row, queue: string): DeadJob {
	const history = historyOf(row);
	return {
		id: String(row['seq']),
		queue,
		kind: String(row['kind']),
		payload: String(row['payload']),
		reason: String(row['reason']),
		lastError: history.at(-1)?.error ?? '',
		history,
		createdAtMs: Number(row['created_wall_ms']),
		diedAtMs: Number(row['died_wall_ms']),
		attempts: Number(row['attempts']),
	};
}

export function toListed(row: Row, queue: string, nowMs: number): ListedJob {
	const dueAtMs = Number(row['due_wall_ms']);
	const isDelayed = row['state'] === 'delayed' && dueAtMs > nowMs;
	return {
		id: String(row['seq']),
		queue,
		state: row['state'] === 'active' ? 'active' : isDelayed ? 'delayed' : 'waiting',
		kind: String(row['kind']),
		payload: String(row['payload']),
		priority: PRIORITIES[Number(row['priority'])] ?? 'backfill',
		attempts: Number(row['attempts']),
		maxAttempts: Number(row['max_attempts']),
		createdAtMs: Number(row['created_wall_ms']),
		dueAtMs,
		lastError: historyOf(row).at(-1)?.error ?? '',
	};
}

/** The column `history` with one entry more. */
export function longerHistory(row: Row, atMs: number, error: string): string {
	const entry: JobHistoryEntry = { atMs, error: error.slice(0, ERROR_CHARS) };
	return JSON.stringify([...historyOf(row), entry].slice(-HISTORY_LENGTH));
}

function historyOf(row: Row): JobHistoryEntry[] {
	try {
		const entries: unknown = JSON.parse(String(row['history']));
		return Array.isArray(entries) ? entries.filter(isEntry) : [];
	} catch {
		return [];
	}
}

function isEntry(entry: unknown): entry is JobHistoryEntry {
	const { atMs, error } = (entry ?? {}) as Partial<JobHistoryEntry>;
	return typeof atMs === 'number' && typeof error === 'string';
}

/** For a WHERE; no values: no condition. */
export function oneOf(column: string, values: readonly string[]): string {
	return values.length === 0 ? '' : `AND ${column} IN (${values.map(() => '?').join(', ')})`;
}

export function numberOf(priority: Priority): number {
	return PRIORITIES.indexOf(priority);
}

/** Ids are what `add` gave out; anything else finds no row. */
export function seqOf(id: string): number {
	const seq = Number(id);
	return Number.isSafeInteger(seq) ? seq : -1;
}
