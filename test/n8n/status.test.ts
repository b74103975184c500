import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { INodeProperties } from 'n8n-workflow';
import { TikLiveStatus } from '../../nodes/Status/TikLiveStatus.node';
import { breakerStatus, standingOf, statusOf } from '../../nodes/shared/n8n/status';
import { budgetLevel, isNewLevel } from '../../nodes/shared/n8n/statusBudget';
import type { Client } from '../../nodes/shared/resilience/client';
import type { BudgetLimits, BudgetUsage } from '../../nodes/shared/resilience/ports';
import { Statistics } from '../../nodes/shared/resilience/statistics';
import { openEmbeddedStores } from '../../nodes/shared/stores/embedded';
import { clockWithBottleneck } from '../support/bottleneck';
import { PROFILE, scriptedClient, SETTINGS, type Script } from '../support/client';
import { ManualClock } from '../support/clock';

const TOP = join(__dirname, '../..');
const NOW = Date.UTC(2026, 0, 15, 12);

function usage(spent: number, limits: Partial<BudgetLimits> = {}): [BudgetUsage, BudgetLimits] {
	const all: BudgetLimits = { ...SETTINGS.budget, ...limits };
	const budget = (all.dailyBudget ?? Infinity) - spent;
	const balance = (all.creditBalance ?? Infinity) - spent;
	const left = Math.min(budget, balance);
	const finite = (count: number) => (Number.isFinite(count) ? Math.max(count, 0) : undefined);
	const none = { spent: 0, unknown: 0, returned: 0, reserved: 0 };
	return [
		{
			day: '2026-01-15',
			byPriority: { critical: none, backfill: { ...none, spent: spent - 1, unknown: 1 } },
			remaining: { critical: finite(left), backfill: finite(left - all.criticalReserve) },
			balance: finite(balance),
		},
		all,
	];
}

describe('budgetLevel', () => {
	it.each([
		['fresh', 1, {}, 'ok'],
		['just below 80 %', 3_999, { criticalReserve: 100 }, 'ok'],
		['80 % of the daily budget', 4_000, { criticalReserve: 100 }, '80-percent'],
		['the last credits are for critical requests', 4_900, { criticalReserve: 100 }, 'reserve'],
		['80 % and the reserve at once', 4_000, {}, 'reserve'],
		['nothing left', 5_000, {}, 'exhausted'],
		['no reserve', 5_000, { criticalReserve: 0 }, 'exhausted'],
		['80 % of the balance', 80, { creditBalance: 100, criticalReserve: 0 }, '80-percent'],
		['no limits at all', 10_000, { dailyBudget: undefined }, 'ok'],
	] as const)('%s', (_, spent, limits, level) => {
		expect(budgetLevel(...usage(spent, limits))).toBe(level);
	});

	it('is exhausted from the start with a budget of 0', () => {
		const [none, limits] = usage(1, { dailyBudget: 0, criticalReserve: 0 });
		expect(budgetLevel(none, limits)).toBe('exhausted');
	});
});

describe('isNewLevel', () => {
	const cells = () =>
		openEmbeddedStores({ folder: undefined, keyId: 'k', clock: new ManualClock(), warn: () => {} })
			.cells;

	it('tells each level once a day, and that it is fine again', async () => {
		const shared = cells();
		const told = async (level: Parameters<typeof isNewLevel>[3], day = '2026-01-15') =>
			await isNewLevel(shared, 'w n', day, level);
		expect(await told('ok')).toBe(false);
		expect(await told('80-percent')).toBe(true);
		expect(await told('80-percent')).toBe(false);
		expect(await told('reserve')).toBe(true);
		expect(await told('ok')).toBe(true);
		// To and fro is not told again.
		expect(await told('80-percent')).toBe(false);
		expect(await told('ok')).toBe(false);
		expect(await told('exhausted')).toBe(true);
		expect(await told('ok', '2026-01-16')).toBe(false);
		expect(await told('80-percent', '2026-01-16')).toBe(true);
	});

	it('tells each node, and of many at once only one', async () => {
		const shared = cells();
		const ask = async (asker: string) => await isNewLevel(shared, asker, '2026-01-15', 'reserve');
		const answers = await Promise.all(Array.from({ length: 20 }, () => ask('a')));
		expect(answers.filter(Boolean)).toHaveLength(1);
		expect(await ask('b')).toBe(true);
	});
});

describe('breakerStatus', () => {
	it('says when it reopens', () => {
		expect(breakerStatus({ state: 'open', reopensInMs: 12_300 }, NOW)).toEqual({
			state: 'open',
			failures: 0,
			reopensAt: '2026-01-15T12:00:12.300Z',
			reopensInSeconds: 13,
		});
		expect(breakerStatus({ state: 'closed', failures: 2 }, NOW)).toMatchObject({
			failures: 2,
			reopensAt: null,
		});
	});
});

