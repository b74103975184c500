import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ENDPOINTS } from '../../nodes/shared/api';
import { METRICS } from '../../nodes/shared/n8n/prometheus';
import { createResponder } from '../simulator/responder';

const TOP = join(__dirname, '../..');
const { providerInfo } =
	require('../../tools/providerInfo') as typeof import('../../tools/providerInfo');
const manifest = JSON.parse(readFileSync(join(TOP, 'package.json'), 'utf8')) as {
	n8n: { nodes: string[] };
};
const info = providerInfo(manifest, (module) => require(join(TOP, module)) as unknown);

describe('provider-info.json', () => {
	it('is what the code says, when the package is built', () => {
		const file = join(TOP, 'dist/provider-info.json');
		if (!existsSync(file)) return;
		expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(JSON.parse(JSON.stringify(info)));
	});

	it('names every node that n8n is told of', () => {
		expect(info.nodes).toHaveLength(manifest.n8n.nodes.length);
		expect(info.nodes).toContainEqual(
			expect.objectContaining({
				name: 'n8n-nodes-tikliveapi.tikLiveStatus',
				kind: 'action',
				usableAsTool: true,
				operations: ['get', 'metrics', 'report', 'resetBreaker'].map((operation) =>
					expect.objectContaining({
						resource: null,
						operation,
						action: expect.any(String) as string,
					}),
				),
				options: ['onlyWhenBudgetLevelChanges'],
			}),
		);
	});

	it('tells what the polling trigger watches for', () => {
		expect(info.nodes.filter(({ polling }) => polling)).toEqual([
			expect.objectContaining({
				name: 'n8n-nodes-tikliveapi.tikLiveTrigger',
				kind: 'trigger',
				usableAsTool: false,
				events: ['newPost', 'profileChange'],
				operations: [],
				parameters: ['event', 'users', 'fields', 'simplify', 'options'],
				options: ['maxAge', 'maxAttempts', 'maxPages', 'priority', 'timeout'],
			}),
		]);
	});

	it('has every credential field, and shows which are secret', () => {
		const [credential] = info.credentials;
		expect(credential).toMatchObject({ name: 'tikLiveApi', tested: true });
		const secret = credential?.fields.filter((field: { secret: boolean }) => field.secret);
		expect(secret?.map(({ name }: { name: string }) => name)).toEqual(['apiKey', 'redisPassword']);
	});

	it('has every endpoint, and the simulator knows them', () => {
		expect(info.endpoints.map(({ name }) => name)).toEqual(Object.keys(ENDPOINTS));
		const respond = createResponder();
		for (const { path } of info.endpoints) {
			const { status } = respond({ url: path, headers: { 'x-api-key': 'test-key' } });
			expect(`${path} ${status}`).not.toBe(`${path} 404`);
		}
	});

	it('has the limits of the usual plan and of the breaker', () => {
		expect(info.limits).toEqual({
			requestsPerMinute: 200,
			burst: 10,
			maxConcurrent: 20,
			dailyBudget: 5_000,
			criticalReserve: 1_000,
			breakerFailures: 5,
			breakerOpenSeconds: 30,
			breakerMaxOpenSeconds: 300,
		});
	});

	it('has every metric with the values of its labels', () => {
		expect(info.metrics.map(({ name }) => name)).toEqual(Object.keys(METRICS));
		expect(info.metrics.find(({ name }) => name === 'tiklive_circuit_state')?.labels).toEqual({
			state: ['closed', 'open', 'half-open'],
		});
	});
});
