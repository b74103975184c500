import type { Client } from '../../nodes/shared/resilience/client';
import type { Stores } from '../../nodes/shared/resilience/ports';
import type { Statistics } from '../../nodes/shared/resilience/statistics';
import { keyIdOf, processRuntimes, Runtimes, type Host } from '../../nodes/shared/n8n/runtime';
import type { Connection } from '../../nodes/shared/n8n/settings';
import { ManualClock } from '../support/clock';

const HOST: Host = { folder: undefined, egress: undefined, warn: () => {} };

function connection(apiKey = 'key-a', over: Partial<Connection> = {}): Connection {
	return {
		settings: {
			apiKey,
			baseUrl: 'https://api.tikliveapi.com',
			limits: {
				requestsPerMinute: 200,
				burst: 10,
				maxConcurrent: 20,
				windowMs: 60_000,
				guardMs: 1_000,
			},
			budget: {
				dailyBudget: undefined,
				criticalReserve: 0,
				creditBalance: undefined,
				timezone: 'UTC',
			},
		},
		stateStore: 'auto',
		...over,
	};
}

function runtimes(clock = new ManualClock()) {
	const opened: string[] = [];
	const closed: string[] = [];
	const configured: Connection['settings'][] = [];
	const all = new Runtimes((_connection, keyId) => {
		opened.push(keyId);
		return {
			client: {
				configure: (settings: Connection['settings']) => configured.push(settings),
			} as unknown as Client,
			stores: {} as Stores,
			statistics: {} as Statistics,
			close: async () => void closed.push(keyId),
		};
	}, clock);
	return { all, clock, opened, closed, configured };
}

const nothing = async () => {};

describe('Runtimes', () => {
	it('opens one client for one key, also for uses at the same time', async () => {
		const { all, opened } = runtimes();
		const clients = await Promise.all(
			[1, 2, 3].map(() => all.use(connection(), HOST, async ({ client }) => client)),
		);
		expect(new Set(clients).size).toBe(1);
		expect(opened).toHaveLength(1);
	});

	it('keeps keys, base URLs and stores apart', async () => {
		const { all, opened } = runtimes();
		const other = connection();
		other.settings = { ...other.settings, baseUrl: 'https://gateway.example.com' };
		for (const each of [connection('key-a'), connection('key-b'), other]) {
			await all.use(each, HOST, nothing);
		}
		for (const host of ['redis-a', 'redis-b', 'redis-a']) {
			const redis = { host, port: 6379 };
			await all.use(connection('key-a', { stateStore: 'redis', redis }), HOST, nothing);
		}
		await all.use(connection('key-a', { stateStore: 'embedded' }), HOST, nothing);
		expect(opened).toHaveLength(5);
	});

	it('applies changed limits to the client that is there', async () => {
		const { all, opened, configured } = runtimes();
		const changed = connection();
		changed.settings = {
			...changed.settings,
			limits: { ...changed.settings.limits, requestsPerMinute: 50 },
		};
		await all.use(connection(), HOST, nothing);
		await all.use(changed, HOST, nothing);
		expect(opened).toHaveLength(1);
		expect(configured.at(-1)?.limits.requestsPerMinute).toBe(50);
	});

	it('closes what was idle for ten minutes, never what is in use, and leaves no timer behind', async () => {
		const { all, clock, opened, closed } = runtimes();
		let finish = () => {};
		const long = all.use(
			connection('busy'),
			HOST,
			() => new Promise<void>((resolve) => (finish = resolve)),
		);
		await all.use(connection('idle'), HOST, nothing);
		await clock.advance(11 * 60_000);
		expect(closed).toEqual([opened[1]]);
		finish();
		await long;
		await clock.advance(11 * 60_000);
		expect(closed).toHaveLength(2);
		expect(clock.pending()).toBe(0);
	});

	it('shows what is open to those who watch, without keeping it open', async () => {
		const { all, clock } = runtimes();
		await all.use(connection('key-a'), HOST, nothing);
		await all.use(connection('key-b'), HOST, nothing);
		for (let minute = 0; minute < 11; minute += 1) {
			expect(all.watched().length).toBe(minute < 10 ? 2 : 0);
			await clock.advance(60_000);
		}
	});

	it('remembers a run from its first try on, for a thousand runs', async () => {
		const { all, clock } = runtimes();
		await all.use(connection(), HOST, async ({ runMemory }) => {
			const first = runMemory('run');
			await clock.advance(5_000);
			expect(runMemory('run')).toBe(first);
			expect(runMemory('other').firstTryMs).toBe(first.firstTryMs + 5_000);
			for (let run = 0; run < 1_000; run++) runMemory(`later ${run}`);
			await clock.advance(1_000);
			expect(runMemory('run').firstTryMs).toBe(first.firstTryMs + 6_000);
		});
	});

	it('stays open for as long as it is leased', async () => {
		const { all, clock, opened, closed } = runtimes();
		const { release } = all.lease(connection(), HOST);
		await clock.advance(30 * 60_000);
		expect(closed).toEqual([]);
		release();
		await clock.advance(11 * 60_000);
		expect(closed).toEqual([opened[0]]);
	});

	it('is shared by every copy of the package in the process', () => {
		const first = processRuntimes();
		jest.isolateModules(() => {
			const copy =
				require('../../nodes/shared/n8n/runtime') as typeof import('../../nodes/shared/n8n/runtime');
			expect(copy.Runtimes).not.toBe(Runtimes);
			expect(copy.processRuntimes()).toBe(first);
		});
	});
});

describe('keyIdOf', () => {
	it('is 16 hex digits that hold nothing of the key', () => {
		const id = keyIdOf(connection('deadbeef').settings);
		expect(id).toMatch(/^[0-9a-f]{16}$/);
		expect(id).not.toContain('deadbeef');
	});

	it('cannot be moved from key to URL', () => {
		const { settings } = connection();
		const one = keyIdOf({ ...settings, baseUrl: 'https://a', apiKey: 'b/c' });
		const two = keyIdOf({ ...settings, baseUrl: 'https://a/b', apiKey: 'c' });
		expect(one).not.toBe(two);
	});
});
