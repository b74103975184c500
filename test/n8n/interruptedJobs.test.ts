import type { INodeExecutionData } from 'n8n-workflow';
import { JobRunner } from '../../nodes/shared/n8n/jobRunner';
import { encodePayload, type JobRequest } from '../../nodes/shared/resilience/jobPayload';
import { clockWithBottleneck } from '../support/bottleneck';
import { CANARY_KEY, scriptedClient, type Script } from '../support/client';
import { seededRandom, type ManualClock } from '../support/clock';

const DAY_MS = 24 * 3_600_000;
const PAGES = 5;

/** Followers 200 to a page; the cursor is the number of the next page. */
const page = (number: number) => {
	const isLast = number === PAGES - 1;
	return {
		followers: Array.from({ length: 200 }, (_, index) => ({
			id: String(number * 1_000 + index),
			unique_id: `fan${number}.${index}`,
		})),
		...{ hasMore: !isLast, time: isLast ? 0 : number + 1 },
	};
};

describe('a list job that ends as a dead letter', () => {
	let clock: ManualClock;
	/** What the API says instead of this page. */
	let trouble: ReturnType<Script> | undefined;
	let troubleAt: number;
	let world: ReturnType<typeof scriptedClient>;
	let results: INodeExecutionData[];
	let letters: INodeExecutionData[];

	beforeEach(() => {
		jest.useFakeTimers();
		clock = clockWithBottleneck();
		trouble = undefined;
		troubleAt = 2;
		results = [];
		letters = [];
		world = scriptedClient(clock, ({ url }) => {
			const number = Number(new URL(url).searchParams.get('time'));
			return number === troubleAt && trouble ? trouble : { body: page(number) };
		});
	});

	afterEach(async () => {
		await world.client.dispose();
		jest.useRealTimers();
	});

	const jobs = () => world.stores.jobs;
	const request: JobRequest = {
		...{ user: { kind: 'id', id: '107955' }, simplify: true, list: {} },
		call: { maxAttempts: 1 },
	};
	const add = async (maxAttempts: number) => {
		await jobs().add([
			{
				...{ queue: 'lists', kind: 'followers', payload: encodePayload(request) },
				...{ priority: 'backfill', notBeforeMs: 0, maxAttempts, dedupeKey: 'x' },
			},
		]);
	};

	/** An active trigger for so long. */
	const workOff = async (ms: number) => {
		const runner = new JobRunner(
			{
				...{ jobs: jobs(), client: world.client, clock, random: seededRandom(3) },
				...{ warn: () => {}, apiKey: CANARY_KEY, maxConcurrent: 4 },
				deliver: async (items, dead) => {
					results.push(...items);
					letters.push(...dead);
					return undefined;
				},
			},
			{
				...{ queue: 'lists', completeWhen: 'success', batchSize: 1, batchWaitMs: 0 },
				...{ filter: {}, once: false },
			},
		);
		const ended = runner.run();
		await clock.advance(ms);
		runner.stop();
		await clock.runUntil(ended);
	};

	const ids = (items: INodeExecutionData[], from: number, to: number) => {
		const numbers = items.slice(from, to).map(({ json }) => String(json['username']));
		return [numbers[0], numbers.at(-1)];
	};

	it.each([
		['at once', 5, { status: 404, body: '{"message":"Not Found"}' }, 'rejected', 1],
		['after its attempts', 3, { status: 503, body: '' }, 'server-error', 3],
	] as const)(
		'%s hands over what it has, and pays only for the rest when it is retried',
		async (_, maxAttempts, answer, kind, refused) => {
			trouble = answer;
			await add(maxAttempts);
			await workOff(10 * 60_000);
			expect(world.sent).toHaveLength(2 + refused);
			expect(letters).toHaveLength(1);
			expect(letters[0]?.json['details']).toMatchObject({
				advice: expect.any(String) as string,
				...{ kind, user: '107955', recordsRead: 400, creditsSpent: kind === 'rejected' ? 2 : 0 },
				bookmark: expect.any(String) as string,
			});
			expect(results).toHaveLength(400);
			expect(ids(results, 0, 400)).toEqual(['fan0.0', 'fan1.199']);
			expect(results.every(({ json }) => json['jobIncomplete'] === true)).toBe(true);
			expect(results[0]?.json).toMatchObject({ jobQueue: 'lists', jobUser: '107955' });

			trouble = undefined;
			await clock.advance(DAY_MS / 2);
			expect(await jobs().retryDead({ queue: 'lists' })).toBe(1);
			results = [];
			await workOff(60_000);
			expect(world.sent).toHaveLength(2 + refused + 3);
			expect(results).toHaveLength(PAGES * 200);
			expect(results.some(({ json }) => 'jobIncomplete' in json)).toBe(false);
			expect(await jobs().stats('lists')).toMatchObject({ done: 1, dead: 0 });
		},
	);

	it('goes on from its bookmark and says so when its pages are no longer stored', async () => {
		trouble = { status: 404, body: '{"message":"Not Found"}' };
		await add(5);
		await workOff(60_000);
		trouble = undefined;
		await clock.advance(2 * DAY_MS);
		await jobs().retryDead({ queue: 'lists' });
		results = [];
		await workOff(60_000);
		expect(world.sent).toHaveLength(3 + 3);
		expect(ids(results, 0, 600)).toEqual(['fan2.0', 'fan4.199']);
		expect(results).toHaveLength(600);
		expect(results.every(({ json }) => json['jobIncomplete'] === true)).toBe(true);
	});

	it('has nothing to hand over when its first page failed', async () => {
		trouble = { status: 404, body: '{"message":"Not Found"}' };
		troubleAt = 0;
		await add(5);
		await workOff(60_000);
		expect(results).toEqual([]);
		const details = letters[0]?.json['details'];
		expect(details).toMatchObject({ kind: 'rejected', user: '107955', httpStatus: 404 });
		expect(details).not.toHaveProperty('bookmark');
		expect(details).not.toHaveProperty('recordsRead');
	});
});
