import { mkdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Claimed, JobStore, NewJob } from '../../nodes/shared/resilience/jobs';
import { shareDatabase } from '../../nodes/shared/stores/embedded';
import type { Database } from '../../nodes/shared/stores/embedded/database';
import { keyNumber } from '../../nodes/shared/stores/embedded/keyNumber';
import { APPLICATION_ID, MIGRATIONS } from '../../nodes/shared/stores/embedded/schema';
import { EMBEDDED_TRAITS, embeddedBench, type EmbeddedBench } from './embeddedBench';
import { describeJobsContract } from './jobsContract';
import { Worker } from './workers';

describeJobsContract('the embedded store in a file', EMBEDDED_TRAITS, async () => embeddedBench());
describeJobsContract(
	'the embedded store in memory',
	{ ...EMBEDDED_TRAITS, processes: false },
	async () => embeddedBench({ folder: undefined }),
);

const LEASE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const jobs = (from: number, count: number, over: Partial<NewJob> = {}): NewJob[] =>
	Array.from({ length: count }, (_, index) => ({
		queue: 'default',
		kind: 'userInfo',
		payload: JSON.stringify({ v: 1, user: { kind: 'username', username: `user${from + index}` } }),
		priority: 'backfill',
		notBeforeMs: 0,
		maxAttempts: 5,
		dedupeKey: `user${from + index}`,
		...over,
	}));

