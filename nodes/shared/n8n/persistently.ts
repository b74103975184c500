import type { Clock } from '../resilience/ports';

const FIRST_PAUSE_MS = 30_000;
const LONGEST_PAUSE_MS = 5 * 60_000;

export interface Persistence {
	clock: Clock;
	/** Ends it at once, during a pause too. */
	signal: AbortSignal;
	failed: (problem: unknown) => void;
}

/**
 * Runs `work` again and again: at once when it ended well, and after a pause when it failed, of 30 s at first and
 * twice as long each time, up to 5 minutes. Resolves when it was ended and `work` is done; never rejects.
 */
export async function persistently(
	work: () => Promise<void>,
	{ clock, signal, failed }: Persistence,
): Promise<void> {
	let pauseMs = FIRST_PAUSE_MS;
	while (!signal.aborted) {
		const beganMs = clock.monotonicMs();
		try {
			await work();
			pauseMs = FIRST_PAUSE_MS;
		} catch (problem) {
			if (signal.aborted) return;
			failed(problem);
			if (clock.monotonicMs() - beganMs > LONGEST_PAUSE_MS) pauseMs = FIRST_PAUSE_MS;
			await clock.sleep(pauseMs, signal).catch(() => {});
			pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
		}
	}
}
