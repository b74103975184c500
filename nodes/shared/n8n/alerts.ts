/** Told again after this, in case the first alert was missed. */
const AGAIN_AFTER_MS = 60 * 60_000;
/** From then on: four times a day. */
const THEN_EVERY_MS = 6 * 60 * 60_000;
/** What comes back within this goes on where it was, so that trouble that comes and goes is no alert each time. */
const FORGOTTEN_AFTER_MS = 60 * 60_000;
/** With as many causes in one hour as this nobody needs the next one. Bounds what a text that is never the same can do. */
const MOST_CAUSES = 5;

/** What a trigger has told of its trouble. Plain JSON; all times are of the wall clock, in ms. */
export interface Alerts {
	/** Why nobody can be read just now; undefined when all is well. */
	trouble: Trouble | undefined;
	told: readonly ToldCause[];
}

export interface Trouble {
	cause: string;
	/** Since when nobody could be read, whatever the cause was then. */
	sinceMs: number;
	/** It has been told or logged, so its end is worth a line. */
	isKnown: boolean;
}

interface ToldCause {
	cause: string;
	/** The last time. */
	toldMs: number;
	times: number;
	/** Undefined while it lasts. */
	goneMs?: number;
}

export const NO_ALERTS: Alerts = { trouble: undefined, told: [] };

/**
 * Another look that failed: whether to tell n8n, which makes a failed execution of it and runs the error workflow.
 * A cause is told at once, after an hour, and then every six hours, for as long as it lasts or comes back within an
 * hour. So 8 hours of one cause are 3 alerts, and so are 8 hours in which it is there at every other look.
 *
 * @param mayTell false where telling would end the trigger: it is told by the next look then
 */
export function troubleAt(
	before: Alerts,
	cause: string,
	nowMs: number,
	mayTell: boolean,
): { alerts: Alerts; tell: boolean } {
	const told = remembered(before, cause, nowMs);
	const last = told.find((each) => each.cause === cause);
	const tell = mayTell && (last ? isDue(last, nowMs) : told.length < MOST_CAUSES);
	const others = told.filter((each) => each !== last);
	const now = tell
		? { cause, toldMs: nowMs, times: (last?.times ?? 0) + 1 }
		: last && { cause, toldMs: last.toldMs, times: last.times };
	const trouble: Trouble = {
		cause,
		sinceMs: Math.min(before.trouble?.sinceMs ?? nowMs, nowMs),
		isKnown: tell || !mayTell || before.trouble?.isKnown === true,
	};
	return { alerts: { trouble, told: now ? [...others, now] : others }, tell };
}

/** A look that went well: what is over, if anybody has heard of it. */
export function wellAt(
	before: Alerts,
	nowMs: number,
): { alerts: Alerts; over: Trouble | undefined } {
	const { trouble } = before;
	return {
		alerts: { trouble: undefined, told: remembered(before, undefined, nowMs) },
		over: trouble?.isKnown ? trouble : undefined,
	};
}

/** Those that last or have gone within an hour. A time ahead means that the clock was set back. */
function remembered({ told }: Alerts, current: string | undefined, nowMs: number): ToldCause[] {
	return told
		.filter(({ goneMs = nowMs }) => nowMs - goneMs < FORGOTTEN_AFTER_MS)
		.map(({ cause, toldMs, times, goneMs = nowMs }) => ({
			...{ cause, toldMs: Math.min(toldMs, nowMs), times },
			...(cause !== current && { goneMs: Math.min(goneMs, nowMs) }),
		}));
}

function isDue({ toldMs, times }: ToldCause, nowMs: number): boolean {
	return nowMs - toldMs >= (times === 1 ? AGAIN_AFTER_MS : THEN_EVERY_MS);
}
