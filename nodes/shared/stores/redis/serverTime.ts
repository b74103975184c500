import type { Clock } from '../../resilience/ports';

/** A sample is as good as its round trip was short; after this long a worse one is better than an old one. */
const SAMPLE_LIFE_MS = 60_000;
/** Ages are compared with more slack than this everywhere. */
const AGREE_MS = 2_000;

/** The clocks of the Redis server as seen from here, good to half a round trip. */
export class ServerTime {
	#wallAheadMs: number | undefined;
	#storeAheadMs = 0;
	#roundTripMs = Infinity;
	#sampledAtMs = -Infinity;

	constructor(private readonly clock: Clock) {}

	/** Wall clock of the server, or of this machine until the server was asked. */
	wallMs(): number {
		return this.#wallAheadMs === undefined
			? this.clock.wallMs()
			: this.clock.monotonicMs() + this.#wallAheadMs;
	}

	/** The store's own clock: like the server's, but never set back. */
	storeMs(): number {
		return this.wallMs() + this.#storeAheadMs;
	}

	/** What to add to this machine's wall clock to get the server's; 0 where the two agree well enough. */
	get skewMs(): number {
		const skewMs = Math.round(this.wallMs() - this.clock.wallMs());
		return Math.abs(skewMs) < AGREE_MS ? 0 : skewMs;
	}

	/** clock.monotonicMs() for a moment on the store's clock that lies between two moments here. */
	monotonicMs(storeMs: number, earliestMs: number, latestMs: number): number {
		const aheadMs = this.storeMs() - this.clock.monotonicMs();
		return Math.min(Math.max(storeMs - aheadMs, earliestMs), latestMs);
	}

	/** The server said these times between two moments here. */
	sample(serverMs: number, storeMs: number, sentAtMs: number, receivedAtMs: number): void {
		const roundTripMs = receivedAtMs - sentAtMs;
		const aheadMs = serverMs - (sentAtMs + receivedAtMs) / 2;
		this.#storeAheadMs = storeMs - serverMs;
		const stepped = Math.abs(aheadMs - (this.#wallAheadMs ?? aheadMs)) > roundTripMs;
		const old = receivedAtMs - this.#sampledAtMs > SAMPLE_LIFE_MS;
		if (!stepped && !old && roundTripMs > this.#roundTripMs) return;
		this.#wallAheadMs = aheadMs;
		this.#roundTripMs = roundTripMs;
		this.#sampledAtMs = receivedAtMs;
	}
}
