import type { SQLInputValue } from 'node:sqlite';
import { setImmediate } from 'node:timers/promises';
import type { Database } from './database';

/** Some 10 ms of work: in between, this process serves others, and other processes get at the file. */
const ROWS_AT_ONCE = 2_000;

/** Does `work` with all of `items`, some at a time. */
export async function inPortions<T>(
	items: readonly T[],
	work: (portion: readonly T[]) => void,
): Promise<void> {
	for (let from = 0; from < items.length; from += ROWS_AT_ONCE) {
		work(items.slice(from, from + ROWS_AT_ONCE));
		await setImmediate();
	}
}

/** The column `seq` of what `sql` finds, in its order. As one text: a hundred thousand row objects take ten times as long. */
export function seqsOf(database: Database, sql: string, ...values: SQLInputValue[]): number[] {
	const row = database.get(`SELECT json_group_array(seq) AS seqs FROM (${sql})`, ...values);
	return JSON.parse(String(row?.['seqs'])) as number[];
}
