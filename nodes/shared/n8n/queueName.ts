import type { INodeProperties } from 'n8n-workflow';
import { InvalidInput } from '../api';
import { DEFAULT_QUEUE } from '../resilience/jobs';
import { isQueueName } from '../resilience/queues';

/** The same in all nodes that name a queue. */
export const queueParameter: INodeProperties = {
	displayName: 'Queue',
	name: 'queue',
	type: 'string',
	default: DEFAULT_QUEUE,
	required: true,
	placeholder: 'e.g. daily-refresh',
	description:
		'The name of the queue. Jobs go to the Queue Trigger that has the same name. Up to 64 letters, digits, hyphens and underscores.',
};

/**
 * What somebody has given as the name of a queue. Nothing is cleaned up: two nodes mean the same queue only when
 * both say the same.
 *
 * @throws InvalidInput
 */
export function readQueueName(value: unknown): string {
	const name = typeof value === 'number' ? String(value) : value;
	if (typeof name === 'string' && isQueueName(name)) return name;
	throw new InvalidInput(
		queueParameter.displayName,
		problemOf(name),
		`Use up to 64 letters (a to z), digits, hyphens and underscores, for example "${DEFAULT_QUEUE}".`,
	);
}

function problemOf(name: unknown): string {
	if (name === '' || name === undefined || name === null) return 'The name of the queue is empty';
	if (typeof name !== 'string') return 'The name of the queue is not a text';
	return `"${name.slice(0, 80)}" cannot be the name of a queue`;
}
