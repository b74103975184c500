import type { Clock } from '../resilience/ports';

/** setTimeout fires at once for a longer delay. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** CLOCK_MONOTONIC: since boot, shared by all processes, never set back. */
const monotonicMs = () => Number(process.hrtime.bigint()) / 1e6;

/** The time of this machine. The only place where the package reads an ambient clock. */
export const systemClock: Clock = {
	monotonicMs,

	wallMs: () => Date.now(),

	sleep: (ms, signal) =>
		new Promise((resolve, reject) => {
			if (signal?.aborted === true) {
				reject(signal.reason as Error);
				return;
			}
			const endMs = monotonicMs() + ms;
			let timer: NodeJS.Timeout;
			const abort = () => {
				clearTimeout(timer);
				reject(signal?.reason as Error);
			};
			// setTimeout drops fractions and may fire a little early: a sleeper never wakes before its time.
			const wait = () => {
				const leftMs = Math.ceil(endMs - monotonicMs());
				if (leftMs > 0) {
					timer = setTimeout(wait, Math.min(leftMs, LONGEST_TIMER_MS));
					return;
				}
				signal?.removeEventListener('abort', abort);
				resolve();
			};
			signal?.addEventListener('abort', abort, { once: true });
			wait();
		}),

	every: (ms, task) => {
		const timer = setInterval(task, Math.min(ms, LONGEST_TIMER_MS));
		timer.unref();
		return () => {
			clearInterval(timer);
		};
	},
};
