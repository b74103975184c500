import {
	BaseError,
	OperationalError,
	type IDataObject,
	type IPollFunctions,
	type ITriggerFunctions,
	type NodeApiError,
	type NodeOperationError,
} from 'n8n-workflow';
import { CallFailure, InvalidInput, ListInterrupted, type FailureKind } from '../api';
import { FAILURE_TRAITS } from '../resilience/failureTraits';
import { StoreUnavailable } from '../resilience/ports';
import { NO_ALERTS, troubleAt, wellAt, type Alerts, type Trouble } from './alerts';
import { toNodeError, type ErrorPlace } from './errors';
import { systemClock } from './systemClock';
import { readAlerts, writeAlerts } from './watchState';

/** What a trigger could not do. */
export interface Failed {
	/**
	 * The same for the same trouble: a failure's kind, or a text. What counts against the breaker, and the breaker
	 * itself, are one cause: an outage shows now as this and now as that.
	 */
	cause: string;
	error: NodeApiError | NodeOperationError;
	/** Nobody else can mend it: a parameter, the credential, users who are not there. */
	isForAPerson: boolean;
}

/** A cause that is a text is stored. */
const LONGEST_CAUSE = 200;
/** Triggers in trouble that are remembered. */
const MOST_TRIGGERS = 1_000;

const STORE = 'store-unavailable';
const OTHER = 'other';
const OUTAGE = 'outage';
const IN_AN_OUTAGE: ReadonlySet<string> = new Set([
	'circuit-open',
	...Object.entries(FAILURE_TRAITS).flatMap(([kind, { verdict }]) =>
		verdict === 'failure' ? kind : [],
	),
]);
const FOR_A_PERSON: ReadonlySet<string> = new Set<FailureKind>([
	'invalid-key',
	'not-found',
	'private',
	'rejected',
]);

/** A failure's kind; `other` for what is none. */
export function kindOf(problem: unknown): string {
	const cause = problem instanceof ListInterrupted ? problem.cause : problem;
	if (cause instanceof StoreUnavailable) return STORE;
	if (!(cause instanceof CallFailure)) return OTHER;
	const { failure } = cause;
	return failure.kind === 'budget-exhausted' && failure.storeTrouble ? STORE : failure.kind;
}

export function failedWith(problem: unknown, place: ErrorPlace): Failed {
	const error = toNodeError(problem, place);
	const kind = kindOf(problem);
	if (kind !== OTHER) {
		const cause = IN_AN_OUTAGE.has(kind) ? OUTAGE : kind;
		return { cause, error, isForAPerson: FOR_A_PERSON.has(kind) };
	}
	// n8n's own, and that of a credential which makes no sense. What nobody knows may pass.
	const isOfN8n = problem instanceof BaseError && !(problem instanceof OperationalError);
	return {
		cause: error.message.slice(0, LONGEST_CAUSE),
		error,
		isForAPerson: problem instanceof InvalidInput || isOfN8n,
	};
}

interface Memory {
	alerts: Alerts;
	/** Of the last look. */
	failed: Failed | undefined;
}

/**
 * By trigger. Beside what n8n keeps: it forgets what a poll that fails has written (durable poll cursors), and
 * starts a trigger anew that reports an error.
 */
const memories = new Map<string, Memory>();

/** Whether to tell n8n of a trigger's trouble, and the line in the log when it is over. */
export class Alarm {
	readonly #trigger: string;

	/** @param data where n8n keeps what a poll remembers; undefined for a trigger that does not poll */
	constructor(
		private readonly context: IPollFunctions | ITriggerFunctions,
		private readonly data?: IDataObject,
	) {
		this.#trigger = `${context.getWorkflow().id}:${context.getNode().id}`;
	}

	get trouble(): Trouble | undefined {
		return this.#alerts.trouble;
	}

	/** Undefined since it went well, and after a restart of n8n. */
	get last(): Failed | undefined {
		return memories.get(this.#trigger)?.failed;
	}

	/** Goes on from what n8n has kept: somebody has published the workflow, or another process has worked on it. */
	beginAnew(): void {
		this.#remember(this.data ? readAlerts(this.data) : NO_ALERTS, this.last);
	}

	/** @param mayTell false where telling would be the end of the trigger */
	failed(failed: Failed, mayTell: boolean): { tell: boolean; isNew: boolean } {
		const isNew = this.trouble?.cause !== failed.cause;
		const nowMs = systemClock.wallMs();
		const { alerts, tell } = troubleAt(this.#alerts, failed.cause, nowMs, mayTell);
		this.#remember(alerts, failed);
		return { tell, isNew };
	}

	/** Whoever publishes the workflow is told already. */
	refused(failed: Failed): void {
		this.#remember(this.#alerts, failed);
	}

	well(): void {
		const { alerts, over } = wellAt(this.#alerts, systemClock.wallMs());
		this.#remember(alerts, undefined);
		if (over === undefined) return;
		const since = new Date(over.sinceMs).toISOString();
		this.context.logger.info(
			`TikLiveAPI: ${placeOf(this.context)} works again; it had not since ${since} (${over.cause})`,
		);
	}

	get #alerts(): Alerts {
		const known = memories.get(this.#trigger)?.alerts;
		return known ?? (this.data ? readAlerts(this.data) : NO_ALERTS);
	}

	#remember(alerts: Alerts, failed: Failed | undefined): void {
		if (this.data) writeAlerts(this.data, alerts);
		memories.delete(this.#trigger);
		if (alerts.trouble === undefined && alerts.told.length === 0 && !failed) return;
		memories.set(this.#trigger, { alerts, failed });
		if (memories.size > MOST_TRIGGERS) memories.delete(memories.keys().next().value as string);
	}
}

/** For the log. */
export function placeOf(context: IPollFunctions | ITriggerFunctions): string {
	const { name, id } = context.getWorkflow();
	return `${context.getNode().name} in workflow ${name ?? id}`;
}
