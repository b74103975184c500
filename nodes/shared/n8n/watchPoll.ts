import type { IDataObject, INodeExecutionData, IPollFunctions } from 'n8n-workflow';
import { CallFailure, userKey, type Call, type FailureKind, type UserRef } from '../api';
import { kindOf, placeOf } from './alarm';
import { boundCall } from './boundCall';
import { toNodeError } from './errors';
import { RunReport } from './hints';
import { pollBudgetMs } from './occasion';
import { inOrder } from './pool';
import { hostOf, type Runtime } from './runtime';
import { systemClock } from './systemClock';
import { watcherOf, type Look, type Watcher } from './watchers';
import type { WatchRequest } from './watchParameters';
import { readWatchState, writeWatchState, type WatchedUser, type WatchState } from './watchState';

/** Requests are capped by the client; this caps what is kept ready for it. */
const MAX_USERS_UNDER_WAY = 40;
/** A user who is missing or private stays so for a while, and each time of asking costs a credit. */
const ASK_AGAIN_MS = 60 * 60_000;
/** Somebody who publishes the workflow wants to know now; but n8n tries five times within 20 s. */
const ASK_AGAIN_AT_PUBLISH_MS = 60_000;
/** Users that a test run asks for, until one of them has something to show. */
const SAMPLED_AT_MOST = 10;
const NAMED_AT_MOST = 5;

/** Failures of this very user, which say nothing about the others. */
const OF_ONE_USER: ReadonlySet<string> = new Set<FailureKind>(['not-found', 'private', 'rejected']);
/** Failures that every other user would meet too, just now. */
const OF_EVERYBODY: ReadonlySet<string> = new Set([
	'invalid-key',
	'out-of-credits',
	'budget-exhausted',
	'store-unavailable',
	'rate-limited',
	'circuit-open',
	'unreachable',
	'intercepted',
]);

/** Static data that a poll is working on: n8n starts the next poll although the last one still runs. */
const underWay = new WeakSet<object>();

/** What became of the users that this poll has asked for; who is in neither was not reached in time. */
interface Outcome {
	looks: Map<string, Look>;
	failures: Map<string, unknown>;
}

/** What a poll has brought. */
export interface Poll {
	items: INodeExecutionData[][] | null;
	/**
	 * `well`: somebody could be read. `unasked`: there was nobody to ask, since all of them are known to be missing.
	 * `busy`: another poll of the same trigger is still at work.
	 */
	news: 'well' | 'unasked' | 'busy';
}

/** Not one user could be read; `users` are those whom `cause` concerns. */
export class NobodyRead extends Error {
	constructor(
		override readonly cause: unknown,
		readonly users: readonly string[] = [],
	) {
		super('Not one user could be read');
	}
}

/** The users of a trigger, in one poll. */
export class Watch {
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

	/**
	 * @param isPublishing a person waits for the outcome
	 * @param wasInTrouble the last poll could read nobody
	 * @throws NobodyRead
	 */
	async poll(isPublishing: boolean, wasInTrouble: boolean): Promise<Poll> {
		const data = this.context.getWorkflowStaticData('node');
		if (underWay.has(data)) return { items: null, news: 'busy' };
		underWay.add(data);
		try {
			const before = readWatchState(data, this.request.event);
			const nowMs = systemClock.wallMs();
			const due = this.#due(before, isPublishing, nowMs);
			const isDoubtful = wasInTrouble || isNew(before);
			const outcome = await this.#lookAt(due, before, isDoubtful, nowMs);
			const after = this.#stateAfter(before, due, outcome, nowMs);
			writeWatchState(data, this.request.event, after);
			this.#tell(before, outcome, wasInTrouble);
			if (due.length === 0) return { items: null, news: 'unasked' };
			if (outcome.looks.size === 0) throw this.#nobody(outcome);
			return { items: this.#items(outcome), news: 'well' };
		} finally {
			underWay.delete(data);
		}
	}

	/** Whom to ask now: first those whom the last poll did not get to, without those known to be missing. */
	#due({ users: known, next }: WatchState, isPublishing: boolean, nowMs: number): UserRef[] {
		const { users } = this.request;
		const start = Math.max(
			users.findIndex((user) => userKey(user) === next),
			0,
		);
		return [...users.slice(start), ...users.slice(0, start)].filter((user) => {
			const { askAgainMs = 0 } = known.get(userKey(user)) ?? {};
			const soonerMs = isPublishing ? ASK_AGAIN_MS - ASK_AGAIN_AT_PUBLISH_MS : 0;
			// A time far ahead means that the clock was set back.
			return askAgainMs - soonerMs <= nowMs || askAgainMs > nowMs + ASK_AGAIN_MS;
		});
	}

