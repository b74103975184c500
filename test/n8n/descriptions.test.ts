import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { INodeProperties, INodeType } from 'n8n-workflow';
import { TikLiveApi } from '../../credentials/TikLiveApi.credentials';
import { TikLiveFollowers } from '../../nodes/Followers/TikLiveFollowers.node';
import { TikLiveFollowing } from '../../nodes/Following/TikLiveFollowing.node';
import { TikLivePosts } from '../../nodes/Posts/TikLivePosts.node';
import { TikLiveUserInfo } from '../../nodes/UserInfo/TikLiveUserInfo.node';
import { createResponder } from '../simulator/responder';

const TOP = join(__dirname, '../..');
const LIST_OPTIONS = [
	'includeBookmark',
	'includeInputFields',
	'length',
	'maxAge',
	'maxAttempts',
	'maxPages',
	'priority',
	'queue',
	'startFrom',
	'timeout',
	'whenUnavailable',
];
const { truth } = createResponder();

const NODES: [
	displayName: string,
	type: INodeType,
	folder: string,
	parameters: string[],
	options: string[],
	record: object | undefined,
][] = [
	[
		'TikLiveAPI User Info',
		new TikLiveUserInfo(),
		'UserInfo',
		['user', 'simplify', 'options'],
		[
			...['includeInputFields', 'length', 'maxAge', 'maxAttempts', 'priority', 'queue', 'timeout'],
			'whenUnavailable',
		],
		truth.userInfo('pinned_first'),
	],
	[
		'TikLiveAPI Followers',
		new TikLiveFollowers(),
		'Followers',
		['user', 'returnAll', 'limit', 'simplify', 'options'],
		LIST_OPTIONS,
		truth.followers('pinned_first')[0],
	],
	[
		'TikLiveAPI Following',
		new TikLiveFollowing(),
		'Following',
		['user', 'returnAll', 'limit', 'simplify', 'options'],
		LIST_OPTIONS,
		truth.following('pinned_first')[0],
	],
	[
		'TikLiveAPI Posts',
		new TikLivePosts(),
		'Posts',
		['user', 'returnAll', 'limit', 'simplify', 'options'],
		[...LIST_OPTIONS, 'newerThan'],
		truth.posts('pinned_first')[0],
	],
];

function json(path: string): unknown {
	return JSON.parse(readFileSync(join(TOP, path), 'utf8'));
}

describe.each(NODES)('%s', (displayName, type, folder, parameters, options, record) => {
	const { description } = type;
	const className = type.constructor.name;

	it('has its public names', () => {
		expect(description).toMatchObject({
			displayName,
			name: className.charAt(0).toLowerCase() + className.slice(1),
			version: 1,
			usableAsTool: true,
			credentials: [{ name: 'tikLiveApi', required: true }],
		});
		expect(description.properties.map(({ name }) => name)).toEqual(parameters);
	});

	it('has its options, in the order of their names', () => {
		const collection = description.properties.at(-1)?.options as INodeProperties[];
		expect(collection.map(({ name }) => name).sort()).toEqual([...options].sort());
		const labels = collection.map(({ displayName: label }) => label);
		expect(labels).toEqual([...labels].sort());
	});

	it('is registered, with icon, codex and output schema', () => {
		const compiled = `dist/nodes/${folder}/${className}.node.js`;
		expect(json('package.json')).toMatchObject({
			n8n: { nodes: expect.arrayContaining([compiled]) },
		});
		const { light, dark } = description.icon as { light: string; dark: string };
		for (const icon of [light, dark]) {
			expect(existsSync(join(TOP, 'nodes', folder, icon.replace('file:', '')))).toBe(true);
		}
		expect(json(`nodes/${folder}/${className}.node.json`)).toMatchObject({
			node: `n8n-nodes-tikliveapi.${description.name}`,
			categories: ['Marketing', 'Analytics'],
		});
		const schema = json(`nodes/${folder}/__schema__/v1.0.0.json`) as { properties: object };
		expect(Object.keys(schema.properties)).toEqual(Object.keys(record ?? {}));
	});
});

describe('the credential', () => {
	it('has its public fields with their defaults', () => {
		const { name, displayName, properties } = new TikLiveApi();
		expect({ name, displayName }).toEqual({ name: 'tikLiveApi', displayName: 'TikLiveAPI' });
		const fields = properties.filter(({ type }) => type !== 'notice');
		expect(Object.fromEntries(fields.map((field) => [field.name, field.default]))).toEqual({
			apiKey: '',
			baseUrl: 'https://api.tikliveapi.com',
			requestsPerMinute: 200,
			burst: 10,
			maxConcurrent: 20,
			dailyBudget: '5000',
			criticalReserve: 1000,
			creditBalance: '',
			budgetTimezone: 'UTC',
			stateStore: 'auto',
			redisHost: 'localhost',
			redisPort: 6379,
			redisUsername: '',
			redisPassword: '',
			redisDatabase: 0,
			redisTls: false,
		});
	});

	it('hides secrets', () => {
		const secret = new TikLiveApi().properties.filter(
			({ typeOptions }) => typeOptions?.password === true,
		);
		expect(secret.map(({ name }) => name)).toEqual(['apiKey', 'redisPassword']);
	});
});
