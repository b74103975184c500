import { persistently } from '../../nodes/shared/n8n/persistently';
import { ManualClock } from '../support/clock';

const SECOND_MS = 1_000;

describe('what is tried until it goes well', () => {
	let clock: ManualClock;
	let begunAt: number[];
	let problems: unknown[];
	let close: AbortController;

	beforeEach(() => {
		clock = new ManualClock({ monotonicMs: 0 });
		begunAt = [];
		problems = [];
		close = new AbortController();
	});

	afterEach(() => expect(clock.pending()).toBe(0));

	const begin = (work: () => Promise<void>): Promise<void> =>
		persistently(
			async () => {
				begunAt.push(clock.monotonicMs() / SECOND_MS);
				await work();
			},
			{ clock, signal: close.signal, failed: (problem) => problems.push(problem) },
		);

	const fail = async () => await Promise.reject(new Error('away'));

	it('pauses for 30 s, twice as long each time, and never for more than 5 minutes', async () => {
		const ended = begin(fail);
		await clock.advance(1_100 * SECOND_MS);
		expect(begunAt).toEqual([0, 30, 90, 210, 450, 750, 1_050]);
		expect(problems).toHaveLength(begunAt.length);
		close.abort();
		await ended;
	});

	it('begins again at once after work that ended well, and with a short pause after work that went on for long', async () => {
		const works = [
			fail,
			fail,
			async () => {},
			fail,
			async () => await clock.sleep(400_000).then(fail),
		];
		const ended = begin(async () => await (works.shift() ?? fail)());
		await clock.advance(630 * SECOND_MS);
		expect(begunAt).toEqual([0, 30, 90, 90, 120, 550, 610]);
		close.abort();
		await ended;
	});

	it('ends at once during a pause, and with the work while it goes on', async () => {
		const paused = begin(fail);
		await clock.advance(10 * SECOND_MS);
		close.abort();
		await paused;
		expect(begunAt).toEqual([0]);

		close = new AbortController();
		const working = begin(async () => await clock.sleep(20 * SECOND_MS).then(fail));
		await clock.advance(SECOND_MS);
		close.abort();
		await clock.advance(20 * SECOND_MS);
		await working;
		expect(problems).toHaveLength(1);
	});
});
