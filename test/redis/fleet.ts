import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { RateLimits } from '../../nodes/shared/resilience/ports.ts';
import type { RedisSettings } from '../../nodes/shared/stores/redis/connection.ts';
import type { Timing } from '../../nodes/shared/stores/redis/timing.ts';
import { Judge, type JudgeReport } from '../simulator/judge.ts';

/** What one worker process does: see test/stores/redisWorker.ts. */
export interface WorkerOrder {
	redis: RedisSettings;
	keyId: string;
	limits: RateLimits;
	/** From the send to the arrival, at most. */
	jitterMs: number;
	/** From the send to the end of the request, at most. */
	latencyMs: number;
	/** How wrong this machine's wall clock is. */
	skewMs: number;
	/** Callers that want a request at any time, by priority. */
	critical: number;
	backfill: number;
	/** Backfill callers take jobs from the queue, and complete them. */
	jobs?: boolean;
	/** One critical request now and then, this far apart on average. */
	criticalEveryMs?: number;
	timing?: Partial<Timing>;
	expectedWorkers?: number;
	dailyBudget?: number;
}

/** A line that a worker wrote before it went on, so that nothing is lost when it is killed. */
export type WorkerLine =
	| { what: 'arrival'; atMs: number; priority: 'critical' | 'backfill'; waitedMs: number }
	| { what: 'warning'; atMs: number; message: string };

export interface Arrival {
	atMs: number;
	priority: 'critical' | 'backfill';
	waitedMs: number;
	worker: number;
}

const FOLDER = join(process.cwd(), 'test');

/** Processes that share one API key over one Redis and want as much as they can get. */
export class Fleet {
	readonly arrivals: Arrival[] = [];
	readonly warnings: Array<{ worker: number; atMs: number; message: string }> = [];
	readonly #children = new Map<number, ChildProcess>();
	readonly #order: WorkerOrder;
	#next = 0;

	constructor(order: WorkerOrder) {
		this.#order = order;
	}

	/** Starts one worker; resolves with its number once it runs. */
	async add(over: Partial<WorkerOrder> = {}): Promise<number> {
		const worker = this.#next++;
		const child = fork(join(FOLDER, 'stores', 'redisWorker.ts'), [], {
			execArgv: ['--require', join(FOLDER, 'support', 'typescriptHook.js')],
			stdio: ['ignore', 'inherit', 'inherit', 'ipc', 'pipe'],
		});
		this.#children.set(worker, child);
		createInterface({ input: child.stdio[4] as Readable }).on('line', (line) => {
			const said = JSON.parse(line) as WorkerLine;
			if (said.what === 'arrival') this.arrivals.push({ ...said, worker });
			else this.warnings.push({ ...said, worker });
		});
		const ready = once(child, 'message');
		child.send({ ...this.#order, ...over });
		await Promise.race([
			ready,
			once(child, 'exit').then(() => {
				throw new Error('A worker ended before it began');
			}),
		]);
		return worker;
	}

	async addMany(count: number, over: (i: number) => Partial<WorkerOrder> = () => ({})) {
		return await Promise.all(Array.from({ length: count }, (_, i) => this.add(over(i))));
	}

	/** Workers that run. */
	get workers(): number[] {
		return [...this.#children.keys()];
	}

	/** Without a word. */
	async kill(worker: number): Promise<void> {
		await this.#end(worker, 'SIGKILL');
	}

	/** Suspends a process, as a machine that hangs. */
	suspend(worker: number): void {
		this.#children.get(worker)?.kill('SIGSTOP');
	}

	resume(worker: number): void {
		this.#children.get(worker)?.kill('SIGCONT');
	}

	/** All of them, in order. */
	async stop(): Promise<void> {
		await Promise.all(this.workers.map((worker) => this.#end(worker, 'SIGTERM')));
	}

	/** @param fromMs arrivals before this do not count */
	report(fromMs = -Infinity, toMs = Infinity): JudgeReport {
		const { requestsPerMinute, windowMs } = this.#order.limits;
		const judge = new Judge(requestsPerMinute, windowMs);
		const stamps = this.arrivals.map(({ atMs }) => atMs).sort((one, other) => one - other);
		for (const atMs of stamps) {
			if (atMs < fromMs || atMs >= toMs) continue;
			judge.arrive(atMs);
			judge.end();
		}
		return judge.report(
			Number.isFinite(fromMs) && Number.isFinite(toMs) ? { fromMs, toMs } : undefined,
		);
	}

	async #end(worker: number, signal: NodeJS.Signals): Promise<void> {
		const child = this.#children.get(worker);
		this.#children.delete(worker);
		if (!child || child.exitCode !== null || child.signalCode !== null) return;
		const closed = once(child, 'close');
		child.kill(signal);
		await closed;
	}
}
