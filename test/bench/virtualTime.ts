import type { Clock } from './built.ts';

interface Timer {
	dueMs: number;
	fire: () => void;
}

/**
 * Time that stands still while anything can run and then jumps to the next timer. The global timers and
 * Date.now, which bottleneck uses, are on it too.
 */
export function virtualTime(startMs = Date.UTC(2026, 0, 15)): {
	clock: Clock;
	/** Lets everything run that is ready, then goes on to the next timer. */
	step(): Promise<void>;
	restore(): void;
} {
	let nowMs = startMs;
	const timers = new Set<Timer>();
	const { setTimeout, clearTimeout } = globalThis;
	const dateNow = Date.now;

	const add = (ms: number, fire: () => void): Timer => {
		const timer = { dueMs: nowMs + Math.max(0, ms), fire };
		timers.add(timer);
		return timer;
	};
	Object.assign(globalThis, {
		setTimeout: (fire: () => void, ms = 0) => add(ms, fire),
		clearTimeout: (timer: Timer) => timers.delete(timer),
	});
	Date.now = () => Math.floor(nowMs);

	const clock: Clock = {
		monotonicMs: () => nowMs,
		wallMs: () => nowMs,
		sleep: async (ms, signal) =>
			await new Promise((resolve, reject) => {
				signal?.throwIfAborted();
				const stop = () => {
					timers.delete(timer);
					reject(signal?.reason as Error);
				};
				const timer = add(ms, () => {
					signal?.removeEventListener('abort', stop);
					resolve();
				});
				signal?.addEventListener('abort', stop, { once: true });
			}),
		every: (ms, task) => {
			const again = () => {
				timer.dueMs = nowMs + ms;
				timers.add(timer);
				task();
			};
			const timer = add(ms, again);
			return () => {
				timers.delete(timer);
			};
		},
	};
	return {
		clock,
		async step() {
			await new Promise((resolve) => setImmediate(resolve));
			let dueMs = Infinity;
			for (const timer of timers) dueMs = Math.min(dueMs, timer.dueMs);
			if (dueMs === Infinity) throw new Error('Nothing is left to wait for');
			nowMs = Math.max(nowMs, dueMs);
			for (const timer of [...timers]) {
				if (timer.dueMs > nowMs || !timers.delete(timer)) continue;
				timer.fire();
			}
		},
		restore() {
			Object.assign(globalThis, { setTimeout, clearTimeout });
			Date.now = dateNow;
		},
	};
}
