import { isDeepStrictEqual } from 'node:util';
import type {
	Admission,
	AdmissionStatus,
	AdmissionStore,
	Permit,
	Priority,
	RateLimits,
} from '../../resilience/ports';
import type { Database } from './database';
import { attempt, isBusy } from './sqliteError';

/** A critical request that was refused keeps other processes' backfill back for this long after it asked. */
const CRITICAL_FIRST_MS = 2_000;

/** A slot comes back when some request somewhere ends: nobody can say when. */
const SLOT_POLL_MS = 50;

/** Another process has held the file for longer than the busy timeout. */
const LOCKED_RETRY_MS = 1_000;

/** What rounding may take away: added to each wait, so that no caller wakes a hair too early. */
const ROUNDING_MS = 0.001;

/** permit.grantedAtMs has been moved between two clocks and back. */
const STAMP_TOLERANCE_MS = 1;

type Refusal = Extract<Admission, { granted: false }>;

interface State {
	/** Rows in `grants`, expired ones included until they are deleted. */
	tokens: number;
	nextSeq: number;
	/** When the burst bucket has run empty: each grant fills it by one interval. */
	drainedAt: number;
	pausedAt: number;
	pausedMs: number;
	/** When a critical request was last refused. */
	criticalAt: number;
}

/**
 * An exact log of the grants of the last window says how many may go; a bucket (GCRA) in front of it says how
 * many may go at once. In-flight slots are leases of living processes.
 */
export class EmbeddedAdmission implements AdmissionStore {
	constructor(
		private readonly database: Database,
		private readonly key: number,
	) {}

	async tryAcquire(request: {
		limits: RateLimits;
		priority: Priority;
		leaseMs: number;
	}): Promise<Admission> {
		const limits = shareOf(request.limits, this.database.peers);
		const outcome = attempt(() => this.database.transaction(() => this.decide(limits, request)));
		if (outcome.ok) return outcome.value;
		if (!isBusy(outcome.error)) throw outcome.error;
		return { granted: false, retryInMs: LOCKED_RETRY_MS, reason: 'paused' };
	}

	async giveBack(permit: Permit): Promise<void> {
		this.database.eventually(() => {
			const { database, key } = this;
			database.run('DELETE FROM slots WHERE key = ? AND seq = ?', key, Number(permit.id));
			const aboutMs = permit.grantedAtMs + database.offsetMs;
			const grant = database.get(
				`DELETE FROM grants WHERE key = ? AND at BETWEEN ? AND ? AND seq = ?
				RETURNING at, seq, drained_before_at`,
				...[key, aboutMs - STAMP_TOLERANCE_MS, aboutMs + STAMP_TOLERANCE_MS, Number(permit.id)],
			);
			if (!grant) return;
			// The bucket as it would be had this grant never been, so that no later burst grows by it.
			let drainedAt = Number(grant['drained_before_at']);
			const later = database.all(
				'SELECT at, seq, interval_ms FROM grants WHERE key = ? AND (at, seq) > (?, ?) ORDER BY at, seq',
				...[key, Number(grant['at']), Number(grant['seq'])],
			);
			for (const row of later) {
				const [at, seq] = [Number(row['at']), Number(row['seq'])];
				database.run(
					'UPDATE grants SET drained_before_at = ? WHERE key = ? AND at = ? AND seq = ?',
					...[drainedAt, key, at, seq],
				);
				drainedAt = Math.max(drainedAt, at) + Number(row['interval_ms']);
			}
			database.run(
				'UPDATE admissions SET tokens = tokens - 1, drained_at = MIN(drained_at, ?) WHERE key = ?',
				...[drainedAt, key],
			);
		});
	}

	async release(permit: Permit): Promise<void> {
		this.database.eventually(() => {
			this.database.run('DELETE FROM slots WHERE key = ? AND seq = ?', this.key, Number(permit.id));
		});
	}

	async pause(ms: number): Promise<void> {
		this.database.eventually(() => {
			const nowMs = this.database.nowMs();
			const state = this.load();
			if (state.pausedAt + state.pausedMs >= nowMs + ms) return;
			this.save({ ...state, pausedAt: nowMs, pausedMs: ms });
		});
	}

