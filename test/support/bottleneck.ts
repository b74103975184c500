import { ManualClock, type ManualClockOptions } from './clock';

/**
 * A manual clock for tests in which bottleneck takes part: it uses timers of 0 ms of its own, which jest's
 * fake timers hold, so every turn lets them all run. Call it after `jest.useFakeTimers()`.
 */
export function clockWithBottleneck(options: ManualClockOptions = {}): ManualClock {
	return new ManualClock({
		...options,
		flush: async () => {
			do await jest.runAllTimersAsync();
			while (jest.getTimerCount() > 0);
		},
	});
}