	/** @param isDoubtful the first user is asked alone, and the others not at all where they would fare no better */
	async #lookAt(
		due: readonly UserRef[],
		{ users }: WatchState,
		isDoubtful: boolean,
		nowMs: number,
	): Promise<Outcome> {
		const outcome: Outcome = { looks: new Map(), failures: new Map() };
		await this.#withinBudget(async (signal) => {
			const call = this.#call(signal);
			const lookAtAll = async (some: readonly UserRef[]) =>
				await inOrder(some.length, MAX_USERS_UNDER_WAY, signal, async (index) => {
					const user = some[index] as UserRef;
					const key = userKey(user);
					try {
						const memory = users.get(key)?.memory;
						outcome.looks.set(key, await this.#watcher.look(call, user, memory, nowMs));
					} catch (error) {
						if (!signal.aborted) outcome.failures.set(key, error);
					}
				});
			const alone = isDoubtful ? 1 : 0;
			await lookAtAll(due.slice(0, alone));
			const [failure] = outcome.failures.values();
			if (OF_EVERYBODY.has(kindOf(failure))) return;
			await lookAtAll(due.slice(alone));
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

	/**
	 * One line in the log for each kind of trouble that is new, and one when it is over. Of trouble that all of them
	 * are in the alarm tells.
	 */
	#tell({ users }: WatchState, { looks, failures }: Outcome, wasInTrouble: boolean): void {
		const { logger } = this.context;
		const { warn } = hostOf(this.context);
		const worst = looks.size === 0 ? kindOf(worstOf(failures)?.[1]) : undefined;
		const fresh = new Map<string, string[]>();
		for (const [key, failure] of failures) {
			const kind = kindOf(failure);
			if (kind === worst || kind === users.get(key)?.trouble) continue;
			if (worst !== undefined && !OF_ONE_USER.has(kind)) continue;
			fresh.set(kind, [...(fresh.get(kind) ?? []), key]);
		}
		for (const keys of fresh.values()) {
			const place = {
				node: this.context.getNode(),
				apiKey: this.apiKey,
				users: keys,
				isPoll: true,
			};
			const { message } = toNodeError(failures.get(keys[0] as string), place);
			warn(
				`${placeOf(this.context)}: ${message}${looks.size > 0 ? '; the others are not affected' : ''}`,
			);
		}
		const well = [...looks.keys()].filter((key) => users.get(key)?.trouble !== undefined);
		if (well.length > 0 && !wasInTrouble)
			logger.info(`TikLiveAPI: ${placeOf(this.context)}: ${named(well)} again`);
		for (const [key, { lost }] of looks) {
			if (!lost) continue;
			warn(
				`${placeOf(this.context)}: ${key} has made more posts than 'Max Pages' holds; some of them were left out`,
			);
		}
		const credits = this.#report.spanAttributes()['tiklive.credits'];
		logger.debug(
			`TikLiveAPI: ${placeOf(this.context)}: ${looks.size} users read, ${credits} credits`,
		);
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
	#nobody({ failures }: Outcome): NobodyRead {
		if (failures.size > 0) return this.#worst(failures);
		const timeoutMs = pollBudgetMs(this.context);
		const detail = `None of the users was answered for within the ${timeoutMs / 1_000} s of a poll`;
		return new NobodyRead(new CallFailure({ kind: 'timeout', detail, timeoutMs }));
	}

	#worst(failures: ReadonlyMap<string, unknown>): NobodyRead {
		const failure = worstOf(failures)?.[1];
		const same = [...failures].filter(([, error]) => kindOf(error) === kindOf(failure));
		return new NobodyRead(
			failure,
			same.map(([key]) => key),
		);
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
		void systemClock.sleep(pollBudgetMs(this.context), ended.signal).then(
			() => late.abort(),
			() => {},
		);
		try {
			return await work(late.signal);
		} finally {
			ended.abort();
		}
	}
}

/** Nobody of them was ever read. */
function isNew({ users }: WatchState): boolean {
	return ![...users.values()].some(({ memory }) => memory !== undefined);
}

/** What holds for everybody comes before what is wrong with one user: n8n must not take it for a wrong setting. */
function worstOf(failures: ReadonlyMap<string, unknown>): [string, unknown] | undefined {
	const entries = [...failures];
	return entries.find(([, error]) => !OF_ONE_USER.has(kindOf(error))) ?? entries[0];
}

function named(keys: readonly string[]): string {
	const shown = keys.slice(0, NAMED_AT_MOST).join(', ');
	return keys.length > NAMED_AT_MOST ? `${shown} and ${keys.length - NAMED_AT_MOST} more` : shown;
}
