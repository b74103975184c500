import type { CircuitState, Metrics } from './metrics';
import type { Random, StateCell, Warn } from './ports';

/** Failures in a row that open the breaker. */
export const FAILURE_THRESHOLD = 5;
/** How long it stays open the first time. */
export const OPEN_MS = 30_000;
/** Reopening doubles the time up to this. */
export const MAX_OPEN_MS = 5 * 60_000;

/** What is stored. `fence` counts probes, so that a late answer of an old probe is told from the current one's. */
export type BreakerState =
	| { value: 'closed'; failures: number; fence: number }
	/** `openings`: how often it opened without a success in between. */
	| { value: 'open'; until: number; openings: number; fence: number }
	| { value: 'half-open'; leaseUntil: number; openings: number; fence: number };

export type BreakerSnapshot =
	| { state: 'closed'; failures: number }
	| { state: 'open'; reopensInMs: number }
	| { state: 'half-open'; reopensInMs: number };

/** Allows one request. `probe` is the fence of a half-open trial, undefined while closed. */
export interface BreakerPermit {
	readonly probe: number | undefined;
}

export type BreakerDecision =
	{ allowed: true; permit: BreakerPermit } | { allowed: false; reopensInMs: number };

/** `neutral`: the answer says nothing about the API's health (4xx, 429, cancelled, never sent). */
export type Verdict = 'success' | 'failure' | 'neutral';

const CLOSED: BreakerState = { value: 'closed', failures: 0, fence: 0 };

/** 30 s, then 60, 120 ... up to 5 min, spread by +-20 % so that hosts do not probe together. */
function openForMs(openings: number, random: Random): number {
	if (openings <= 1) return OPEN_MS;
	return Math.min(MAX_OPEN_MS, OPEN_MS * 2 ** (openings - 1) * (0.8 + 0.4 * random()));
}

/** Decides over one request. In half-open exactly one probe is out; its lease keeps a hung one from wedging. */
export function admit(
	state: BreakerState,
	nowMs: number,
	probeLeaseMs: number,
): { state: BreakerState; decision: BreakerDecision } {
	if (state.value === 'closed') {
		return { state, decision: { allowed: true, permit: { probe: undefined } } };
	}
	const reopensInMs = (state.value === 'open' ? state.until : state.leaseUntil) - nowMs;
	// Longer than any wait can be: the stored time is from before a reboot.
	if (reopensInMs > 0 && reopensInMs <= MAX_OPEN_MS) {
		return { state, decision: { allowed: false, reopensInMs } };
	}
	const fence = state.fence + 1;
	return {
		state: {
			value: 'half-open',
			leaseUntil: nowMs + probeLeaseMs,
			openings: state.openings,
			fence,
		},
		decision: { allowed: true, permit: { probe: fence } },
	};
}

/** Learns from one answer. Only the current probe can close or reopen; answers from before the opening are ignored. */
export function record(
	state: BreakerState,
	permit: BreakerPermit,
	verdict: Verdict,
	nowMs: number,
	random: Random,
): BreakerState {
	if (state.value === 'closed') {
		if (permit.probe !== undefined || verdict === 'neutral') return state;
		if (verdict === 'success') return state.failures === 0 ? state : { ...state, failures: 0 };
		const failures = state.failures + 1;
		if (failures < FAILURE_THRESHOLD) return { ...state, failures };
		return { value: 'open', until: nowMs + OPEN_MS, openings: 1, fence: state.fence };
	}
	if (state.value === 'open' || permit.probe !== state.fence) return state;
	const { openings, fence } = state;
	switch (verdict) {
		case 'success':
			return { value: 'closed', failures: 0, fence };
		case 'failure':
			return {
				value: 'open',
				until: nowMs + openForMs(openings + 1, random),
				openings: openings + 1,
				fence,
			};
		case 'neutral':
			return { value: 'open', until: nowMs, openings, fence };
	}
}

export function snapshot(state: BreakerState | undefined, nowMs: number): BreakerSnapshot {
	if (state === undefined || state.value === 'closed') {
		return { state: 'closed', failures: state?.failures ?? 0 };
	}
	const until = state.value === 'open' ? state.until : state.leaseUntil;
	return { state: state.value, reopensInMs: Math.max(0, until - nowMs) };
}

/** The machine above over a shared state: one breaker for all who use the key. */
export class Breaker {
	constructor(
		private readonly cells: StateCell,
		private readonly random: Random,
		private readonly metrics: Metrics,
		private readonly warn: Warn,
	) {}

	/** Without taking a probe: lets a call leave before it waits for a token. */
	async peek(): Promise<BreakerSnapshot> {
		return await this.cells.update('breaker', (state: BreakerState | undefined, nowMs) => ({
			state,
			result: snapshot(state, nowMs),
		}));
	}

	/** Right before the send. `probeLeaseMs`: longer than the attempt can take, at most MAX_OPEN_MS. */
	async admit(probeLeaseMs: number): Promise<BreakerDecision> {
		const { decision, before, after } = await this.cells.update(
			'breaker',
			(stored: BreakerState | undefined, nowMs) => {
				const { state, decision } = admit(stored ?? CLOSED, nowMs, probeLeaseMs);
				return {
					state: stored === undefined && state === CLOSED ? undefined : state,
					result: { decision, before: stored?.value ?? 'closed', after: state.value },
				};
			},
		);
		this.#tell(before, after);
		return decision;
	}

	async record(permit: BreakerPermit, verdict: Verdict): Promise<void> {
		const { before, after, waitMs } = await this.cells.update(
			'breaker',
			(stored: BreakerState | undefined, nowMs) => {
				const state = record(stored ?? CLOSED, permit, verdict, nowMs, this.random);
				return {
					state: stored === undefined && state === CLOSED ? undefined : state,
					result: {
						before: stored?.value ?? 'closed',
						after: state.value,
						waitMs: state.value === 'open' ? state.until - nowMs : 0,
					},
				};
			},
		);
		this.#tell(before, after, waitMs);
	}

	/** Closes it by hand; a probe that is still out no longer counts. */
	async reset(): Promise<void> {
		await this.cells.update('breaker', (state: BreakerState | undefined) => ({
			state: { ...CLOSED, fence: (state?.fence ?? 0) + 1 },
			result: undefined,
		}));
		this.metrics.circuit('closed');
	}

	#tell(before: CircuitState, after: CircuitState, waitMs = 0): void {
		if (before === after) return;
		this.metrics.circuit(after);
		if (after === 'open' && waitMs > 0) {
			this.warn(
				`TikLiveAPI does not answer: the circuit breaker is open, next trial in ${Math.ceil(waitMs / 1000)} s`,
			);
		}
		if (after === 'closed') this.warn('TikLiveAPI answers again: the circuit breaker is closed');
	}
}