	async status(limits: RateLimits): Promise<AdmissionStatus> {
		const { database, key } = this;
		return database.read(() => {
			const nowMs = database.nowMs();
			const row = database.get(
				`SELECT
					(SELECT COUNT(*) FROM grants WHERE key = ?1 AND at > ?2 - ?3) AS used,
					(SELECT COUNT(*) FROM slots WHERE key = ?1 AND at + lease_ms > ?2) AS slots,
					(SELECT paused_at + paused_ms FROM admissions WHERE key = ?1) AS paused_until`,
				...[key, nowMs, limits.windowMs],
			);
			return {
				usedInWindow: Number(row?.['used']),
				inFlight: Number(row?.['slots']),
				pausedForMs: Math.max(
					Number(row?.['paused_until'] ?? 0) - nowMs,
					this.unknownForMs(limits, nowMs),
					0,
				),
			};
		});
	}

	private decide(limits: RateLimits, request: { priority: Priority; leaseMs: number }): Admission {
		const nowMs = this.database.nowMs();
		const stored = this.load();
		const state = { ...stored };
		const refused = this.refuse(state, limits, request.priority, nowMs);
		if (!refused) return this.grant(state, limits, request, nowMs);
		if (request.priority === 'critical') this.queueCritical(state, nowMs);
		if (!isDeepStrictEqual(state, stored)) this.save(state);
		return { ...refused, retryInMs: refused.retryInMs + ROUNDING_MS };
	}

	private refuse(
		state: State,
		limits: RateLimits,
		priority: Priority,
		nowMs: number,
	): Refusal | undefined {
		const pausedMs = Math.max(
			state.pausedAt + state.pausedMs - nowMs,
			this.unknownForMs(limits, nowMs),
		);
		if (pausedMs > 0) return refusal('paused', pausedMs);

		const intervalMs = tokenIntervalMs(limits);
		if (priority === 'backfill' && nowMs - state.criticalAt < CRITICAL_FIRST_MS) {
			const waitMs = this.criticalElsewhereMs(nowMs);
			// It may be served any moment; a token is not worth asking for more often than one comes free.
			if (waitMs > 0) return refusal('critical-first', Math.min(waitMs, Math.max(intervalMs, 10)));
		}

		if (this.inFlight(limits.maxConcurrent, nowMs) >= limits.maxConcurrent) {
			return refusal('in-flight', SLOT_POLL_MS);
		}

		this.expire(state, limits, nowMs);
		const fullMs = this.windowFullMs(state.tokens, limits, nowMs);
		// With other limits than before the bucket holds no more than it can.
		state.drainedAt = Math.min(state.drainedAt, nowMs + limits.burst * intervalMs);
		const burst = burstInWindow(limits, state.tokens);
		const spillMs = state.drainedAt - nowMs - (burst - 1) * intervalMs;
		if (fullMs > 0 && fullMs >= spillMs) return refusal('window', fullMs);
		return spillMs > ROUNDING_MS ? refusal('burst', spillMs) : undefined;
	}

	private grant(
		state: State,
		limits: RateLimits,
		request: { priority: Priority; leaseMs: number },
		nowMs: number,
	): Admission {
		const { database, key } = this;
		const intervalMs = tokenIntervalMs(limits);
		const seq = state.nextSeq;
		database.run(
			`INSERT INTO grants (key, at, seq, drained_before_at, interval_ms) VALUES (?, ?, ?, ?, ?)`,
			...[key, nowMs, seq, state.drainedAt, intervalMs],
		);
		database.run(
			'INSERT INTO slots (key, seq, owner, at, lease_ms) VALUES (?, ?, ?, ?, ?)',
			...[key, seq, database.owner, nowMs, request.leaseMs],
		);
		if (request.priority === 'critical' && nowMs - state.criticalAt < CRITICAL_FIRST_MS) {
			database.run(
				'DELETE FROM waiting_critical WHERE key = ? AND owner = ?',
				...[key, database.owner],
			);
		}
		this.save({
			...state,
			tokens: state.tokens + 1,
			nextSeq: seq + 1,
			drainedAt: Math.max(state.drainedAt, nowMs) + intervalMs,
		});
		return {
			granted: true,
			permit: { id: String(seq), grantedAtMs: nowMs - database.offsetMs },
		};
	}

	/** Until a token of a full window is free again. */
	private windowFullMs(tokens: number, limits: RateLimits, nowMs: number): number {
		if (tokens < limits.requestsPerMinute) return 0;
		const oldest = this.database.get(
			'SELECT at FROM grants WHERE key = ? ORDER BY at, seq LIMIT 1 OFFSET ?',
			...[this.key, tokens - limits.requestsPerMinute],
		);
		return Number(oldest?.['at']) + limits.windowMs + limits.guardMs - nowMs;
	}

