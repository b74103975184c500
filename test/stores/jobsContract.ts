import type {
	AddedJob,
	ClaimedJob,
	DeadJob,
	JobFilter,
	JobStore,
	NewJob,
} from '../../nodes/shared/resilience/jobs';
import { onlyIf, type StoresFactory, type StoresUnderTest, type StoreTraits } from './contract';
import { describeQueuesContract } from './queuesContract';

const LEASE_MS = 60_000;
/** Beyond the last sign of life of a process that was killed. */
const DEATH_MS = 13_000;

/** What every implementation of resilience/jobs.ts promises. */
export function describeJobsContract(
	name: string,
	traits: StoreTraits,
	factory: StoresFactory,
): void {
	// A store in memory has no other processes; the promise does not exist there.
	const acrossProcesses = onlyIf(traits.processes);
	const { deathMs = DEATH_MS } = traits;

	describeQueuesContract(name, traits, factory);

	describe(`${name} keeps the contract of the job queue`, () => {
		let bench: StoresUnderTest;
		let jobs: JobStore;
		let count = 0;

		beforeEach(async () => {
			bench = await factory();
			jobs = bench.open().jobs;
		});

		afterEach(async () => {
			await bench.close();
		});

		const job = (over: Partial<NewJob> = {}): NewJob => {
			count += 1;
			return {
				queue: 'default',
				kind: 'userInfo',
				payload: JSON.stringify({ v: 1, user: `user${count}` }),
				priority: 'backfill',
				notBeforeMs: 0,
				maxAttempts: 5,
				dedupeKey: `job ${count}`,
				...over,
			};
		};

		const addOne = async (over: Partial<NewJob> = {}): Promise<AddedJob> => {
			const [added] = await jobs.add([job(over)]);
			return added as AddedJob;
		};

		const claim = async (
			limit = 10,
			filter: JobFilter = {},
			from = jobs,
		): Promise<ClaimedJob[]> => {
			const claimed = await from.claim({ queue: 'default', limit, leaseMs: LEASE_MS, ...filter });
			expect(claimed.died).toEqual([]);
			return claimed.jobs;
		};

		const claimOne = async (from = jobs): Promise<ClaimedJob> => {
			const [claimed] = await claim(1, {}, from);
			if (claimed === undefined) throw new Error('Nothing to claim');
			return claimed;
		};

		const ids = (list: readonly { id: string }[]) => list.map(({ id }) => id);

		const later = (
			over: Partial<{ delayMs: number; error: string; usesAttempt: boolean }> = {},
		) => ({
			delayMs: 1_000,
			error: 'server-error: 503',
			usesAttempt: true,
			...over,
		});

		describe('adding', () => {
			it('gives each job an id, in the order given, and hands back what was put in', async () => {
				const given = [job({ kind: 'posts', payload: '{"v":1,"text":"日本 \\" \'"}' }), job()];
				const added = await jobs.add(given);
				expect(new Set(ids(added)).size).toBe(2);
				expect(added.every(({ duplicate }) => !duplicate)).toBe(true);

				const claimed = await claim();
				expect(ids(claimed)).toEqual(ids(added));
				expect(claimed[0]).toMatchObject({
					kind: 'posts',
					payload: given[0]?.payload,
					priority: 'backfill',
					attempts: 0,
					maxAttempts: 5,
					progress: undefined,
				});
				expect(Math.abs((claimed[0]?.createdAtMs ?? 0) - bench.wallMs())).toBeLessThan(5_000);
			});

			it('adds nothing for an empty list', async () => {
				expect(await jobs.add([])).toEqual([]);
			});

			it('keeps one of two with the same key, within a batch and over batches', async () => {
				const [first, second] = await jobs.add([
					job({ dedupeKey: 'same' }),
					job({ dedupeKey: 'same' }),
				]);
				const third = await addOne({ dedupeKey: 'same' });
				expect(first?.duplicate).toBe(false);
				expect(second).toEqual({ id: first?.id, duplicate: true });
				expect(third).toEqual({ id: first?.id, duplicate: true });
				expect(await claim()).toHaveLength(1);
			});

			it('holds the key while the job is delayed or active, and frees it when it is done or dead', async () => {
				const { id } = await addOne({ dedupeKey: 'same' });
				const [active] = await claim();
				expect(await addOne({ dedupeKey: 'same' })).toEqual({ id, duplicate: true });
				await jobs.retryLater(active as ClaimedJob, later());
				expect(await addOne({ dedupeKey: 'same' })).toEqual({ id, duplicate: true });
				await bench.advance(1_000);
				await jobs.complete(await claim());
				const again = await addOne({ dedupeKey: 'same' });
				expect(again.duplicate).toBe(false);
				expect(again.id).not.toBe(id);
				await jobs.deadLetter(await claimOne(), 'not-found', 'no such user');
				expect((await addOne({ dedupeKey: 'same' })).duplicate).toBe(false);
			});

			it('keeps the jobs of two API keys apart', async () => {
				const other = bench.open({ keyId: 'key2' }).jobs;
				await addOne({ dedupeKey: 'same' });
				const [twin] = await other.add([job({ dedupeKey: 'same' })]);
				expect(twin?.duplicate).toBe(false);
				const [mine] = await claim();
				expect(await other.complete([mine as ClaimedJob])).toEqual([false]);
				expect(ids(await claim(10, {}, other))).toEqual([twin?.id]);
				expect((await jobs.stats('default')).active).toBe(1);
			});
		});

		describe('claiming', () => {
			it('takes critical jobs first, then the oldest', async () => {
				const added = await jobs.add([
					job(),
					job({ priority: 'critical' }),
					job(),
					job({ priority: 'critical' }),
				]);
				const [a, b, c, d] = ids(added);
				expect(ids(await claim(3))).toEqual([b, d, a]);
				expect(ids(await claim(3))).toEqual([c]);
				expect(await claim(3)).toEqual([]);
			});

			it('takes only the kinds and priorities that were asked for', async () => {
				const added = await jobs.add([
					job({ kind: 'userInfo', priority: 'critical' }),
					job({ kind: 'posts' }),
					job({ kind: 'followers' }),
					job({ kind: 'posts', priority: 'critical' }),
				]);
				const [info, posts, followers, criticalPosts] = ids(added);
				const backfill = ['backfill'] as const;
				expect(ids(await claim(9, { kinds: ['posts'], priorities: backfill }))).toEqual([posts]);
				expect(ids(await claim(9, { priorities: backfill }))).toEqual([followers]);
				expect(ids(await claim(9, { kinds: ['posts', 'following'] }))).toEqual([criticalPosts]);
				expect(ids(await claim(9))).toEqual([info]);
			});

			acrossProcesses('gives each job to one of two processes', async () => {
				const other = bench.open({ process: 'b' }).jobs;
				await jobs.add(Array.from({ length: 50 }, () => job()));
				const taken: string[] = [];
				for (let round = 0; round < 5; round++) {
					const both = await Promise.all([claim(5), claim(5, {}, other)]);
					taken.push(...both.flatMap(ids));
				}
				expect(taken).toHaveLength(50);
				expect(new Set(taken).size).toBe(50);
			});

			it('leaves a job alone until its time has come', async () => {
				const soon = await addOne({ notBeforeMs: bench.wallMs() + 1_500 });
				await addOne({ notBeforeMs: bench.wallMs() + 3_600_000 });
				expect(await claim()).toEqual([]);
				expect(await jobs.stats('default')).toMatchObject({ waiting: 0, delayed: 2 });
				await bench.advance(1_600);
				expect(await jobs.stats('default')).toMatchObject({ waiting: 1, delayed: 1 });
				expect(ids(await claim())).toEqual([soon.id]);
			});
		});

		describe('a claim', () => {
			it('is completed once', async () => {
				await jobs.add([job(), job()]);
				const claims = await claim();
				expect(await jobs.complete(claims)).toEqual([true, true]);
				expect(await jobs.complete(claims)).toEqual([false, false]);
				expect(await jobs.stats('default')).toMatchObject({ waiting: 0, active: 0, done: 2 });
			});

			it('keeps a bookmark for the next delivery', async () => {
				await addOne();
				const first = await claimOne();
				expect(await jobs.saveProgress(first, 'page 7')).toBe(true);
				await jobs.retryLater(first, later({ delayMs: 0 }));
				expect((await claimOne()).progress).toBe('page 7');
				expect(await jobs.saveProgress(first, 'page 8')).toBe(false);
			});

			it('handed back is free at once and has used no attempt', async () => {
				const { id } = await addOne();
				await jobs.release([await claimOne()]);
				expect(await claimOne()).toMatchObject({ id, attempts: 0 });
			});

			acrossProcesses(
				'comes back when its lease has run out, and the late worker is refused',
				async () => {
					const other = bench.open({ process: 'b' }).jobs;
					await addOne();
					const { jobs: late } = await jobs.claim({ queue: 'default', limit: 1, leaseMs: 1_000 });
					await bench.advance(1_500);
					const next = await claimOne(other);
					expect(next).toMatchObject({ id: late[0]?.id, attempts: 1 });
					expect(next.fence).not.toBe(late[0]?.fence);

					expect(await jobs.extend(late, LEASE_MS)).toEqual([false]);
					expect(await jobs.complete(late)).toEqual([false]);
					expect(await jobs.retryLater(late[0] as ClaimedJob, later())).toBe('lost');
					expect(await jobs.deadLetter(late[0] as ClaimedJob, 'private', 'x')).toBeUndefined();
					await jobs.release(late);
					expect(await other.complete([next])).toEqual([true]);
				},
			);

			it('stays as long as it is extended', async () => {
				await addOne();
				const { jobs: claims } = await jobs.claim({ queue: 'default', limit: 1, leaseMs: 1_000 });
				for (let round = 0; round < 3; round++) {
					await bench.advance(700);
					expect(await jobs.extend(claims, 1_000)).toEqual([true]);
					expect(await claim()).toEqual([]);
				}
				expect(await jobs.complete(claims)).toEqual([true]);
			});

			acrossProcesses(
				'comes back when its process is dead, long before its lease ends',
				async () => {
					const doomed = bench.open({ process: 'doomed' }).jobs;
					await addOne();
					const lost = await claimOne(doomed);
					await bench.kill('doomed');
					await bench.advance(deathMs);
					const again = await claimOne();
					expect(again).toMatchObject({ id: lost.id, attempts: 1 });
					expect(await jobs.complete([again])).toEqual([true]);
				},
			);
		});

		describe('retrying', () => {
			it('waits for the delay and counts the attempt', async () => {
				const { id } = await addOne();
				expect(await jobs.retryLater(await claimOne(), later({ delayMs: 1_500 }))).toBe('delayed');
				expect(await claim()).toEqual([]);
				await bench.advance(1_600);
				expect(await claimOne()).toMatchObject({ id, attempts: 1 });
			});

			it('postpones without using an attempt, as often as it takes', async () => {
				await addOne({ maxAttempts: 2 });
				for (let round = 0; round < 25; round++) {
					const how = later({ delayMs: 1, usesAttempt: false, error: `open ${round}` });
					expect(await jobs.retryLater(await claimOne(), how)).toBe('delayed');
					await bench.advance(5);
				}
				const claimed = await claimOne();
				expect(claimed.attempts).toBe(0);
				const dead = (await jobs.deadLetter(claimed, 'private', 'end')) as DeadJob;
				expect(dead.history).toHaveLength(20);
				expect(dead.history.slice(-2).map(({ error }) => error)).toEqual(['open 24', 'end']);
			});

			it('ends as a dead letter with reason, last error and history', async () => {
				const { id } = await addOne({ maxAttempts: 2, kind: 'followers' });
				await jobs.retryLater(await claimOne(), later({ delayMs: 0, error: 'first' }));
				const dead = await jobs.retryLater(await claimOne(), later({ error: 'second' }));
				expect(dead).toMatchObject({
					id,
					kind: 'followers',
					reason: 'attempts',
					lastError: 'second',
					attempts: 2,
				});
				expect((dead as DeadJob).history.map(({ error }) => error)).toEqual(['first', 'second']);
				expect(await claim()).toEqual([]);
				expect(await jobs.stats('default')).toMatchObject({ waiting: 0, delayed: 0, dead: 1 });
				expect(await jobs.listDead({ queue: 'default', limit: 10 })).toEqual([dead]);
			});

			acrossProcesses(
				'buries a job that ends its process each time, after that many deliveries',
				async () => {
					const { id } = await addOne({ maxAttempts: 2 });
					for (const name of ['first', 'second']) {
						const doomed = bench.open({ process: name }).jobs;
						expect((await claimOne(doomed)).id).toBe(id);
						await bench.kill(name);
						await bench.advance(deathMs);
					}
					const { jobs: none, died } = await jobs.claim({
						queue: 'default',
						limit: 9,
						leaseMs: LEASE_MS,
					});
					expect(none).toEqual([]);
					expect(died).toMatchObject([{ id, reason: 'crashed', attempts: 2 }]);
					expect(await jobs.listDead({ queue: 'default', limit: 10 })).toEqual(died);
				},
				60_000,
			);
		});

		describe('dead letters', () => {
			const bury = async (over: Partial<NewJob> = {}): Promise<DeadJob> => {
				await addOne(over);
				return (await jobs.deadLetter(await claimOne(), 'not-found', 'gone')) as DeadJob;
			};

			it('are listed newest first, by kind, up to a limit', async () => {
				const old = await bury({ kind: 'posts' });
				await bench.advance(10);
				const middle = await bury();
				await bench.advance(10);
				const young = await bury({ kind: 'posts' });
				expect(ids(await jobs.listDead({ queue: 'default', limit: 9 }))).toEqual(
					ids([young, middle, old]),
				);
				expect(ids(await jobs.listDead({ queue: 'default', limit: 1 }))).toEqual([young.id]);
				expect(ids(await jobs.listDead({ queue: 'default', limit: 9, kinds: ['posts'] }))).toEqual(
					ids([young, old]),
				);
			});

			it('go back with fresh attempts and their history, once', async () => {
				const dead = await bury();
				expect(await jobs.retryDead([dead.id])).toBe(1);
				expect(await jobs.retryDead([dead.id])).toBe(0);
				expect(await jobs.retryDead({ queue: 'default' })).toBe(0);
				const claimed = await claimOne();
				expect(claimed).toMatchObject({ id: dead.id, attempts: 0, payload: dead.payload });
				const again = await jobs.deadLetter(claimed, 'not-found', 'still gone');
				expect(again?.history.map(({ error }) => error)).toEqual(['gone', 'still gone']);
			});

			it('all go back at once, but for those whose key another job has', async () => {
				const [first, second] = [await bury({ dedupeKey: 'a' }), await bury({ dedupeKey: 'b' })];
				await addOne({ dedupeKey: 'b' });
				expect(await jobs.retryDead({ queue: 'default' })).toBe(1);
				expect(await jobs.stats('default')).toMatchObject({ waiting: 2, dead: 1 });
				expect(ids(await jobs.listDead({ queue: 'default', limit: 9 }))).toEqual([second.id]);
				expect(ids(await claim())).toContain(first.id);
			});

			it('are deleted, and nothing but dead letters is', async () => {
				const [first, second] = [await bury(), await bury()];
				const { id: waiting } = await addOne();
				expect(await jobs.deleteDead([first.id, waiting, 'nonsense', '-1'])).toBe(1);
				expect(ids(await jobs.listDead({ queue: 'default', limit: 9 }))).toEqual([second.id]);
				expect(await jobs.deleteDead({ queue: 'default' })).toBe(1);
				expect(await jobs.stats('default')).toMatchObject({ waiting: 1, dead: 0 });
			});

			it('of another API key are out of reach', async () => {
				const dead = await bury();
				const other = bench.open({ keyId: 'key2' }).jobs;
				expect(await other.listDead({ queue: 'default', limit: 9 })).toEqual([]);
				expect(await other.retryDead([dead.id])).toBe(0);
				expect(await other.deleteDead({ queue: 'default' })).toBe(0);
			});
		});

		it('tells for how long the oldest job has been due', async () => {
			expect((await jobs.stats('default')).oldestSeconds).toBe(0);
			await addOne({ notBeforeMs: bench.wallMs() + 2_000 });
			await bench.advance(1_000);
			expect((await jobs.stats('default')).oldestSeconds).toBe(0);
			await bench.advance(3_500);
			const { oldestSeconds } = await jobs.stats('default');
			expect(oldestSeconds).toBeGreaterThanOrEqual(2);
			expect(oldestSeconds).toBeLessThanOrEqual(4);
			await jobs.complete(await claim());
			expect((await jobs.stats('default')).oldestSeconds).toBe(0);
		});
	});
}
