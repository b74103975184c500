import {
	NodeConnectionTypes,
	type IDataObject,
	type IExecuteFunctions,
	type INodeProperties,
	type INodeTypeDescription,
} from 'n8n-workflow';
import { InvalidInput } from '../api';
import type { CallOptions } from '../resilience/client';
import { DEFAULT_QUEUE } from '../resilience/jobs';
import { choice, flag, lostExpression, number, optionsOf, text, time } from './optionValues';
import { queueParameter, readQueueName } from './queueName';
import { systemClock } from './systemClock';

/** Ends an endless list that nobody capped: 20,000 people or 3,500 posts, for 100 credits. */
export const DEFAULT_MAX_PAGES = 100;
const MOST_ATTEMPTS = 10;
/** Well below the leases of in-flight slots and half-open probes, 5 minutes. */
const LONGEST_TIMEOUT_MS = 120_000;

/** How one item is asked for. */
export interface AskOptions {
	call: CallOptions;
	/** `stale`: each record says whether it comes from an old answer. `queue`: the item becomes a job. */
	whenUnavailable: 'error' | 'queue' | 'stale';
	/** Each record carries the fields of its input item too. */
	includeInputFields: boolean;
	/** Where that job goes. */
	queue: string;
}

/** How one item's list is read. */
export interface ListOptions extends AskOptions {
	maxPages: number;
	startFrom: string | undefined;
	newerThanMs: number | undefined;
	/** Each record carries the bookmark of its list. */
	includeBookmark: boolean;
}

export const maxAge: INodeProperties = {
	displayName: 'Max Age',
	name: 'maxAge',
	type: 'number',
	typeOptions: { minValue: 0, numberPrecision: 0 },
	default: 3600,
	description:
		'How old a stored answer may be, in seconds. Stored answers cost nothing; 0 always asks TikLiveAPI. Without this option 3600 for profiles and 60 for lists.',
};

export const maxAttempts: INodeProperties = {
	displayName: 'Max Attempts',
	name: 'maxAttempts',
	type: 'number',
	typeOptions: { minValue: 1, maxValue: MOST_ATTEMPTS, numberPrecision: 0 },
	default: 6,
	description:
		'How often one request is sent at most while TikLiveAPI is busy, down or unreachable, with growing pauses in between',
};

export const priority: INodeProperties = {
	displayName: 'Priority',
	name: 'priority',
	type: 'options',
	options: [
		{
			name: 'Backfill',
			value: 'backfill',
			description: 'Waits for critical requests, and leaves the critical reserve alone',
		},
		{
			name: 'Critical',
			value: 'critical',
			description: 'Goes first, and may use the credits of the critical reserve',
		},
	],
	default: 'backfill',
	description: 'Who goes first when requests have to wait, and who may spend the last credits',
};

export const timeout: INodeProperties = {
	displayName: 'Timeout',
	name: 'timeout',
	type: 'number',
	typeOptions: { minValue: 1, maxValue: LONGEST_TIMEOUT_MS, numberPrecision: 0 },
	default: 30_000,
	description: 'How long one attempt may take, in milliseconds',
};

const whenUnavailable: INodeProperties = {
	displayName: 'When Unavailable',
	name: 'whenUnavailable',
	type: 'options',
	// The outputs of the node depend on it.
	noDataExpression: true,
	options: [
		{
			name: 'Queue a Job',
			value: 'queue',
			description:
				'The item leaves by a second output, Deferred, and becomes a job: a workflow with the TikLiveAPI Queue Trigger on the same queue gets its records as soon as they can be had',
		},
		{
			name: 'Return an Error',
			value: 'error',
			description: 'The item fails, as set under On Error in the node settings',
		},
		{
			name: 'Use a Stored Answer',
			value: 'stale',
			description:
				'Takes the last stored answer of any age if there is one. Each record then says in "stale" whether it is an old one.',
		},
	],
	default: 'error',
	description: 'What to do when TikLiveAPI is down or the credit budget is used up',
};

const { required: _, ...optionalQueue } = queueParameter;
const queue: INodeProperties = {
	...optionalQueue,
	// Relative: while n8n works out what is shown, the root holds no collection yet.
	displayOptions: { show: { whenUnavailable: ['queue'] } },
};

const includeBookmark: INodeProperties = {
	displayName: 'Include Bookmark',
	name: 'includeBookmark',
	type: 'boolean',
	default: false,
	description:
		'Whether to add to each record the place where its list was left, as "bookmark". Give it to Start From in a later run to go on from there. It is null when the list has ended.',
};

