import { randomFrom } from './chance.ts';
import { Judge } from './judge.ts';

/** The slow and obvious way. */
function worstOf(stamps: readonly number[], windowMs: number): number {
	return Math.max(
		0,
		...stamps.map((start) => stamps.filter((at) => at >= start && at < start + windowMs).length),
	);
}

function judgeOf(stamps: readonly number[], limit = 200, windowMs = 60_000): Judge {
	const judge = new Judge(limit, windowMs);
	for (const stamp of stamps) judge.arrive(stamp);
	return judge;
}

describe('Judge', () => {
	it('finds the worst windows exactly, as a brute-force count does', () => {
		const random = randomFrom(7);
		for (let round = 0; round < 20; round++) {
			let now = 1_000 * random();
			const stamps = Array.from({ length: 150 }, () => (now += 2_000 * random() ** 4));
			const report = judgeOf(stamps, 200, 5_000).report();
			expect(report.worstWindow).toBe(worstOf(stamps, 5_000));
			expect(report.worstSecond).toBe(worstOf(stamps, 1_000));
		}
	});

	it('a window is open at its end', () => {
		expect(judgeOf([0, 60_000]).report().worstWindow).toBe(1);
		expect(judgeOf([0, 59_999.999]).report().worstWindow).toBe(2);
	});

	it('sees a window that fixed minutes would hide', () => {
		const late = Array.from({ length: 199 }, (_, n) => 59_000 + n);
		const early = Array.from({ length: 200 }, (_, n) => 60_000 + n);
		expect(judgeOf([...late, ...early]).report().worstWindow).toBe(399);
	});

	it('never lets a stamp go back', () => {
		const judge = judgeOf([10, 5, 20]);
		expect([...judge.stamps()]).toEqual([10, 10, 20]);
	});

	it('counts and waits on the open-ended window', () => {
		const judge = judgeOf([0, 10, 20, 30]);
		expect(judge.countSince(10)).toBe(2);
		expect(judge.countSince(-1)).toBe(4);
		expect(judge.msUntilBelow(3, 100, 30)).toBe(80);
		expect(judge.msUntilBelow(5, 100, 30)).toBe(0);
	});

	it('reports utilisation over a span of at least a window, or over the stretch that is asked', () => {
		const steady = Array.from({ length: 401 }, (_, n) => n * 300);
		const report = judgeOf(steady).report();
		expect(report).toMatchObject({ arrivals: 401, spanMs: 120_000 });
		expect(report.utilisation).toBeCloseTo(401 / 400);
		expect(judgeOf(steady.slice(0, 100)).report().utilisation).toBeNull();
		const stretch = judgeOf(steady).report({ fromMs: 0, toMs: 60_000, limit: 400 });
		expect(stretch).toMatchObject({ arrivals: 200, spanMs: 60_000, utilisation: 0.5 });
	});

	it('keeps the peak in flight', () => {
		const judge = judgeOf([1, 2, 3]);
		judge.end();
		judge.end();
		judge.arrive(4);
		expect(judge.report()).toMatchObject({ inFlight: 2, inFlightPeak: 3 });
		judge.reset();
		expect(judge.report()).toMatchObject({
			arrivals: 0,
			worstWindow: 0,
			inFlight: 2,
			inFlightPeak: 2,
		});
	});

	it('takes a million arrivals in a moment and little memory', () => {
		const judge = new Judge(200, 60_000);
		for (let n = 0; n < 1_000_000; n++) judge.arrive(n * 300);
		expect(judge.report()).toMatchObject({ arrivals: 1_000_000, worstWindow: 200 });
		expect(judge.stamps().byteLength).toBe(8_000_000);
	});
});
