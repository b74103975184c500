/** How often things happen; tests shorten them. */
export interface Timing {
	/** Between heartbeats. */
	beatMs: number;
	/** A process without a heartbeat for this long may be cut off: its share of the limits is kept for it. */
	silentMs: number;
	/** Then its reservations may have been billed, and its single flights are over. */
	deadMs: number;
	/** Then its in-flight slots come back: an attempt takes 30 s at most unless a node says otherwise. */
	slotsMs: number;
	/** Then its share goes to the others; a process that is cut off stops by then. */
	forgetMs: number;
	/** Between looks at a Redis that is in trouble. */
	probeMs: number;
	/** Redis has to be well for this long before trouble counts as over, so that a flapping one is one trouble. */
	calmMs: number;
	/** How long backfill waits for Redis to come back before it is refused. */
	patienceMs: number;
	/** The same for the job queue, which can do nothing without it. */
	jobPatienceMs: number;
}

export const TIMING: Timing = {
	beatMs: 1_000,
	silentMs: 5_000,
	deadMs: 10_000,
	slotsMs: 35_000,
	forgetMs: 15 * 60_000,
	probeMs: 250,
	calmMs: 10_000,
	patienceMs: 60_000,
	jobPatienceMs: 10_000,
};
