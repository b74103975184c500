import type { INodeExecutionData, ITriggerFunctions } from 'n8n-workflow';
import type { Clock } from '../resilience/ports';
import { Alarm, failedWith, placeOf } from './alarm';
import { JobRunner, type JobRunnerOptions } from './jobRunner';
import { persistently } from './persistently';
import { hostOf, processRuntimes } from './runtime';
import type { Connection } from './settings';

/** n8n starts no trigger anew when its credential is edited. */
const CREDENTIAL_CHECK_MS = 60_000;

/** What a Queue Trigger is to do, and with which key. */
export interface JobSetup {
	connection: Connection;
	options: JobRunnerOptions;
}

export interface JobServiceDeps {
	context: ITriggerFunctions;
	clock: Clock;
	/** Reads parameters and credential as they are now. */
	read: () => Promise<JobSetup>;
	/** Starts an execution; see JobRunnerDeps. */
	deliver: (
		options: JobRunnerOptions,
		outputs: INodeExecutionData[][],
	) => Promise<string | undefined>;
}

/** Works a queue off for as long as a workflow is active, whatever is away when it begins or changes meanwhile. */
export class JobService {
	readonly #closed = new AbortController();
	readonly #alarm: Alarm;
	#runner: JobRunner | undefined;
	#ended: Promise<void> = Promise.resolve();

	constructor(private readonly deps: JobServiceDeps) {
		this.#alarm = new Alarm(deps.context);
	}

	/**
	 * Goes on until it is closed. What fails is tried again, with the credential as it is then. What may pass is
	 * logged; what only a person can mend is told to n8n too, as often as alerts.ts says.
	 *
	 * @param first a setup that is being read already
	 * @param isPublished a person has just published the workflow: what was told before does not count
	 */
	keepGoing(first: Promise<JobSetup>, isPublished: boolean): void {
		if (isPublished) this.#alarm.beginAnew();
		let next: Promise<JobSetup> | undefined = first;
		const work = async () => {
			const reading = next ?? this.deps.read();
			next = undefined;
			await this.#runUntilChanged(await reading);
		};
		this.#ended = persistently(work, {
			clock: this.deps.clock,
			signal: this.#closed.signal,
			failed: (problem) => this.#tell(problem),
		});
	}

	/** One batch, for a test in the editor. */
	runOnce(setup: JobSetup): void {
		void this.#run(setup).catch((error: Error) => this.deps.context.emitError(error));
	}

	/** Hands back what is not part of an execution. */
	stop(): void {
		this.#closed.abort();
		this.#runner?.stop();
	}

	/** Also hands back the jobs of open executions. */
	giveUp(): void {
		this.stop();
		this.#runner?.giveUp();
	}

	/** Resolves when open executions have ended too. */
	async close(): Promise<void> {
		this.stop();
		await this.#ended;
	}

	async #runUntilChanged(setup: JobSetup): Promise<void> {
		const stopChecking = this.deps.clock.every(
			CREDENTIAL_CHECK_MS,
			() => void this.#endIfChanged(setup),
		);
		try {
			await this.#run(setup);
		} finally {
			stopChecking();
		}
	}

	/** Goes on with the old credential while the new one makes no sense. */
	async #endIfChanged({ connection }: JobSetup): Promise<void> {
		const runner = this.#runner;
		const now = await this.deps.read().catch(() => undefined);
		if (now && JSON.stringify(now.connection) !== JSON.stringify(connection)) runner?.stop();
	}

	async #run(setup: JobSetup): Promise<void> {
		const { context, clock, deliver } = this.deps;
		const { connection, options } = setup;
		const { apiKey, limits } = connection.settings;
		const host = hostOf(context);
		// The runtime stays open as long as the runner lives.
		await processRuntimes().use(connection, host, async ({ client, stores }) => {
			this.#alarm.well();
			const runner = new JobRunner(
				{
					...{ jobs: stores.jobs, client, clock, random: Math.random, warn: host.warn, apiKey },
					maxConcurrent: limits.maxConcurrent,
					deliver: async (...outputs) => await deliver(options, outputs),
				},
				options,
			);
			this.#runner = runner;
			if (this.#closed.signal.aborted) runner.stop();
			await runner.run();
		});
	}

	#tell(problem: unknown): void {
		const { context } = this.deps;
		const failed = failedWith(problem, { node: context.getNode(), apiKey: '' });
		const { tell, isNew } = this.#alarm.failed(failed, failed.isForAPerson);
		const { error } = failed;
		if (isNew) hostOf(context).warn(`${placeOf(context)}: ${error.message}; it is tried again`);
		if (!tell) return;
		// emitError() ends the trigger first, and starts it anew; n8n has not always had the other.
		const { saveFailedExecution } = context as Partial<ITriggerFunctions>;
		if (saveFailedExecution) saveFailedExecution.call(context, error);
		else context.emitError(error);
	}
}
