import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../nodes/shared/n8n/systemClock';
import type { Clock, Stores } from '../../nodes/shared/resilience/ports';
import { thisProcess, type ProcessIdentity } from '../../nodes/shared/stores/embedded/owner';
import { openRedisStores, type RedisOptions } from '../../nodes/shared/stores/redis';
import type { RedisSettings } from '../../nodes/shared/stores/redis/connection';
import type { StoresUnderTest, StoreTraits } from './contract';

/** What the Redis store can do in a test, with heartbeats as here. */
export const REDIS_TRAITS: StoreTraits = {
	...{ time: 'real', processes: true, wall: false, deathMs: 1_500 },
};
const TIMING = { beatMs: 200 };

/** Time as one process has it: it stops when the process is killed. */
class ProcessClock implements Clock {
	private readonly stops = new Set<() => void>();

	monotonicMs = () => systemClock.monotonicMs();

	wallMs = () => systemClock.wallMs();

	sleep = (ms: number, signal?: AbortSignal) => systemClock.sleep(ms, signal);

	every = (ms: number, task: () => void) => {
		const stop = systemClock.every(ms, task);
		this.stops.add(stop);
		return stop;
	};

	kill(): void {
		for (const stop of this.stops) stop();
	}
}

/** A handle's process: its clock, and a process of the system that lives and dies with it. */
interface TestProcess {
	clock: ProcessClock;
	child: ChildProcess;
	identity: ProcessIdentity;
}

export interface RedisBench extends StoresUnderTest {
	readonly warnings: string[];
	/** What stands in for the name of a key: random, so that tests may share a Redis. */
	keyId(name?: string): string;
	open(options?: { keyId?: string; process?: string } & Partial<RedisOptions>): Stores;
}

/** Stores in a real Redis. */
export function redisBench(settings: RedisSettings): RedisBench {
	const run = randomBytes(6).toString('hex');
	const warnings: string[] = [];
	const processes = new Map<string, TestProcess>();
	const handles: Stores[] = [];
	const processOf = (name: string) => {
		const known = processes.get(name) ?? begin();
		processes.set(name, known);
		return known;
	};
	const keyId = (name = 'key1') => `test-${run}-${name}`;
	return {
		warnings,
		keyId,
		open: ({ process: name = 'a', keyId: key, ...over } = {}) => {
			const { clock, identity } = processOf(name);
			const stores = openRedisStores({
				...{ connection: settings, keyId: keyId(key), clock, identity, random: Math.random },
				warn: (message) => void warnings.push(message),
				timing: TIMING,
				...over,
			});
			handles.push(stores);
			return stores;
		},
		advance: async (ms) => await systemClock.sleep(ms),
		wallMs: () => Date.now(),
		setWall: () => {
			throw new Error("The server's clock cannot be set");
		},
		kill: async (name) => {
			const { clock, child } = processOf(name);
			clock.kill();
			await end(child);
		},
		close: async () => {
			for (const handle of handles) await handle.dispose();
			for (const { child } of processes.values()) await end(child);
		},
	};
}

function begin(): TestProcess {
	const child = spawn('sleep', ['3600'], { stdio: 'ignore' });
	const pid = child.pid ?? 0;
	const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
	const start = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
	return { clock: new ProcessClock(), child, identity: { ...thisProcess(), pid, start } };
}

async function end(child: ChildProcess): Promise<void> {
	if (child.exitCode !== null || child.signalCode !== null) return;
	const gone = once(child, 'exit');
	child.kill('SIGKILL');
	await gone;
	await sleep(0);
}
