import type { IDataObject, IExecuteFunctions, INodeProperties } from 'n8n-workflow';
import { InvalidInput, plainText } from '../api';
import {
	defaultDedupeKey,
	encodePayload,
	namedDedupeKey,
	type JobRequest,
} from '../resilience/jobPayload';
import { JOB_KINDS, type JobKind, type NewJob } from '../resilience/jobs';
import { asText } from './asText';
import { readLimit } from './listParameters';
import { DEFAULT_MAX_PAGES, maxAge, maxPages, newerThan, newerThanMs, priority } from './options';
import { choice, lostExpression, number, optionsOf, text, time } from './optionValues';
import type { Priority } from '../resilience/ports';
import { readQueueName } from './queueName';
import { readUser } from './userParameter';

/** Deliveries and failures before a job is given up; the waits in between add up to some five hours. */
export const DEFAULT_JOB_ATTEMPTS = 10;
const MOST_JOB_ATTEMPTS = 1_000;

/** The same choices wherever a kind of job is asked for. */
export const JOB_KIND_CHOICES = [
	{ name: 'Followers', value: 'followers', description: 'The people who follow the user' },
	{ name: 'Following', value: 'following', description: 'The people whom the user follows' },
	{ name: 'Posts', value: 'posts', description: 'The posts of the user' },
	{ name: 'User Info', value: 'userInfo', description: 'The public profile of the user' },
];

/** In the order in which they are worked off. */
export const JOB_PRIORITIES: readonly Priority[] = ['critical', 'backfill'];

/** Nothing chosen means all. Each place says what it does with them. */
export const kindsOption: INodeProperties = {
	displayName: 'Kinds',
	name: 'kinds',
	type: 'multiOptions',
	options: JOB_KIND_CHOICES,
	default: [],
};

export const prioritiesOption: INodeProperties = {
	displayName: 'Priorities',
	name: 'priorities',
	type: 'multiOptions',
	options: [
		{ name: 'Backfill', value: 'backfill' },
		{ name: 'Critical', value: 'critical' },
	],
	default: [],
};

export const statesOption: INodeProperties = {
	displayName: 'States',
	name: 'states',
	type: 'multiOptions',
	options: [
		{ name: 'Active', value: 'active', description: 'Being worked on' },
		{ name: 'Delayed', value: 'delayed', description: 'Their time has not come yet' },
		{ name: 'Waiting', value: 'waiting', description: 'Next in line' },
	],
	default: [],
};

const dedupeKey: INodeProperties = {
	displayName: 'Dedupe Key',
	name: 'dedupeKey',
	type: 'string',
	default: '',
	placeholder: 'e.g. daily-refresh-tiktok',
	description:
		'Of two jobs of a queue with the same key the second is not added while the first one waits or runs. Without this option, jobs that ask for the same about the same user count as the same.',
};

const maxAttempts: INodeProperties = {
	displayName: 'Max Attempts',
	name: 'maxAttempts',
	type: 'number',
	typeOptions: { minValue: 1, maxValue: MOST_JOB_ATTEMPTS, numberPrecision: 0 },
	default: DEFAULT_JOB_ATTEMPTS,
	description:
		'How often a job may fail before it becomes a dead letter. Waiting for an outage to end or for credits uses no attempt.',
};

const notBefore: INodeProperties = {
	displayName: 'Not Before',
	name: 'notBefore',
	type: 'dateTime',
	default: '',
	description: 'The job waits at least until this time',
};

/** By name, as the form shows them. Those of one kind only are left out for the others. */
export const jobOptions: readonly INodeProperties[] = [
	dedupeKey,
	lostExpression,
	maxAge,
	maxAttempts,
	{ ...maxPages, displayOptions: { hide: { '/kind': ['userInfo'] } } },
	{ ...newerThan, displayOptions: { show: { '/kind': ['posts'] } } },
	notBefore,
	priority,
];

/**
 * The job that one input item asks for.
 *
 * @throws InvalidInput
 */
export function readJob(context: IExecuteFunctions, itemIndex: number): NewJob {
	const kind = readKind(context, itemIndex);
	const options = optionsOf(context, itemIndex);
	const seconds = number(maxAge, options, 0);
	const request: JobRequest = {
		user: readUser(context, itemIndex),
		simplify: context.getNodeParameter('simplify', itemIndex) as boolean,
		...(kind !== 'userInfo' && { list: readList(context, itemIndex, kind) }),
		call: seconds === undefined ? {} : { maxAgeMs: seconds * 1_000 },
	};
	const key = text(options['dedupeKey']);
	return {
		queue: readQueueName(context.getNodeParameter('queue', itemIndex)),
		kind,
		payload: encodePayload(request),
		priority: choice(priority, options, ['backfill', 'critical']),
		notBeforeMs: time(notBefore, options['notBefore'], context.getTimezone()) ?? 0,
		maxAttempts: number(maxAttempts, options, 1, MOST_JOB_ATTEMPTS) ?? DEFAULT_JOB_ATTEMPTS,
		dedupeKey: key === undefined ? defaultDedupeKey(kind, request) : namedDedupeKey(key),
	};
}

/**
 * What a multiple choice among the options says; undefined when nothing was chosen, which means everything.
 *
 * @throws InvalidInput for what is no choice: to take it for everything could delete too much
 */
export function chosen<T extends string>(
	{ name, displayName }: INodeProperties,
	options: IDataObject,
	known: readonly T[],
): T[] | undefined {
	const given = options[name] ?? [];
	const values = Array.isArray(given) ? given : [given];
	const wrong = values.find((value) => !known.some((one) => one === value));
	if (wrong !== undefined) {
		throw new InvalidInput(
			displayName,
			`"${String(wrong).slice(0, 40)}" is not one of ${known.join(', ')}`,
			'Choose from the list, or give a list of these words.',
		);
	}
	return values.length === 0 ? undefined : (values as T[]);
}

function readKind(context: IExecuteFunctions, itemIndex: number): JobKind {
	const value = context.getNodeParameter('kind', itemIndex);
	const kind = JOB_KINDS.find((known) => known === value);
	if (kind !== undefined) return kind;
	throw new InvalidInput(
		'Kind',
		`"${plainText(asText(value), 40)}" is not one of ${JOB_KINDS.join(', ')}`,
		'Choose one from the list.',
	);
}

function readList(
	context: IExecuteFunctions,
	itemIndex: number,
	kind: JobKind,
): NonNullable<JobRequest['list']> {
	const options = optionsOf(context, itemIndex);
	const limit = readLimit(context, itemIndex);
	const newerMs = kind === 'posts' ? newerThanMs(options, context.getTimezone()) : undefined;
	return {
		...(limit !== undefined && { limit }),
		maxPages: number(maxPages, options, 1) ?? DEFAULT_MAX_PAGES,
		...(newerMs !== undefined && { newerThanMs: newerMs }),
	};
}
