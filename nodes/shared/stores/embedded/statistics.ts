import type { MinuteCounts, StatisticsStore } from '../../resilience/ports';
import type { Database } from './database';

/** A day and what belongs to the hour before it. */
const KEEP_MINUTES = 25 * 60;

export class EmbeddedStatistics implements StatisticsStore {
	constructor(
		private readonly database: Database,
		private readonly key: number,
	) {}

	async add(minute: number, counts: Readonly<Record<string, number>>): Promise<void> {
		const { database, key } = this;
		database.eventually(() => {
			const known = countsOf(
				database.get('SELECT counts FROM minutes WHERE key = ? AND minute = ?', key, minute)?.[
					'counts'
				],
			);
			for (const [name, count] of Object.entries(counts)) known[name] = (known[name] ?? 0) + count;
			database.run(
				`INSERT INTO minutes (key, minute, counts) VALUES (?1, ?2, ?3)
				ON CONFLICT DO UPDATE SET counts = ?3`,
				...[key, minute, JSON.stringify(known)],
			);
			database.run('DELETE FROM minutes WHERE key = ? AND minute < ?', key, minute - KEEP_MINUTES);
		});
	}

	async since(minute: number): Promise<MinuteCounts[]> {
		return this.database
			.all(
				'SELECT minute, counts FROM minutes WHERE key = ? AND minute >= ? ORDER BY minute',
				...[this.key, minute],
			)
			.map((row) => ({ minute: Number(row['minute']), counts: countsOf(row['counts']) }));
	}
}

/** Statistics are not worth a warning: a damaged minute begins anew. */
function countsOf(text: unknown): Record<string, number> {
	try {
		return { ...(JSON.parse(String(text ?? '{}')) as Record<string, number>) };
	} catch {
		return {};
	}
}
