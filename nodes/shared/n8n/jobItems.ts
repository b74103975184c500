import type { IDataObject, INodeExecutionData } from 'n8n-workflow';
import type { UserRef } from '../api';
import { decodePayload } from '../resilience/jobPayload';
import { JOB_KINDS, type ClaimedJob, type DeadJob } from '../resilience/jobs';
import type { JobAnswer } from './jobWork';

/** One item for each record; "job" says which job it belongs to. */
export function resultItems(
	{ id, kind, createdAtMs }: ClaimedJob,
	user: UserRef,
	{ records, incomplete }: JobAnswer,
): INodeExecutionData[] {
	const job = { id, kind, ...userFields(user), addedAt: isoTime(createdAtMs), incomplete };
	return records.map((record) => ({ json: { ...record, job } }));
}

/** What a dead letter tells, in Get Many and on the second output of the trigger. */
export function deadLetterJson(dead: DeadJob): IDataObject {
	return {
		jobId: dead.id,
		kind: dead.kind,
		...userFields(userOf(dead)),
		reason: dead.reason,
		lastError: dead.lastError,
		attempts: dead.attempts,
		addedAt: isoTime(dead.createdAtMs),
		diedAt: isoTime(dead.diedAtMs),
		history: dead.history.map(({ atMs, error }) => ({ at: isoTime(atMs), error })),
		payload: dead.payload,
	};
}

/** A time as people and databases read it; the wall clock of a damaged row may hold anything. */
export function isoTime(wallMs: number): string | null {
	const date = new Date(wallMs);
	return Number.isNaN(date.getTime()) ? null : date.toISOString();
}

export function userFields(user: UserRef | undefined): {
	username: string | null;
	userId: string | null;
} {
	return {
		username: user?.kind === 'username' ? user.username : null,
		userId: user?.kind === 'id' ? user.id : null,
	};
}

function userOf({ kind, payload }: DeadJob): UserRef | undefined {
	const known = JOB_KINDS.find((candidate) => candidate === kind);
	const decoded = known && decodePayload(known, payload);
	return decoded?.ok ? decoded.request.user : undefined;
}
