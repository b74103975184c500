export interface JudgeReport {
	arrivals: number;
	windowMs: number;
	/** Most arrivals in any stretch [t, t + windowMs). */
	worstWindow: number;
	/** Most arrivals in any stretch of 1,000 ms. */
	worstSecond: number;
	/** Requests that have arrived and not ended, now and at the worst moment since the start. */
	inFlight: number;
	inFlightPeak: number;
	/** From the first to the last arrival, or the stretch that was asked for. */
	spanMs: number;
	/** Arrivals over what the limit allows in the span; null for a span shorter than a window or without a limit. */
	utilisation: number | null;
}

export interface JudgeQuestion {
	/** Default: the server's limit. */
	limit?: number;
	/** Default: the server's window. */
	windowMs?: number;
	/** Only arrivals in [fromMs, toMs), on the clock of the stamps. Default: all. */
	fromMs?: number;
	toMs?: number;
}

/** Stamps arrivals on a clock that never goes back, eight bytes each, and finds the worst stretch exactly. */
export class Judge {
	readonly #limit: number;

	readonly #windowMs: number;

	#stamps = new Float64Array(1024);

	#arrivals = 0;

	#inFlight = 0;

	#inFlightPeak = 0;

	constructor(limit: number, windowMs: number) {
		this.#limit = limit;
		this.#windowMs = windowMs;
	}

	/** A request has come in; a stamp before the last one counts as equal to it. */
	arrive(nowMs: number): void {
		if (this.#arrivals === this.#stamps.length) {
			const grown = new Float64Array(this.#stamps.length * 2);
			grown.set(this.#stamps);
			this.#stamps = grown;
		}
		const lastMs = this.#arrivals > 0 ? this.#stamps[this.#arrivals - 1]! : -Infinity;
		this.#stamps[this.#arrivals++] = nowMs > lastMs ? nowMs : lastMs;
		this.#inFlight++;
		if (this.#inFlight > this.#inFlightPeak) this.#inFlightPeak = this.#inFlight;
	}

	/** A request has ended, answered or not. */
	end(): void {
		this.#inFlight--;
	}

	/** Arrivals after `sinceMs`. */
	countSince(sinceMs: number): number {
		return this.#arrivals - this.#firstAt(sinceMs, true);
	}

	/** How long from `nowMs` until fewer than `limit` of the stamps so far lie in the window that ends then. */
	msUntilBelow(limit: number, windowMs: number, nowMs: number): number {
		const blocking = this.#arrivals - limit;
		return blocking < 0 ? 0 : Math.max(this.#stamps[blocking]! + windowMs - nowMs, 0);
	}

	/** Forgets the arrivals; what is in flight stays in flight. */
	reset(): void {
		this.#stamps = new Float64Array(1024);
		this.#arrivals = 0;
		this.#inFlightPeak = this.#inFlight;
	}

	/** All stamps so far, in order; a copy. */
	stamps(): Float64Array {
		return this.#stamps.slice(0, this.#arrivals);
	}

	report(question: JudgeQuestion = {}): JudgeReport {
		const { limit = this.#limit, windowMs = this.#windowMs, fromMs, toMs } = question;
		const from = fromMs === undefined ? 0 : this.#firstAt(fromMs, false);
		const to = toMs === undefined ? this.#arrivals : this.#firstAt(toMs, false);
		const arrivals = Math.max(to - from, 0);
		const firstMs = fromMs ?? this.#stamps[from] ?? 0;
		const lastMs = toMs ?? (to > 0 ? this.#stamps[to - 1]! : firstMs);
		const spanMs = Math.max(lastMs - firstMs, 0);
		return {
			arrivals,
			windowMs,
			worstWindow: this.#worst(windowMs, from, to),
			worstSecond: this.#worst(1000, from, to),
			inFlight: this.#inFlight,
			inFlightPeak: this.#inFlightPeak,
			spanMs,
			utilisation:
				spanMs >= windowMs && Number.isFinite(limit)
					? arrivals / (limit * (spanMs / windowMs))
					: null,
		};
	}

	#worst(windowMs: number, from: number, to: number): number {
		let worst = 0;
		let oldest = from;
		for (let newest = from; newest < to; newest++) {
			while (this.#stamps[newest]! - this.#stamps[oldest]! >= windowMs) oldest++;
			if (newest - oldest >= worst) worst = newest - oldest + 1;
		}
		return worst;
	}

	/** Index of the first stamp at or after `ms`; with `after`, strictly after it. */
	#firstAt(ms: number, after: boolean): number {
		let low = 0;
		let high = this.#arrivals;
		while (low < high) {
			const middle = (low + high) >>> 1;
			const stamp = this.#stamps[middle]!;
			if (stamp < ms || (after && stamp === ms)) low = middle + 1;
			else high = middle;
		}
		return low;
	}
}
