import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { IDataObject, INodeProperties, IPollFunctions } from 'n8n-workflow';
import { TikLiveTrigger } from '../../nodes/Trigger/TikLiveTrigger.node';
import { InvalidInput } from '../../nodes/shared/api';
import { readWatchRequest } from '../../nodes/shared/n8n/watchParameters';

const TOP = join(__dirname, '../..');
const { description } = new TikLiveTrigger();

const json = (path: string) => JSON.parse(readFileSync(join(TOP, path), 'utf8')) as object;
const property = (name: string) =>
	description.properties.find((each) => each.name === name) as INodeProperties;

describe('the TikLiveAPI Trigger', () => {
	it('has its public names, and is a polling trigger', () => {
		expect(description).toMatchObject({
			displayName: 'TikLiveAPI Trigger',
			name: 'tikLiveTrigger',
			group: ['trigger'],
			version: 1,
			polling: true,
			inputs: [],
			outputs: ['main'],
			credentials: [{ name: 'tikLiveApi', required: true }],
		});
		expect(description.usableAsTool).toBeUndefined();
	});

	it('is registered, with icon and codex', () => {
		expect(json('package.json')).toMatchObject({
			n8n: {
				nodes: expect.arrayContaining(['dist/nodes/Trigger/TikLiveTrigger.node.js']) as string[],
			},
		});
		const { light, dark } = description.icon as { light: string; dark: string };
		for (const icon of [light, dark]) {
			expect(existsSync(join(TOP, 'nodes/Trigger', icon.replace('file:', '')))).toBe(true);
		}
		expect(json('nodes/Trigger/TikLiveTrigger.node.json')).toMatchObject({
			node: 'n8n-nodes-tikliveapi.tikLiveTrigger',
			categories: ['Marketing', 'Analytics'],
		});
	});

	it('has its parameters, and options in the order of their names', () => {
		expect(description.properties.map(({ name }) => name)).toEqual([
			...['notice', 'event', 'users', 'fields', 'simplify', 'options'],
		]);
		const options = property('options').options as INodeProperties[];
		const labels = options.map(({ displayName }) => displayName);
		expect(labels).toEqual([
			...['Lost Expression', 'Max Age', 'Max Attempts', 'Max Pages', 'Priority', 'Timeout'],
		]);
	});

	it('says what it costs, in figures that are right', () => {
		const { displayName } = property('notice');
		expect(displayName).toContain(`${(20 * 12 * 24).toLocaleString('en')} credits a day`);
	});

	it('watches by itself what people change, not what changes all the time', () => {
		expect(property('fields').default).toEqual([
			...['bio', 'nickname', 'private', 'username', 'verified'],
		]);
		const values = (property('fields').options as { value: string }[]).map(({ value }) => value);
		expect(values).not.toContain('avatarUrl');
	});
});

describe('readWatchRequest', () => {
	const read = (given: IDataObject) => {
		const parameters: IDataObject = {
			event: 'newPost',
			users: ['tiktok'],
			simplify: true,
			fields: property('fields').default as string[],
			options: {},
			...given,
		};
		const getNodeParameter = (name: string) => parameters[name];
		return readWatchRequest({ getNodeParameter } as unknown as IPollFunctions);
	};

	it('has sensible values for what is not set: fresh answers, shared within half a minute', () => {
		expect(read({})).toMatchObject({
			event: 'newPost',
			users: [{ kind: 'username', username: 'tiktok' }],
			simplify: true,
			maxPages: 10,
			call: { priority: 'backfill', maxAgeMs: 30_000, staleOk: false },
		});
	});

	it('reads every option', () => {
		const options = {
			...{ maxAge: 0, maxAttempts: 2, maxPages: 3, priority: 'critical', timeout: 5_000 },
		};
		expect(read({ options })).toMatchObject({
			maxPages: 3,
			call: { priority: 'critical', maxAgeMs: 0, maxAttempts: 2, timeoutMs: 5_000 },
		});
	});

	it.each<[string, string, IDataObject]>([
		['Event', 'another one', { event: 'follow' }],
		['Users', 'nobody', { users: [] }],
		['Users', 'somebody elsewhere', { users: ['https://example.com/@tiktok'] }],
		['Users', 'too many', { users: Array.from({ length: 501 }, (_, index) => `user${index}`) }],
		['Fields', 'none', { event: 'profileChange', fields: [] }],
		['Fields', 'one that changes by itself', { event: 'profileChange', fields: ['avatarUrl'] }],
		['Max Pages', 'none', { options: { maxPages: 0 } }],
		['Max Age', 'the future', { options: { maxAge: -1 } }],
	])('refuses %s: %s', (parameter, _what, given) => {
		let refused: unknown;
		try {
			read(given);
		} catch (error) {
			refused = error;
		}
		expect(refused).toBeInstanceOf(InvalidInput);
		expect(refused).toMatchObject({ parameter });
	});
});
