import type { Failure } from '../api';
import type { Clock } from './ports';

/** A refused key is asked for again after this, so that 10,000 items do not send 10,000 useless requests. */
const INVALID_KEY_MS = 30_000;
/** An empty account may be topped up at any time. */
const OUT_OF_CREDITS_MS = 60_000;

/** Remembers for a short while that the API refuses this key whatever is asked. */
export class AccountStanding {
	#refusal: Failure | undefined;
	#untilMs = 0;

	constructor(private readonly clock: Clock) {}

	/** The refusal that is still in force. */
	current(): Failure | undefined {
		return this.clock.monotonicMs() < this.#untilMs ? this.#refusal : undefined;
	}

	learn(failure: Failure): void {
		if (failure.kind !== 'invalid-key' && failure.kind !== 'out-of-credits') return;
		this.#refusal = failure;
		const forMs = failure.kind === 'invalid-key' ? INVALID_KEY_MS : OUT_OF_CREDITS_MS;
		this.#untilMs = this.clock.monotonicMs() + forMs;
	}
}
