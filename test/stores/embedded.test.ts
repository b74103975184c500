import {
	chmodSync,
	copyFileSync,
	existsSync,
	mkdirSync,
	mkdtempSync,
	openSync,
	closeSync,
	readdirSync,
	rmSync,
	statSync,
	symlinkSync,
	truncateSync,
	writeFileSync,
	writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type {
	Admission,
	BudgetLimits,
	Permit,
	RateLimits,
	ReserveResult,
	Settlement,
	StoredResponse,
	Stores,
} from '../../nodes/shared/resilience/ports';
import { shareDatabase } from '../../nodes/shared/stores/embedded';
import type { Database } from '../../nodes/shared/stores/embedded/database';
import { describeStoresContract } from './contract';
import {
	EMBEDDED_TRAITS,
	embeddedBench,
	type EmbeddedBench,
	type EmbeddedBenchOptions,
} from './embeddedBench';
import { Worker } from './workers';

/** What the contract asks for gives no reason for a warning. */
const quietly = async (options?: EmbeddedBenchOptions) => {
	const bench = embeddedBench(options);
	const close = async () => {
		await bench.close();
		expect(bench.warnings).toEqual([]);
	};
	return { ...bench, close };
};

describeStoresContract('the embedded store in a file', EMBEDDED_TRAITS, () => quietly());
describeStoresContract(
	'the embedded store in memory',
	{ ...EMBEDDED_TRAITS, processes: false },
	() => quietly({ folder: undefined }),
);

const LIMITS: RateLimits = {
	requestsPerMinute: 200,
	burst: 10,
	maxConcurrent: 1_000,
	windowMs: 60_000,
	guardMs: 1_000,
};
const BUDGET: BudgetLimits = {
	dailyBudget: 100,
	criticalReserve: 0,
	creditBalance: undefined,
	timezone: 'UTC',
};
const LEASE_MS = 600_000;

describe('the embedded store', () => {
	let folder: string;
	let file: string;
	const benches: EmbeddedBench[] = [];
	const workers: Worker[] = [];

	beforeEach(() => {
		const parent = mkdtempSync(join(tmpdir(), 'tiklive-embedded-'));
		// Other users of the machine may pass: what is tested is our own folder below it.
		chmodSync(parent, 0o755);
		folder = join(parent, 'state');
		file = join(folder, 'tiklive.db');
	});

	afterEach(async () => {
		for (const bench of benches.splice(0)) await bench.close();
		for (const worker of workers.splice(0)) await worker.kill();
		rmSync(join(folder, '..'), { recursive: true, force: true });
	});

	/** A boot of the machine, with its clock and one process. */
	const boot = (options: { monotonicMs?: number; wallMs?: number } = {}) => {
		const bench = embeddedBench({ folder, ...options });
		benches.push(bench);
		return bench;
	};

	/** The database below the stores of a process. */
	const databaseOf = (bench: EmbeddedBench, process?: string): Database => {
		const { database, release } = shareDatabase({
			folder,
			clock: bench.processClock(process),
			warn: () => {},
		});
		release();
		return database;
	};

	const acquire = (stores: Stores, over: Partial<RateLimits> = {}): Promise<Admission> =>
		stores.admission.tryAcquire({
			limits: { ...LIMITS, ...over },
			priority: 'backfill',
			leaseMs: LEASE_MS,
		});

	/** Grants, one after the other without waiting, until the first refusal. */
	const drain = async (stores: Stores, over: Partial<RateLimits> = {}): Promise<Permit[]> => {
		const permits: Permit[] = [];
		for (;;) {
			const admission = await acquire(stores, over);
			if (!admission.granted) return permits;
			permits.push(admission.permit);
		}
	};

	const response = (over: Partial<StoredResponse> = {}): StoredResponse => ({
		key: 'a1',
		endpoint: 'userInfo',
		kind: 'found',
		body: JSON.stringify({ text: 'x'.repeat(4_000) }),
		fetchedAtMs: Date.UTC(2026, 0, 15),
		keepUntilMs: Date.UTC(2030, 0, 1),
		...over,
	});

	const spend = async (stores: Stores, ...responses: StoredResponse[]) => {
		const result = await stores.ledger.reserve('critical', { ...BUDGET, dailyBudget: undefined });
		if (!result.granted) throw new Error(result.reason);
		await stores.ledger.settle(result.reservation, 'spent', responses);
	};

	const spent = async (stores: Stores) =>
		(await stores.ledger.usage(BUDGET)).byPriority.critical.spent;

	describe('file', () => {
		it('comes with the first use, for its owner only', async () => {
			const bench = boot();
			const stores = bench.open();
			expect(existsSync(folder)).toBe(false);
			await spend(stores, response());
			expect(statSync(folder).mode & 0o777).toBe(0o700);
			expect(readdirSync(folder).sort()).toEqual([
				'tiklive.db',
				'tiklive.db-shm',
				'tiklive.db-wal',
			]);
			for (const name of readdirSync(folder)) {
				expect([name, statSync(join(folder, name)).mode & 0o777]).toEqual([name, 0o600]);
			}
			expect(bench.warnings).toEqual([]);
		});

		it('that others could read is closed to them', async () => {
			mkdirSync(folder, { mode: 0o755 });
			writeFileSync(file, '', { mode: 0o644 });
			await spend(boot().open());
			expect(statSync(folder).mode & 0o777).toBe(0o700);
			expect(statSync(file).mode & 0o777).toBe(0o600);
			expect(statSync(`${file}-wal`).mode & 0o777).toBe(0o600);
		});

		it('keeps everything for the next start', async () => {
			const bench = boot();
			const stores = bench.open();
			await spend(stores, response());
			await stores.cells.update('breaker', () => ({ state: { open: true }, result: 0 }));
			await drain(stores);
			await stores.dispose();
			expect(readdirSync(folder)).toEqual(['tiklive.db']);

			const next = bench.open();
			expect(await spent(next)).toBe(1);
			expect(await next.responses.get('a1')).toEqual(response());
			expect(await next.cells.update('breaker', (state) => ({ state, result: state }))).toEqual({
				open: true,
			});
			expect((await acquire(next)).granted).toBe(false);
		});

		it('holds nothing that names the key', async () => {
			const stores = boot().open({ keyId: 'hash-of-canary' });
			await spend(stores, response());
			const raw = new DatabaseSync(file);
			const tables = raw.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
			for (const { name } of tables) {
				expect(JSON.stringify(raw.prepare(`SELECT * FROM ${name}`).all())).not.toContain('canary');
			}
			raw.close();
		});

		it('of a newer version goes on being used', async () => {
			const bench = boot();
			const stores = bench.open();
			await spend(stores);
			await stores.dispose();
			const raw = new DatabaseSync(file);
			raw.exec('PRAGMA user_version = 99; CREATE TABLE later (x)');
			raw.close();
			expect(await spent(bench.open())).toBe(1);
			expect(databaseOf(bench).get('PRAGMA user_version')).toEqual({ user_version: 99 });
			expect(bench.warnings).toEqual([]);
		});

		it('that is closed can still take a late settlement', async () => {
			const bench = boot();
			const stores = bench.open();
			const result = await stores.ledger.reserve('critical', BUDGET);
			await stores.dispose();
			if (result.granted) {
				await stores.ledger.settle(result.reservation, 'spent', [response()]);
			}
			expect(bench.clock.pending()).toBe(0);
			expect(readdirSync(folder)).toEqual(['tiklive.db']);
			const next = bench.open();
			expect(await next.responses.get('a1')).toEqual(response());
			expect((await next.ledger.usage(BUDGET)).byPriority.critical).toMatchObject({
				spent: 1,
				unknown: 0,
				reserved: 0,
			});
		});

		it('is as it was after a transaction that failed', async () => {
			const bench = boot();
			const stores = bench.open();
			await spend(stores);
			const database = databaseOf(bench);
			expect(() =>
				database.transaction(() => {
					database.run('DELETE FROM credits');
					throw new Error('no');
				}),
			).toThrow('no');
			expect(await spent(stores)).toBe(1);
			await spend(stores);
			expect(await spent(stores)).toBe(2);
		});

		it('is let go by the last handle only', async () => {
			const bench = boot();
			const [first, second] = [bench.open(), bench.open({ keyId: 'key2' })];
			await spend(first);
			await spend(second);
			await first.dispose();
			await first.dispose();
			expect(bench.clock.pending()).toBe(1);
			await spend(second);
			await second.dispose();
			expect(bench.clock.pending()).toBe(0);
		});
	});

	describe('damaged file', () => {
		const garbage = () => {
			mkdirSync(folder);
			writeFileSync(file, 'this is no database'.repeat(1_000));
		};

		it('is set aside for a fresh one, with one warning', async () => {
			garbage();
			const bench = boot();
			const stores = bench.open();
			await spend(stores, response());
			expect(await stores.responses.get('a1')).toEqual(response());
			expect(readdirSync(folder)).toContain('tiklive.db.corrupt-1');
			expect(bench.warnings).toHaveLength(1);
			expect(bench.warnings[0]).toContain('tiklive.db.corrupt-1');

			await stores.dispose();
			writeFileSync(file, 'no database either'.repeat(1_000));
			await spend(bench.open());
			expect(readdirSync(folder)).toContain('tiklive.db.corrupt-2');
		});

		it('tells nothing of the last minute: no grant for one window', async () => {
			garbage();
			const bench = boot();
			const stores = bench.open();
			const admission = await acquire(stores);
			expect(admission).toMatchObject({ granted: false, reason: 'paused' });
			expect((await stores.admission.status(LIMITS)).pausedForMs).toBeCloseTo(61_000, -1);
			await bench.advance(61_001);
			expect(await drain(stores)).toHaveLength(10);
		});

		it('may be truncated, or belong to another program', async () => {
			const bench = boot();
			const stores = bench.open();
			await spend(stores, response({ body: 'x'.repeat(100_000) }));
			await stores.dispose();
			truncateSync(file, 20_000);
			const next = bench.open();
			await spend(next);
			expect(readdirSync(folder)).toContain('tiklive.db.corrupt-1');
			await next.dispose();

			rmSync(file);
			const raw = new DatabaseSync(file);
			raw.exec('CREATE TABLE theirs (x)');
			raw.close();
			await spend(bench.open());
			expect(readdirSync(folder)).toContain('tiklive.db.corrupt-2');
			const kept = new DatabaseSync(join(folder, 'tiklive.db.corrupt-2'));
			expect(kept.prepare('SELECT COUNT(*) AS n FROM theirs').get()).toEqual({ n: 0 });
			kept.close();
		});

		it('with impossible time stamps is set aside', async () => {
			const bench = boot();
			const stores = bench.open();
			await drain(stores);
			await stores.dispose();
			const raw = new DatabaseSync(file);
			raw.exec('UPDATE grants SET at = 1e300');
			raw.close();
			const next = bench.open();
			await next.ledger.usage(BUDGET);
			expect(readdirSync(folder)).toContain('tiklive.db.corrupt-1');
		});

		it('is replaced while running, and what can be read moves along', async () => {
			const bench = boot();
			const stores = bench.open();
			await spend(stores, response());
			// More than SQLite keeps in its own memory.
			const body = 'x'.repeat(50_000);
			for (let i = 0; i < 100; i++) await spend(stores, response({ key: `r${i}`, body }));
			const permits = await drain(stores);
			const open = await stores.ledger.reserve('critical', { ...BUDGET, dailyBudget: undefined });
			databaseOf(bench).run('PRAGMA wal_checkpoint(TRUNCATE)');
			// Most of the file holds stored answers.
			const handle = openSync(file, 'r+');
			writeSync(handle, Buffer.alloc(2_000_000, 0xff), 0, undefined, 1_000_000);
			closeSync(handle);

			for (let i = 0; i < 100; i++) await stores.responses.get(`r${i}`);
			expect(readdirSync(folder)).toContain('tiklive.db.corrupt-1');
			expect(bench.warnings).toHaveLength(1);
			// Counts and limits are still what they were, and the permits still good.
			expect(await stores.admission.status(LIMITS)).toMatchObject({
				usedInWindow: 10,
				inFlight: 10,
			});
			expect((await acquire(stores)).granted).toBe(false);
			await stores.admission.giveBack(permits[9] as Permit);
			expect((await acquire(stores)).granted).toBe(true);
			if (open.granted) await stores.ledger.settle(open.reservation, 'spent', [response()]);
			expect(await spent(stores)).toBe(102);
			expect(await stores.responses.get('a1')).toEqual(response());
		});

		it('of which nothing can be read is replaced while running, and grants nothing for one window', async () => {
			const bench = boot();
			const stores = bench.open();
			const [before] = await drain(stores);
			const database = databaseOf(bench);
			database.run('PRAGMA wal_checkpoint(TRUNCATE)');
			writeFileSync(file, Buffer.alloc(statSync(file).size, 0xff));
			database.run('PRAGMA shrink_memory');

			expect(await acquire(stores)).toMatchObject({ granted: false, reason: 'paused' });
			expect(readdirSync(folder)).toContain('tiklive.db.corrupt-1');
			await bench.advance(61_001);
			const [after] = await drain(stores, { maxConcurrent: 1 });
			expect(after).toBeDefined();
			// A permit from before must not be taken for one of now.
			await stores.admission.release(before as Permit);
			await stores.admission.giveBack(before as Permit);
			expect(await stores.admission.status(LIMITS)).toMatchObject({ usedInWindow: 1, inFlight: 1 });
		});

		it('is set aside by one process only', async () => {
			const bench = boot();
			const all = ['a', 'b', 'c'].map((process) => bench.open({ process }));
			for (const stores of all) await spend(stores);
			const databases = ['a', 'b', 'c'].map((process) => databaseOf(bench, process));
			databases[0]?.run('PRAGMA wal_checkpoint(TRUNCATE)');
			writeFileSync(file, Buffer.alloc(statSync(file).size, 0xff));
			for (const database of databases) database.run('PRAGMA shrink_memory');
			for (const stores of all) await spend(stores);
			expect(readdirSync(folder).filter((name) => /corrupt-\d+$/.test(name))).toEqual([
				'tiklive.db.corrupt-1',
			]);
			for (const stores of all) expect(await spent(stores)).toBe(3);
			await bench.advance(2_000);
			expect(await spent(bench.open({ process: 'd' }))).toBe(3);
		});

		it('takes its log along', async () => {
			const bench = boot();
			const stores = bench.open();
			await spend(stores, response());
			databaseOf(bench).run('PRAGMA wal_checkpoint(TRUNCATE)');
			// A log that does not hold the first page, and so cannot heal the file.
			await stores.admission.pause(1);
			const log = statSync(`${file}-wal`).size;
			expect(log).toBeGreaterThan(0);
			writeFileSync(file, Buffer.alloc(statSync(file).size, 0xff));
			rmSync(`${file}-shm`);
			const next = bench.open({ process: 'next' });
			expect(await next.responses.get('a1')).toBeUndefined();
			expect((await next.admission.status(LIMITS)).pausedForMs).toBeGreaterThan(1_000);
			expect(statSync(`${file}.corrupt-1-wal`).size).toBe(log);
		});

		it('row by row: a damaged answer is a miss, is removed and warns once', async () => {
			const bench = boot();
			const stores = bench.open();
			const keys = ['body', 'kind', 'time', 'whole'];
			for (const key of keys) await spend(stores, response({ key }));
			const database = databaseOf(bench);
			database.run("UPDATE responses SET body = 'y' || substr(body, 2) WHERE id = 'body'");
			database.run("UPDATE responses SET kind = 'lost' WHERE id = 'kind'");
			database.run("UPDATE responses SET fetched_wall_ms = 1 WHERE id = 'time'");
			for (const key of keys.slice(0, 3)) {
				expect(await stores.responses.get(key)).toBeUndefined();
			}
			expect(await stores.responses.get('whole')).toEqual(response({ key: 'whole' }));
			expect(database.get('SELECT COUNT(*) AS rows FROM responses')).toEqual({ rows: 1 });
			expect(bench.warnings).toHaveLength(1);
		});

		it('row by row: a damaged cell begins anew', async () => {
			const bench = boot();
			const stores = bench.open();
			await stores.cells.update('breaker', () => ({ state: { a: 1 }, result: 0 }));
			databaseOf(bench).run("UPDATE cells SET state = '{'");
			for (let i = 0; i < 2; i++) {
				expect(
					await stores.cells.update('breaker', (state) => ({ state, result: state })),
				).toBeUndefined();
			}
			expect(bench.warnings).toHaveLength(1);
		});
	});

	describe('no file to be had', () => {
		const expectMemory = async (bench: EmbeddedBench, stores: Stores) => {
			await spend(stores, response());
			await drain(stores);
			expect(await stores.responses.get('a1')).toEqual(response());
			expect(await spent(stores)).toBe(1);
			expect(bench.warnings).toHaveLength(1);
			expect(bench.warnings[0]).toContain('memory');
			expect(bench.clock.pending()).toBe(0);
		};

		it('is no reason to forget: memory lasts as long as the process', async () => {
			for (const place of [undefined, folder]) {
				writeFileSync(folder, '');
				const bench = embeddedBench({ folder: place });
				const stores = bench.open();
				await spend(stores, response());
				await acquire(stores, { maxConcurrent: 1 });
				await stores.responses.claim('flight', LEASE_MS);
				await stores.dispose();
				expect(bench.clock.pending()).toBe(0);
				const next = bench.open();
				expect(await spent(next)).toBe(1);
				expect(await next.responses.get('a1')).toEqual(response());
				expect(await next.admission.status(LIMITS)).toMatchObject({ usedInWindow: 1, inFlight: 0 });
				expect((await acquire(next, { maxConcurrent: 1 })).granted).toBe(true);
				expect(await next.responses.claim('flight', LEASE_MS)).toBe(true);
				expect(bench.warnings).toHaveLength(place === undefined ? 0 : 1);
			}
		});

		it('where the folder is a file', async () => {
			writeFileSync(folder, '');
			const bench = boot();
			await expectMemory(bench, bench.open());
		});

		it('where the file is a link, which is left alone', async () => {
			mkdirSync(folder);
			const target = join(folder, '..', 'precious');
			writeFileSync(target, 'precious');
			symlinkSync(target, file);
			const bench = boot();
			await expectMemory(bench, bench.open());
			expect(statSync(target).size).toBe(8);
		});

		it('where another user owns the folder', async () => {
			if (process.getuid?.() !== 0) return;
			mkdirSync(folder, { mode: 0o555 });
			const worker = await Worker.start(folder, 65_534);
			workers.push(worker);
			const [result] = await worker.call<ReserveResult>('ledger', 'reserve', ['critical', BUDGET]);
			expect(result?.granted).toBe(true);
			expect(worker.warnings).toHaveLength(1);
		});

		it('when the disk fills up: the paid answer is kept, limits and counts move along', async () => {
			const bench = boot();
			const stores = bench.open();
			await spend(stores, response({ key: 'before' }));
			const permits = await drain(stores);
			const reservation = await stores.ledger.reserve('critical', BUDGET);
			const database = databaseOf(bench);
			const pages = Number(database.get('PRAGMA page_count')?.['page_count']);
			database.run(`PRAGMA max_page_count = ${pages}`);

			const large = response({ body: JSON.stringify({ text: 'x'.repeat(500_000) }) });
			if (reservation.granted) {
				await stores.ledger.settle(reservation.reservation, 'spent', [large]);
			}
			expect(database.inMemory).toBe(true);
			expect(bench.warnings).toHaveLength(1);
			// Nothing is kept open or ticking for the file.
			expect(readdirSync(folder)).toEqual(['tiklive.db']);
			expect(bench.clock.pending()).toBe(0);
			expect(await stores.responses.get('a1')).toEqual(large);
			expect(await stores.responses.get('before')).toEqual(response({ key: 'before' }));
			expect(await spent(stores)).toBe(2);
			expect(await stores.admission.status(LIMITS)).toMatchObject({
				usedInWindow: 10,
				inFlight: 10,
			});
			for (const permit of permits) await stores.admission.release(permit);
			expect((await acquire(stores)).granted).toBe(false);

			await stores.dispose();
			expect(await spent(bench.open())).toBe(2);
			// After a restart there is what was in the file before.
			expect(await spent(bench.open({ process: 'next' }))).toBe(1);
		});

		it('when the disk fills up: the newest answers move along, as far as memory allows', async () => {
			const bench = boot();
			const stores = bench.open({ maxCacheBytes: 50_000 });
			for (let i = 0; i < 20; i++) {
				await spend(stores, response({ key: `r${i}`, fetchedAtMs: i }));
			}
			databaseOf(bench).run('PRAGMA max_page_count = 1');
			await spend(stores, response({ body: 'x'.repeat(2_000_000) }));
			const { rows } = databaseOf(bench).get('SELECT COUNT(*) AS rows FROM responses') ?? {};
			expect(rows).toBe(12);
			expect(await stores.responses.get('r19')).toBeDefined();
			expect(await stores.responses.get('r0')).toBeUndefined();
		});

		it('when the disk fills up under several processes: together they stay below the limits', async () => {
			const bench = boot();
			const names = ['a', 'b', 'c', 'd'];
			const all = names.map((process) => bench.open({ process }));
			for (const stores of all) await stores.ledger.usage(BUDGET);
			const grants: Permit[] = [];
			for (const [index, stores] of all.entries()) {
				databaseOf(bench, names[index]).run('PRAGMA max_page_count = 1');
				await spend(stores, response({ key: `r${index}`, body: 'x'.repeat(2_000_000) }));
				expect(databaseOf(bench, names[index]).inMemory).toBe(true);
				grants.push(...(await drain(stores)));
			}
			expect(grants.length).toBeGreaterThanOrEqual(4);
			expect(grants.length).toBeLessThanOrEqual(10);
			const endMs = bench.clock.monotonicMs() + 60_000;
			while (bench.clock.monotonicMs() < endMs) {
				for (const stores of all) grants.push(...(await drain(stores)));
				await bench.advance(50);
			}
			expect(grants.length).toBeLessThanOrEqual(200);
			expect(grants.length).toBeGreaterThan(190);
			// Nobody can count for all of them: only critical requests spend.
			const [first] = all as [Stores];
			expect(await first.ledger.reserve('backfill', BUDGET)).toMatchObject({
				granted: false,
				reason: 'store-trouble',
			});
			expect(
				(await first.ledger.reserve('backfill', { ...BUDGET, dailyBudget: undefined })).granted,
			).toBe(true);
			expect((await first.ledger.reserve('critical', BUDGET)).granted).toBe(true);
		});

		it('when the folder is deleted while running: a new file takes everything on', async () => {
			const bench = boot();
			const stores = bench.open();
			await spend(stores, response());
			await drain(stores);
			rmSync(folder, { recursive: true });
			await bench.advance(2_000);
			expect(existsSync(file)).toBe(true);
			expect(await stores.responses.get('a1')).toEqual(response());
			expect((await stores.admission.status(LIMITS)).usedInWindow).toBe(10);
			await stores.dispose();
			const next = bench.open();
			expect(await spent(next)).toBe(1);
			expect(bench.warnings).toEqual([]);
		});

		it('when another process set the file aside: both go on with the new one', async () => {
			const bench = boot();
			const stores = bench.open();
			await spend(stores, response());
			copyFileSync(file, join(folder, 'copy'));
			rmSync(file);
			rmSync(`${file}-wal`);
			rmSync(`${file}-shm`);
			const other = bench.open({ process: 'b' });
			await spend(other, response({ key: 'b2' }));
			await bench.advance(2_000);
			expect(await stores.responses.get('b2')).toEqual(response({ key: 'b2' }));
			expect(await other.responses.get('a1')).toEqual(response());
			await spend(stores, response({ key: 'c3' }));
			const third = bench.open({ process: 'c' });
			for (const key of ['a1', 'b2', 'c3']) {
				expect(await third.responses.get(key)).toEqual(response({ key }));
			}
		});
	});

	describe('locked file', () => {
		it('grants nothing, and settles when it is free again', async () => {
			const bench = boot();
			const stores = bench.open();
			const result = await stores.ledger.reserve('critical', BUDGET);
			const [permit] = await drain(stores);
			databaseOf(bench).run('PRAGMA busy_timeout = 20');
			const raw = new DatabaseSync(file);
			raw.exec('BEGIN IMMEDIATE');

			await bench.advance(10_000);
			expect(await acquire(stores)).toEqual({ granted: false, reason: 'paused', retryInMs: 1_000 });
			expect(await stores.ledger.reserve('critical', BUDGET)).toEqual({
				granted: false,
				reason: 'store-trouble',
				remaining: 0,
			});
			if (result.granted) {
				await stores.ledger.settle(result.reservation, 'spent', [response()]);
			}
			await stores.admission.release(permit as Permit);
			expect(await stores.responses.get('a1')).toBeUndefined();

			raw.exec('ROLLBACK');
			raw.close();
			await bench.advance(2_000);
			expect(await stores.responses.get('a1')).toEqual(response());
			expect(await spent(stores)).toBe(1);
			expect((await stores.admission.status(LIMITS)).inFlight).toBe(9);
			expect(bench.warnings).toEqual([]);
			expect(databaseOf(bench).get('PRAGMA busy_timeout')).toEqual({ timeout: 5_000 });
		});
	});

	describe('clocks', () => {
		it('after a reboot time goes on: nothing lies in the future, nothing is forgotten', async () => {
			const monthMs = 30 * 86_400_000;
			const before = boot({ monotonicMs: monthMs });
			const stores = before.open();
			await drain(stores, { burst: 1_000 });
			await stores.admission.pause(5_000);
			await stores.responses.claim('flight', 3_000);
			const stamp = await stores.cells.update<null, number>('time', (state, nowMs) => ({
				state,
				result: nowMs,
			}));
			await before.kill('a');

			const after = boot({ monotonicMs: 20_000 });
			const next = after.open();
			const now = await next.cells.update<null, number>('time', (state, nowMs) => ({
				state,
				result: nowMs,
			}));
			expect(now).toBeGreaterThanOrEqual(stamp);
			expect(now - stamp).toBeLessThan(10);
			expect(await acquire(next)).toMatchObject({ granted: false, reason: 'paused' });
			await after.advance(5_001);
			expect(await next.responses.claim('flight', 3_000)).toBe(true);
			expect(await acquire(next)).toMatchObject({ granted: false, reason: 'window' });
			expect((await next.admission.status(LIMITS)).usedInWindow).toBe(200);
			await after.advance(56_000);
			const granted = await acquire(next);
			expect(granted.granted).toBe(true);
			if (!granted.granted) return;
			// A permit carries the caller's own clock.
			expect(granted.permit.grantedAtMs).toBeCloseTo(after.clock.monotonicMs(), 3);
			await next.admission.giveBack(granted.permit);
			expect((await next.admission.status(LIMITS)).usedInWindow).toBe(0);
		});

		it('after a reboot all processes, and memory, go by the same time', async () => {
			const before = boot({ monotonicMs: 1e9 });
			await drain(before.open());
			await before.kill('a');
			const after = boot({ monotonicMs: 20_000 });
			const [first, second] = [after.open(), after.open({ process: 'b' })];
			const now = (stores: Stores) =>
				stores.cells.update<null, number>('time', (state, nowMs) => ({ state, result: nowMs }));
			await now(first);
			await after.advance(1_500);
			expect(await now(second)).toBe(await now(first));

			databaseOf(after).run('PRAGMA max_page_count = 1');
			await spend(first, response({ body: 'x'.repeat(2_000_000) }));
			expect(databaseOf(after).inMemory).toBe(true);
			expect(await now(first)).toBe(await now(second));
			expect((await first.admission.status(LIMITS)).usedInWindow).toBe(10);
			await after.advance(61_000);
			expect((await acquire(first)).granted).toBe(true);
		});

		it('a machine that has been up for longer than the last time is no trouble either', async () => {
			const stores = boot({ monotonicMs: 1_000 }).open();
			await drain(stores);
			const after = boot({ monotonicMs: 1_000_000 });
			expect(await drain(after.open())).toHaveLength(10);
		});

		it('the wall clock means nothing to the rate window', async () => {
			const bench = boot();
			const stores = bench.open();
			await drain(stores, { burst: 1_000 });
			for (const stepMs of [-3_600_000, 7_200_000]) {
				bench.clock.stepWall(stepMs);
				expect(await acquire(stores)).toMatchObject({ granted: false, reason: 'window' });
			}
			await bench.advance(61_001);
			expect(await drain(stores)).toHaveLength(10);
		});

		it('a process that slept through its heartbeats takes part again', async () => {
			const bench = boot();
			const [stores, other] = [bench.open(), bench.open({ process: 'b' })];
			await drain(other);
			const result = await other.ledger.reserve('critical', BUDGET);
			await stores.ledger.usage(BUDGET);
			bench.clock.jump(30_000);
			await bench.advance(1);
			await acquire(other);
			if (result.granted) await other.ledger.settle(result.reservation, 'spent', [response()]);
			expect(await spent(stores)).toBe(1);
			expect(await stores.responses.get('a1')).toEqual(response());
		});
	});

	describe('stored answers', () => {
		it('make room for newer ones at the cap, and the file gets smaller', async () => {
			const bench = boot();
			const stores = bench.open({ maxCacheBytes: 1_000_000 });
			const body = 'x'.repeat(10_000);
			for (let i = 0; i < 300; i++) {
				await spend(stores, response({ key: `r${i}`, fetchedAtMs: i, body }));
			}
			const database = databaseOf(bench);
			const pages = () => Number(database.get('PRAGMA page_count')?.['page_count']);
			const before = pages();
			const removed = await stores.responses.sweep();
			expect(removed).toBeGreaterThanOrEqual(200);
			expect(removed).toBeLessThanOrEqual(206);
			expect(await stores.responses.get(`r${removed - 1}`)).toBeUndefined();
			expect(await stores.responses.get(`r${removed}`)).toBeDefined();
			expect(pages()).toBeLessThan(before / 2);
			expect(await stores.responses.sweep()).toBe(0);
		});

		it('are swept by their thousands', async () => {
			const bench = boot();
			const stores = bench.open();
			const expired = Array.from({ length: 2_500 }, (_, i) =>
				response({ key: `r${i}`, keepUntilMs: 1, body: '{}' }),
			);
			await spend(stores, ...expired);
			await stores.responses.claim('old', 1_000);
			await stores.responses.claim('new', LEASE_MS);
			await bench.advance(2_000);
			expect(await stores.responses.sweep()).toBe(2_500);
			expect(databaseOf(bench).all('SELECT id FROM claims')).toEqual([{ id: 'new' }]);
		});
	});

	describe('ledger', () => {
		it('waits for the disk when a credit was spent, and only then', async () => {
			const stores = boot().open();
			const settled = async (outcome: Settlement) => {
				const result = await stores.ledger.reserve('critical', BUDGET);
				const exec = jest.spyOn(DatabaseSync.prototype, 'exec');
				if (result.granted) await stores.ledger.settle(result.reservation, outcome);
				const said = exec.mock.calls.flat();
				exec.mockRestore();
				return said;
			};
			expect(await settled('spent')).toEqual([
				'PRAGMA synchronous = FULL',
				'PRAGMA synchronous = NORMAL',
			]);
			expect(await settled('returned')).toEqual([]);
			expect(await settled('unknown')).toEqual([]);
		});

		it('keeps days for 400 days, and lost reservations for one', async () => {
			const bench = boot({ wallMs: Date.UTC(2026, 0, 1, 12) });
			const stores = bench.open();
			const doomed = bench.open({ process: 'doomed' });
			await doomed.ledger.reserve('critical', BUDGET);
			await bench.kill('doomed');
			await bench.advance(13_000);
			const database = databaseOf(bench);
			const rows = (sql: string) => database.all(sql).map((row) => Object.values(row)[0]);
			const lost = () => rows('SELECT day FROM reservations WHERE swept_at IS NOT NULL');
			await spend(stores);
			bench.clock.jump(23 * 3_600_000);
			await spend(stores);
			expect(lost()).toEqual(['2026-01-01']);
			bench.clock.jump(24 * 3_600_000);
			await spend(stores);
			expect(lost()).toEqual([]);

			bench.setWall(Date.UTC(2027, 0, 30, 12));
			await spend(stores);
			bench.setWall(Date.UTC(2027, 1, 6, 12));
			await spend(stores);
			expect(rows('SELECT DISTINCT day FROM credits ORDER BY day')).toEqual([
				'2026-01-02',
				'2026-01-03',
				'2027-01-30',
				'2027-02-06',
			]);
		});
	});

	describe('several real processes', () => {
		const start = async (count: number): Promise<Worker[]> => {
			const started = await Promise.all(Array.from({ length: count }, () => Worker.start(folder)));
			workers.push(...started);
			return started;
		};
		const acquireArgs = (over: Partial<RateLimits>) => [
			{ limits: { ...LIMITS, ...over }, priority: 'backfill', leaseMs: LEASE_MS },
		];
		const isGranted = (result: { granted: boolean }) => result.granted;

		it('begin one file at the same time and never pass a limit', async () => {
			const processes = await start(4);
			const over = { requestsPerMinute: 100, burst: 60, maxConcurrent: 50 };
			const admissions = await Promise.all(
				processes.map((worker) =>
					worker.call<Admission>('admission', 'tryAcquire', acquireArgs(over), 40),
				),
			);
			const granted = admissions.flat().filter(isGranted);
			expect(granted).toHaveLength(50);
			const ids = granted.map((admission) => admission.granted && admission.permit.id);
			expect(new Set(ids).size).toBe(50);

			const one = { ...BUDGET, dailyBudget: 25 };
			const reservations = await Promise.all(
				processes.map((worker) =>
					worker.call<ReserveResult>('ledger', 'reserve', ['backfill', one], 50),
				),
			);
			expect(reservations.flat().filter(isGranted)).toHaveLength(25);

			const claims = await Promise.all(
				processes.map((worker) =>
					worker.call<boolean>('responses', 'claim', ['flight', LEASE_MS], 25),
				),
			);
			expect(claims.flat().filter(Boolean)).toHaveLength(1);
			for (const worker of processes) expect(worker.warnings).toEqual([]);
			expect(readdirSync(folder).sort()).toEqual([
				'tiklive.db',
				'tiklive.db-shm',
				'tiklive.db-wal',
			]);
			// Who had to wait for the file took nobody else's stamps for the future.
			const raw = new DatabaseSync(file);
			expect(raw.prepare('SELECT * FROM meta').all()).toEqual([]);
			raw.close();
		}, 60_000);

		it('leave slots, reservations and claims to the others when they are killed, at once', async () => {
			const [doomed, survivor] = (await start(2)) as [Worker, Worker];
			const over = { maxConcurrent: 10, burst: 100 };
			await doomed.call('admission', 'tryAcquire', acquireArgs(over), 10);
			await doomed.call('ledger', 'reserve', ['backfill', BUDGET], 3);
			await doomed.call('responses', 'claim', ['flight', LEASE_MS]);
			const [refused] = await survivor.call<Admission>(
				'admission',
				'tryAcquire',
				acquireArgs(over),
			);
			expect(refused).toMatchObject({ granted: false, reason: 'in-flight' });
			expect(await survivor.call('responses', 'claim', ['flight', LEASE_MS])).toEqual([false]);

			await doomed.kill();
			expect(await survivor.call('responses', 'claim', ['flight', LEASE_MS])).toEqual([true]);
			const admissions = await survivor.call<Admission>(
				'admission',
				'tryAcquire',
				acquireArgs(over),
				11,
			);
			expect(admissions.filter(isGranted)).toHaveLength(10);
			const [usage] = await survivor.call<{ byPriority: unknown }>('ledger', 'usage', [BUDGET]);
			expect(usage?.byPriority).toMatchObject({ backfill: { unknown: 3, reserved: 0 } });
		}, 60_000);
	});
});