describe('statusOf', () => {
	beforeEach(() => jest.useFakeTimers());
	afterEach(() => jest.useRealTimers());

	async function statusAfter(script: Script, act: (client: Client) => Promise<unknown>[]) {
		const clock = clockWithBottleneck();
		const stores = openEmbeddedStores({ folder: undefined, keyId: 's', clock, warn: () => {} });
		const statistics = new Statistics(stores.statistics, clock);
		const { client } = scriptedClient(clock, script, { stores, metrics: statistics });
		for (const call of act(client)) await clock.runUntil(call.catch(() => {}));
		const minutes = await statistics.recent(1_440);
		const standing = await standingOf({ client, stores } as never);
		return statusOf(standing, minutes, SETTINGS, stores.kind, clock.wallMs());
	}

	const ask = (client: Client, username: string, priority: 'critical' | 'backfill' = 'backfill') =>
		client.call('userInfoByUsername', { username }, { priority, maxAttempts: 1 });

	it('holds all that somebody on call wants to know', async () => {
		const status = await statusAfter(
			() => ({ body: PROFILE(), afterMs: 200 }),
			(client) => [ask(client, 'a'), ask(client, 'b', 'critical'), ask(client, 'a')],
		);
		const window = {
			requests: 2,
			successRate: 1,
			p50Seconds: 0.175,
			p95Seconds: 0.242,
			retries: 0,
			rateLimitedRate: 0,
		};
		expect(status).toMatchObject({
			stateStore: 'embedded',
			breaker: { state: 'closed', failures: 0, reopensAt: null, reopensInSeconds: 0 },
			rate: { requestsPerMinute: 200, usedInWindow: 2, usedShare: 0.01, pausedSeconds: 0 },
			inFlight: 0,
			maxConcurrent: 20,
			waiting: { critical: 0, backfill: 0 },
			budget: {
				day: '2026-01-15',
				level: 'ok',
				spentToday: { critical: 1, backfill: 1, total: 2, unknown: 0 },
				dailyBudget: 5_000,
				criticalReserve: 1_000,
				remaining: { critical: 4_998, backfill: 3_998 },
				balance: null,
				resetsAt: '2026-01-16T00:00:00.000Z',
			},
			queue: { waiting: 0, active: 0, delayed: 0, done: 0, dead: 0, oldestSeconds: 0 },
			last5Minutes: { ...window, outcomes: { success: 2 }, credits: { critical: 1, backfill: 1 } },
			lastHour: window,
			last24Hours: { ...window, endpoints: { userInfoByUsername: window } },
		});
		expect(status.last24Hours.cacheHitRate).toBeCloseTo(1 / 3, 3);
	});

	it('shows an open breaker with its time, and credits that may be gone', async () => {
		const status = await statusAfter(
			() => ({ status: 200, body: '<html>' }),
			(client) => ['a', 'b', 'c', 'd', 'e'].map((name) => ask(client, name)),
		);
		expect(status.breaker).toMatchObject({ state: 'open' });
		expect(status.breaker.reopensInSeconds).toBeGreaterThan(20);
		expect(status.last5Minutes).toMatchObject({ requests: 5, successRate: 0 });
		const { spentToday } = status.budget;
		expect(spentToday.total).toBe(5);
	});
});

describe('the node', () => {
	const { description } = new TikLiveStatus();

	it('has its public names', () => {
		expect(description).toMatchObject({
			displayName: 'TikLiveAPI Status',
			name: 'tikLiveStatus',
			version: 1,
			usableAsTool: true,
			credentials: [{ name: 'tikLiveApi', required: true }],
		});
		const [operation] = description.properties;
		const operations = operation?.options as { value: string; action: string }[];
		expect(operations.map(({ value }) => value)).toEqual([
			'get',
			'metrics',
			'report',
			'resetBreaker',
		]);
		expect(operations.every(({ action }) => action)).toBe(true);
		const options = description.properties.at(-1)?.options as INodeProperties[];
		expect(options.map(({ name }) => name)).toEqual(['onlyWhenBudgetLevelChanges']);
	});

	it('is registered, with icon, codex and an output schema for each operation', () => {
		const manifest = JSON.parse(readFileSync(join(TOP, 'package.json'), 'utf8')) as {
			n8n: { nodes: string[] };
		};
		expect(manifest.n8n.nodes).toContain('dist/nodes/Status/TikLiveStatus.node.js');
		for (const file of [
			'TikLiveStatus.node.json',
			...['get', 'metrics', 'report', 'resetBreaker'].map(
				(name) => `__schema__/v1.0.0/${name}.json`,
			),
			...Object.values(description.icon as object).map((icon) => String(icon).replace('file:', '')),
		]) {
			expect(existsSync(join(TOP, 'nodes/Status', file))).toBe(true);
		}
	});
});
