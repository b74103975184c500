import { createHash } from 'node:crypto';
import type { KeysMap } from 'bullmq';
import { DEFAULT_QUEUE, JOB_KINDS, type JobFilter, type JobKind } from '../../resilience/jobs';
import type { Priority } from '../../resilience/ports';
import { PRIORITIES } from '../embedded/jobRow';
import type { Keys } from './keys';

/**
 * Jobs of one queue, kind and priority: a BullMQ queue whose job keys are shared by all lanes, and whose dead
 * letters by those of our queue.
 */
export interface Lane {
	/** What BullMQ calls the job's name: it leads from a job to its lane. */
	readonly name: string;
	readonly queue: string;
	readonly kind: JobKind;
	readonly priority: Priority;
	readonly keys: KeysMap;
}

/** Names that each lane has for itself. */
const OWN_NAMES = [
	...['wait', 'active', 'delayed', 'prioritized'],
	...['stalled', 'stalled-check', 'marker', 'pc'],
];
/** Names that all lanes of all queues share. */
const COMMON_NAMES = [
	...['', 'id', 'meta', 'events', 'de', 'completed', 'paused'],
	...['limiter', 'repeat', 'waiting-children'],
];

/** Where the jobs of one API key lie. Those of the default queue lie where they did before queues had names. */
export class Lanes {
	/** In front of a job's id. */
	readonly jobPrefix: string;

	constructor(keys: Keys) {
		this.jobPrefix = `${keys.prefix}:jobs:`;
	}

	/** The ones of a queue that hold what is asked for; critical lanes first. */
	matching(queue: string, { kinds = [], priorities = [] }: JobFilter = {}): readonly Lane[] {
		return PRIORITIES.filter(among(priorities)).flatMap((priority) =>
			JOB_KINDS.filter(among(kinds)).map((kind) => this.of(queue, kind, priority)),
		);
	}

	of(queue: string, kind: JobKind, priority: Priority): Lane {
		const path = queue === DEFAULT_QUEUE ? `${kind}:${priority}` : `${queue}:${kind}:${priority}`;
		const keys = [
			...COMMON_NAMES.map((name) => [name, this.jobPrefix + name]),
			...OWN_NAMES.map((name) => [name, `${this.jobPrefix}${name}:${path}`]),
			['failed', this.failed(queue)],
		];
		return {
			...{ name: nameOf(queue, kind, priority), queue, kind, priority },
			keys: Object.fromEntries(keys) as KeysMap,
		};
	}

	/** Undefined for a name that is none. */
	named(name: string): Lane | undefined {
		const { kind, priority, queue } = parseLaneName(name);
		const known = JOB_KINDS.find((each) => each === kind);
		const urgency = PRIORITIES.find((each) => each === priority);
		return known && urgency && this.of(queue, known, urgency);
	}

	/** Sorted set: the dead letters of a queue. */
	failed(queue: string): string {
		return `${this.jobPrefix}failed${queue === DEFAULT_QUEUE ? '' : `:${queue}`}`;
	}

	dedupeDigest(queue: string, key: string): string {
		const text = queue === DEFAULT_QUEUE ? key : JSON.stringify([queue, key]);
		return createHash('sha1').update(text).digest('base64url');
	}

	dedupeKey(digest: string): string {
		return `${this.jobPrefix}de:${digest}`;
	}
}

/** What a damaged name does not tell is empty; without a queue it is the default one. */
export function parseLaneName(name: string): { kind: string; priority: string; queue: string } {
	const [kind = '', priority = '', queue = DEFAULT_QUEUE] = name.split(' ');
	return { kind, priority, queue };
}

function nameOf(queue: string, kind: JobKind, priority: Priority): string {
	return queue === DEFAULT_QUEUE ? `${kind} ${priority}` : `${kind} ${priority} ${queue}`;
}

function among<T>(wanted: readonly T[]): (value: T) => boolean {
	return (value) => wanted.length === 0 || wanted.includes(value);
}
