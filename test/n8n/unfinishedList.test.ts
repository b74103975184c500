import type { CallAnswer } from '../../nodes/shared/api';
import { RESUME_MS, UnfinishedList, type ListName } from '../../nodes/shared/n8n/unfinishedList';
import { openEmbeddedStores } from '../../nodes/shared/stores/embedded';
import { ManualClock } from '../support/clock';

const LIST: ListName = {
	endpoint: 'userFollowers',
	user: { kind: 'username', username: 'nba' },
	startFrom: undefined,
};

function setUp() {
	const clock = new ManualClock();
	const { responses } = openEmbeddedStores({
		...{ folder: undefined, keyId: 'key', clock, warn: () => {} },
	});
	let writes = 0;
	const counted = {
		get: responses.get.bind(responses),
		keep: async (...args: Parameters<typeof responses.keep>) => {
			writes += 1;
			await responses.keep(...args);
		},
		remove: responses.remove.bind(responses),
	} as typeof responses;
	const list = (name: Partial<ListName> = {}) =>
		new UnfinishedList(counted, clock, { ...LIST, ...name });
	const answer =
		(over: Partial<CallAnswer> = {}) =>
		async (): Promise<CallAnswer> => ({
			...{ body: {}, source: 'network', attempts: 1, credits: 1 },
			fetchedAtMs: clock.wallMs(),
			...over,
		});
	return { clock, list, answer, writes: () => writes };
}

const page = ['userFollowers', {}] as const;

describe('an unfinished list', () => {
	it('is remembered from the second page on, so that a kill is no loss', async () => {
		const { clock, list, answer, writes } = setUp();
		const startMs = clock.wallMs();
		const call = list().following(answer());
		await call('userId', {});
		await call(...page);
		expect(writes()).toBe(0);
		await clock.advance(1_000);
		await call(...page);
		expect(writes()).toBe(1);
		expect(await list().since()).toBe(startMs);
	});

	it('costs one write however many pages follow within ten minutes, and says so anew later', async () => {
		const { clock, list, answer, writes } = setUp();
		const call = list().following(answer());
		for (let pages = 0; pages < 50; pages++) await call(...page);
		expect(writes()).toBe(1);
		await clock.advance(11 * 60_000);
		await call(...page);
		expect(writes()).toBe(2);
	});

	it('serves for an hour after it was interrupted, and not at all once it has ended', async () => {
		const { clock, list, answer } = setUp();
		const reading = list();
		await reading.following(answer())(...page);
		await reading.interrupted();
		await clock.advance(RESUME_MS - 1_000);
		expect(await list().since()).toBeDefined();
		await clock.advance(2_000);
		expect(await list().since()).toBeUndefined();

		await reading.interrupted();
		const second = list();
		await second.since();
		await second.ended();
		expect(await list().since()).toBeUndefined();
	});

	it('reaches back to its oldest page, also over several interruptions, and never to a stale one', async () => {
		const { clock, list, answer } = setUp();
		const startMs = clock.wallMs();
		const first = list();
		await first.following(answer())(...page);
		await first.interrupted();
		await clock.advance(60_000);
		const second = list();
		await second.since();
		await second.following(answer({ source: 'cache', fetchedAtMs: startMs }))(...page);
		await second.following(answer({ source: 'stale', fetchedAtMs: startMs - 86_400_000 }))(...page);
		await second.interrupted();
		expect(await list().since()).toBe(startMs);
	});

	it('does not reach back to an id that was looked up long ago', async () => {
		const { clock, list, answer } = setUp();
		const reading = list();
		const old = answer({ source: 'cache', fetchedAtMs: clock.wallMs() - 20 * 86_400_000 });
		await reading.following(old)('userId', {});
		await reading.following(answer())(...page);
		await reading.interrupted();
		expect(await list().since()).toBe(clock.wallMs());
	});

	it('is not confused with another list, and nothing is remembered of a list without a page', async () => {
		const { list, answer } = setUp();
		const reading = list();
		await reading.interrupted();
		expect(await list().since()).toBeUndefined();
		await reading.following(answer())(...page);
		await reading.interrupted();
		expect(await list().since()).toBeDefined();
		expect(await list({ endpoint: 'userFollowing' }).since()).toBeUndefined();
		expect(await list({ user: { kind: 'username', username: 'espn' } }).since()).toBeUndefined();
		expect(await list({ startFrom: 'bookmark' }).since()).toBeUndefined();
	});
});