const includeInputFields: INodeProperties = {
	displayName: 'Include Input Fields',
	name: 'includeInputFields',
	type: 'boolean',
	default: false,
	description:
		"Whether to add the fields of the input item to each of its records, such as the row number of a sheet. Where both have a field of the same name, the record's counts.",
};

export const maxPages: INodeProperties = {
	displayName: 'Max Pages',
	name: 'maxPages',
	type: 'number',
	typeOptions: { minValue: 1, numberPrecision: 0 },
	default: DEFAULT_MAX_PAGES,
	description:
		'How many pages of one list to read at most. Each page costs one credit and holds up to 200 people or 35 posts.',
};

const startFrom: INodeProperties = {
	displayName: 'Start From',
	name: 'startFrom',
	type: 'string',
	default: '',
	description:
		'The bookmark of an earlier run of the same list, to go on where it ended. Leave empty to begin at the start.',
};

export const newerThan: INodeProperties = {
	displayName: 'Newer Than',
	name: 'newerThan',
	type: 'dateTime',
	default: '',
	description:
		'Return only posts made after this time. Reading ends at the first older post that is not pinned.',
};

export const userOptions = collection(
	includeInputFields,
	maxAge,
	maxAttempts,
	priority,
	queue,
	timeout,
	whenUnavailable,
);

export const peopleOptions = collection(
	includeBookmark,
	includeInputFields,
	{ ...maxAge, default: 60 },
	maxAttempts,
	maxPages,
	priority,
	queue,
	startFrom,
	timeout,
	whenUnavailable,
);

export const postsOptions = collection(
	includeBookmark,
	includeInputFields,
	{ ...maxAge, default: 60 },
	maxAttempts,
	maxPages,
	newerThan,
	priority,
	queue,
	startFrom,
	timeout,
	whenUnavailable,
);

/** One output, and with 'Queue a Job' a second one for what became a job. */
export const outputsWithDeferred: INodeTypeDescription['outputs'] = `={{ $parameter["options"]["whenUnavailable"] === "queue" ? [{ type: "${NodeConnectionTypes.Main}", displayName: "Results" }, { type: "${NodeConnectionTypes.Main}", displayName: "Deferred" }] : [{ type: "${NodeConnectionTypes.Main}" }] }}`;

function byLabel(a: INodeProperties, b: INodeProperties): number {
	return a.displayName < b.displayName ? -1 : 1;
}

/** The form shows them in the order of their labels. */
export function collection(...options: INodeProperties[]): INodeProperties {
	return {
		displayName: 'Options',
		name: 'options',
		type: 'collection',
		placeholder: 'Add option',
		default: {},
		options: [...options, lostExpression].sort(byLabel),
	};
}

/** @throws InvalidInput */
export function readAskOptions(context: IExecuteFunctions, itemIndex: number): AskOptions {
	return askOptions(optionsOf(context, itemIndex));
}

/** @throws InvalidInput */
export function readListOptions(context: IExecuteFunctions, itemIndex: number): ListOptions {
	const options = optionsOf(context, itemIndex);
	return {
		...askOptions(options),
		maxPages: number(maxPages, options, 1) ?? DEFAULT_MAX_PAGES,
		startFrom: text(options['startFrom']),
		newerThanMs: newerThanMs(options, context.getTimezone()),
		includeBookmark: flag(includeBookmark, options),
	};
}

/** @throws InvalidInput also for a time to come: no credit is spent on a list that must be empty */
export function newerThanMs(options: IDataObject, timezone: string): number | undefined {
	const ms = time(newerThan, options['newerThan'], timezone);
	if (ms === undefined || ms <= systemClock.wallMs()) return ms;
	throw new InvalidInput(
		newerThan.displayName,
		`${newerThan.displayName} is ${new Date(ms).toISOString()}, which is still to come`,
		'Enter a time in the past, such as {{ $now.minus({ hours: 1 }) }}.',
	);
}

/** @throws InvalidInput */
export function askOptions(options: IDataObject): AskOptions {
	const unavailable = choice(whenUnavailable, options, ['error', 'queue', 'stale']);
	const seconds = number(maxAge, options, 0);
	return {
		call: {
			priority: choice(priority, options, ['backfill', 'critical']),
			maxAgeMs: seconds === undefined ? undefined : seconds * 1_000,
			timeoutMs: number(timeout, options, 1, LONGEST_TIMEOUT_MS),
			maxAttempts: number(maxAttempts, options, 1, MOST_ATTEMPTS),
			staleOk: unavailable === 'stale',
		},
		whenUnavailable: unavailable,
		includeInputFields: flag(includeInputFields, options),
		queue: options['queue'] === undefined ? DEFAULT_QUEUE : readQueueName(options['queue']),
	};
}
