import type { Priority } from './ports';

/** One node operation for one user. */
export type JobKind = 'userInfo' | 'followers' | 'following' | 'posts';

export const JOB_KINDS: readonly JobKind[] = ['userInfo', 'followers', 'following', 'posts'];

/** Raised when a job's payload changes its form; a job of an unknown version is dead-lettered with its raw text. */
export const JOB_VERSION = 1;

/** Hours for which completed jobs are counted. */
export const DONE_HOURS = 24;

/** Dead letters are kept for 30 days, and the newest 100,000 of them. */
export const DEAD_KEEP_MS = 30 * 24 * 60 * 60_000;
export const DEAD_KEEP_COUNT = 100_000;

/** A queue without jobs of any kind, that nobody used for so long, is forgotten. */
export const QUEUE_KEEP_MS = 30 * 24 * 60 * 60_000;

/** Of a job's failures the last ones are kept. */
export const HISTORY_LENGTH = 20;

/** Where jobs lie that name no queue, and those from before there were names. */
export const DEFAULT_QUEUE = 'default';

export const JOB_STATES = ['waiting', 'delayed', 'active'] as const;
/** `waiting`: due. A job that is done is gone, and a dead one is a dead letter. */
export type JobState = (typeof JOB_STATES)[number];

export interface NewJob {
	/** See isQueueName(). */
	queue: string;
	kind: JobKind;
	/** JSON text with a `v` of JOB_VERSION; no API key in it. */
	payload: string;
	priority: Priority;
	/** Wall clock; 0 = as soon as possible. */
	notBeforeMs: number;
	/** Failures that use an attempt, and deliveries that ended in a crash, before the job is dead. */
	maxAttempts: number;
	/** Of two jobs of a queue with the same key only the first is kept while it is waiting, delayed or active. */
	dedupeKey: string;
}

export interface AddedJob {
	id: string;
	/** `id` is then the job that is there already. */
	duplicate: boolean;
}

/**
 * The right to finish a job. Once the lease ran out somebody else may take the job, and the claim is void:
 * `fence` tells it from the next one.
 */
export interface JobClaim {
	readonly id: string;
	readonly queue: string;
	readonly fence: number;
}

export interface ClaimedJob extends JobClaim {
	kind: JobKind;
	payload: string;
	priority: Priority;
	/** Attempts used before this delivery. */
	attempts: number;
	maxAttempts: number;
	/** Wall clock. Any answer stored since then serves this job without a new credit. */
	createdAtMs: number;
	/** The bookmark of a list that was read in part. */
	progress: string | undefined;
}

export interface JobHistoryEntry {
	/** Wall clock. */
	atMs: number;
	error: string;
}

export interface DeadJob {
	id: string;
	queue: string;
	/** A JobKind, unless that is what is damaged. */
	kind: string;
	/** Raw, as it was stored. */
	payload: string;
	/** Why it is here: a failure kind, `attempts`, `crashed`, `damaged` or `version`. */
	reason: string;
	lastError: string;
	history: JobHistoryEntry[];
	createdAtMs: number;
	diedAtMs: number;
	attempts: number;
}

/** A job that is neither done nor dead, for people. */
export interface ListedJob {
	id: string;
	queue: string;
	state: JobState;
	/** A JobKind, unless that is what is damaged. */
	kind: string;
	payload: string;
	priority: Priority;
	attempts: number;
	maxAttempts: number;
	createdAtMs: number;
	/** Wall clock; of an active job when it was due. */
	dueAtMs: number;
	/** Empty when nothing went wrong so far. */
	lastError: string;
}

/** Wall clock; undefined when it never was. */
export interface QueueUse {
	name: string;
	addedAtMs: number | undefined;
	/** When an active trigger last said that it works this queue off. */
	workedOffAtMs: number | undefined;
}