describe('the embedded job queue', () => {
	let bench: EmbeddedBench;
	let queue: JobStore;

	beforeEach(() => {
		bench = embeddedBench();
		queue = bench.open().jobs;
	});

	afterEach(async () => {
		await bench.close();
	});

	const database = (): Database => {
		const { database, release } = shareDatabase({
			folder: bench.folder,
			clock: bench.processClock(),
			warn: () => {},
		});
		release();
		return database;
	};

	const claim = async (limit = 10) =>
		await queue.claim({ queue: 'default', limit, leaseMs: LEASE_MS });

	it('buries damaged rows with their raw text on the way, and goes on with the others', async () => {
		const [bad, good] = await queue.add(jobs(0, 2));
		database().run("UPDATE jobs SET kind = 'likes' WHERE seq = ?", Number(bad?.id));
		const claimed = await claim();
		expect(claimed.jobs.map(({ id }) => id)).toEqual([good?.id]);
		expect(claimed.died).toMatchObject([
			{ id: bad?.id, kind: 'likes', reason: 'damaged', payload: jobs(0, 1)[0]?.payload },
		]);
		expect(await queue.listDead({ queue: 'default', limit: 9 })).toEqual(claimed.died);
	});

	it('does not mind a damaged history', async () => {
		await queue.add(jobs(0, 1));
		database().run('UPDATE jobs SET history = \'[{"atMs":\' ');
		const { jobs: claims } = await claim();
		const dead = await queue.deadLetter(
			claims[0] as NonNullable<(typeof claims)[0]>,
			'private',
			'x',
		);
		expect(dead?.history.map(({ error }) => error)).toEqual(['x']);
	});

	it('forgets what is past its time: dead letters after 30 days, counts after 24 hours', async () => {
		await queue.add(jobs(0, 3));
		const { jobs: claims } = await claim();
		const [first, second, third] = claims;
		if (!first || !second || !third) throw new Error('no claims');
		await queue.complete([first]);
		await queue.deadLetter(second, 'not-found', 'old');
		bench.clock.stepWall(23 * HOUR_MS);
		expect((await queue.stats('default')).done).toBe(1);
		bench.clock.stepWall(2 * HOUR_MS);
		expect((await queue.stats('default')).done).toBe(0);
		await queue.add(jobs(9, 1));
		const { jobs: later } = await claim();
		await queue.deadLetter(later[0] as NonNullable<(typeof later)[0]>, 'not-found', 'young');
		bench.clock.stepWall(29 * DAY_MS);
		expect(await queue.sweep()).toBe(1);
		expect(
			(await queue.listDead({ queue: 'default', limit: 9 })).map(({ lastError }) => lastError),
		).toEqual(['young']);
		expect(database().all('SELECT * FROM jobs_done')).toEqual([]);
	});

	it('keeps no row of completed jobs, so the file stays as large as the backlog at its height', async () => {
		const round = async (index: number) => {
			await queue.add(jobs(index * 5_000, 5_000));
			for (let done = 0; done < 5_000; done += 500) await queue.complete((await claim(500)).jobs);
			database().run('PRAGMA wal_checkpoint(TRUNCATE)');
			return statSync(join(bench.folder ?? '', 'tiklive.db')).size;
		};
		const sizes: number[] = [];
		for (let index = 0; index < 4; index++) sizes.push(await round(index));
		expect(Math.max(...sizes)).toBeLessThan((sizes[0] ?? 0) * 1.1);
		expect(await queue.stats('default')).toMatchObject({ waiting: 0, active: 0, done: 20_000 });
	});

	it('finds its way by index in each state', async () => {
		const plans = [
			"SELECT seq FROM jobs WHERE key = 1 AND state = 'waiting' ORDER BY priority, seq LIMIT 20",
			"SELECT seq FROM jobs WHERE key = 1 AND state = 'waiting' AND kind IN ('posts') AND priority IN (1) ORDER BY priority, seq LIMIT 20",
			"SELECT seq FROM jobs WHERE key = 1 AND state = 'delayed' AND priority = 0 AND due_wall_ms <= 5 ORDER BY due_wall_ms LIMIT 9",
			"SELECT COUNT(*), MIN(due_wall_ms) FROM jobs WHERE key = 1 AND state = 'waiting'",
			"SELECT COUNT(*), MIN(due_wall_ms) FROM jobs WHERE key = 1 AND state = 'dead'",
			"SELECT * FROM jobs WHERE key = 1 AND state = 'active'",
			"SELECT * FROM jobs WHERE key = 1 AND state = 'dead' ORDER BY died_wall_ms DESC, seq DESC LIMIT 9",
			"SELECT seq FROM jobs WHERE key = 1 AND dedupe = 'x' AND state <> 'dead'",
			"SELECT seq FROM jobs WHERE key = 1 AND state = 'waiting' ORDER BY priority, seq LIMIT 9",
			"SELECT seq FROM jobs WHERE key = 1 AND state = 'dead'",
			"DELETE FROM jobs WHERE seq IN (SELECT value FROM json_each('[1]')) AND +key IN (SELECT value FROM json_each('[1]')) AND +state = 'dead'",
		];
		for (const sql of plans) {
			const steps = database().all(`EXPLAIN QUERY PLAN ${sql}`);
			const plan = steps.map(({ detail }) => String(detail)).join('; ');
			expect([sql, plan]).toEqual([sql, expect.stringMatching(/^SEARCH jobs USING .*INDEX/)]);
			expect(plan).not.toContain('TEMP B-TREE');
		}
	});

	it('takes thousands of jobs that become due together, in the order of their priority', async () => {
		const notBeforeMs = bench.wallMs() + HOUR_MS;
		await queue.add(jobs(0, 3_000, { notBeforeMs }));
		await queue.add(jobs(5_000, 2, { notBeforeMs, priority: 'critical' }));
		expect((await queue.stats('default')).delayed).toBe(3_002);
		bench.clock.stepWall(HOUR_MS);
		expect(await queue.stats('default')).toMatchObject({ delayed: 0, waiting: 3_002 });
		const first = await claim(4);
		expect(first.jobs.map(({ priority }) => priority)).toEqual([
			'critical',
			'critical',
			'backfill',
			'backfill',
		]);
		let taken = first.jobs.length;
		for (let got = 1; got > 0; taken += got) got = (await claim(500)).jobs.length;
		expect(taken).toBe(3_002);
	});

	it('does not stall when the wall clock is set back', async () => {
		await queue.add(jobs(0, 2));
		bench.clock.stepWall(-HOUR_MS);
		expect((await claim()).jobs).toHaveLength(2);
		expect((await queue.stats('default')).oldestSeconds).toBe(0);
		await bench.advance(LEASE_MS + 1);
		expect((await claim()).jobs).toHaveLength(2);
	});

	it('takes its jobs along when the file vanishes', async () => {
		const [first] = await queue.add(jobs(0, 2));
		const { jobs: claims } = await claim(1);
		rmSync(bench.folder ?? '', { recursive: true });
		await bench.advance(2_000);
		expect(await queue.stats('default')).toMatchObject({ waiting: 1, active: 1 });
		expect(await queue.complete(claims)).toEqual([true]);
		const [again] = await queue.add(jobs(0, 1));
		expect(Number(again?.id)).toBeGreaterThan(Number(first?.id));
	});

	it('finds the jobs of a file from before queues had names in the default one', async () => {
		const { folder = '' } = bench;
		mkdirSync(folder, { recursive: true, mode: 0o700 });
		const before = new DatabaseSync(join(folder, 'tiklive.db'));
		for (const migration of MIGRATIONS.slice(0, 3)) before.exec(migration);
		before.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = 3`);
		const insert = before.prepare(
			`INSERT INTO jobs (key, state, priority, kind, payload, dedupe, max_attempts, created_wall_ms,
				due_wall_ms, progress) VALUES (?, ?, 1, 'posts', '{"v":1}', ?, 5, 7, 7, 'page 3')`,
		);
		for (const state of ['waiting', 'delayed', 'active']) {
			insert.run(keyNumber('key1'), state, state);
		}
		before.close();

		expect(await queue.queues()).toEqual([
			{ name: 'default', addedAtMs: undefined, workedOffAtMs: undefined },
		]);
		expect(await queue.stats('default')).toMatchObject({ waiting: 2, active: 1 });
		const { jobs: claimed } = await claim();
		expect(claimed).toHaveLength(3);
		expect(claimed[0]).toMatchObject({ queue: 'default', createdAtMs: 7, progress: 'page 3' });
		expect(await queue.complete(claimed)).toEqual([true, true, true]);
	});

	it('shares a file with an older version, which sees the default queue and nothing else', async () => {
		const [mine] = await queue.add(jobs(0, 1, { queue: 'mine' }));
		await queue.add(jobs(0, 2));
		// As version 3 of the file claims and adds.
		const older = database().all(
			"UPDATE jobs SET state = 'active', fence = fence + 1 WHERE key = ? AND state = 'waiting' RETURNING *",
			keyNumber('key1'),
		);
		expect(older.map(({ dedupe }) => dedupe)).toEqual(['user0', 'user1']);
		database().run(
			`INSERT INTO jobs (key, state, priority, kind, payload, dedupe, max_attempts, created_wall_ms, due_wall_ms)
			VALUES (?, 'waiting', 1, 'posts', '{}', 'theirs', 5, 7, 7)`,
			keyNumber('key1'),
		);
		expect((await queue.claim({ queue: 'mine', limit: 9, leaseMs: LEASE_MS })).jobs).toMatchObject([
			{ id: mine?.id, queue: 'mine' },
		]);
		expect(await queue.stats('default')).toMatchObject({ active: 2, waiting: 1 });
	});

	it('forgets a name after 30 days without jobs and use', async () => {
		await queue.add(jobs(0, 1, { queue: 'kept' }));
		await queue.add(jobs(0, 1, { queue: 'gone' }));
		await queue.markWorkedOff('typo');
		await queue.deleteJobs({ queue: 'gone' });
		const names = async () => (await queue.queues()).map(({ name }) => name).sort();
		bench.clock.stepWall(29 * DAY_MS);
		await queue.sweep();
		expect(await names()).toEqual(['default', 'gone', 'kept', 'typo']);
		bench.clock.stepWall(2 * DAY_MS);
		await queue.markWorkedOff('typo');
		await queue.sweep();
		expect(await names()).toEqual(['default', 'kept', 'typo']);
	});

	describe('several real processes', () => {
		const workers: Worker[] = [];

		const start = async (count: number): Promise<Worker[]> => {
			const started = await Promise.all(
				Array.from({ length: count }, () => Worker.start(bench.folder ?? '')),
			);
			workers.push(...started);
			return started;
		};

		afterEach(async () => {
			for (const worker of workers.splice(0)) await worker.kill();
		});

		it('share one file: no job twice, none lost', async () => {
			const processes = await start(4);
			await processes[0]?.call('jobs', 'add', [jobs(0, 2_000)]);
			const take = async (worker: Worker) => {
				const ids: string[] = [];
				for (;;) {
					const request = { queue: 'default', limit: 20, leaseMs: LEASE_MS };
					const claimed = await worker.call<Claimed>('jobs', 'claim', [request], 5);
					const taken = claimed.flatMap((part) => part.jobs);
					if (taken.length === 0) return ids;
					const [held] = await worker.call<boolean[]>('jobs', 'complete', [taken]);
					expect(held?.every(Boolean)).toBe(true);
					ids.push(...taken.map(({ id }) => id));
				}
			};
			const all = (await Promise.all(processes.map(take))).flat();
			expect(all).toHaveLength(2_000);
			expect(new Set(all).size).toBe(2_000);
			for (const worker of processes) expect(worker.warnings).toEqual([]);
		}, 60_000);

		it('get back at once what a killed process held', async () => {
			const [doomed, survivor] = (await start(2)) as [Worker, Worker];
			await doomed.call('jobs', 'add', [jobs(0, 10)]);
			const request = { queue: 'default', limit: 10, leaseMs: 600_000 };
			const [lost] = await doomed.call<Claimed>('jobs', 'claim', [request]);
			expect(lost?.jobs).toHaveLength(10);
			expect((await survivor.call<Claimed>('jobs', 'claim', [request]))[0]?.jobs).toEqual([]);
			await doomed.kill();
			const [found] = await survivor.call<Claimed>('jobs', 'claim', [request]);
			expect(found?.jobs.map(({ id, attempts }) => [id, attempts])).toEqual(
				lost?.jobs.map(({ id }) => [id, 1]),
			);
			expect(await survivor.call('jobs', 'complete', [lost?.jobs])).toEqual([
				Array.from({ length: 10 }, () => false),
			]);
		}, 60_000);
	});
});
