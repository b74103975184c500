import type { Failure, FailureKind } from '../api';
import type { Clock } from './ports';

/**
 * Failures that every other call would meet too, and for how long nothing is asked then, so that 10,000 items do
 * not send 10,000 useless requests.
 */
const HOLD_MS: Readonly<Partial<Record<FailureKind, number>>> = {
	'invalid-key': 30_000,
	// An account may be topped up at any time.
	'out-of-credits': 60_000,
	// Nothing reaches the API, so asking is cheap; yet each try takes a place in the rate window.
	unreachable: 10_000,
};

/** Remembers for a short while that asking is of no use, whatever is asked. */
export class AccountStanding {
	#refusal: Failure | undefined;
	#untilMs = 0;

	constructor(private readonly clock: Clock) {}

	/** The refusal that is still in force. */
	current(): Failure | undefined {
		return this.clock.monotonicMs() < this.#untilMs ? this.#refusal : undefined;
	}

	learn(failure: Failure): void {
		const holdMs = HOLD_MS[failure.kind];
		if (holdMs === undefined) return;
		this.#refusal = failure;
		this.#untilMs = this.clock.monotonicMs() + holdMs;
	}
}
