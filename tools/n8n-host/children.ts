import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** What a finished command left behind. `code` is null when a signal ended it. */
export interface CommandResult {
	readonly code: number | null;
	readonly stdout: string;
	readonly stderr: string;
	/** Both streams in the order they arrived. */
	readonly log: string;
}

export interface CommandOptions {
	readonly cwd?: string;
	readonly env?: NodeJS.ProcessEnv;
	/** The command and all it started are ended after this long. */
	readonly timeoutMs: number;
}

const POSIX = process.platform !== 'win32';
const living = new Set<ChildProcess>();

/**
 * Starts a child in a process group of its own, so that ending it also ends what it started
 * (n8n's task runner, npm's build tools) and a terminal's Ctrl-C reaches only this process,
 * which then ends its children in order.
 */
export function startChild(
	command: string,
	args: readonly string[],
	options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): ChildProcess {
	const child = spawn(command, args, {
		...options,
		stdio: ['ignore', 'pipe', 'pipe'],
		detached: POSIX,
		windowsHide: true,
		// npm is a .cmd file on Windows, which only a shell can run.
		shell: !POSIX && command === 'npm',
	});
	living.add(child);
	child.once('close', () => living.delete(child));
	child.once('error', () => living.delete(child));
	return child;
}

function signal(child: ChildProcess, name: 'SIGTERM' | 'SIGKILL'): void {
	if (child.pid === undefined) return;
	try {
		if (POSIX) process.kill(-child.pid, name);
		else child.kill(name);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
	}
}

/** Asks a child to end, and insists after `graceMs`. Resolves once its streams are closed. */
export async function endChild(child: ChildProcess, graceMs = 15_000): Promise<void> {
	if (!living.has(child)) return;
	const closed = once(child, 'close');
	signal(child, 'SIGTERM');
	const insist = setTimeout(() => signal(child, 'SIGKILL'), graceMs);
	await closed;
	clearTimeout(insist);
	// A grandchild may outlive its parent; the group is gone only when nobody is left in it.
	signal(child, 'SIGKILL');
}

/** Ends every child that is still running. For the way out, whatever the reason. */
export async function endAllChildren(): Promise<void> {
	await Promise.all([...living].map((child) => endChild(child, 5_000)));
}

/** Runs a command to its end. Rejects only when it cannot be started or takes too long. */
export async function runCommand(
	command: string,
	args: readonly string[],
	{ timeoutMs, ...options }: CommandOptions,
): Promise<CommandResult> {
	const child = startChild(command, args, options);
	let stdout = '';
	let stderr = '';
	let log = '';
	child.stdout?.setEncoding('utf8').on('data', (text: string) => {
		stdout += text;
		log += text;
	});
	child.stderr?.setEncoding('utf8').on('data', (text: string) => {
		stderr += text;
		log += text;
	});
	let timedOut = false;
	const limit = setTimeout(() => {
		timedOut = true;
		void endChild(child, 2_000);
	}, timeoutMs);
	try {
		const [code] = (await once(child, 'close')) as [number | null];
		if (timedOut) {
			throw new Error(
				`${command} ${args.slice(0, 3).join(' ')} took longer than ${timeoutMs / 1000} s\n${tail(log)}`,
			);
		}
		return { code, stdout, stderr, log };
	} finally {
		clearTimeout(limit);
	}
}

/** The last lines of a log, for an error message. */
export function tail(log: string, lines = 30): string {
	return log.trimEnd().split('\n').slice(-lines).join('\n');
}
