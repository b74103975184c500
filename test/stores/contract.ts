import type {
	Admission,
	BudgetLimits,
	Permit,
	Priority,
	RateLimits,
	Reservation,
	StoredResponse,
	Stores,
} from '../../nodes/shared/resilience/ports';

export interface StoreTraits {
	/**
	 * `manual`: `advance` costs nothing and is exact to the microsecond.
	 * `real`: the store has its own clock; `advance` waits, and the tests use short windows and a tolerance.
	 */
	time: 'manual' | 'real';
	/** Whether several processes can share the state; without it `open` ignores the process name. */
	processes: boolean;
	/** Whether the wall clock that decides about days can be set. */
	wall: boolean;
	/** After how long the death of a process is known for certain. Default: 13 s. */
	deathMs?: number;
}

/** A store with its clock and its processes, as the contract needs it. */
export interface StoresUnderTest {
	/** One more handle. Handles with the same process name live and die together. */
	open(options?: { keyId?: string; process?: string }): Stores;
	advance(ms: number): Promise<void>;
	wallMs(): number;
	/** Sets the wall clock of all processes. */
	setWall(ms: number): void;
	/** The process ends without a word: no heartbeat, no dispose. */
	kill(process: string): Promise<void>;
	close(): Promise<void>;
}

export type StoresFactory = () => Promise<StoresUnderTest>;

const LEASE_MS = 120_000;
/** From the last heartbeat on, and some. */
const DEATH_MS = 13_000;

/** `it`, where the store has what the test is about. */
export function onlyIf(
	applies: boolean,
): (title: string, test: () => Promise<void>, timeoutMs?: number) => void {
	return (title, test, timeoutMs) => {
		if (applies) it(title, test, timeoutMs);
	};
}

