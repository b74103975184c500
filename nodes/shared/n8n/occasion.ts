import type { IPollFunctions, ITriggerFunctions } from 'n8n-workflow';

/** Why n8n runs a trigger, which decides what becomes of an error. */
export type Occasion =
	/** A test in the editor: the person sees the error. */
	| 'test'
	/** A person has just published the workflow: an error refuses that. */
	| 'publish'
	/** n8n starts, or this process takes over: n8n tries five times within 20 s, and an error then is the trigger's end. */
	| 'start'
	/** A poll of the schedule: an error is a failed execution, and runs the error workflow. */
	| 'schedule';

/** What n8n says of a poll that is not one of its durable scheduler. */
export const DEFAULT_POLL_BUDGET_MS = 5 * 60_000;

/** Contexts that were polled before. n8n makes a new one for each time that it activates a trigger. */
const polled = new WeakSet<IPollFunctions>();

/**
 * Of a poll; asked once for each. n8n polls while it activates a trigger, and later with the same context, which
 * still says `activate` or `init` then. Its durable scheduler makes a context for each poll, says `update`, and
 * gives it a time limit, which the poll of an activation has not.
 */
export function occasionOfPoll(context: IPollFunctions): Occasion {
	if (context.getMode() === 'manual') return 'test';
	if (polled.has(context) || pollBudgetMs(context) !== DEFAULT_POLL_BUDGET_MS) return 'schedule';
	polled.add(context);
	return occasionOfActivation(context);
}

/** Of a trigger that n8n starts. */
export function occasionOfTrigger(context: ITriggerFunctions): Occasion {
	return context.getMode() === 'manual' ? 'test' : occasionOfActivation(context);
}

/** How long a poll may take. n8n before 2.39 does not say. */
export function pollBudgetMs(context: IPollFunctions): number {
	const { getPollBudgetMs } = context as Partial<IPollFunctions>;
	return getPollBudgetMs?.call(context) ?? DEFAULT_POLL_BUDGET_MS;
}

/** In doubt a start: no trigger ends for what n8n does not tell. */
function occasionOfActivation(context: IPollFunctions | ITriggerFunctions): Occasion {
	const { getActivationMode } = context as Partial<IPollFunctions>;
	const mode = getActivationMode?.call(context);
	return mode === 'activate' || mode === 'update' ? 'publish' : 'start';
}
