import type { IDataObject, INodeExecutionData, IPollFunctions } from 'n8n-workflow';
import {
	CallFailure,
	ListInterrupted,
	userKey,
	type Call,
	type FailureKind,
	type UserRef,
} from '../api';
import { boundCall } from './boundCall';
import { toNodeError, type ErrorPlace } from './errors';
import { RunReport } from './hints';
import { inOrder } from './pool';
import { hostOf, processRuntimes, type Runtime } from './runtime';
import { readCredential } from './settings';
import { systemClock } from './systemClock';
import { watcherOf, type Look, type Watcher } from './watchers';
import { readWatchRequest, type WatchRequest } from './watchParameters';
import { readWatchState, writeWatchState, type WatchedUser, type WatchState } from './watchState';

/** Requests are capped by the client; this caps what is kept ready for it. */
const MAX_USERS_UNDER_WAY = 40;
/** What n8n gives a poll, where it does not say (before 2.39). */
const DEFAULT_BUDGET_MS = 5 * 60_000;
/** A user who is missing or private stays so for a while, and each time of asking costs a credit. */
const ASK_AGAIN_MS = 60 * 60_000;
/** Users that a test run asks for, until one of them has something to show. */
const SAMPLED_AT_MOST = 10;
const NAMED_AT_MOST = 5;

/** Failures of this very user, which say nothing about the others. */
const OF_ONE_USER: ReadonlySet<string> = new Set<FailureKind>(['not-found', 'private', 'rejected']);

/** Static data that a poll is working on: n8n starts the next poll although the last one still runs. */
const underWay = new WeakSet<object>();

/** What became of the users that this poll has asked for; who is in neither was not reached in time. */
interface Outcome {
	looks: Map<string, Look>;
	failures: Map<string, unknown>;
}

/**
 * One poll of the TikLiveAPI Trigger. A user's events and cursor go together: those of a user who could not be read
 * come with a later poll, and cost the others nothing.
 *
 * @returns null when there is nothing to tell
 * @throws NodeApiError | NodeOperationError when a parameter is wrong, or not one user could be read; n8n's poll
 *   scheduler reads in its `failure` when to come back
 */
export async function pollWatch(context: IPollFunctions): Promise<INodeExecutionData[][] | null> {
	const node = context.getNode();
	let apiKey = '';
	try {
		const request = readWatchRequest(context);
		const connection = readCredential(node, await context.getCredentials('tikLiveApi'));
		({ apiKey } = connection.settings);
		return await processRuntimes().use(connection, hostOf(context), async (runtime) => {
			const watch = new Watch(context, request, runtime, apiKey);
			return context.getMode() === 'manual' ? await watch.sample() : await watch.poll();
		});
	} catch (problem) {
		throw toNodeError(problem, { node, apiKey, isPoll: true });
	}
}

class Watch {
	readonly #watcher: Watcher;
	readonly #report = new RunReport();

	constructor(
		private readonly context: IPollFunctions,
		private readonly request: WatchRequest,
		private readonly runtime: Runtime,
		private readonly apiKey: string,
	) {
		this.#watcher = watcherOf(request);
	}

