import type { StateCell } from '../../resilience/ports';
import type { Database } from './database';

export class EmbeddedCells implements StateCell {
	constructor(
		private readonly database: Database,
		private readonly key: number,
	) {}

	async update<S, R>(
		name: string,
		change: (state: S | undefined, nowMs: number) => { state: S | undefined; result: R },
	): Promise<R> {
		const { database } = this;
		const attempt = () => {
			const before = this.load<S>(name);
			const { state, result } = change(before, database.nowMs());
			return { state, result, changed: state !== before };
		};
		// Most calls only look: those need not wait for a lock.
		const look = database.read(attempt);
		if (!look.changed) return look.result;
		return database.transaction(() => {
			const { state, result, changed } = attempt();
			if (changed) this.save(name, state);
			return result;
		});
	}

	private load<S>(name: string): S | undefined {
		const row = this.database.get(
			'SELECT state FROM cells WHERE key = ? AND name = ?',
			...[this.key, name],
		);
		if (!row) return undefined;
		try {
			return JSON.parse(String(row['state'])) as S;
		} catch {
			this.database.warnOnce('cell', `The stored state "${name}" was damaged and begins anew.`);
			return undefined;
		}
	}

	private save(name: string, state: unknown): void {
		if (state === undefined) {
			this.database.run('DELETE FROM cells WHERE key = ? AND name = ?', this.key, name);
			return;
		}
		this.database.run(
			`INSERT INTO cells (key, name, state) VALUES (?1, ?2, ?3)
			ON CONFLICT DO UPDATE SET state = ?3`,
			...[this.key, name, JSON.stringify(state)],
		);
	}
}
