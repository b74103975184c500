import type { IDataObject, INodeExecutionData } from 'n8n-workflow';
import { CallFailure, ListInterrupted, userKey, type UserRef } from '../api';
import { decodePayload } from '../resilience/jobPayload';
import { JOB_KINDS, type ClaimedJob, type DeadJob, type ListedJob } from '../resilience/jobs';
import { detailsOf } from './failedItem';
import type { JobAnswer } from './jobWork';
import type { DeadLetter } from './outbox';
import { problemOf } from './problem';
import { PartialList } from './wholeList';

/** One item for each record, with the job that it belongs to. */
export function resultItems(
	{ id, queue }: Pick<ClaimedJob, 'id' | 'queue'>,
	user: UserRef | undefined,
	{ records, incomplete }: JobAnswer,
): INodeExecutionData[] {
	const job = {
		jobId: id,
		jobQueue: queue,
		jobUser: nameOf(user),
		...(incomplete && { jobIncomplete: true }),
	};
	return records.map((record) => ({ json: { ...record, ...job } }));
}

/** What a dead letter tells, in Get Many and on the second output of the trigger. */
export function deadLetterJson(dead: DeadJob): IDataObject {
	return {
		jobId: dead.id,
		queue: dead.queue,
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

/** What a job leaves behind that ends with `problem`: its dead letter, and the records that it had brought by then. */
export function lastItems(dead: DeadJob, problem: unknown, apiKey: string): DeadLetter {
	const user = userOf(dead);
	const details = failureDetails(problem, user, apiKey);
	const records = problem instanceof PartialList ? problem.records : [];
	return {
		item: { json: { ...deadLetterJson(dead), ...(details && { details }) } },
		records: resultItems(dead, user, { records, incomplete: true }),
	};
}

/** What a job says that is neither done nor dead. */
export function jobJson(job: ListedJob): IDataObject {
	return {
		jobId: job.id,
		queue: job.queue,
		state: job.state,
		kind: job.kind,
		...userFields(userOf(job)),
		priority: job.priority,
		attempts: job.attempts,
		maxAttempts: job.maxAttempts,
		addedAt: isoTime(job.createdAtMs),
		dueAt: isoTime(job.dueAtMs),
		lastError: job.lastError === '' ? null : job.lastError,
	};
}

/** Undefined when no call has failed. */
function failureDetails(
	problem: unknown,
	user: UserRef | undefined,
	apiKey: string,
): IDataObject | undefined {
	if (!(problem instanceof CallFailure || problem instanceof ListInterrupted)) return undefined;
	const users = user === undefined ? [] : [userKey(user)];
	return detailsOf(problemOf(problem, { users, apiKey }), users);
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

function nameOf(user: UserRef | undefined): string | null {
	return (user?.kind === 'id' ? user.id : user?.username) ?? null;
}

function userOf({ kind, payload }: Pick<DeadJob, 'kind' | 'payload'>): UserRef | undefined {
	const known = JOB_KINDS.find((candidate) => candidate === kind);
	const decoded = known && decodePayload(known, payload);
	return decoded?.ok ? decoded.request.user : undefined;
}
