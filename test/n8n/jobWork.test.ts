import { workOn } from '../../nodes/shared/n8n/jobWork';
import type { JobRequest } from '../../nodes/shared/resilience/jobPayload';
import type { ClaimedJob, JobKind } from '../../nodes/shared/resilience/jobs';
import { clockWithBottleneck } from '../support/bottleneck';
import { PROFILE, scriptedClient, type Script } from '../support/client';
import type { ManualClock } from '../support/clock';

const DAY_MS = 24 * 3_600_000;
const PAGES = 5;

/** Followers 200 to a page; the cursor is the number of the next page. */
const followers: Script = ({ url }) => {
	const { searchParams } = new URL(url);
	const page = Number(searchParams.get('time'));
	const count = Number(searchParams.get('count'));
	const people = Array.from({ length: count }, (_, index) => ({
		id: String(page * 1_000 + index),
		unique_id: `fan${page}.${index}`,
	}));
	const isLast = page === PAGES - 1;
	return { body: { followers: people, hasMore: !isLast, time: isLast ? 0 : page + 1 } };
};

describe('the work on one job', () => {
	let clock: ManualClock;

	beforeEach(() => {
		jest.useFakeTimers();
		clock = clockWithBottleneck();
	});

	afterEach(() => {
		jest.useRealTimers();
	});

	const jobOf = (kind: JobKind, over: Partial<ClaimedJob> = {}): ClaimedJob => ({
		id: '1',
		queue: 'default',
		fence: 1,
		kind,
		payload: '',
		priority: 'backfill',
		attempts: 0,
		maxAttempts: 10,
		createdAtMs: clock.wallMs(),
		progress: undefined,
		...over,
	});

	const request = (over: Partial<JobRequest> = {}): JobRequest => ({
		user: { kind: 'id', id: '107955' },
		simplify: true,
		call: {},
		list: {},
		...over,
	});

	/** Delivers a job up to `pages` pages, as if the process then died, or to its end. */
	const deliver = async (
		world: ReturnType<typeof scriptedClient>,
		job: ClaimedJob,
		asked: JobRequest,
		pages = Infinity,
	) => {
		const saved: string[] = [];
		const work = workOn({
			client: world.client,
			job,
			request: asked,
			signal: new AbortController().signal,
			saveProgress: async (progress) => {
				saved.push(progress);
				if (saved.length >= pages) throw new Error('killed');
			},
		});
		work.catch(() => {});
		const answer = await clock.runUntil(work).catch((error: Error) => {
			if (error.message !== 'killed') throw error;
			return undefined;
		});
		return { answer, saved, progress: saved.at(-1) };
	};

	it('serves a redelivered profile job from the store, even where the job always asks', async () => {
		const world = scriptedClient(clock, () => ({ body: PROFILE() }));
		const job = jobOf('userInfo');
		const asked = request({ user: { kind: 'username', username: 'a' }, call: { maxAgeMs: 0 } });
		const first = await deliver(world, job, asked);
		expect(first.answer?.records).toMatchObject([{ username: 'creator000017' }]);
		await clock.advance(12 * 3_600_000);
		const second = await deliver(world, job, asked);
		expect(second.answer).toEqual(first.answer);
		expect(world.sent).toHaveLength(1);
		await deliver(world, jobOf('userInfo'), asked);
		expect(world.sent).toHaveLength(2);
	});

	it('serves a job that was made of an item from what the item’s own run has paid for', async () => {
		const world = scriptedClient(clock, followers);
		const startedMs = clock.wallMs();
		await deliver(world, jobOf('followers'), request(), 3);
		await clock.advance(3_600_000);
		const asked = request({ call: { answersSinceMs: startedMs } });
		const { answer } = await deliver(world, jobOf('followers'), asked);
		expect(answer?.records).toHaveLength(PAGES * 200);
		expect(world.sent).toHaveLength(PAGES);
	});

	it('hands over the raw body where the short form is off', async () => {
		const world = scriptedClient(clock, () => ({ body: PROFILE() }));
		const { answer } = await deliver(world, jobOf('userInfo'), request({ simplify: false }));
		expect(answer?.records).toEqual([PROFILE()]);
	});

	it('saves a bookmark after each page but the last', async () => {
		const world = scriptedClient(clock, followers);
		const { answer, saved } = await deliver(world, jobOf('followers'), request());
		expect(answer?.records).toHaveLength(PAGES * 200);
		expect(saved).toHaveLength(PAGES - 1);
		expect(saved.map((text) => JSON.parse(text) as object)).toMatchObject(
			[1, 2, 3, 4].map((pages) => ({ pages, records: pages * 200 })),
		);
	});

	it.each([1, 2, 3, 4])(
		'after a kill behind page %i delivers the whole list and pays only for the pages that are missing',
		async (pages) => {
			const world = scriptedClient(clock, followers);
			const job = jobOf('followers');
			const { progress } = await deliver(world, job, request(), pages);
			expect(world.sent).toHaveLength(pages);
			await clock.advance(2 * 3_600_000);
			const { answer } = await deliver(world, { ...job, progress }, request());
			expect(answer?.incomplete).toBe(false);
			expect(answer?.records.map(({ userId }) => userId)).toEqual(
				Array.from({ length: PAGES }, (_, page) =>
					Array.from({ length: 200 }, (_item, index) => String(page * 1_000 + index)),
				).flat(),
			);
			expect(world.sent).toHaveLength(PAGES);
		},
	);

	it('goes on from the bookmark where the first pages are gone, pays for none twice, and says so', async () => {
		const world = scriptedClient(clock, followers);
		const job = jobOf('followers');
		const { progress } = await deliver(world, job, request(), 3);
		await clock.advance(2 * DAY_MS);
		const { answer } = await deliver(world, { ...job, progress }, request());
		expect(answer?.incomplete).toBe(true);
		expect(answer?.records).toHaveLength(2 * 200);
		expect(answer?.records[0]).toMatchObject({ userId: '3000' });
		expect(world.sent).toHaveLength(PAGES);
	}, 60_000);

	it('keeps to the caps of the whole list over deliveries', async () => {
		const world = scriptedClient(clock, followers);
		const job = jobOf('followers');
		const asked = request({ list: { limit: 700 } });
		const { progress } = await deliver(world, job, asked, 2);
		await clock.advance(2 * DAY_MS);
		const { answer } = await deliver(world, { ...job, progress }, asked);
		expect(answer?.records).toHaveLength(300);
		const capped = request({ list: { maxPages: 2 } });
		const { answer: none } = await deliver(world, { ...job, progress }, capped);
		expect(none).toEqual({ records: [], incomplete: true });
	}, 60_000);

	it('begins anew with a bookmark that is damaged', async () => {
		const world = scriptedClient(clock, followers);
		for (const progress of ['', '{', '{"pages":"2"}', 'null']) {
			const { answer } = await deliver(world, jobOf('followers', { progress }), request());
			expect(answer).toMatchObject({ incomplete: false });
			expect(answer?.records).toHaveLength(PAGES * 200);
		}
	});
});
