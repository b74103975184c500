import type { INodeExecutionData } from 'n8n-workflow';
import { CallFailure, InvalidInput, ListInterrupted, type FailureKind } from '../api';
import type { Client } from '../resilience/client';
import { decodePayload } from '../resilience/jobPayload';
import { afterFailure, jobRetryDelayMs, NOTHING_FOR_ANYBODY } from '../resilience/jobPolicy';
import type { ClaimedJob, DeadJob, JobFilter, JobStore, RetryLater } from '../resilience/jobs';
import type { Clock, Priority, Random, Warn } from '../resilience/ports';
import { lastItems, resultItems } from './jobItems';
import { JobLeases, LEASE_MS, type HeldJob } from './jobLeases';
import { workOn } from './jobWork';
import { Outbox, type Batch } from './outbox';
import { QueueMark } from './queueMark';

/** Other processes add jobs without telling. */
const POLL_MS = 1_000;
/** Executions that may be open at one time; their jobs are not completed yet. */
const MAX_OPEN_RUNS = 4;
/** After an execution that failed: nothing new for a while, twice as long each time. */
const RUN_PAUSE_MS = 1_000;
const LONGEST_RUN_PAUSE_MS = 5 * 60_000;
/** A budget may be raised, an account topped up: look again at least this often. */
const LONGEST_HOLD_MS = 5 * 60_000;
/** n8n's own triggers give open executions this long when they are stopped. */
const DRAIN_MS = 5 * 60_000;
/** Requests that are out when the runner stops are paid for: their answers are worth a moment. */
const IN_FLIGHT_GRACE_MS = 5_000;

export type CompleteWhen = 'success' | 'finished' | 'immediately';

export interface JobRunnerDeps {
	jobs: JobStore;
	client: Client;
	clock: Clock;
	random: Random;
	warn: Warn;
	/** Cut out of every text that is stored. */
	apiKey: string;
	/** Of the client. Twice as many jobs are in hand at most; the backlog stays in the store. */
	maxConcurrent: number;
	/** Starts an execution. Resolves when it ended: with its problem, or undefined when there was none. */
	deliver(
		results: INodeExecutionData[],
		deadLetters: INodeExecutionData[],
	): Promise<string | undefined>;
}

export interface JobRunnerOptions {
	queue: string;
	completeWhen: CompleteWhen;
	/** Jobs for one execution. */
	batchSize: number;
	batchWaitMs: number;
	filter: JobFilter;
	/** Ends after the first execution: a manual test. */
	once: boolean;
}