	/** Deletes what has left the window: as many rows as were granted in as long a time, so O(1) a grant. */
	private expire(state: State, limits: RateLimits, nowMs: number): void {
		state.tokens -= this.database.run(
			'DELETE FROM grants WHERE key = ? AND at <= ?',
			...[this.key, nowMs - limits.windowMs - limits.guardMs],
		);
	}

	private inFlight(limit: number, nowMs: number): number {
		const count = () =>
			Number(
				this.database.get(
					'SELECT COUNT(*) AS slots FROM slots WHERE key = ? AND at + lease_ms > ?',
					...[this.key, nowMs],
				)?.['slots'],
			);
		const slots = count();
		if (slots < limit) return slots;
		this.database.forgetDead();
		return count();
	}

	private queueCritical(state: State, nowMs: number): void {
		state.criticalAt = nowMs;
		this.database.run(
			`INSERT INTO waiting_critical (key, owner, asked_at) VALUES (?, ?, ?)
			ON CONFLICT DO UPDATE SET asked_at = excluded.asked_at`,
			...[this.key, this.database.owner, nowMs],
		);
	}

	private criticalElsewhereMs(nowMs: number): number {
		const row = this.database.get(
			'SELECT MAX(asked_at) AS asked_at FROM waiting_critical WHERE key = ? AND owner <> ?',
			...[this.key, this.database.owner],
		);
		return Number(row?.['asked_at'] ?? -Infinity) + CRITICAL_FIRST_MS - nowMs;
	}

	/** For one window after a file was lost nobody knows how many requests went out. */
	private unknownForMs(limits: RateLimits, nowMs: number): number {
		return this.database.forgotAtMs + limits.windowMs + limits.guardMs - nowMs;
	}

	private load(): State {
		const row = this.database.get('SELECT * FROM admissions WHERE key = ?', this.key);
		if (row) {
			return {
				tokens: Number(row['tokens']),
				nextSeq: Number(row['next_seq']),
				drainedAt: Number(row['drained_at']),
				pausedAt: Number(row['paused_at']),
				pausedMs: Number(row['paused_ms']),
				criticalAt: Number(row['critical_at']),
			};
		}
		return {
			tokens: 0,
			// Grows faster than grants can: permits of a lost file never meet those of its successor.
			nextSeq: Math.floor(this.database.wallMs()),
			drainedAt: 0,
			pausedAt: 0,
			pausedMs: 0,
			criticalAt: 0,
		};
	}

	private save(state: State): void {
		this.database.run(
			`INSERT INTO admissions (key, tokens, next_seq, drained_at, paused_at, paused_ms, critical_at)
			VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
			ON CONFLICT DO UPDATE SET tokens = ?2, next_seq = ?3, drained_at = ?4, paused_at = ?5, paused_ms = ?6,
				critical_at = ?7`,
			...[this.key, state.tokens, state.nextSeq, state.drainedAt],
			...[state.pausedAt, state.pausedMs, state.criticalAt],
		);
	}
}

/** In-flight slots and waiting requests of a process that is gone. */
export function forgetPermits(database: Database, owner: string): void {
	database.run('DELETE FROM slots WHERE owner = ?', owner);
	database.run('DELETE FROM waiting_critical WHERE owner = ?', owner);
}

/** As slowly as the window forgets: a full window then never has a gap in which a critical request would wait. */
function tokenIntervalMs({ windowMs, guardMs, requestsPerMinute }: RateLimits): number {
	return (windowMs + guardMs) / requestsPerMinute;
}

/** Bursts are for quiet times: in a window that fills up one would come back as a gap, a window later. */
function burstInWindow({ burst, requestsPerMinute }: RateLimits, tokens: number): number {
	const half = requestsPerMinute / 2;
	if (tokens <= half || burst > half / 2) return burst;
	return Math.min(burst, Math.max(2, (burst * (requestsPerMinute - tokens)) / half));
}

function refusal(reason: Refusal['reason'], retryInMs: number): Refusal {
	return { granted: false, reason, retryInMs };
}

function shareOf(limits: RateLimits, peers: number): RateLimits {
	if (peers === 1) return limits;
	const share = (whole: number) => Math.max(Math.floor(whole / peers), 1);
	return {
		...limits,
		requestsPerMinute: share(limits.requestsPerMinute),
		burst: share(limits.burst),
		maxConcurrent: share(limits.maxConcurrent),
	};
}
