import type { IDataObject } from 'n8n-workflow';
import { CallFailure, ListInterrupted } from '../api';
import type { CallOptions } from '../resilience/client';
import { FAILURE_TRAITS } from '../resilience/failureTraits';
import { defaultDedupeKey, encodePayload, type JobRequest } from '../resilience/jobPayload';
import { afterFailure } from '../resilience/jobPolicy';
import type { JobKind, JobStore } from '../resilience/jobs';
import { isoTime, userFields } from './jobItems';
import { DEFAULT_JOB_ATTEMPTS } from './jobParameters';
import { systemClock } from './systemClock';

/** What one item would be as a job. */
export interface ItemAsJob {
	kind: JobKind;
	request: Omit<JobRequest, 'call'>;
}

/**
 * Makes a job of an item that met an open breaker, a spent budget or an API that is down, and returns what its
 * Deferred output says. Undefined when that would not help, or cannot be done just now.
 *
 * @param call how the item was asked for; what its run has paid for is not paid for again
 */
export async function defer(
	problem: unknown,
	{ kind, request }: ItemAsJob,
	call: CallOptions,
	jobs: JobStore,
	queue: string,
): Promise<IDataObject | undefined> {
	const error = problem instanceof ListInterrupted ? problem.cause : problem;
	if (!(error instanceof CallFailure) || !FAILURE_TRAITS[error.failure.kind].unavailable) {
		return undefined;
	}
	const nowMs = systemClock.wallMs();
	const decision = afterFailure(error.failure, 0, nowMs, Math.random);
	if (!('delayMs' in decision)) return undefined;
	const notBeforeMs = nowMs + decision.delayMs;
	const asked: JobRequest = { ...request, call: callOf(call) };
	const [added] = await jobs
		.add([
			{
				queue,
				kind,
				payload: encodePayload(asked),
				priority: call.priority ?? 'backfill',
				notBeforeMs,
				maxAttempts: DEFAULT_JOB_ATTEMPTS,
				dedupeKey: defaultDedupeKey(kind, asked),
			},
		])
		.catch(() => []);
	if (added === undefined) return undefined;
	const { id, duplicate } = added;
	return {
		jobId: id,
		duplicate,
		queue,
		kind,
		...userFields(request.user),
		// A job that was there already keeps the time it has.
		nextTryAt: duplicate ? null : isoTime(notBeforeMs),
		reason: error.failure.kind,
	};
}

function callOf({
	maxAgeMs,
	timeoutMs,
	maxAttempts,
	notBeforeMs,
}: CallOptions): JobRequest['call'] {
	return {
		...(maxAgeMs !== undefined && { maxAgeMs }),
		...(timeoutMs !== undefined && { timeoutMs }),
		...(maxAttempts !== undefined && { maxAttempts }),
		...(notBeforeMs !== undefined && { answersSinceMs: Math.floor(notBeforeMs) }),
	};
}