/** Takes due jobs from the store, does them, and completes them when the execution that got the results says so. */
export class JobRunner {
	readonly #outbox: Outbox;
	readonly #leases: JobLeases;
	readonly #mark: QueueMark;
	readonly #working: Readonly<Record<Priority, Set<Promise<void>>>> = {
		critical: new Set(),
		backfill: new Set(),
	};
	/** Jobs of this priority would meet the same refusal before then. Monotonic. */
	readonly #heldBackUntilMs: Record<Priority, number> = { critical: 0, backfill: 0 };
	/** Jobs whose items an execution has. */
	readonly #inRuns = new Set<ClaimedJob>();
	#openRuns = 0;
	#failedRuns = 0;
	#pausedUntilMs = 0;
	#stopping = false;
	#drainUntilMs = Infinity;
	#storeTrouble = false;
	/** Something happened since the loop last looked. */
	#isWoken = false;
	#endSleep: () => void = () => {};

	constructor(
		private readonly deps: JobRunnerDeps,
		private readonly options: JobRunnerOptions,
	) {
		this.#outbox = new Outbox(options.batchSize, options.batchWaitMs);
		this.#leases = new JobLeases(deps.jobs, deps.clock);
		this.#mark = new QueueMark(deps, options.queue);
	}

	/** Resolves when the runner was stopped, its executions have ended and everything else is handed back. */
	async run(): Promise<void> {
		while (!this.#stopping) {
			await this.#guarded(async () => {
				await this.#extend();
				this.#sendOut();
				await this.#takeJobs();
				// A test ends with one batch: nobody can count on it.
				if (!this.options.once) await this.#mark.renew();
			});
			if (!this.#stopping) await this.#rest();
		}
		await this.#drain();
	}

	/** Takes nothing new and hands back what is not part of an execution. */
	stop(): void {
		if (this.#stopping) return;
		this.#stopping = true;
		this.#drainUntilMs = this.deps.clock.monotonicMs() + DRAIN_MS;
		this.#leases.abortAll();
		this.#wake();
	}

	/** Also hands back the jobs of open executions. */
	giveUp(): void {
		this.stop();
		this.#drainUntilMs = 0;
		this.#wake();
	}

	// ------------------------------------------------------------ the loop

	async #takeJobs(): Promise<void> {
		for (const priority of this.options.filter.priorities ?? (['critical', 'backfill'] as const)) {
			const limit = this.#room(priority);
			if (limit <= 0 || this.#stopping) continue;
			const { jobs, died } = await this.deps.jobs.claim({
				queue: this.options.queue,
				limit,
				leaseMs: LEASE_MS,
				kinds: this.options.filter.kinds,
				priorities: [priority],
			});
			for (const dead of died) this.#announce(dead);
			for (const job of jobs) this.#begin(job);
		}
	}

	/** How many jobs of a priority to take now. In portions, so that not every single one costs a claim. */
	#room(priority: Priority): number {
		const { clock, maxConcurrent } = this.deps;
		const { batchSize, once } = this.options;
		const nowMs = clock.monotonicMs();
		if (nowMs < Math.max(this.#pausedUntilMs, this.#heldBackUntilMs[priority])) return 0;
		if (this.#outbox.size >= batchSize) return 0;
		const critical = Math.ceil(maxConcurrent / 2);
		const most = priority === 'critical' ? critical : 2 * maxConcurrent - critical;
		const working = this.#working[priority].size;
		const room = working > most / 2 ? 0 : most - working;
		return once ? Math.min(room, batchSize - this.#outbox.size - this.#inWork().length) : room;
	}

	#begin(job: ClaimedJob): void {
		const held = this.#leases.hold(job);
		if (this.#stopping) held.abort.abort();
		const working = this.#working[job.priority];
		const work: Promise<void> = this.#work(held).finally(() => {
			working.delete(work);
			this.#wake();
		});
		working.add(work);
	}

	#inWork(): Promise<void>[] {
		return [...this.#working.critical, ...this.#working.backfill];
	}

	async #rest(): Promise<void> {
		const { clock } = this.deps;
		const nowMs = clock.monotonicMs();
		const outboxMs = this.#maySend(nowMs) ? this.#outbox.dueInMs(nowMs) : POLL_MS;
		await this.#sleep(Math.min(POLL_MS, outboxMs, this.#leases.extendInMs));
	}

	/** Until something happens, at most `ms`. */
	async #sleep(ms: number): Promise<void> {
		const woken = new AbortController();
		this.#endSleep = () => woken.abort();
		if (!this.#isWoken) await this.deps.clock.sleep(ms, woken.signal).catch(() => {});
		this.#isWoken = false;
	}

	#wake(): void {
		this.#isWoken = true;
		this.#endSleep();
	}

	async #extend(): Promise<void> {
		const lost = new Set(await this.#leases.extend());
		if (lost.size > 0) this.#outbox.drop((job) => lost.has(job));
	}

	// ------------------------------------------------------------ one job

	async #work({ job, abort }: HeldJob): Promise<void> {
		const { client, jobs, clock } = this.deps;
		try {
			const decoded = decodePayload(job.kind, job.payload);
			if (!decoded.ok) {
				return await this.#bury(job, decoded.reason, decoded.problem, undefined);
			}
			const answer = await workOn({
				client,
				job,
				request: decoded.request,
				signal: abort.signal,
				saveProgress: async (progress) => {
					if (!(await jobs.saveProgress(job, progress))) abort.abort();
					abort.signal.throwIfAborted();
				},
			});
			if (abort.signal.aborted) return;
			const items = resultItems(job, decoded.request.user, answer);
			this.#outbox.add({ job, items }, clock.monotonicMs());
		} catch (error) {
			// Stopped or lost: #drain hands it back, or it is not ours any more.
			if (abort.signal.aborted) return;
			await this.#guarded(async () => await this.#failed(job, error));
		}
	}

	async #failed(job: ClaimedJob, problem: unknown): Promise<void> {
		const { clock, random } = this.deps;
		const error = problem instanceof ListInterrupted ? problem.cause : problem;
		if (error instanceof InvalidInput) {
			return await this.#bury(job, 'rejected', `${error.parameter}: ${error.message}`, problem);
		}
		if (!(error instanceof CallFailure)) {
			const message = error instanceof Error ? error.message : String(error);
			const delayMs = jobRetryDelayMs(undefined, job.attempts, random);
			return await this.#retry(job, { delayMs, error: message, usesAttempt: true }, problem);
		}
		const { failure } = error;
		const text = `${failure.kind}: ${failure.detail}`;
		const decision = afterFailure(failure, job.attempts, clock.wallMs(), random);
		switch (decision.do) {
			case 'retry':
				return await this.#retry(job, { ...decision, error: text, usesAttempt: true }, problem);
			case 'postpone':
				if (!this.#isHeldBack(job.priority)) this.#tellThatJobsWait(failure.kind);
				this.#holdBack(decision.holds === 'everybody' ? undefined : job.priority, decision.delayMs);
				return await this.#retry(job, { ...decision, error: text, usesAttempt: false }, problem);
			case 'dead-letter':
				return await this.#bury(job, failure.kind, text, problem);
			case 'release':
				this.#leases.forget(job);
				return await this.deps.jobs.release([job]);
		}
	}

	#tellThatJobsWait(kind: FailureKind): void {
		const why = NOTHING_FOR_ANYBODY[kind];
		if (why !== undefined) this.deps.warn(`${why}; the jobs of the queue wait`);
	}

	#isHeldBack(priority: Priority): boolean {
		return this.deps.clock.monotonicMs() < this.#heldBackUntilMs[priority];
	}

	#holdBack(only: Priority | undefined, ms: number): void {
		const untilMs = this.deps.clock.monotonicMs() + Math.min(ms, LONGEST_HOLD_MS);
		for (const priority of only ? [only] : (['critical', 'backfill'] as const)) {
			this.#heldBackUntilMs[priority] = Math.max(this.#heldBackUntilMs[priority], untilMs);
		}
	}

	/** @param problem of this delivery, in case it was the last one */
	async #retry(job: ClaimedJob, how: RetryLater, problem: unknown): Promise<void> {
		this.#leases.forget(job);
		const error = this.#withoutKey(how.error);
		const outcome = await this.deps.jobs.retryLater(job, { ...how, error });
		if (typeof outcome === 'object') this.#announce(outcome, problem);
	}

	async #bury(job: ClaimedJob, reason: string, error: string, problem: unknown): Promise<void> {
		this.#leases.forget(job);
		const dead = await this.deps.jobs.deadLetter(job, reason, this.#withoutKey(error));
		if (dead !== undefined) this.#announce(dead, problem);
	}

	#announce(dead: DeadJob, problem?: unknown): void {
		this.#outbox.addDeadLetter(
			lastItems(dead, problem, this.deps.apiKey),
			this.deps.clock.monotonicMs(),
		);
	}

	#withoutKey(text: string): string {
		return text.replaceAll(this.deps.apiKey, '***');
	}

	// ------------------------------------------------------------ executions

	#maySend(nowMs: number): boolean {
		return this.#openRuns < MAX_OPEN_RUNS && nowMs >= this.#pausedUntilMs;
	}

	#sendOut(): void {
		const { once } = this.options;
		for (;;) {
			const nowMs = this.deps.clock.monotonicMs();
			if (!this.#maySend(nowMs)) return;
			const batch = once ? this.#testBatch(nowMs) : this.#outbox.next(nowMs);
			if (batch === undefined) return;
			void this.#run(batch);
			if (once) return this.stop();
		}
	}

	/** A test run does not wait for more jobs than there are. */
	#testBatch(nowMs: number): Batch | undefined {
		const isIdle = this.#inWork().length === 0;
		if (this.#outbox.isEmpty || (!isIdle && this.#outbox.dueInMs(nowMs) > 0)) return undefined;
		return this.#outbox.takeAll();
	}

	async #run({ jobs, deadLetters }: Batch): Promise<void> {
		const claims = jobs.map(({ job }) => job);
		const results = [
			...jobs.flatMap(({ items }) => items),
			...deadLetters.flatMap(({ records }) => records),
		];
		this.#openRuns += 1;
		for (const job of claims) this.#inRuns.add(job);
		const { completeWhen } = this.options;
		if (completeWhen === 'immediately') await this.#complete(claims);
		const letters = deadLetters.map(({ item }) => item);
		const problem = await this.#deliver(results, letters);
		if (problem === undefined || completeWhen === 'finished') await this.#complete(claims);
		else if (completeWhen === 'success') await this.#sendBack(claims, problem);
		for (const job of claims) this.#inRuns.delete(job);
		this.#openRuns -= 1;
		this.#wake();
	}

	/** Undefined when all went well. There is no execution for nothing. */
	async #deliver(
		results: INodeExecutionData[],
		deadLetters: INodeExecutionData[],
	): Promise<string | undefined> {
		if (results.length === 0 && deadLetters.length === 0) return undefined;
		const problem = await this.deps
			.deliver(results, deadLetters)
			.catch((error: Error) => error.message);
		this.#failedRuns = problem === undefined ? 0 : this.#failedRuns + 1;
		if (problem !== undefined) {
			const pauseMs = Math.min(RUN_PAUSE_MS * 2 ** (this.#failedRuns - 1), LONGEST_RUN_PAUSE_MS);
			this.#pausedUntilMs = this.deps.clock.monotonicMs() + pauseMs;
		}
		return problem;
	}

	async #complete(claims: ClaimedJob[]): Promise<void> {
		if (claims.length === 0) return;
		await this.#guarded(async () => void (await this.deps.jobs.complete(claims)));
		for (const job of claims) this.#leases.forget(job);
	}

	async #sendBack(claims: ClaimedJob[], problem: string): Promise<void> {
		for (const job of claims) {
			const delayMs = jobRetryDelayMs(undefined, job.attempts, this.deps.random);
			const how = { delayMs, error: `The workflow failed: ${problem}`, usesAttempt: true };
			await this.#guarded(async () => await this.#retry(job, how, undefined));
		}
	}

	// ------------------------------------------------------------ the end

	async #drain(): Promise<void> {
		const { clock } = this.deps;
		await Promise.all(this.#inWork());
		await this.#guarded(async () => await this.#leases.releaseAllBut(this.#inRuns));
		await this.#awaitInFlight();
		while (this.#openRuns > 0 && clock.monotonicMs() < this.#drainUntilMs) {
			await this.#guarded(async () => await this.#extend());
			await this.#sleep(POLL_MS);
		}
		await this.#guarded(async () => await this.#leases.releaseAllBut(new Set()));
	}

	/** Answers that are on their way get stored, as long as the process lives. */
	async #awaitInFlight(): Promise<void> {
		const { client, clock } = this.deps;
		const untilMs = clock.monotonicMs() + IN_FLIGHT_GRACE_MS;
		await this.#guarded(async () => {
			while (clock.monotonicMs() < untilMs) {
				if ((await client.status()).admission.inFlight === 0) return;
				await clock.sleep(100);
			}
		});
	}

	/** A store in trouble costs no more than the time until leases end; it is told once. */
	async #guarded(work: () => Promise<void>): Promise<void> {
		try {
			await work();
			this.#storeTrouble = false;
		} catch (error) {
			if (!this.#storeTrouble) {
				this.deps.warn(`The job queue cannot be used just now: ${(error as Error).message}`);
			}
			this.#storeTrouble = true;
		}
	}
}