	/** "Fetch test event": the first user that has one gives it. Nothing is remembered. */
	async sample(): Promise<INodeExecutionData[][] | null> {
		const failures = new Map<string, unknown>();
		for (const user of this.request.users.slice(0, SAMPLED_AT_MOST)) {
			try {
				const json = await this.#withinBudget(
					async (signal) => await this.#watcher.sample(this.#call(signal), user),
				);
				if (json !== undefined) return [[{ json }]];
			} catch (error) {
				failures.set(userKey(user), error);
				if (!OF_ONE_USER.has(kindOf(error))) break;
			}
		}
		if (failures.size > 0) throw this.#worst(failures);
		return null;
	}

	async poll(): Promise<INodeExecutionData[][] | null> {
		const data = this.context.getWorkflowStaticData('node');
		if (underWay.has(data)) return null;
		underWay.add(data);
		try {
			const before = readWatchState(data, this.request.event);
			const nowMs = systemClock.wallMs();
			const due = this.#due(before, nowMs);
			const outcome = await this.#lookAt(due, before, nowMs);
			const after = this.#stateAfter(before, due, outcome, nowMs);
			writeWatchState(data, this.request.event, after);
			this.#tell(before, outcome);
			if (due.length > 0 && outcome.looks.size === 0) throw this.#nobody(outcome);
			return this.#items(outcome);
		} finally {
			underWay.delete(data);
		}
	}

	/** Whom to ask now: first those whom the last poll did not get to, without those known to be missing. */
	#due({ users: known, next }: WatchState, nowMs: number): UserRef[] {
		const { users } = this.request;
		const start = Math.max(
			users.findIndex((user) => userKey(user) === next),
			0,
		);
		return [...users.slice(start), ...users.slice(0, start)].filter((user) => {
			const askAgainMs = known.get(userKey(user))?.askAgainMs ?? 0;
			// A time far ahead means that the clock was set back.
			return askAgainMs <= nowMs || askAgainMs > nowMs + ASK_AGAIN_MS;
		});
	}

	async #lookAt(due: UserRef[], { users }: WatchState, nowMs: number): Promise<Outcome> {
		const outcome: Outcome = { looks: new Map(), failures: new Map() };
		await this.#withinBudget(async (signal) => {
			const call = this.#call(signal);
			await inOrder(due.length, MAX_USERS_UNDER_WAY, signal, async (index) => {
				const user = due[index] as UserRef;
				const key = userKey(user);
				try {
					const memory = users.get(key)?.memory;
					outcome.looks.set(key, await this.#watcher.look(call, user, memory, nowMs));
				} catch (error) {
					if (!signal.aborted) outcome.failures.set(key, error);
				}
			});
		});
		return outcome;
	}

	/** Users that are not watched any more are forgotten. */
	#stateAfter(before: WatchState, due: UserRef[], outcome: Outcome, nowMs: number): WatchState {
		const users = new Map<string, WatchedUser>();
		for (const key of this.request.users.map(userKey)) {
			const known = before.users.get(key);
			const look = outcome.looks.get(key);
			const failure = outcome.failures.get(key);
			if (look !== undefined) users.set(key, { memory: look.memory });
			else if (failure === undefined) {
				if (known !== undefined) users.set(key, known);
			} else {
				const trouble = kindOf(failure);
				users.set(key, {
					...(known?.memory !== undefined && { memory: known.memory }),
					trouble,
					...(OF_ONE_USER.has(trouble) && { askAgainMs: nowMs + ASK_AGAIN_MS }),
				});
			}
		}
		const isReached = (key: string) => outcome.looks.has(key) || outcome.failures.has(key);
		return { users, next: due.map(userKey).find((key) => !isReached(key)) };
	}

	/** One line in the log for each kind of trouble that is new, and one when it is over. */
	#tell({ users }: WatchState, { looks, failures }: Outcome): void {
		const { logger } = this.context;
		const { warn } = hostOf(this.context);
		// When nobody could be read, the error that is thrown says why.
		const thrown = looks.size === 0 ? kindOf(worstOf(failures)?.[1]) : undefined;
		const fresh = new Map<string, string[]>();
		for (const [key, failure] of failures) {
			const kind = kindOf(failure);
			if (kind === thrown || kind === users.get(key)?.trouble) continue;
			fresh.set(kind, [...(fresh.get(kind) ?? []), key]);
		}
		for (const keys of fresh.values()) {
			const { message } = this.#error(failures.get(keys[0] as string), keys);
			warn(`${this.#place()}: ${message}${looks.size > 0 ? '; the others are not affected' : ''}`);
		}
		const well = [...looks.keys()].filter((key) => users.get(key)?.trouble !== undefined);
		if (well.length > 0) logger.info(`TikLiveAPI: ${this.#place()}: ${named(well)} again`);
		for (const [key, { lost }] of looks) {
			if (!lost) continue;
			warn(
				`${this.#place()}: ${key} has made more posts than 'Max Pages' holds; some of them were left out`,
			);
		}
		const credits = this.#report.spanAttributes()['tiklive.credits'];
		logger.debug(`TikLiveAPI: ${this.#place()}: ${looks.size} users read, ${credits} credits`);
	}

	#items({ looks }: Outcome): INodeExecutionData[][] | null {
		const events = this.request.users
			.flatMap((user) => looks.get(userKey(user))?.events ?? [])
			// Stable, and each user's own are in order already.
			.sort((a, b) => (a.timeMs ?? Infinity) - (b.timeMs ?? Infinity) || 0);
		return events.length === 0
			? null
			: [events.map(({ json }): { json: IDataObject } => ({ json }))];
	}

	/** What n8n is told when not one user could be read. */
	#nobody({ failures }: Outcome): Error {
		if (failures.size > 0) return this.#worst(failures);
		const timeoutMs = this.#budgetMs();
		const detail = `None of the users was answered for within the ${timeoutMs / 1_000} s of a poll`;
		return new CallFailure({ kind: 'timeout', detail, timeoutMs });
	}

	#worst(failures: ReadonlyMap<string, unknown>): Error {
		const failure = worstOf(failures)?.[1];
		const same = [...failures].filter(([, error]) => kindOf(error) === kindOf(failure));
		return this.#error(
			failure,
			same.map(([key]) => key),
		);
	}

	#error(failure: unknown, keys: readonly string[]) {
		const place: ErrorPlace = {
			node: this.context.getNode(),
			apiKey: this.apiKey,
			users: keys,
			isPoll: true,
		};
		return toNodeError(failure, place);
	}

	#call(signal: AbortSignal): Call {
		const { client } = this.runtime;
		const options = { ...this.request.call, signal };
		const ask = boundCall(client, options, this.#report);
		// An id stays the same for as long as the account lives: it keeps its own age.
		const lookUp = boundCall(client, { ...options, maxAgeMs: undefined }, this.#report);
		return async (endpoint, params) =>
			await (endpoint === 'userId' ? lookUp : ask)(endpoint, params);
	}

	/** n8n gives up on a poll that takes longer, with everything that it has found. */
	async #withinBudget<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
		const ended = new AbortController();
		const late = new AbortController();
		void systemClock.sleep(this.#budgetMs(), ended.signal).then(
			() => late.abort(),
			() => {},
		);
		try {
			return await work(late.signal);
		} finally {
			ended.abort();
		}
	}

	#budgetMs(): number {
		const { getPollBudgetMs } = this.context as Partial<IPollFunctions>;
		return getPollBudgetMs?.call(this.context) ?? DEFAULT_BUDGET_MS;
	}

	#place(): string {
		const { name, id } = this.context.getWorkflow();
		return `${this.context.getNode().name} in workflow ${name ?? id}`;
	}
}

/** What holds for everybody comes before what is wrong with one user: n8n must not take it for a wrong setting. */
function worstOf(failures: ReadonlyMap<string, unknown>): [string, unknown] | undefined {
	const entries = [...failures];
	return entries.find(([, error]) => !OF_ONE_USER.has(kindOf(error))) ?? entries[0];
}

function kindOf(error: unknown): string {
	const cause = error instanceof ListInterrupted ? error.cause : error;
	return cause instanceof CallFailure ? cause.failure.kind : 'other';
}

function named(keys: readonly string[]): string {
	const shown = keys.slice(0, NAMED_AT_MOST).join(', ');
	return keys.length > NAMED_AT_MOST ? `${shown} and ${keys.length - NAMED_AT_MOST} more` : shown;
}
