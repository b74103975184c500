import type { IDataObject, INode, NodeOperationError } from 'n8n-workflow';
import { TikLiveApi } from '../../credentials/TikLiveApi.credentials';
import { FIELD_LABELS, readCredential } from '../../nodes/shared/n8n/settings';

const NODE = { name: 'User Info', parameters: {} } as INode;
const CANARY = 'canary-5f1d2c-key';

function defaults(): IDataObject {
	return Object.fromEntries(
		new TikLiveApi().properties.map(({ name, default: value }) => [name, value]),
	) as IDataObject;
}

function read(over: IDataObject = {}) {
	return readCredential(NODE, { ...defaults(), apiKey: CANARY, ...over } as never);
}

function refusal(over: IDataObject): NodeOperationError {
	try {
		read(over);
	} catch (error) {
		return error as NodeOperationError;
	}
	throw new Error('The credential was accepted');
}

describe('readCredential', () => {
	it('reads the defaults of the form', () => {
		expect(read()).toEqual({
			settings: {
				apiKey: CANARY,
				baseUrl: 'https://api.tikliveapi.com',
				limits: {
					requestsPerMinute: 200,
					burst: 10,
					maxConcurrent: 20,
					windowMs: 60_000,
					guardMs: 1_000,
				},
				budget: {
					dailyBudget: 5000,
					criticalReserve: 1000,
					creditBalance: undefined,
					timezone: 'UTC',
				},
			},
			stateStore: 'auto',
		});
	});

	it('reads the fields of Redis for Redis only', () => {
		const redis = {
			...{ redisHost: ' redis.internal ', redisPort: 6380, redisUsername: 'n8n' },
			...{ redisPassword: ' secret ', redisDatabase: 2, redisTls: true },
		};
		expect(read({ ...redis, stateStore: 'redis' }).redis).toEqual({
			...{ host: 'redis.internal', port: 6380, username: 'n8n', password: ' secret ' },
			...{ database: 2, tls: {} },
		});
		expect(read({ ...redis, redisHost: '', stateStore: 'auto' }).redis).toBeUndefined();
	});

	it('names its fields as the form does', () => {
		const labels = new TikLiveApi().properties.map(({ name, displayName }) => [name, displayName]);
		expect(labels).toEqual(expect.arrayContaining(Object.entries(FIELD_LABELS)));
	});

	it.each([
		['', undefined],
		[null, undefined],
		[undefined, undefined],
		['0', 0],
		[0, 0],
		['250', 250],
		[' 7 ', 7],
	])('takes the daily budget %j as %j', (dailyBudget, expected) => {
		expect(read({ dailyBudget, criticalReserve: 0 }).settings.budget.dailyBudget).toBe(expected);
	});

	it.each([
		['https://api.tikliveapi.com/', 'https://api.tikliveapi.com'],
		[' https://gateway.example.com/tiklive// ', 'https://gateway.example.com/tiklive'],
		['http://127.0.0.1:8399', 'http://127.0.0.1:8399'],
		['http://localhost:8399/', 'http://localhost:8399'],
		['http://[::1]:8399', 'http://[::1]:8399'],
		['HTTPS://API.TikLiveAPI.com', 'https://api.tikliveapi.com'],
	])('takes the base URL %s as %s', (baseUrl, expected) => {
		expect(read({ baseUrl }).settings.baseUrl).toBe(expected);
	});

	it('cuts spaces off the key', () => {
		expect(read({ apiKey: ` ${CANARY}\n` }).settings.apiKey).toBe(CANARY);
	});

	it.each<[string, IDataObject, RegExp]>([
		['API Key', { apiKey: '' }, /is empty/],
		['API Key', { apiKey: '  ' }, /is empty/],
		['API Key', { apiKey: undefined }, /is empty/],
		['API Key', { apiKey: `${CANARY}\r\nX-Evil: 1` }, /characters that no key has/],
		['API Key', { apiKey: 'schlüssel' }, /characters that no key has/],
		['Base URL', { baseUrl: '' }, /is empty/],
		['Base URL', { baseUrl: 'api.tikliveapi.com' }, /is no URL/],
		['Base URL', { baseUrl: 'http://api.tikliveapi.com' }, /does not begin with https/],
		['Base URL', { baseUrl: 'http://127.0.0.1.evil.com' }, /does not begin with https/],
		['Base URL', { baseUrl: 'http://localhost.evil.com' }, /does not begin with https/],
		['Base URL', { baseUrl: 'ftp://127.0.0.1' }, /does not begin with https/],
		['Base URL', { baseUrl: 'file:///etc/passwd' }, /does not begin with https/],
		['Base URL', { baseUrl: 'https://me:secret@api.tikliveapi.com' }, /username or password/],
		['Base URL', { baseUrl: 'http://127.0.0.1@evil.com' }, /username or password/],
		['Base URL', { baseUrl: 'https://api.tikliveapi.com/?key=1' }, /query or a fragment/],
		['Base URL', { baseUrl: 'https://api.tikliveapi.com/#top' }, /query or a fragment/],
		['Base URL', { baseUrl: 'https://api.tikliveapi.com?' }, /query or a fragment/],
		['Requests per Minute', { requestsPerMinute: 0 }, /is '0'/],
		['Requests per Minute', { requestsPerMinute: -5 }, /is '-5'/],
		['Requests per Minute', { requestsPerMinute: 2.5 }, /is '2.5'/],
		['Requests per Minute', { requestsPerMinute: 'many' }, /is 'many'/],
		['Requests per Minute', { requestsPerMinute: null }, /is empty/],
		['Requests per Minute', { requestsPerMinute: 1e21 }, /is '1e\+21'/],
		['Burst', { burst: 0 }, /is '0'/],
		['Burst', { burst: 201 }, /more than the 200 requests per minute/],
		['Max Concurrent Requests', { maxConcurrent: 0 }, /is '0'/],
		['Daily Budget', { dailyBudget: '-1' }, /is '-1'/],
		['Daily Budget', { dailyBudget: 'lots' }, /is 'lots'/],
		['Critical Reserve', { criticalReserve: -1 }, /is '-1'/],
		[
			'Critical Reserve',
			{ dailyBudget: '500', criticalReserve: 501 },
			/more than the daily budget/,
		],
		['Critical Reserve', { dailyBudget: '0', criticalReserve: 1 }, /more than the daily budget/],
		['Credit Balance', { creditBalance: '-1' }, /is '-1'/],
		['Credit Balance', { creditBalance: '1.5' }, /is '1.5'/],
		['Budget Time Zone', { budgetTimezone: 'Mars/Olympus' }, /no known time zone/],
		['Budget Time Zone', { budgetTimezone: '' }, /is empty/],
		['State Store', { stateStore: 'mongo' }, /is 'mongo'/],
		['Redis Host', { stateStore: 'redis', redisHost: '' }, /is empty/],
		['Redis Host', { stateStore: 'redis', redisHost: 'redis://x' }, /is no host name/],
		['Redis Port', { stateStore: 'redis', redisPort: 65_536 }, /is 65536/],
		['Redis Port', { stateStore: 'redis', redisPort: 0 }, /is '0'/],
		['Redis Database', { stateStore: 'redis', redisDatabase: -1 }, /is '-1'/],
	])('refuses %s for %j', (label, over, complaint) => {
		const { message, description } = refusal(over);
		expect(message).toContain(`'${label}' of the TikLiveAPI credential`);
		expect(message).toMatch(complaint);
		expect(description).toMatch(/\.$/);
	});

	it('tells neither the key nor a password of the URL', () => {
		const errors = [
			refusal({ apiKey: `${CANARY} ${CANARY}` }),
			refusal({ baseUrl: `https://me:${CANARY}@api.tikliveapi.com` }),
			refusal({ baseUrl: `http://evil.com/${CANARY}` }),
			refusal({ baseUrl: `https://api.tikliveapi.com/?key=${CANARY}` }),
		];
		for (const { message, description, stack, cause } of errors) {
			expect(JSON.stringify([message, description, stack, String(cause)])).not.toContain(CANARY);
		}
	});

	it('declares a missing key as an invalid credential, anything else as configuration', () => {
		expect(refusal({ apiKey: '' }).failure).toEqual({ cause: 'credential-invalid' });
		expect(refusal({ burst: 0 }).failure).toEqual({ cause: 'configuration-invalid' });
	});
});
