import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { INodeProperties, INodeType } from 'n8n-workflow';
import { TikLiveQueue } from '../../nodes/Queue/TikLiveQueue.node';
import { TikLiveQueueTrigger } from '../../nodes/Queue/TikLiveQueueTrigger.node';
import { deadLetterJson } from '../../nodes/shared/n8n/jobItems';
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
		expect(choices(node, 'operation', 'job')).toEqual(['add', 'getStatus']);
		expect(choices(node, 'operation', 'deadLetter')).toEqual(['delete', 'getAll', 'retry']);
		expect(choices(node, 'kind')).toEqual(['followers', 'following', 'posts', 'userInfo']);
		expect(optionsOf(node)).toEqual([
			'dedupeKey',
			'maxAge',
			'maxAttempts',
			'maxPages',
			'newerThan',
			'notBefore',
			'priority',
		]);
	});

	it('has an output schema for each operation', () => {
		expect(schemaKeys('v1.0.0/job/add')).toEqual([
			'jobId',
			'duplicate',
			'kind',
			'username',
			'userId',
		]);
		expect(schemaKeys('v1.0.0/job/getStatus')).toEqual([
			'waiting',
			'active',
			'delayed',
			'done',
			'dead',
			'oldestSeconds',
		]);
		const dead = deadLetterJson({
			id: '1',
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
			'completeWhen',
			'batchSize',
			'options',
		]);
		expect(choices(trigger, 'completeWhen')).toEqual(['finished', 'success', 'immediately']);
		expect(description.properties[1]?.default).toBe('success');
		expect(optionsOf(trigger)).toEqual(['batchWait', 'kinds', 'priorities']);
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
		expect(schemaKeys('v1.0.0')).toEqual([...Object.keys(record), 'job']);
	});
});
