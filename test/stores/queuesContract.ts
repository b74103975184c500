import type {
	ClaimedJob,
	DeadJob,
	JobFilter,
	JobStore,
	NewJob,
} from '../../nodes/shared/resilience/jobs';
import { onlyIf, type StoresFactory, type StoresUnderTest, type StoreTraits } from './contract';

const LEASE_MS = 60_000;
/** Beyond the last sign of life of a process that was killed. */
const DEATH_MS = 13_000;
const HOUR_MS = 3_600_000;

/** What every implementation of resilience/jobs.ts promises of its named queues. */
export function describeQueuesContract(
	name: string,
	traits: StoreTraits,
	factory: StoresFactory,
): void {
	// A store in memory has no other processes; the promise does not exist there.
	const acrossProcesses = onlyIf(traits.processes);
	const { deathMs = DEATH_MS } = traits;

	describe(`${name} keeps the contract of named queues`, () => {
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

		const job = (queue: string, over: Partial<NewJob> = {}): NewJob => {
			count += 1;
			return {
				queue,
				kind: 'userInfo',
				payload: JSON.stringify({ v: 1, user: `user${count}` }),
				priority: 'backfill',
				notBeforeMs: 0,
				maxAttempts: 5,
				dedupeKey: `job ${count}`,
				...over,
			};
		};

		const add = async (queue: string, ...overs: Partial<NewJob>[]): Promise<string[]> =>
			ids(await jobs.add(overs.map((over) => job(queue, over))));

		const claim = async (queue: string, filter: JobFilter & { limit?: number } = {}, from = jobs) =>
			(await from.claim({ queue, limit: 10, leaseMs: LEASE_MS, ...filter })).jobs;

		const claimOne = async (queue: string, from = jobs): Promise<ClaimedJob> => {
			const [claimed] = await claim(queue, { limit: 1 }, from);
			if (claimed === undefined) throw new Error('Nothing to claim');
			return claimed;
		};

		const bury = async (queue: string, over: Partial<NewJob> = {}): Promise<DeadJob> => {
			await add(queue, over);
			return (await jobs.deadLetter(await claimOne(queue), 'private', 'no')) as DeadJob;
		};

		const ids = (list: readonly { id: string }[]) => list.map(({ id }) => id);
		const list = async (queue: string, over: Partial<Parameters<JobStore['list']>[0]> = {}) =>
			await jobs.list({ queue, limit: 100, ...over });

		describe('two queues', () => {
			it('keep their jobs apart, also those that ask for the same', async () => {
				const [one] = await add('default', { dedupeKey: 'same' });
				const [two] = await add('wide', { dedupeKey: 'same' });
				const [, again] = await jobs.add([job('other-1'), job('wide', { dedupeKey: 'same' })]);
				expect(new Set([one, two]).size).toBe(2);
				expect(again).toEqual({ id: two, duplicate: true });
				expect(await claim('unknown')).toEqual([]);
				expect(await claim('wide')).toMatchObject([{ id: two, queue: 'wide' }]);
				expect(await claim('default')).toMatchObject([{ id: one, queue: 'default' }]);
				expect(await jobs.stats('other-1')).toMatchObject({ waiting: 1, active: 0 });
				expect(await jobs.stats('wide')).toMatchObject({ waiting: 0, active: 1 });
			});

			it('count for themselves what was done, and for how long something has been due', async () => {
				await add('a', {}, {});
				await add('b', { notBeforeMs: bench.wallMs() + 1_000 });
				await jobs.complete(await claim('a'));
				expect(await jobs.stats('a')).toMatchObject({ done: 2, oldestSeconds: 0 });
				await bench.advance(2_500);
				const { done, oldestSeconds } = await jobs.stats('b');
				expect(done).toBe(0);
				expect(oldestSeconds).toBeGreaterThanOrEqual(1);
				expect((await jobs.stats('a')).oldestSeconds).toBe(0);
				expect((await jobs.stats('default')).done).toBe(0);
			});

			it('take jobs by kind and priority each, and complete those of both at once', async () => {
				await add('a', { kind: 'posts', priority: 'critical' }, {});
				await add('b', { kind: 'posts' });
				const posts = [
					...(await claim('a', { kinds: ['posts'], priorities: ['critical'] })),
					...(await claim('b', { kinds: ['posts'] })),
				];
				expect(posts.map(({ queue, priority }) => [queue, priority])).toEqual([
					['a', 'critical'],
					['b', 'backfill'],
				]);
				expect(await jobs.extend(posts, LEASE_MS)).toEqual([true, true]);
				expect(await jobs.complete(posts)).toEqual([true, true]);
				expect([(await jobs.stats('a')).done, (await jobs.stats('b')).done]).toEqual([1, 1]);
			});

			it('get back what was claimed from them', async () => {
				const [id] = await add('a', {});
				const first = await claimOne('a');
				expect(await jobs.saveProgress(first, 'page 7')).toBe(true);
				const how = { delayMs: 0, error: 'busy', usesAttempt: true };
				expect(await jobs.retryLater(first, how)).toBe('delayed');
				await jobs.release([await claimOne('a')]);
				expect(await claim('default')).toEqual([]);
				expect(await claimOne('a')).toMatchObject({ id, attempts: 1, progress: 'page 7' });
			});

			acrossProcesses('get back what a dead process held', async () => {
				const doomed = bench.open({ process: 'doomed' }).jobs;
				await add('a', {});
				await add('b', {});
				const lost = await claimOne('a', doomed);
				await claimOne('b', doomed);
				await bench.kill('doomed');
				await bench.advance(deathMs);
				expect(ids(await claim('default'))).toEqual([]);
				expect(await claim('a')).toMatchObject([{ id: lost.id, queue: 'a', attempts: 1 }]);
				expect(await jobs.stats('b')).toMatchObject({ active: 1 });
			});
		});

		describe('their dead letters', () => {
			it('are listed, retried and deleted by queue', async () => {
				const [a, b] = [await bury('a'), await bury('b')];
				await bury('b');
				expect(a.queue).toBe('a');
				expect(await jobs.listDead({ queue: 'a', limit: 9 })).toEqual([a]);
				expect(await jobs.listDead({ queue: 'default', limit: 9 })).toEqual([]);
				expect(await jobs.retryDead({ queue: 'default' })).toBe(0);
				expect(await jobs.retryDead({ queue: 'a' })).toBe(1);
				expect(await claim('a')).toMatchObject([{ id: a.id, attempts: 0 }]);
				expect(await jobs.deleteDead({ queue: 'default' })).toBe(0);
				expect(await jobs.deleteDead({ queue: 'b' })).toBe(2);
				expect(await jobs.retryDead([b.id])).toBe(0);
			});

			it('are found by id in whatever queue they lie, and go back there', async () => {
				const [a, b, mine] = [await bury('a'), await bury('b'), await bury('default')];
				expect(await jobs.retryDead([a.id, mine.id, 'nonsense'])).toBe(2);
				expect(ids(await claim('a'))).toEqual([a.id]);
				expect(ids(await claim('default'))).toEqual([mine.id]);
				expect(await jobs.deleteDead([b.id, a.id])).toBe(1);
				expect(await jobs.stats('b')).toMatchObject({ dead: 0 });
			});

			it('keep how far they came and since when they are there', async () => {
				for (const queue of ['default', 'a']) {
					await add(queue, { kind: 'followers' });
					const first = await claimOne(queue);
					await jobs.saveProgress(first, 'page 7');
					const dead = (await jobs.deadLetter(first, 'rejected', 'no')) as DeadJob;
					await bench.advance(20);
					await jobs.retryDead([dead.id]);
					expect(await claimOne(queue)).toMatchObject({
						...{ id: first.id, progress: 'page 7', attempts: 0 },
						createdAtMs: first.createdAtMs,
					});
				}
			});

			it('go back by thousands, but for those whose key another job has', async () => {
				await jobs.add(
					Array.from({ length: 2_500 }, (_, index) => job('a', { dedupeKey: `k${index}` })),
				);
				for (let claims = await claim('a', { limit: 500 }); claims.length > 0;) {
					await Promise.all(
						claims.map(async (each) => await jobs.deadLetter(each, 'private', 'no')),
					);
					claims = await claim('a', { limit: 500 });
				}
				await add('a', { dedupeKey: 'k7' });
				expect(await jobs.retryDead({ queue: 'a' })).toBe(2_499);
				expect(await jobs.stats('a')).toMatchObject({ waiting: 2_500, dead: 1 });
				expect(await jobs.deleteJobs({ queue: 'a' })).toBe(2_500);
			}, 60_000);
		});

		describe('the names', () => {
			it('are those that somebody has used, with the time', async () => {
				const nowMs = bench.wallMs();
				expect(await jobs.queues()).toEqual([
					{ name: 'default', addedAtMs: undefined, workedOffAtMs: undefined },
				]);
				await add('A-1_x', {});
				await jobs.markWorkedOff('empty');
				const queues = new Map((await jobs.queues()).map((queue) => [queue.name, queue]));
				expect([...queues.keys()].sort()).toEqual(['A-1_x', 'default', 'empty']);
				expect(queues.get('A-1_x')?.workedOffAtMs).toBeUndefined();
				expect(queues.get('empty')?.addedAtMs).toBeUndefined();
				for (const atMs of [
					queues.get('A-1_x')?.addedAtMs ?? 0,
					queues.get('empty')?.workedOffAtMs ?? 0,
				]) {
					expect(Math.abs(atMs - nowMs)).toBeLessThan(5_000);
				}
			});

			acrossProcesses('are seen by all processes, and by no other key', async () => {
				const other = bench.open({ process: 'b' }).jobs;
				const stranger = bench.open({ keyId: 'key2' }).jobs;
				await jobs.markWorkedOff('default');
				await add('mine', {});
				const seen = await other.queues();
				expect(seen.map(({ name: queue }) => queue).sort()).toEqual(['default', 'mine']);
				expect(seen.find(({ name: queue }) => queue === 'default')?.workedOffAtMs).toBeDefined();
				expect((await stranger.queues()).map(({ name: queue }) => queue)).toEqual(['default']);
				expect(await stranger.claim({ queue: 'mine', limit: 9, leaseMs: LEASE_MS })).toEqual({
					jobs: [],
					died: [],
				});
			});

			it('stay as long as there is something in the queue', async () => {
				await add('used', {});
				await jobs.sweep();
				expect((await jobs.queues()).map(({ name: queue }) => queue)).toContain('used');
			});
		});

		describe('a list of jobs', () => {
			it('has active, waiting and delayed ones, in this order, and no others', async () => {
				const soonMs = bench.wallMs() + HOUR_MS;
				const [late, soon] = await add(
					'a',
					{ notBeforeMs: soonMs + 1_000 },
					{ notBeforeMs: soonMs, kind: 'posts' },
				);
				const [done, dead, active] = await add('a', {}, {}, {});
				const claims = await claim('a');
				await jobs.complete(claims.filter(({ id }) => id === done));
				await jobs.deadLetter(claims.find(({ id }) => id === dead) as ClaimedJob, 'private', 'no');
				const [old, urgent] = await add('a', {}, { priority: 'critical', maxAttempts: 7 });
				await add('b', {});

				const listed = await list('a');
				expect(listed.map(({ id, state }) => [id, state])).toEqual([
					[active, 'active'],
					[urgent, 'waiting'],
					[old, 'waiting'],
					[soon, 'delayed'],
					[late, 'delayed'],
				]);
				expect(listed[1]).toMatchObject({
					...{ queue: 'a', kind: 'userInfo', priority: 'critical', attempts: 0 },
					...{ maxAttempts: 7, lastError: '' },
				});
				expect(listed[3]).toMatchObject({ kind: 'posts', dueAtMs: soonMs });
				expect(Math.abs((listed[2]?.dueAtMs ?? 0) - bench.wallMs())).toBeLessThan(5_000);
			});

			it('can be asked for by state and kind, up to a limit', async () => {
				const [info, posts, more] = await add('a', {}, { kind: 'posts' }, { kind: 'posts' });
				const notBeforeMs = bench.wallMs() + 1_000;
				const [later] = await add('a', { notBeforeMs });
				expect(ids(await list('a', { limit: 2 }))).toEqual([info, posts]);
				expect(ids(await list('a', { kinds: ['posts'] }))).toEqual([posts, more]);
				expect(ids(await list('a', { states: ['delayed'] }))).toEqual([later]);
				expect(ids(await list('a', { states: ['active'] }))).toEqual([]);
				expect(
					ids(await list('a', { states: ['waiting'], limit: Number.MAX_SAFE_INTEGER })),
				).toEqual([info, posts, more]);
				await bench.advance(1_100);
				expect(ids(await list('a', { states: ['waiting'] }))).toEqual([info, posts, more, later]);
				expect(await list('a', { states: ['delayed'] })).toEqual([]);
			});

			it('tells what went wrong last', async () => {
				await add('a', {});
				const how = { delayMs: HOUR_MS, error: 'server-error: 503', usesAttempt: true };
				await jobs.retryLater(await claimOne('a'), how);
				expect(await list('a')).toMatchObject([
					{ state: 'delayed', attempts: 1, lastError: 'server-error: 503' },
				]);
			});
		});

		describe('deleting jobs', () => {
			it('takes back what waits or is delayed in a queue, and frees its keys', async () => {
				await add(
					'a',
					{ dedupeKey: 'x' },
					{ notBeforeMs: bench.wallMs() + HOUR_MS, dedupeKey: 'y' },
				);
				await add('b', {});
				const dead = await bury('c');
				await add('c', {});
				expect(await jobs.deleteJobs({ queue: 'a' })).toBe(2);
				expect(await jobs.deleteJobs({ queue: 'a' })).toBe(0);
				expect(await jobs.deleteJobs({ queue: 'c' })).toBe(1);
				expect(await jobs.stats('a')).toMatchObject({ waiting: 0, delayed: 0 });
				expect(await jobs.stats('b')).toMatchObject({ waiting: 1 });
				expect(await jobs.listDead({ queue: 'c', limit: 9 })).toEqual([dead]);
				const again = await jobs.add([job('a', { dedupeKey: 'x' }), job('a', { dedupeKey: 'y' })]);
				expect(again.map(({ duplicate }) => duplicate)).toEqual([false, false]);
			});

			it('leaves alone what is being worked on', async () => {
				const [id] = await add('a', { dedupeKey: 'x' });
				const held = await claim('a');
				await add('a', {});
				expect(await jobs.deleteJobs({ queue: 'a' })).toBe(1);
				expect(await jobs.deleteJobs([id as string])).toBe(0);
				expect(await jobs.add([job('a', { dedupeKey: 'x' })])).toEqual([{ id, duplicate: true }]);
				expect(await jobs.complete(held)).toEqual([true]);
			});

			it('can be limited to kinds and priorities', async () => {
				const later = { notBeforeMs: bench.wallMs() + HOUR_MS };
				await add('a', {}, { kind: 'posts' }, { kind: 'posts', priority: 'critical', ...later });
				await add('a', { kind: 'followers', ...later });
				const only = { queue: 'a', kinds: ['posts', 'followers'] as const };
				expect(await jobs.deleteJobs({ ...only, priorities: ['critical'] })).toBe(1);
				expect(await jobs.deleteJobs(only)).toBe(2);
				expect(await list('a')).toMatchObject([{ kind: 'userInfo' }]);
			});

			it('takes jobs by id in whatever queue, and nothing but jobs that wait or are delayed', async () => {
				const [a] = await add('a', { dedupeKey: 'x' });
				const [b] = await add('b', { notBeforeMs: bench.wallMs() + HOUR_MS });
				const dead = await bury('c');
				const stranger = bench.open({ keyId: 'key2' }).jobs;
				const all = [a, b, dead.id, 'nonsense', '-1'] as string[];
				expect(await stranger.deleteJobs(all)).toBe(0);
				expect(await jobs.deleteJobs(all)).toBe(2);
				expect(await jobs.deleteJobs(all)).toBe(0);
				expect((await jobs.add([job('a', { dedupeKey: 'x' })]))[0]?.duplicate).toBe(false);
				expect(await jobs.stats('c')).toMatchObject({ dead: 1 });
			});

			acrossProcesses(
				'by thousands while others claim: each job goes one way',
				async () => {
					const other = bench.open({ process: 'b' }).jobs;
					await jobs.add(Array.from({ length: 5_000 }, () => job('a')));
					const held: ClaimedJob[] = [];
					const take = async () => {
						for (let round = 0; round < 20; round++) {
							held.push(...(await claim('a', { limit: 20 }, other)));
							await new Promise((resolve) => setImmediate(resolve));
						}
					};
					const [deleted] = await Promise.all([jobs.deleteJobs({ queue: 'a' }), take()]);
					expect(deleted + held.length).toBe(5_000);
					expect(await jobs.stats('a')).toMatchObject({ waiting: 0, active: held.length });
					expect((await other.complete(held)).every(Boolean)).toBe(true);
				},
				60_000,
			);
		});
	});
}
