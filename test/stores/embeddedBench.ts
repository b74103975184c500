import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock, Stores } from '../../nodes/shared/resilience/ports';
import { openEmbeddedStores, type EmbeddedOptions } from '../../nodes/shared/stores/embedded';
import { ManualClock, type ManualClockOptions } from '../support/clock';
import type { StoresUnderTest, StoreTraits } from './contract';

/** The clock of one process among several: it stops when the process is killed. */
class ProcessClock implements Clock {
	private readonly stops = new Set<() => void>();

	constructor(private readonly clock: ManualClock) {}

	monotonicMs = () => this.clock.monotonicMs();

	wallMs = () => this.clock.wallMs();

	sleep = (ms: number, signal?: AbortSignal) => this.clock.sleep(ms, signal);

	every = (ms: number, task: () => void) => {
		const stop = this.clock.every(ms, task);
		this.stops.add(stop);
		return stop;
	};

	kill(): void {
		for (const stop of this.stops) stop();
	}
}

export interface EmbeddedBench extends StoresUnderTest {
	readonly clock: ManualClock;
	/** Undefined in memory. */
	readonly folder: string | undefined;
	readonly warnings: string[];
	/** The clock that stands for a process: give it to shareDatabase to get at the process's database. */
	processClock(process?: string): Clock;
	open(options?: { keyId?: string; process?: string } & Partial<EmbeddedOptions>): Stores;
}

/** What the embedded store can do in a test. */
export const EMBEDDED_TRAITS: StoreTraits = { time: 'manual', processes: true, wall: true };

export interface EmbeddedBenchOptions extends ManualClockOptions {
	folder?: string | undefined;
}

/** Embedded stores with a clock moved by hand; in a new folder unless one is given. */
export function embeddedBench(options: EmbeddedBenchOptions = {}): EmbeddedBench {
	const clock = new ManualClock(options);
	const made = 'folder' in options ? undefined : mkdtempSync(join(tmpdir(), 'tiklive-stores-'));
	const folder = 'folder' in options ? options.folder : join(made ?? '', 'state');
	const warnings: string[] = [];
	const processes = new Map<string, ProcessClock>();
	const handles: Stores[] = [];
	// Processes cannot share what is in memory: there all handles belong to one.
	const processClock = (name = 'a') => {
		const process = folder === undefined ? 'a' : name;
		const known = processes.get(process) ?? new ProcessClock(clock);
		processes.set(process, known);
		return known;
	};
	return {
		clock,
		folder,
		warnings,
		processClock,
		open: ({ process, ...over } = {}) => {
			const stores = openEmbeddedStores({
				folder,
				keyId: 'key1',
				clock: processClock(process),
				warn: (message) => void warnings.push(message),
				...over,
			});
			handles.push(stores);
			return stores;
		},
		advance: (ms) => clock.advance(ms),
		wallMs: () => clock.wallMs(),
		setWall: (ms) => clock.setWall(ms),
		kill: async (process) => processes.get(process)?.kill(),
		close: async () => {
			for (const handle of handles) await handle.dispose();
			if (made !== undefined) rmSync(made, { recursive: true, force: true });
		},
	};
}