/** Of one queue. */
export interface JobStats {
	waiting: number;
	active: number;
	delayed: number;
	/** Completed within the last DONE_HOURS; nothing else is kept of them. */
	done: number;
	dead: number;
	/** For how long the oldest job that is due and not done has been due; 0 when there is none. */
	oldestSeconds: number;
}

export interface RetryLater {
	delayMs: number;
	error: string;
	/** false: an open breaker or a spent budget postpones a job without using an attempt. */
	usesAttempt: boolean;
}

export interface JobFilter {
	/** Default: all. */
	kinds?: readonly JobKind[] | undefined;
	/** Default: both. */
	priorities?: readonly Priority[] | undefined;
}

/** Jobs by their ids, in whatever queue they lie, or all of one queue. */
export type JobSelection = readonly string[] | { queue: string };

export interface Claimed {
	jobs: ClaimedJob[];
	/** Jobs that ended as dead letters on the way: damaged rows, and jobs whose last delivery ended in a crash. */
	died: DeadJob[];
}

/**
 * Durable jobs of one API key, in named queues: at least once, with leases and fencing. A delivery whose process
 * died or whose lease ran out comes back and uses an attempt, so that a job that kills its process ends as a dead
 * letter. Ids are given once for all queues.
 */
export interface JobStore {
	/** All or none; in the order given. */
	add(jobs: readonly NewJob[]): Promise<AddedJob[]>;
	/**
	 * Due jobs of one queue, critical first, then oldest first. Deliveries that crashed come back first, so that
	 * they can be claimed again.
	 */
	claim(request: JobFilter & { queue: string; limit: number; leaseMs: number }): Promise<Claimed>;
	/** For each claim whether it still holds. */
	extend(claims: readonly JobClaim[], leaseMs: number): Promise<boolean[]>;
	/** False when the claim no longer holds. */
	saveProgress(claim: JobClaim, progress: string): Promise<boolean>;
	/** For each claim whether it still held. */
	complete(claims: readonly JobClaim[]): Promise<boolean[]>;
	/** `lost` when the claim no longer holds; the dead letter when that was its last attempt. */
	retryLater(claim: JobClaim, how: RetryLater): Promise<'delayed' | 'lost' | DeadJob>;
	/** Undefined when the claim no longer holds. */
	deadLetter(claim: JobClaim, reason: string, error: string): Promise<DeadJob | undefined>;
	/** Hands claims back unused and at once, for a clean stop. */
	release(claims: readonly JobClaim[]): Promise<void>;

	stats(queue: string): Promise<JobStats>;
	/** The default one, and each other that is in use or was within QUEUE_KEEP_MS; in no particular order. */
	queues(): Promise<QueueUse[]>;
	/** An active trigger works this queue off. To be said again and again. */
	markWorkedOff(queue: string): Promise<void>;
	/**
	 * Active ones first, then those that wait as they would be claimed, then delayed ones by their time. Jobs that
	 * change while a long list is read are in it once or not at all.
	 */
	list(request: {
		queue: string;
		limit: number;
		/** Default: all. */
		states?: readonly JobState[] | undefined;
		kinds?: readonly JobKind[] | undefined;
	}): Promise<ListedJob[]>;
	/** Of jobs that wait or are delayed when it is called; active ones stay. Returns how many are gone. */
	deleteJobs(which: readonly string[] | (JobFilter & { queue: string })): Promise<number>;

	/** Newest first. */
	listDead(request: {
		queue: string;
		limit: number;
		kinds?: readonly JobKind[] | undefined;
	}): Promise<DeadJob[]>;
	/**
	 * Back to waiting with fresh attempts; their history and progress are kept. A dead letter whose dedupe key
	 * meanwhile belongs to another job stays. Returns how many went back; doing it twice changes nothing.
	 */
	retryDead(which: JobSelection): Promise<number>;
	deleteDead(which: JobSelection): Promise<number>;
	/** Removes what is past its retention; returns the number of dead letters removed. */
	sweep(): Promise<number>;
}
