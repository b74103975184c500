import type { Lane } from './lanes';

export type LaneReply = [
	waiting: number,
	active: number,
	due: number,
	delayed: number,
	stalled: number,
	waitingIds: string[],
	dueIds: string[],
	activeIds: string[],
];

/** One lane of the queue at one moment. */
export interface LaneState {
	lane: Lane;
	waiting: number;
	active: number;
	/** Delayed jobs whose time has come. */
	due: number;
	delayed: number;
	/** Active jobs that nobody holds. */
	stalled: number;
	/** Next one first; those that are due come after those that wait. */
	readyIds: string[];
	activeIds: string[];
}

export function toState(lane: Lane, reply: LaneReply): LaneState {
	const [waiting, active, due, delayed, stalled, waitingIds, dueIds, activeIds] = reply;
	return {
		...{ lane, waiting, active, due, delayed, stalled, activeIds },
		readyIds: [...waitingIds, ...dueIds],
	};
}

/** The lanes to take from, one entry for each job: critical before backfill, then the oldest job first. */
export function pick(states: readonly LaneState[], limit: number): Lane[] {
	return states
		.flatMap(({ lane, readyIds }) => readyIds.map((id) => ({ lane, id: Number(id) })))
		.sort((a, b) => rank(a.lane) - rank(b.lane) || a.id - b.id)
		.slice(0, limit)
		.map(({ lane }) => lane);
}

function rank({ priority }: Lane): number {
	return priority === 'critical' ? 0 : 1;
}
