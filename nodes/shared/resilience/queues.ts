import { DEFAULT_QUEUE, type JobStats, type JobStore, type QueueUse } from './jobs';

/** Bounded and harmless wherever it goes: labels, keys of a store, texts. */
const QUEUE_NAME = /^[A-Za-z0-9_-]{1,64}$/;
/** Queues that status and metrics name; the others are added up. */
export const MOST_NAMED_QUEUES = 20;
const OTHERS = 'other';
/** A trigger tells each 20 s that it works a queue off; after six of them it is gone. */
const WORKED_OFF_FOR_MS = 2 * 60_000;

/** One queue, or several under one name, at one moment. */
export interface QueueStanding extends JobStats, QueueUse {
	/** By an active trigger; of several queues all of them. */
	workedOff: boolean;
}

export function isQueueName(text: string): boolean {
	return QUEUE_NAME.test(text);
}

/** @param nowMs wall clock; of this machine, as is what the store tells */
export function isWorkedOff({ workedOffAtMs }: QueueUse, nowMs: number): boolean {
	return workedOffAtMs !== undefined && Math.abs(nowMs - workedOffAtMs) < WORKED_OFF_FOR_MS;
}

export async function queueUse(jobs: JobStore, name: string): Promise<QueueUse> {
	const known = (await jobs.queues()).find((queue) => queue.name === name);
	return known ?? { name, addedAtMs: undefined, workedOffAtMs: undefined };
}

export async function queueStanding(
	jobs: JobStore,
	name: string,
	nowMs: number,
): Promise<QueueStanding> {
	return await standingOf(jobs, await queueUse(jobs, name), nowMs);
}

/** The default queue, and all others that hold something or are worked off. */
export async function queueStandings(jobs: JobStore, nowMs: number): Promise<QueueStanding[]> {
	const standings: QueueStanding[] = [];
	for (const use of await jobs.queues()) standings.push(await standingOf(jobs, use, nowMs));
	return standings.filter(
		(queue) => queue.name === DEFAULT_QUEUE || queue.workedOff || holds(queue),
	);
}

/** Waits for somebody or was worked on of late. */
export function holds({ waiting, active, delayed, done, dead }: JobStats): boolean {
	return waiting + active + delayed + done + dead > 0;
}

/**
 * Those of one name as one, and of more than MOST_NAMED_QUEUES names the rest as "other". The default queue
 * first, then by name, so that a name does not come and go with its jobs.
 */
export function boundedQueues(standings: readonly QueueStanding[]): QueueStanding[] {
	const names = [...new Set(standings.map(({ name }) => name))].sort(byName);
	const named = new Set(names.slice(0, MOST_NAMED_QUEUES));
	const groups = Map.groupBy(standings, ({ name }) => (named.has(name) ? name : OTHERS));
	return [...groups]
		.sort(([a], [b]) => (named.has(a) === named.has(b) ? byName(a, b) : named.has(a) ? -1 : 1))
		.map(([name, group]) => group.reduce(together, { ...NOTHING, name }));
}

/** Over all queues. */
export function allQueues(standings: readonly QueueStanding[]): JobStats {
	const { waiting, active, delayed, done, dead, oldestSeconds } = standings.reduce(
		together,
		NOTHING,
	);
	return { waiting, active, delayed, done, dead, oldestSeconds };
}

const NOTHING: QueueStanding = {
	...{ name: '', waiting: 0, active: 0, delayed: 0, done: 0, dead: 0, oldestSeconds: 0 },
	...{ workedOff: true, addedAtMs: undefined, workedOffAtMs: undefined },
};

function together(one: QueueStanding, other: QueueStanding): QueueStanding {
	return {
		name: one.name,
		waiting: one.waiting + other.waiting,
		active: one.active + other.active,
		delayed: one.delayed + other.delayed,
		done: one.done + other.done,
		dead: one.dead + other.dead,
		oldestSeconds: Math.max(one.oldestSeconds, other.oldestSeconds),
		workedOff: one.workedOff && other.workedOff,
		addedAtMs: later(one.addedAtMs, other.addedAtMs),
		workedOffAtMs: later(one.workedOffAtMs, other.workedOffAtMs),
	};
}

async function standingOf(jobs: JobStore, use: QueueUse, nowMs: number): Promise<QueueStanding> {
	return { ...use, ...(await jobs.stats(use.name)), workedOff: isWorkedOff(use, nowMs) };
}

function byName(a: string, b: string): number {
	if (a === DEFAULT_QUEUE || b === DEFAULT_QUEUE) return a === b ? 0 : a === DEFAULT_QUEUE ? -1 : 1;
	return a < b ? -1 : 1;
}

function later(one: number | undefined, other: number | undefined): number | undefined {
	return one === undefined || other === undefined ? (one ?? other) : Math.max(one, other);
}
