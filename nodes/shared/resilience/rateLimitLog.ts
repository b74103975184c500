import type { Clock, Warn } from './ports';

/** A stretch of 429s has ended when none came for this long: single ones come and go all the time. */
const QUIET_MS = 60_000;

/** One line when TikLiveAPI begins to answer 429 and one when it has stopped; none for each request. */
export class RateLimitLog {
	#lastAtMs: number | undefined;

	constructor(
		private readonly clock: Clock,
		private readonly warn: Warn,
	) {}

	limited(pauseMs: number): void {
		if (this.#lastAtMs === undefined) {
			this.warn(
				`TikLiveAPI answers 429, too many requests: nothing is sent with this key for ${Math.ceil(pauseMs / 1000)} s`,
			);
		}
		this.#lastAtMs = this.clock.monotonicMs();
	}

	accepted(): void {
		if (this.#lastAtMs === undefined) return;
		if (this.clock.monotonicMs() - this.#lastAtMs < QUIET_MS) return;
		this.#lastAtMs = undefined;
		this.warn('TikLiveAPI accepts requests again: no 429 for a minute');
	}
}
