import type { INodeExecutionData } from 'n8n-workflow';
import { CallFailure, type Failure } from '../../nodes/shared/api';
import { JobRunner, type JobRunnerOptions } from '../../nodes/shared/n8n/jobRunner';
import type { CallOptions, CallResult, Client } from '../../nodes/shared/resilience/client';
import { defaultDedupeKey, encodePayload } from '../../nodes/shared/resilience/jobPayload';
import type { JobStore, NewJob } from '../../nodes/shared/resilience/jobs';
import { openEmbeddedStores } from '../../nodes/shared/stores/embedded';
import { CANARY_KEY } from '../support/client';
import { ManualClock, seededRandom } from '../support/clock';

/** What the API says about one user: a failure, or a profile after some time. */
type Saying = Failure | { afterMs: number } | undefined;

interface Delivered {
	users: string[];
	dead: INodeExecutionData[];
	end: (problem?: string) => void;
}

const MAX_CONCURRENT = 4;

describe('the job runner', () => {
	let clock: ManualClock;
	let jobs: JobStore;
	let dispose: () => Promise<void>;
	let calls: { user: string; options: CallOptions; atMs: number }[];
	let saying: (user: string) => Saying;
	let runs: Delivered[];
	let warnings: string[];
	let inFlight: number;
	const runners: { runner: JobRunner; ended: Promise<void> }[] = [];

	beforeEach(() => {
		clock = new ManualClock();
		const stores = openEmbeddedStores({
			folder: undefined,
			keyId: 'key1',
			clock,
			warn: (text) => warnings.push(text),
			random: seededRandom(5),
		});
		({ jobs } = stores);
		dispose = async () => await stores.dispose();
		calls = [];
		runs = [];
		warnings = [];
		inFlight = 0;
		saying = () => undefined;
	});

	afterEach(async () => {
		for (const { runner } of runners) runner.giveUp();
		for (const run of runs) run.end();
		await clock.advance(10_000);
		for (const { ended } of runners.splice(0)) await ended;
		await dispose();
		expect(clock.pending()).toBe(0);
	});

	const client = {
		call: async (_endpoint: string, params: { username: string }, options: CallOptions) => {
			const user = params.username;
			calls.push({ user, options, atMs: clock.monotonicMs() });
			const said = saying(user);
			if (said && 'kind' in said) throw new CallFailure(said);
			inFlight += 1;
			if (said) {
				await clock.sleep(said.afterMs, options.signal).catch(() => {
					inFlight -= 1;
					throw new CallFailure({ kind: 'cancelled', detail: 'Cancelled' });
				});
			}
			inFlight -= 1;
			return { body: { user: { id: '1', uniqueId: user } } } as unknown as CallResult;
		},
		status: async () => ({ admission: { inFlight } }),
	} as unknown as Client;

	const start = (over: Partial<JobRunnerOptions> = {}) => {
		const runner = new JobRunner(
			{
				jobs,
				client,
				clock,
				random: seededRandom(3),
				warn: (text) => warnings.push(text),
				apiKey: CANARY_KEY,
				maxConcurrent: MAX_CONCURRENT,
				deliver: async (results, dead) =>
					await new Promise<string | undefined>((end) => {
						runs.push({ users: results.map(({ json }) => String(json['username'])), dead, end });
					}),
			},
			{
				queue: 'default',
				completeWhen: 'success',
				batchSize: 3,
				batchWaitMs: 5_000,
				filter: {},
				once: false,
				...over,
			},
		);
		runners.push({ runner, ended: runner.run() });
		return runner;
	};

	const add = async (users: string[], over: Partial<NewJob> = {}) =>
		await jobs.add(
			users.map((username) => {
				const request = {
					user: { kind: 'username', username } as const,
					simplify: true,
					call: {},
				};
				return {
					queue: 'default',
					kind: 'userInfo',
					payload: encodePayload(request),
					priority: 'backfill',
					notBeforeMs: 0,
					maxAttempts: 3,
					dedupeKey: defaultDedupeKey('userInfo', request),
					...over,
				};
			}),
		);

	const users = (count: number) => Array.from({ length: count }, (_, index) => `user${index}`);
	const run = (index: number) => runs[index] as Delivered;

	it('delivers full batches at once and the rest after the wait, and completes them on success', async () => {
		await add(users(5));
		start();
		await clock.advance(100);
		expect(runs.map((each) => each.users)).toEqual([['user0', 'user1', 'user2']]);
		await clock.advance(5_000);
		expect(run(1).users).toEqual(['user3', 'user4']);
		expect(await jobs.stats('default')).toMatchObject({ active: 5, done: 0 });
		run(0).end();
		run(1).end();
		await clock.advance(10);
		expect(await jobs.stats('default')).toMatchObject({ active: 0, done: 5 });
	});

	it('tells which job each record belongs to', async () => {
		let item: INodeExecutionData | undefined;
		const [added] = await add(['someone']);
		const runner = new JobRunner(
			{
				jobs,
				client,
				clock,
				random: seededRandom(3),
				warn: () => {},
				apiKey: CANARY_KEY,
				maxConcurrent: MAX_CONCURRENT,
				deliver: async ([first]) => {
					item = first;
					return undefined;
				},
			},
			{
				queue: 'default',
				completeWhen: 'success',
				batchSize: 1,
				batchWaitMs: 0,
				filter: {},
				once: false,
			},
		);
		runners.push({ runner, ended: runner.run() });
		await clock.advance(10);
		expect(item?.json).toMatchObject({
			username: 'someone',
			jobId: added?.id,
			jobQueue: 'default',
			jobUser: 'someone',
		});
		expect(item?.json).not.toHaveProperty('jobIncomplete');
	});

	it('asks with the priority of the job, and takes any answer since the job was made', async () => {
		await add(['a'], { priority: 'critical' });
		const createdMs = clock.wallMs();
		await clock.advance(60_000);
		start();
		await clock.advance(10);
		expect(calls[0]?.options).toMatchObject({ priority: 'critical', notBeforeMs: createdMs });
	});

	it('holds no more than twice the concurrency in hand, and leaves the backlog in the store', async () => {
		saying = () => ({ afterMs: 60_000 });
		await add(users(50));
		start({ batchSize: 100 });
		await clock.advance(30_000);
		expect(calls.length).toBeLessThanOrEqual(2 * MAX_CONCURRENT);
		expect(await jobs.stats('default')).toMatchObject({
			waiting: 50 - calls.length,
			active: calls.length,
		});
	});

	it('has room for critical jobs while its hands are full of backfill', async () => {
		saying = (user) => (user.startsWith('user') ? { afterMs: 60_000 } : undefined);
		await add(users(50));
		start();
		await clock.advance(5_000);
		await add(['urgent'], { priority: 'critical' });
		await clock.advance(1_000);
		expect(calls.at(-1)?.user).toBe('urgent');
	});

	it('stops taking jobs while four executions are open and a batch is ready', async () => {
		await add(users(60));
		start();
		await clock.advance(30_000);
		expect(runs).toHaveLength(4);
		const before = calls.length;
		expect(before).toBeLessThanOrEqual(4 * 3 + 3 + 2 * MAX_CONCURRENT);
		run(0).end();
		await clock.advance(100);
		expect(runs).toHaveLength(5);
	});

	it('keeps its leases through long executions', async () => {
		await add(users(3));
		start();
		await clock.advance(600_000);
		const other = await jobs.claim({ queue: 'default', limit: 9, leaseMs: 1_000 });
		expect(other).toEqual({ jobs: [], died: [] });
		run(0).end();
		await clock.advance(10);
		expect(await jobs.stats('default')).toMatchObject({ done: 3 });
	});

	it('delivers again after a failed execution: later, in halved batches, up to the last attempt', async () => {
		await add(users(4), { maxAttempts: 2 });
		start({ batchSize: 4 });
		await clock.advance(10);
		expect(run(0).users).toHaveLength(4);
		run(0).end('Postgres is down');
		await clock.advance(10);
		expect(await jobs.stats('default')).toMatchObject({ delayed: 4, active: 0 });
		await clock.advance(120_000);
		for (const each of runs.slice(1)) expect(each.users.length).toBeLessThanOrEqual(2);
		for (const [index, each] of runs.slice(1).entries())
			each.end(index === 0 ? 'again' : undefined);
		await clock.advance(120_000);
		for (const each of runs) each.end();
		await clock.advance(10_000);
		const dead = await jobs.listDead({ queue: 'default', limit: 9 });
		expect(dead.length).toBeGreaterThan(0);
		expect(dead[0]).toMatchObject({
			reason: 'attempts',
			attempts: 2,
			history: [
				{ error: 'The workflow failed: Postgres is down' },
				{ error: 'The workflow failed: again' },
			],
		});
		const { done, dead: count } = await jobs.stats('default');
		expect(done + count).toBe(4);
	});

	it('rests after failed executions, longer each time', async () => {
		await add(users(30), { maxAttempts: 50 });
		start();
		const begun: number[] = [];
		for (let round = 0; round < 6; round++) {
			while (runs.length <= begun.length) await clock.advance(250);
			begun.push(clock.monotonicMs());
			for (const each of runs) each.end('down');
			runs.length = begun.length;
			await clock.advance(1);
		}
		const gaps = begun.slice(1).map((atMs, index) => atMs - (begun[index] as number));
		expect(gaps[4]).toBeGreaterThan(8_000);
	});

	it.each([
		['finished', 'The workflow broke'],
		['immediately', 'whatever'],
	] as const)(
		'completes jobs "%s" even though the execution fails',
		async (completeWhen, problem) => {
			await add(users(3));
			start({ completeWhen });
			await clock.advance(10);
			if (completeWhen === 'immediately') expect((await jobs.stats('default')).done).toBe(3);
			run(0).end(problem);
			await clock.advance(10);
			expect(await jobs.stats('default')).toMatchObject({ done: 3, delayed: 0, dead: 0 });
		},
	);

	it.each([
		[{ kind: 'not-found', detail: 'User not found' }, 'not-found'],
		[{ kind: 'private', detail: 'Private' }, 'private'],
		[{ kind: 'rejected', detail: 'Bad request', status: 400 }, 'rejected'],
		[{ kind: 'unexpected-body', detail: 'No user' }, 'unexpected-body'],
	] as const)(
		'buries a job after %j and tells so on the second output',
		async (failure, reason) => {
			saying = () => failure;
			const [added] = await add(['gone']);
			start();
			await clock.advance(6_000);
			expect(run(0).users).toEqual([]);
			expect(run(0).dead[0]?.json).toMatchObject({
				jobId: added?.id,
				kind: 'userInfo',
				username: 'gone',
				reason,
				lastError: `${reason}: ${failure.detail}`,
			});
			run(0).end();
			expect((await jobs.stats('default')).dead).toBe(1);
			expect(calls).toHaveLength(1);
		},
	);

	it('retries what may get better, with attempts and backoff, then buries it', async () => {
		saying = () => ({ kind: 'timeout', detail: 'No answer', timeoutMs: 30_000 });
		await add(['slow']);
		start();
		await clock.advance(1_000);
		expect(await jobs.stats('default')).toMatchObject({ delayed: 1, dead: 0 });
		await clock.advance(300_000);
		expect(calls).toHaveLength(3);
		expect(await jobs.listDead({ queue: 'default', limit: 1 })).toMatchObject([
			{ reason: 'attempts', attempts: 3 },
		]);
	});

	it('while the breaker is open neither spins nor uses attempts nor drags the backlog through', async () => {
		const reopensAtMs = clock.monotonicMs() + 120_000;
		saying = () => {
			const reopensInMs = reopensAtMs - clock.monotonicMs();
			return reopensInMs > 0 ? { kind: 'circuit-open', detail: 'Open', reopensInMs } : undefined;
		};
		await add(users(100));
		start();
		await clock.advance(119_000);
		expect(calls.length).toBeLessThanOrEqual(2 * MAX_CONCURRENT);
		expect((await jobs.stats('default')).delayed).toBeLessThanOrEqual(2 * MAX_CONCURRENT);
		await clock.advance(60_000);
		for (let end = 0; end < 40; end++) {
			for (const each of runs) each.end();
			await clock.advance(6_000);
		}
		expect(await jobs.stats('default')).toMatchObject({ done: 100, dead: 0 });
	});

	it('with a spent backfill budget goes on with critical jobs and waits for the new day', async () => {
		const resetsAtMs = clock.wallMs() + 3_600_000;
		saying = (user) =>
			user.startsWith('user') && clock.wallMs() < resetsAtMs
				? { kind: 'budget-exhausted', detail: 'Spent', resetsAtMs }
				: undefined;
		await add(users(3));
		start({ batchWaitMs: 100 });
		await clock.advance(1_000);
		expect(await jobs.stats('default')).toMatchObject({ delayed: 3 });
		await add(['urgent'], { priority: 'critical' });
		await clock.advance(2_000);
		expect(run(0).users).toEqual(['urgent']);
		run(0).end();
		await clock.advance(3_590_000);
		expect((await jobs.stats('default')).done).toBe(1);
		await clock.advance(30_000);
		expect(
			runs
				.slice(1)
				.flatMap((each) => each.users)
				.sort(),
		).toEqual(users(3));
		for (const each of runs) each.end();
		await clock.advance(100);
		expect((await jobs.stats('default')).done).toBe(4);
	});

	it.each<[Failure, string]>([
		[{ kind: 'invalid-key', detail: 'no' }, 'TikLiveAPI does not accept the API key'],
		[
			{ kind: 'unreachable', detail: 'no', cure: 'Renew it.', code: 'CERT_HAS_EXPIRED' },
			'TikLiveAPI cannot be reached from here',
		],
		[
			{ kind: 'intercepted', detail: 'no', status: 403 },
			'Something between n8n and TikLiveAPI refuses the requests',
		],
	])('with %j waits and says so once', async (failure, told) => {
		saying = () => failure;
		await add(users(20));
		start();
		await clock.advance(60_000);
		expect(calls.length).toBeLessThanOrEqual(2 * MAX_CONCURRENT);
		expect(warnings).toEqual([`${told}; the jobs of the queue wait`]);
		expect(await jobs.stats('default')).toMatchObject({ dead: 0 });
	});

	it('postpones on a long Retry-After, and uses an attempt on a short one', async () => {
		const [long, short] = [120_000, 2_000];
		saying = (user) => ({
			kind: 'rate-limited',
			detail: '429',
			retryAfterMs: user === 'long' ? long : short,
		});
		await add(['short']);
		start();
		await clock.advance(100);
		await add(['long']);
		await clock.advance(1_500);
		const atMs = clock.monotonicMs();
		await clock.advance(110_000);
		expect(calls.filter((call) => call.atMs > atMs)).toEqual([]);
		await clock.advance(30_000);
		expect(calls.filter((call) => call.atMs > atMs).length).toBeGreaterThan(0);
	});

	it('buries unknown versions and damaged payloads with their raw text, without a call', async () => {
		await add(['new'], { payload: '{"v":99,"what":"ever"}', dedupeKey: 'a' });
		await add(['bad'], { payload: '{"v":1,"user":', dedupeKey: 'b' });
		start();
		await clock.advance(6_000);
		expect(run(0).dead.map(({ json }) => [json['reason'], json['payload']])).toEqual([
			['version', '{"v":99,"what":"ever"}'],
			['damaged', '{"v":1,"user":'],
		]);
		run(0).end();
		expect(calls).toEqual([]);
	});

	it('keeps the API key out of what it stores', async () => {
		saying = () => ({ kind: 'rejected', detail: `bad key ${CANARY_KEY}`, status: 400 });
		await add(['a']);
		start();
		await clock.advance(6_000);
		expect(
			JSON.stringify([run(0).dead, await jobs.listDead({ queue: 'default', limit: 9 })]),
		).not.toContain(CANARY_KEY);
		run(0).end();
	});

	it('takes only the kinds and priorities it is told to', async () => {
		await add(['a'], { priority: 'critical' });
		await add(['b']);
		start({ filter: { priorities: ['backfill'], kinds: ['userInfo'] } });
		await clock.advance(6_000);
		expect(calls.map(({ user }) => user)).toEqual(['b']);
		run(0).end();
	});

	it('picks up jobs that come later within a second', async () => {
		start({ batchSize: 1 });
		await clock.advance(10_500);
		await add(['late']);
		await clock.advance(1_000);
		expect(run(0).users).toEqual(['late']);
		run(0).end();
	});

	describe('stopped', () => {
		it('hands back what it fetches or holds ready, waits for open executions, completes them', async () => {
			saying = (user) => (user === 'user4' ? { afterMs: 60_000 } : undefined);
			await add(users(6));
			const runner = start();
			await clock.advance(100);
			expect(run(0).users).toHaveLength(3);
			runner.stop();
			await clock.advance(100);
			expect(await jobs.stats('default')).toMatchObject({ waiting: 3, active: 3 });
			await clock.advance(120_000);
			expect((await jobs.stats('default')).active).toBe(3);
			run(0).end();
			await runners[0]?.ended;
			expect(await jobs.stats('default')).toMatchObject({ waiting: 3, active: 0, done: 3 });
			const again = await jobs.claim({ queue: 'default', limit: 9, leaseMs: 1_000 });
			expect(again.jobs.map(({ attempts }) => attempts)).toEqual([0, 0, 0]);
		});

		it('hands back the jobs of an execution that does not end within five minutes', async () => {
			await add(users(3));
			const runner = start();
			await clock.advance(100);
			runner.stop();
			await clock.advance(299_000);
			expect((await jobs.stats('default')).active).toBe(3);
			await clock.advance(2_000);
			expect(await jobs.stats('default')).toMatchObject({ waiting: 3, active: 0 });
		});

		it('ends at once when there is nothing to wait for', async () => {
			const runner = start();
			await clock.advance(100);
			runner.stop();
			runner.stop();
			await clock.advance(0);
			await runners[0]?.ended;
		});
	});

	describe('for a manual test', () => {
		it('takes one batch, does not wait for more than there is, and leaves the rest', async () => {
			await add(users(9));
			start({ once: true, batchSize: 4 });
			await clock.advance(100);
			expect(runs.map((each) => each.users)).toEqual([users(4)]);
			run(0).end();
			await clock.advance(10_000);
			expect(runs).toHaveLength(1);
			expect(await jobs.stats('default')).toMatchObject({ waiting: 5, active: 0, done: 4 });
		});

		it('waits for the first job', async () => {
			start({ once: true });
			await clock.advance(60_000);
			await add(['late']);
			await clock.advance(1_000);
			expect(run(0).users).toEqual(['late']);
			run(0).end();
		});

		it('hands back what is slower than the batch wait', async () => {
			saying = (user) => (user === 'user2' ? { afterMs: 60_000 } : undefined);
			await add(users(3));
			start({ once: true });
			await clock.advance(6_000);
			expect(run(0).users).toEqual(['user0', 'user1']);
			run(0).end();
			await clock.advance(1_000);
			expect(await jobs.stats('default')).toMatchObject({ waiting: 1, done: 2 });
		});
	});

	it('gives up a job that somebody else has taken meanwhile', async () => {
		saying = () => ({ afterMs: 600_000 });
		await add(['a']);
		start();
		await clock.advance(100);
		// Long enough for the lease to end: this process was suspended.
		clock.jump(70_000);
		const { jobs: taken } = await jobs.claim({ queue: 'default', limit: 1, leaseMs: 600_000 });
		expect(taken).toHaveLength(1);
		await clock.advance(1_000);
		expect(calls[0]?.options.signal?.aborted).toBe(true);
		expect(await jobs.complete(taken)).toEqual([true]);
		expect(runs).toEqual([]);
	});

	it('survives trouble with the store, and says so once', async () => {
		const claim = jobs.claim.bind(jobs);
		let broken = true;
		jobs.claim = async (request) => {
			if (broken) throw new Error('database is locked');
			return await claim(request);
		};
		await add(['a']);
		start({ batchSize: 1 });
		await clock.advance(5_000);
		expect(warnings).toEqual(['The job queue cannot be used just now: database is locked']);
		broken = false;
		await clock.advance(2_000);
		expect(run(0).users).toEqual(['a']);
		run(0).end();
	});
});
