/** Line breaks, terminal escapes and text direction marks: strangers wrote the texts that are printed here. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/gu;
const WIDEST = 40;

/** Records as a text table with the columns named, for a terminal. */
export function table(
	records: ReadonlyArray<Readonly<Record<string, unknown>>>,
	columns: readonly string[],
): string {
	const rows = [columns, ...records.map((record) => columns.map((name) => cell(record[name])))];
	const widths = columns.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
	const lines = rows.map((row) =>
		row.map((text, column) => text.padEnd(widths[column]!)).join('  '),
	);
	lines.splice(1, 0, widths.map((width) => '-'.repeat(width)).join('  '));
	return lines.map((line) => `  ${line.trimEnd()}`).join('\n');
}

function cell(value: unknown): string {
	if (value === null || value === undefined) return '-';
	const text = String(value).replace(UNPRINTABLE, ' ');
	return text.length > WIDEST ? `${text.slice(0, WIDEST - 3)}...` : text;
}
