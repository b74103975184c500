import { crc32 } from 'node:zlib';
import type { ResponseStore, StoredResponse } from '../../resilience/ports';
import type { Database, Row } from './database';

/** Rows that one transaction of the sweep removes, so that other processes get their turn. */
const SWEEP_ROWS = 1_000;

/** Pages that one sweep gives back to the file system: 16 MB. */
const VACUUM_PAGES = 4_096;

/** Key, index entries and columns beside the body. */
const ROW_BYTES = 300;

export class EmbeddedResponses implements ResponseStore {
	constructor(
		private readonly database: Database,
		private readonly key: number,
		/** For all keys of the file together. */
		private readonly maxBytes: () => number,
	) {}

	async get(id: string): Promise<StoredResponse | undefined> {
		const { database, key } = this;
		const row = database.read(() =>
			database.get(
				`SELECT endpoint, kind, body, fetched_wall_ms, keep_until_wall_ms, checksum FROM responses
				WHERE key = ? AND id = ?`,
				...[key, id],
			),
		);
		if (!row) return undefined;
		const response = fromRow(id, row);
		if (!response) {
			await this.remove(id);
			database.warnOnce('damaged', 'A stored answer was damaged and has been removed.');
			return undefined;
		}
		return response.keepUntilMs > database.wallMs() ? response : undefined;
	}

	/** Call it inside a transaction. */
	write(response: StoredResponse): void {
		const { endpoint, kind, body, fetchedAtMs, keepUntilMs } = response;
		const bytes = Buffer.byteLength(body) + ROW_BYTES;
		this.database.run(
			`INSERT INTO responses (key, id, endpoint, kind, body, fetched_wall_ms, keep_until_wall_ms, bytes, checksum)
			VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
			ON CONFLICT (key, id) DO UPDATE SET endpoint = ?3, kind = ?4, body = ?5, fetched_wall_ms = ?6,
				keep_until_wall_ms = ?7, bytes = ?8, checksum = ?9`,
			...[this.key, response.key, endpoint, kind, body],
			...[fetchedAtMs, keepUntilMs, bytes, checksum(response)],
		);
	}

	async claim(id: string, leaseMs: number): Promise<boolean> {
		const { database, key } = this;
		return database.transaction(() => {
			const nowMs = database.nowMs();
			const held = database.get('SELECT * FROM claims WHERE key = ? AND id = ?', key, id);
			if (
				held &&
				Number(held['at']) + Number(held['lease_ms']) > nowMs &&
				database.ownerAlive(String(held['owner']))
			) {
				return false;
			}
			database.run(
				`INSERT INTO claims (key, id, owner, at, lease_ms) VALUES (?1, ?2, ?3, ?4, ?5)
				ON CONFLICT DO UPDATE SET owner = ?3, at = ?4, lease_ms = ?5`,
				...[key, id, database.owner, nowMs, leaseMs],
			);
			return true;
		});
	}

	async unclaim(id: string): Promise<void> {
		const { database, key } = this;
		database.eventually(() => {
			database.run(
				'DELETE FROM claims WHERE key = ? AND id = ? AND owner = ?',
				...[key, id, database.owner],
			);
		});
	}

	async keep(response: StoredResponse): Promise<void> {
		this.database.eventually(() => this.write(response));
	}

	async remove(id: string): Promise<void> {
		const { database, key } = this;
		database.eventually(() => {
			database.run('DELETE FROM responses WHERE key = ? AND id = ?', key, id);
		});
	}

	async sweep(): Promise<number> {
		const { database } = this;
		const expired = this.removeWhere(
			`SELECT row FROM responses INDEXED BY responses_age WHERE keep_until_wall_ms <= ? LIMIT ${SWEEP_ROWS}`,
			() => database.wallMs(),
		);
		// The rows at the old end, up to the one where the sum of all younger ones meets the cap.
		const over = this.removeWhere(
			`SELECT row FROM (
				SELECT row, SUM(bytes) OVER (ORDER BY fetched_wall_ms DESC, row DESC) AS bytes_up_to_here
				FROM responses INDEXED BY responses_age
			) WHERE bytes_up_to_here > ? LIMIT ${SWEEP_ROWS}`,
			this.maxBytes,
		);
		database.run('DELETE FROM claims WHERE at + lease_ms < ?', database.nowMs());
		if (expired + over > 0) database.vacuum(VACUUM_PAGES);
		return expired + over;
	}

	private removeWhere(select: string, limit: () => number): number {
		let total = 0;
		for (;;) {
			const removed = this.database.transaction(() =>
				this.database.run(`DELETE FROM responses WHERE row IN (${select})`, limit()),
			);
			total += removed;
			if (removed < SWEEP_ROWS) return total;
		}
	}
}

/** Single flights of a process that is gone. */
export function forgetClaims(database: Database, owner: string): void {
	database.run('DELETE FROM claims WHERE owner = ?', owner);
}

function fromRow(id: string, row: Row): StoredResponse | undefined {
	const {
		endpoint,
		kind,
		body,
		fetched_wall_ms: fetchedAtMs,
		keep_until_wall_ms: keepUntilMs,
	} = row;
	if (
		typeof endpoint !== 'string' ||
		(kind !== 'found' && kind !== 'not-found') ||
		typeof body !== 'string' ||
		typeof fetchedAtMs !== 'number' ||
		typeof keepUntilMs !== 'number'
	) {
		return undefined;
	}
	const response = { key: id, endpoint, kind, body, fetchedAtMs, keepUntilMs } as const;
	return row['checksum'] === checksum(response) ? response : undefined;
}

function checksum({ endpoint, kind, body, fetchedAtMs, keepUntilMs }: StoredResponse): number {
	return crc32(body, crc32([endpoint, kind, fetchedAtMs, keepUntilMs].join(' ')));
}