/** What every implementation of ports.ts promises. */
export function describeStoresContract(
	name: string,
	traits: StoreTraits,
	factory: StoresFactory,
): void {
	// A store in memory has no other processes; the promise does not exist there.
	const acrossProcesses = onlyIf(traits.processes);
	const { deathMs = DEATH_MS } = traits;
	const withWall = onlyIf(traits.wall);
	const manual = traits.time === 'manual';

	describe(`${name} keeps the contract`, () => {
		let bench: StoresUnderTest;
		let stores: Stores;
		/** A real store may be late by so much. */
		let toleranceMs: number;
		let limits: RateLimits;

		beforeEach(async () => {
			bench = await factory();
			stores = bench.open();
			toleranceMs = manual ? 0.01 : 30;
			limits = {
				requestsPerMinute: 20,
				burst: 5,
				maxConcurrent: 1_000,
				windowMs: manual ? 60_000 : 2_000,
				guardMs: manual ? 1_000 : 100,
			};
		});

		afterEach(async () => {
			await bench.close();
		});

		const acquire = (
			over: Partial<RateLimits> = {},
			priority: Priority = 'backfill',
			from = stores,
			leaseMs = LEASE_MS,
		): Promise<Admission> =>
			from.admission.tryAcquire({ limits: { ...limits, ...over }, priority, leaseMs });

		const granted = async (...args: Parameters<typeof acquire>): Promise<Permit> => {
			const admission = await acquire(...args);
			if (!admission.granted) throw new Error(`refused: ${admission.reason}`);
			return admission.permit;
		};

		const refused = async (...args: Parameters<typeof acquire>) => {
			const admission = await acquire(...args);
			if (admission.granted) throw new Error('granted');
			return admission;
		};

		/** Takes `count` tokens as fast as the store lets them go. */
		const take = async (count: number, over: Partial<RateLimits> = {}): Promise<Permit[]> => {
			const permits: Permit[] = [];
			while (permits.length < count) {
				const admission = await acquire(over);
				if (admission.granted) permits.push(admission.permit);
				else await bench.advance(admission.retryInMs);
			}
			return permits;
		};

		const isNear = (actualMs: number, expectedMs: number) => {
			expect(Math.abs(actualMs - expectedMs)).toBeLessThan(toleranceMs + expectedMs * 0.02);
		};

		describe('rate window', () => {
			it('lets a burst go at once and then one token each interval', async () => {
				for (let i = 0; i < 5; i++) await granted();
				const refusal = await refused();
				expect(refusal.reason).toBe('burst');
				isNear(refusal.retryInMs, (limits.windowMs + limits.guardMs) / 20);
				await bench.advance(refusal.retryInMs);
				await granted();
				expect((await refused()).reason).toBe('burst');
			});

			it('holds the limit in each window and its guard', async () => {
				const permits = await take(20);
				const refusal = await refused({ burst: 1_000 });
				expect(refusal.reason).toBe('window');
				const first = permits[0]?.grantedAtMs ?? NaN;
				await bench.advance(refusal.retryInMs);
				const next = await granted({ burst: 1_000 });
				expect(next.grantedAtMs - first).toBeGreaterThanOrEqual(
					limits.windowMs + limits.guardMs - 0.001,
				);
				isNear(next.grantedAtMs - first, limits.windowMs + limits.guardMs);
			});

			it('grants what it refused as soon as the wait that it named is over', async () => {
				for (let i = 0; i < 40; i++) {
					const admission = await acquire();
					if (admission.granted) continue;
					expect(admission.retryInMs).toBeGreaterThan(0);
					await bench.advance(admission.retryInMs);
					await granted();
				}
			});

			it('leaves no gap in a full window: a burst comes back as a trickle', async () => {
				const stamps = (await take(60)).map((permit) => permit.grantedAtMs);
				const gaps = stamps.slice(1).map((atMs, index) => atMs - (stamps[index] ?? NaN));
				const intervalMs = (limits.windowMs + limits.guardMs) / 20;
				// The burst of 5 is worth 4 intervals of silence; none of its gaps is as long as 3.
				expect(Math.max(...gaps)).toBeLessThan(3 * intervalMs + toleranceMs);
			});

			it('keeps the token of a released permit', async () => {
				const permits = await take(20);
				for (const permit of permits) await stores.admission.release(permit);
				expect((await refused()).reason).toBe('window');
				expect(await stores.admission.status(limits)).toEqual({
					usedInWindow: 20,
					inFlight: 0,
					pausedForMs: 0,
				});
			});

			it('takes back what was never sent: token, slot and place in the burst, once', async () => {
				const permits = [];
				for (let i = 0; i < 5; i++) permits.push(await granted({ maxConcurrent: 5 }));
				const [unused] = permits as [Permit];
				await stores.admission.giveBack(unused);
				await stores.admission.giveBack(unused);
				await stores.admission.release(unused);
				expect(await stores.admission.status(limits)).toMatchObject({
					usedInWindow: 4,
					inFlight: 4,
				});
				await granted({ maxConcurrent: 5 });
				await refused({ maxConcurrent: 5 });
				expect((await refused()).reason).toBe('burst');
			});

			it('gives the token of a permit back that came from the middle of a full window', async () => {
				const permits = await take(20);
				await refused();
				await stores.admission.giveBack(permits[19] as Permit);
				await bench.advance((limits.windowMs + limits.guardMs) / 20 + toleranceMs);
				await granted();
				expect((await refused()).reason).toBe('window');
			});

			it('follows new limits at once, down and up', async () => {
				const stamps = (await take(20)).map((permit) => permit.grantedAtMs);
				const down = await refused({ requestsPerMinute: 6, burst: 1_000 });
				expect(down.reason).toBe('window');
				// 15 tokens have to leave the window before the 6th is free.
				const [fifteenth = NaN, last = NaN] = [stamps[14], stamps[19]];
				isNear(down.retryInMs, fifteenth - last + limits.windowMs + limits.guardMs);
				const up = { requestsPerMinute: 40, burst: 1 };
				for (let i = 0; i < 2; i++) {
					const refusal = await refused(up);
					expect(refusal.reason).toBe('burst');
					isNear(refusal.retryInMs, (limits.windowMs + limits.guardMs) / 40);
					await bench.advance(refusal.retryInMs);
					await granted(up);
				}
			});

			it('is shared by all handles of a key and by no others', async () => {
				const other = bench.open({ process: 'b' });
				const stranger = bench.open({ keyId: 'stranger' });
				for (let i = 0; i < 5; i++) await granted({}, 'backfill', i % 2 ? other : stores);
				expect((await refused({}, 'backfill', other)).reason).toBe('burst');
				expect((await refused()).reason).toBe('burst');
				await granted({}, 'backfill', stranger);
				expect((await stranger.admission.status(limits)).usedInWindow).toBe(1);
			});

			it('forgets tokens after a window', async () => {
				await take(5);
				await bench.advance(limits.windowMs + limits.guardMs + toleranceMs);
				expect((await stores.admission.status(limits)).usedInWindow).toBe(0);
				for (let i = 0; i < 5; i++) await granted();
			});
		});

		describe('in-flight slots', () => {
			const two = { maxConcurrent: 2, burst: 20 };

			it('are limited and come back on release', async () => {
				const first = await granted(two);
				await granted(two);
				const refusal = await refused(two);
				expect(refusal.reason).toBe('in-flight');
				expect(refusal.retryInMs).toBeGreaterThan(0);
				await stores.admission.release(first);
				await granted(two);
			});

			it('take no token when they are all taken', async () => {
				await granted(two);
				await granted(two);
				await refused(two);
				expect((await stores.admission.status(limits)).usedInWindow).toBe(2);
			});

			it('end with their lease', async () => {
				await granted(two, 'backfill', stores, 1_000);
				await granted(two, 'backfill', stores, LEASE_MS);
				await refused(two);
				await bench.advance(1_000 + toleranceMs);
				expect((await stores.admission.status(limits)).inFlight).toBe(1);
				await granted(two);
				await refused(two);
			});

			acrossProcesses(
				'of a dead process come back, those of a living one do not',
				async () => {
					const [doomed, alive] = [
						bench.open({ process: 'doomed' }),
						bench.open({ process: 'alive' }),
					];
					await granted(two, 'backfill', doomed);
					await granted(two, 'backfill', alive);
					await refused(two);
					await bench.kill('doomed');
					await bench.advance(deathMs);
					await granted(two);
					expect((await refused(two)).reason).toBe('in-flight');
				},
				40_000,
			);

			acrossProcesses('come back when their handle is disposed of', async () => {
				const leaving = bench.open({ process: 'leaving' });
				await granted(two, 'backfill', leaving);
				await granted(two, 'backfill', leaving);
				await refused(two);
				await leaving.dispose();
				await granted(two);
			});
		});

		describe('pause', () => {
			it('stops all processes, and only ever gets longer', async () => {
				const other = bench.open({ process: 'b' });
				const pauseMs = limits.windowMs / 2;
				await stores.admission.pause(pauseMs);
				await other.admission.pause(pauseMs / 4);
				for (const priority of ['critical', 'backfill'] as const) {
					const refusal = await refused({}, priority, other);
					expect(refusal.reason).toBe('paused');
					isNear(refusal.retryInMs, pauseMs);
				}
				isNear((await stores.admission.status(limits)).pausedForMs, pauseMs);
				await stores.admission.pause(pauseMs * 2);
				isNear((await refused()).retryInMs, pauseMs * 2);
				await bench.advance(pauseMs * 2 + toleranceMs);
				await granted();
				expect((await stores.admission.status(limits)).pausedForMs).toBe(0);
			});
		});

		describe('critical first', () => {
			acrossProcesses("holds other processes' backfill back until it was served", async () => {
				const other = bench.open({ process: 'b' });
				const steady = { requestsPerMinute: 120, burst: 1 };
				await granted(steady);
				const wait = await refused(steady, 'critical');
				expect(wait.reason).toBe('burst');
				await bench.advance(wait.retryInMs);
				const backfill = await refused(steady, 'backfill', other);
				expect(backfill.reason).toBe('critical-first');
				expect(backfill.retryInMs).toBeGreaterThan(0);
				expect(backfill.retryInMs).toBeLessThanOrEqual(2_001);
				await granted(steady, 'critical');
				await bench.advance((limits.windowMs + limits.guardMs) / 120 + toleranceMs);
				await granted(steady, 'backfill', other);
			});

			acrossProcesses('lasts 2 s after it last asked', async () => {
				const other = bench.open({ process: 'b' });
				const roomy = { requestsPerMinute: 1_000, burst: 1_000 };
				await stores.admission.pause(10);
				await refused(roomy, 'critical');
				await bench.advance(1_900);
				expect((await refused(roomy, 'backfill', other)).reason).toBe('critical-first');
				await bench.advance(100 + toleranceMs);
				await granted(roomy, 'backfill', other);
			});

			acrossProcesses(
				'does not hold back its own process, nor critical requests of others',
				async () => {
					const other = bench.open({ process: 'b' });
					await stores.admission.pause(10);
					await refused({}, 'critical');
					await bench.advance(10 + toleranceMs);
					await granted({}, 'backfill');
					await granted({}, 'critical', other);
				},
			);
		});

		describe('cells', () => {
			interface Counter {
				count: number;
				text?: string;
			}
			const increment = (state: Counter | undefined) => {
				const count = (state?.count ?? 0) + 1;
				return { state: { count, text: 'ä ✓ \u0000' }, result: count };
			};
			const read = (from = stores, name = 'counter') =>
				from.cells.update<Counter, Counter | undefined>(name, (state) => ({
					state,
					result: state,
				}));

			it('begin as undefined and keep what they are given', async () => {
				expect(await read()).toBeUndefined();
				expect(await stores.cells.update('counter', increment)).toBe(1);
				expect(await read()).toEqual({ count: 1, text: 'ä ✓ \u0000' });
			});

			it('are scoped by name and key, and shared by processes', async () => {
				await stores.cells.update('counter', increment);
				expect(await read(stores, 'another')).toBeUndefined();
				expect(await read(bench.open({ keyId: 'stranger' }))).toBeUndefined();
				expect(await read(bench.open({ process: 'b' }))).toMatchObject({ count: 1 });
			});

			it('lose no update of several processes', async () => {
				const handles = [stores, bench.open({ process: 'b' }), bench.open({ process: 'c' })];
				const updates = Array.from({ length: 60 }, (_, i) =>
					handles[i % 3]?.cells.update('counter', increment),
				);
				const results = await Promise.all(updates);
				expect(new Set(results).size).toBe(60);
				expect(await read()).toMatchObject({ count: 60 });
			});

			it('go away with undefined', async () => {
				await stores.cells.update('counter', increment);
				await stores.cells.update('counter', () => ({ state: undefined, result: 0 }));
				expect(await read()).toBeUndefined();
			});

			it('run on a clock that moves with time', async () => {
				const now = () =>
					stores.cells.update<null, number>('time', (state, nowMs) => ({ state, result: nowMs }));
				const before = await now();
				await bench.advance(500);
				isNear((await now()) - before, 500);
			});

			it('leave everything as it was when the change throws', async () => {
				await stores.cells.update('counter', increment);
				await expect(
					stores.cells.update('counter', () => {
						throw new Error('no');
					}),
				).rejects.toThrow('no');
				expect(await read()).toMatchObject({ count: 1 });
				expect(await stores.cells.update('counter', increment)).toBe(2);
			});
		});

		describe('ledger', () => {
			const budget: BudgetLimits = {
				dailyBudget: 10,
				criticalReserve: 3,
				creditBalance: undefined,
				timezone: 'UTC',
			};
			const reserve = (
				priority: Priority = 'backfill',
				over: Partial<BudgetLimits> = {},
				from = stores,
			) => from.ledger.reserve(priority, { ...budget, ...over });
			const reserved = async (...args: Parameters<typeof reserve>): Promise<Reservation> => {
				const result = await reserve(...args);
				if (!result.granted) throw new Error(`refused: ${result.reason}`);
				return result.reservation;
			};
			const spend = async (...args: Parameters<typeof reserve>) => {
				await (args[2] ?? stores).ledger.settle(await reserved(...args), 'spent');
			};
			const usage = (over: Partial<BudgetLimits> = {}) =>
				stores.ledger.usage({ ...budget, ...over });

			it('books each outcome to its priority', async () => {
				await stores.ledger.settle(await reserved('critical'), 'spent');
				await stores.ledger.settle(await reserved('backfill'), 'unknown');
				await stores.ledger.settle(await reserved('backfill'), 'returned');
				await reserved('backfill');
				expect(await usage()).toEqual({
					day: new Date(bench.wallMs()).toISOString().slice(0, 10),
					byPriority: {
						critical: { spent: 1, unknown: 0, returned: 0, reserved: 0 },
						backfill: { spent: 0, unknown: 1, returned: 1, reserved: 1 },
					},
					remaining: { critical: 7, backfill: 4 },
					balance: undefined,
				});
			});

			it('settles once', async () => {
				const reservation = await reserved();
				await stores.ledger.settle(reservation, 'returned');
				await stores.ledger.settle(reservation, 'spent');
				await bench.open({ process: 'b' }).ledger.settle(reservation, 'unknown');
				expect((await usage()).byPriority.backfill).toEqual({
					spent: 0,
					unknown: 0,
					returned: 1,
					reserved: 0,
				});
			});

			it('stops backfill at the reserve and critical at zero', async () => {
				for (let i = 0; i < 7; i++) await spend('backfill');
				expect(await reserve('backfill')).toEqual({
					granted: false,
					reason: 'daily-budget',
					remaining: 3,
				});
				for (let i = 0; i < 3; i++) await spend('critical');
				expect(await reserve('critical')).toEqual({
					granted: false,
					reason: 'daily-budget',
					remaining: 0,
				});
				expect((await usage()).remaining).toEqual({ critical: 0, backfill: 0 });
			});

			it('counts reserved and unknown credits as used, and returned ones not', async () => {
				const one = { dailyBudget: 1, criticalReserve: 0 };
				const reservation = await reserved('backfill', one);
				expect((await reserve('backfill', one)).granted).toBe(false);
				await stores.ledger.settle(reservation, 'returned');
				await stores.ledger.settle(await reserved('backfill', one), 'unknown');
				expect((await reserve('backfill', one)).granted).toBe(false);
			});

			it('takes 0 for nothing and undefined for no limit', async () => {
				expect((await reserve('critical', { dailyBudget: 0 })).granted).toBe(false);
				for (let i = 0; i < 30; i++) await spend('backfill', { dailyBudget: undefined });
				expect((await usage({ dailyBudget: undefined })).remaining).toEqual({
					critical: undefined,
					backfill: undefined,
				});
				expect((await reserve('critical', { dailyBudget: 0 })).granted).toBe(false);
			});

			it('gives the last credit to one of 50 callers in three processes', async () => {
				const handles = [stores, bench.open({ process: 'b' }), bench.open({ process: 'c' })];
				const one = { dailyBudget: 1, criticalReserve: 0 };
				const results = await Promise.all(
					Array.from({ length: 50 }, (_, i) => reserve('backfill', one, handles[i % 3])),
				);
				expect(results.filter((result) => result.granted)).toHaveLength(1);
			});

			it('keeps keys apart', async () => {
				await spend();
				const stranger = bench.open({ keyId: 'stranger' });
				expect((await stranger.ledger.usage(budget)).byPriority.backfill.spent).toBe(0);
				await stranger.ledger.settle(await reserved(), 'spent');
				expect((await usage()).byPriority.backfill).toMatchObject({ spent: 1, reserved: 1 });
			});

			it('counts a known balance down, to the reserve and to zero', async () => {
				const known = { dailyBudget: undefined, creditBalance: 5 };
				await spend('backfill', known);
				await spend('backfill', known);
				expect(await usage(known)).toMatchObject({
					balance: 3,
					remaining: { critical: 3, backfill: 0 },
				});
				expect(await reserve('backfill', known)).toEqual({
					granted: false,
					reason: 'balance',
					remaining: 3,
				});
				const last = await reserved('critical', known);
				await spend('critical', known);
				await spend('critical', known);
				expect((await reserve('critical', known)).granted).toBe(false);
				await stores.ledger.settle(last, 'returned');
				await spend('critical', known);
				expect(await usage(known)).toMatchObject({ balance: 0 });
			});

			it('begins a new count with a new balance, open reservations included', async () => {
				const before = { dailyBudget: undefined, creditBalance: 5 };
				const after = { dailyBudget: undefined, creditBalance: 100 };
				await spend('critical', before);
				const open = await reserved('critical', before);
				await spend('critical', after);
				expect(await usage(after)).toMatchObject({ balance: 98 });
				await stores.ledger.settle(open, 'returned');
				expect(await usage(after)).toMatchObject({ balance: 99 });
				// Nothing is written while there is no credit.
				expect((await reserve('critical', { ...after, creditBalance: 0 })).granted).toBe(false);
				expect(await usage(after)).toMatchObject({ balance: 99 });
				expect(await usage({ ...before, creditBalance: 50 })).toMatchObject({ balance: 50 });
				expect(await usage({ dailyBudget: undefined })).toMatchObject({ balance: undefined });
			});

			acrossProcesses(
				'takes the reservations of a dead process for unknown, until they are settled after all',
				async () => {
					const doomed = bench.open({ process: 'doomed' });
					const reservation = await reserved('backfill', {}, doomed);
					await bench.kill('doomed');
					await bench.advance(deathMs);
					expect((await usage()).byPriority.backfill).toMatchObject({ unknown: 1, reserved: 0 });
					await stores.ledger.settle(reservation, 'returned');
					await stores.ledger.settle(reservation, 'returned');
					expect((await usage()).byPriority.backfill).toEqual({
						spent: 0,
						unknown: 0,
						returned: 1,
						reserved: 0,
					});
				},
				40_000,
			);

			acrossProcesses(
				'returns a credit only to the balance that it was taken from',
				async () => {
					const before = { dailyBudget: undefined, creditBalance: 5 };
					const after = { dailyBudget: undefined, creditBalance: 100 };
					const doomed = bench.open({ process: 'doomed' });
					const lost = await reserved('critical', before, doomed);
					await bench.kill('doomed');
					await bench.advance(deathMs);
					await spend('critical', after);
					await stores.ledger.settle(lost, 'returned');
					expect(await usage(after)).toMatchObject({ balance: 99 });
				},
				40_000,
			);

			describe('day', () => {
				const at = (text: string) => bench.setWall(Date.parse(text));

				withWall('is that of the time zone, and has its own budget', async () => {
					const berlin = { timezone: 'Europe/Berlin' };
					at('2026-03-28T22:59:59.999Z');
					await spend('critical', berlin);
					expect(await usage(berlin)).toMatchObject({ day: '2026-03-28' });
					at('2026-03-28T23:00:00Z');
					expect(await usage(berlin)).toMatchObject({
						day: '2026-03-29',
						remaining: { critical: 10 },
					});
					// Summer time begins: a day of 23 hours.
					at('2026-03-29T21:59:59.999Z');
					await spend('critical', berlin);
					expect(await usage(berlin)).toMatchObject({
						day: '2026-03-29',
						remaining: { critical: 9 },
					});
					at('2026-03-29T22:00:00Z');
					expect(await usage(berlin)).toMatchObject({ day: '2026-03-30' });
				});

				withWall('of the reservation gets the credit, whenever it is settled', async () => {
					at('2026-05-01T23:59:59Z');
					const reservation = await reserved();
					at('2026-05-02T00:00:01Z');
					await stores.ledger.settle(reservation, 'spent');
					expect((await usage()).byPriority.backfill.spent).toBe(0);
					at('2026-05-01T23:59:59Z');
					expect((await usage()).byPriority.backfill.spent).toBe(1);
				});

				withWall('does not come twice when the clock is set back over midnight', async () => {
					at('2026-05-02T00:00:01Z');
					for (let i = 0; i < 10; i++) await spend('critical');
					at('2026-05-01T23:00:00Z');
					expect((await reserve('critical')).granted).toBe(false);
					expect((await usage()).day).toBe('2026-05-02');
				});

				withWall(
					'is the true one again after a clock that was wrong by more than a day',
					async () => {
						at('2031-01-01T12:00:00Z');
						await spend();
						at('2026-05-01T12:00:00Z');
						await spend();
						expect(await usage()).toMatchObject({
							day: '2026-05-01',
							byPriority: { backfill: { spent: 1 } },
						});
					},
				);
			});
		});

		describe('responses', () => {
			const HOUR_MS = 3_600_000;
			const response = (over: Partial<StoredResponse> = {}): StoredResponse => ({
				key: 'a1b2c3',
				endpoint: 'userInfo',
				kind: 'found',
				body: '{"name":"ÄÖ 😀 \\u0000"}',
				fetchedAtMs: bench.wallMs(),
				keepUntilMs: bench.wallMs() + HOUR_MS,
				...over,
			});
			const store = async (...responses: StoredResponse[]) => {
				const result = await stores.ledger.reserve('critical', {
					dailyBudget: undefined,
					criticalReserve: 0,
					creditBalance: undefined,
					timezone: 'UTC',
				});
				if (!result.granted) throw new Error(result.reason);
				await stores.ledger.settle(result.reservation, 'spent', responses);
			};

			it('are stored with the credit that bought them', async () => {
				const found = response();
				const missing = response({ key: 'd4', kind: 'not-found', body: '' });
				await store(found, missing);
				expect(await stores.responses.get(found.key)).toEqual(found);
				expect(await stores.responses.get(missing.key)).toEqual(missing);
				expect(await stores.responses.get('nothing')).toBeUndefined();
				expect(await bench.open({ process: 'b' }).responses.get(found.key)).toEqual(found);
				expect(await bench.open({ keyId: 'stranger' }).responses.get(found.key)).toBeUndefined();
			});

			it('give way to newer ones', async () => {
				await store(response());
				const newer = response({ body: '{"name":"new"}' });
				await store(newer);
				expect(await stores.responses.get(newer.key)).toEqual(newer);
			});

			it('may be large', async () => {
				const large = response({ body: JSON.stringify({ text: 'ß'.repeat(3_000_000) }) });
				await store(large);
				expect(await stores.responses.get(large.key)).toEqual(large);
			});

			it('may be kept without a credit, replaced and removed', async () => {
				const note = response({ endpoint: 'note', body: '' });
				await stores.responses.keep(note);
				expect(await stores.responses.get(note.key)).toEqual(note);
				expect(await bench.open({ process: 'b' }).responses.get(note.key)).toEqual(note);
				const later = response({ ...note, fetchedAtMs: note.fetchedAtMs + 5 });
				await stores.responses.keep(later);
				expect(await stores.responses.get(note.key)).toEqual(later);
				await stores.responses.remove(note.key);
				await stores.responses.remove('nothing');
				expect(await stores.responses.get(note.key)).toBeUndefined();
			});

			it('from the future do no harm', async () => {
				const future = response({
					fetchedAtMs: bench.wallMs() + HOUR_MS,
					keepUntilMs: bench.wallMs() + 2 * HOUR_MS,
				});
				await store(future);
				expect(await stores.responses.get(future.key)).toEqual(future);
			});

			it('are gone after their time', async () => {
				const shortMs = 300;
				await store(response({ keepUntilMs: bench.wallMs() + shortMs }));
				await store(response({ key: 'kept' }));
				await bench.advance(shortMs + toleranceMs);
				expect(await stores.responses.get('a1b2c3')).toBeUndefined();
				await stores.responses.sweep();
				expect(await stores.responses.sweep()).toBe(0);
				expect(await stores.responses.get('kept')).toBeDefined();
			});

			it('are fetched by one caller at a time', async () => {
				const other = bench.open({ process: 'b' });
				const claims = await Promise.all(
					Array.from({ length: 20 }, (_, i) =>
						(i % 2 ? other : stores).responses.claim('flight', LEASE_MS),
					),
				);
				expect(claims.filter(Boolean)).toHaveLength(1);
				expect(await stores.responses.claim('another', LEASE_MS)).toBe(true);
				expect(await bench.open({ keyId: 'stranger' }).responses.claim('flight', LEASE_MS)).toBe(
					true,
				);
			});

			acrossProcesses('may be claimed again after unclaim, by its holder only', async () => {
				const other = bench.open({ process: 'b' });
				expect(await stores.responses.claim('flight', LEASE_MS)).toBe(true);
				await other.responses.unclaim('flight');
				expect(await other.responses.claim('flight', LEASE_MS)).toBe(false);
				await stores.responses.unclaim('flight');
				expect(await other.responses.claim('flight', LEASE_MS)).toBe(true);
			});

			it('may be claimed again after the lease', async () => {
				expect(await stores.responses.claim('flight', 200)).toBe(true);
				await bench.advance(100);
				expect(await stores.responses.claim('flight', 200)).toBe(false);
				await bench.advance(100 + toleranceMs);
				expect(await stores.responses.claim('flight', 200)).toBe(true);
			});

			acrossProcesses(
				'may be claimed again when the process that claimed them is dead',
				async () => {
					const doomed = bench.open({ process: 'doomed' });
					expect(await doomed.responses.claim('flight', LEASE_MS)).toBe(true);
					await bench.kill('doomed');
					await bench.advance(deathMs);
					expect(await stores.responses.claim('flight', LEASE_MS)).toBe(true);
				},
				40_000,
			);
		});
	});
}
