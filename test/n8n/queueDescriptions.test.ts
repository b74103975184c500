import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { NodeHelpers, type INodeProperties, type INodeType } from 'n8n-workflow';
import { TikLiveQueue } from '../../nodes/Queue/TikLiveQueue.node';
import { TikLiveQueueTrigger } from '../../nodes/Queue/TikLiveQueueTrigger.node';
import { deadLetterJson, jobJson } from '../../nodes/shared/n8n/jobItems';
import { createResponder } from '../simulator/responder';

const TOP = join(__dirname, '../..');
const FOLDER = 'nodes/Queue';

const json = (path: string) =>
	JSON.parse(readFileSync(join(TOP, path), 'utf8')) as Record<string, object>;

const names = (properties: readonly { name: string }[]) => properties.map(({ name }) => name);

const choices = (type: INodeType, parameter: string, resource?: string): string[] => {
	const property = type.description.properties.find(
		({ name, displayOptions }) =>
			name === parameter &&
			(resource === undefined || displayOptions?.show?.['resource']?.includes(resource)),
	);
	return (property?.options as { value: string }[]).map(({ value }) => value);
};

const optionsOf = (type: INodeType, index = 0): string[] => {
	const collections = type.description.properties.filter(({ name }) => name === 'options');
	return names(collections[index]?.options as INodeProperties[]);
};

const schemaKeys = (path: string) =>
	Object.keys(json(`${FOLDER}/__schema__/${path}.json`)['properties'] as object);

describe.each([
	['TikLiveAPI Queue', new TikLiveQueue()],
	['TikLiveAPI Queue Trigger', new TikLiveQueueTrigger()],
])('%s', (displayName, type) => {
	const className = type.constructor.name;
	const { description } = type;

	it('has its public names, and is registered with icon and codex', () => {
		expect(description).toMatchObject({
			displayName,
			name: className.charAt(0).toLowerCase() + className.slice(1),
			version: 1,
			credentials: [{ name: 'tikLiveApi', required: true }],
		});
		expect(json('package.json')['n8n']).toMatchObject({
			nodes: expect.arrayContaining([`dist/${FOLDER}/${className}.node.js`]) as string[],
		});
		const { light, dark } = description.icon as { light: string; dark: string };
		for (const icon of [light, dark]) {
			expect(existsSync(join(TOP, FOLDER, icon.replace('file:', '')))).toBe(true);
		}
		expect(json(`${FOLDER}/${className}.node.json`)).toMatchObject({
			node: `n8n-nodes-tikliveapi.${description.name}`,
			categories: ['Marketing', 'Analytics'],
		});
	});
});

describe('the Queue node', () => {
	const node = new TikLiveQueue();

	it('has its resources, operations and parameters', () => {
		expect(choices(node, 'resource')).toEqual(['deadLetter', 'job']);
		expect(choices(node, 'operation', 'job')).toEqual(['add', 'delete', 'getAll', 'getStatus']);
		expect(choices(node, 'operation', 'deadLetter')).toEqual(['delete', 'getAll', 'retry']);
		expect(choices(node, 'kind')).toEqual(['followers', 'following', 'posts', 'userInfo']);
		expect(optionsOf(node)).toEqual([
			'dedupeKey',
			'length',
			'maxAge',
			'maxAttempts',
			'maxPages',
			'newerThan',
			'notBefore',
			'priority',
		]);
	});

	it('has its options for what is there', () => {
		expect(choices(node, 'scope', 'job')).toEqual(['all', 'one']);
		expect(choices(node, 'scope', 'deadLetter')).toEqual(['all', 'one']);
		expect([1, 2, 3].map((index) => optionsOf(node, index))).toEqual([
			['kinds', 'length', 'states'],
			['kinds', 'length', 'priorities'],
			['kinds', 'length'],
		]);
	});

	it.each([
		['job', 'add', {}, true],
		['job', 'getStatus', {}, true],
		['job', 'getAll', {}, true],
		['deadLetter', 'getAll', {}, true],
		['job', 'delete', { scope: 'all' }, true],
		['deadLetter', 'retry', { scope: 'all' }, true],
		// An id says by itself which job is meant.
		['job', 'delete', { scope: 'one' }, false],
		['deadLetter', 'delete', { scope: 'one' }, false],
	])('asks for the queue once at most: %s %s %j', (resource, operation, more, isAsked) => {
		const { properties } = node.description;
		const queues = properties.filter(
			(property) =>
				property.name === 'queue' &&
				NodeHelpers.displayParameter(
					{ resource, operation, ...more },
					property,
					{ typeVersion: 1 },
					node.description,
				),
		);
		expect(queues.map((each) => each.default)).toEqual(isAsked ? ['default'] : []);
	});

	it('has an output schema for each operation', () => {
		expect(schemaKeys('v1.0.0/job/add')).toEqual([
			'jobId',
			'duplicate',
			'queue',
			'kind',
			'username',
			'userId',
		]);
		expect(schemaKeys('v1.0.0/job/getStatus')).toEqual([
			'queue',
			'waiting',
			'active',
			'delayed',
			'done',
			'dead',
			'oldestSeconds',
			'workedOff',
			'lastWorkedOffAt',
			'lastAddedAt',
		]);
		const listed = jobJson({
			...{ id: '1', queue: 'default', state: 'waiting', kind: 'userInfo', payload: '{}' },
			...{ priority: 'backfill', attempts: 0, maxAttempts: 1, createdAtMs: 0, dueAtMs: 0 },
			lastError: '',
		});
		expect(schemaKeys('v1.0.0/job/getAll')).toEqual(Object.keys(listed));
		expect(schemaKeys('v1.0.0/job/delete')).toEqual(['jobId', 'deleted']);
		const dead = deadLetterJson({
			id: '1',
			queue: 'default',
			kind: 'userInfo',
			payload: '{}',
			reason: 'damaged',
			lastError: '',
			history: [],
			createdAtMs: 0,
			diedAtMs: 0,
			attempts: 0,
		});
		expect(schemaKeys('v1.0.0/deadLetter/getAll')).toEqual(Object.keys(dead));
		expect(schemaKeys('v1.0.0/deadLetter/retry')).toEqual(['jobId', 'retried']);
		expect(schemaKeys('v1.0.0/deadLetter/delete')).toEqual(['jobId', 'deleted']);
	});
});

describe('the Queue Trigger', () => {
	const trigger = new TikLiveQueueTrigger();

	it('has its parameters and two outputs', () => {
		const { description } = trigger;
		expect(names(description.properties)).toEqual([
			'notice',
			'queue',
			'completeWhen',
			'batchSize',
			'options',
		]);
		expect(choices(trigger, 'completeWhen')).toEqual(['finished', 'success', 'immediately']);
		expect(description.properties[1]?.default).toBe('default');
		expect(description.properties[2]?.default).toBe('success');
		expect(optionsOf(trigger)).toEqual(['batchWait', 'kinds', 'length', 'priorities']);
		expect(description).toMatchObject({
			group: ['trigger'],
			inputs: [],
			outputs: ['main', 'main'],
			outputNames: ['Results', 'Dead Letters'],
		});
		expect(description.usableAsTool).toBeUndefined();
	});

	it('has an output schema: a profile and its job', () => {
		const { truth } = createResponder();
		const record = truth.userInfo('pinned_first') as object;
		expect(schemaKeys('v1.0.0')).toEqual([
			...Object.keys(record),
			...['jobId', 'jobQueue', 'jobUser'],
		]);
	});
});
