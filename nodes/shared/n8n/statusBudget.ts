import type { BudgetLimits, BudgetUsage, StateCell } from '../resilience/ports';

/** From fine to nothing left. `reserve`: what is left is for critical requests only. */
export const BUDGET_LEVELS = ['ok', '80-percent', 'reserve', 'exhausted'] as const;

export type BudgetLevel = (typeof BUDGET_LEVELS)[number];

/** Of the daily budget or of the known balance, whichever is nearer to its end. */
const WARNING_SHARE = 0.8;

/** What a node has told on one day. */
interface Told {
	/** YYYY-MM-DD in the budget's time zone. */
	day: string;
	last: BudgetLevel;
	levels: BudgetLevel[];
}

/** Credits of a day that are gone or may be gone. */
export function creditsUsed({ byPriority }: BudgetUsage): number {
	return Object.values(byPriority).reduce(
		(total, { spent, unknown, reserved }) => total + spent + unknown + reserved,
		0,
	);
}

export function budgetLevel(usage: BudgetUsage, limits: BudgetLimits): BudgetLevel {
	const { remaining, balance } = usage;
	if (remaining.critical === 0) return 'exhausted';
	if (remaining.backfill === 0) return 'reserve';
	const { dailyBudget, creditBalance } = limits;
	const ofBudget = dailyBudget ? creditsUsed(usage) / dailyBudget : 0;
	const ofBalance = creditBalance && balance !== undefined ? 1 - balance / creditBalance : 0;
	return Math.max(ofBudget, ofBalance) >= WARNING_SHARE ? '80-percent' : 'ok';
}

/**
 * Whether `level` is news for this asker: it differs from the last one, and was not told on this day before.
 * Each day begins with `ok`, which nobody has to be told.
 */
export async function isNewLevel(
	cells: StateCell,
	asker: string,
	day: string,
	level: BudgetLevel,
): Promise<boolean> {
	return await cells.update(`budget-told ${asker}`, (stored: Told | undefined) => {
		const told: Told = stored?.day === day ? stored : { day, last: 'ok', levels: [] };
		if (told.last === level) return { state: stored, result: false };
		const isNews = !told.levels.includes(level);
		const levels = isNews ? [...told.levels, level] : told.levels;
		return { state: { day, last: level, levels }, result: isNews };
	});
}
