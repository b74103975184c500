import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** How often a process says that it is alive. */
export const HEARTBEAT_MS = 2_000;

/** A process that has been silent for longer is dead. */
export const DEAD_AFTER_MS = 10_000;

/** A process as others can recognise it. */
export interface ProcessIdentity {
	/** Machine, boot and process namespace: pids mean the same only where all three are equal. */
	host: string;
	pid: number;
	/** Tells a process from a later one with the same pid; empty where the system does not say. */
	start: string;
}

export interface OwnerRow extends ProcessIdentity {
	renewedAt: number;
}

let identity: ProcessIdentity | undefined;

export function thisProcess(): ProcessIdentity {
	identity ??= {
		host: [
			hostname(),
			attempt(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()),
			attempt(() => readlinkSync('/proc/self/ns/pid')),
		].join(' '),
		pid: process.pid,
		start: startOf(process.pid) ?? '',
	};
	return identity;
}

/** By its heartbeat, and on this machine by a look at the process itself. */
export function isAlive(owner: OwnerRow, nowMs: number): boolean {
	if (nowMs - owner.renewedAt > DEAD_AFTER_MS) return false;
	if (owner.host !== thisProcess().host) return true;
	const start = startOf(owner.pid);
	return start !== undefined && (start === '' || start === owner.start);
}

/** Undefined when there is no such process, empty when the system does not say. */
function startOf(pid: number): string | undefined {
	try {
		process.kill(pid, 0);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === 'ESRCH') return undefined;
	}
	const stat = attempt(() => readFileSync(`/proc/${pid}/stat`, 'latin1'));
	// The second field, the program's name, may hold blanks and brackets.
	const [state, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
	// Killed, but its parent has not taken note yet.
	if (state === 'Z' || state === 'X') return undefined;
	return rest[18] ?? '';
}

function attempt(read: () => string): string {
	try {
		return read();
	} catch {
		return '';
	}
}
