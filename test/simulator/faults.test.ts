import { Faults, type Fault, type FaultRates } from './faults.ts';

const WALL_MS = Date.UTC(2026, 0, 15, 12);
const REQUEST = { endpoint: '/user-posts/', params: new URLSearchParams('userid=1&cursor=0') };

function newFaults(): Faults {
	return new Faults(1, () => WALL_MS);
}

function drawMany(rates: FaultRates, count = 4_000): Array<Fault | undefined> {
	const faults = newFaults();
	faults.set(rates);
	return Array.from({ length: count }, () => faults.drawn());
}

describe('rates', () => {
	it('fall as often as they say, each in its kind', () => {
		const shares = { rate429: 0.1, rate5xx: 0.2, rateReset: 0.05, rateTruncated: 0.05 };
		const drawn = drawMany({ ...shares, rateHtml: 0.05, rateSlow: 0.05, slowMs: 123 });
		const share = (test: (fault: Fault) => boolean): number =>
			drawn.filter((fault) => fault && test(fault)).length / drawn.length;
		const isStatus = (fault: Fault, low: number, high: number): boolean =>
			fault.kind === 'status' && fault.status >= low && fault.status <= high;
		expect(share((fault) => isStatus(fault, 429, 429))).toBeCloseTo(0.1, 1);
		expect(share((fault) => isStatus(fault, 500, 504))).toBeCloseTo(0.2, 1);
		for (const kind of ['reset', 'truncated', 'html', 'slow-headers']) {
			const part = share((fault) => fault.kind === kind);
			expect(part).toBeGreaterThan(0.03);
			expect(part).toBeLessThan(0.07);
		}
		expect(drawn).toContainEqual({ kind: 'slow-headers', ms: 123 });
		expect(drawn.filter((fault) => !fault).length / drawn.length).toBeCloseTo(0.5, 1);
	});

	it('are the same again for the same seed, also after a reset', () => {
		const faults = newFaults();
		const rates = { rate5xx: 0.5 };
		faults.set(rates);
		const first = Array.from({ length: 50 }, () => faults.drawn());
		faults.reset();
		expect(faults.drawn()).toBeUndefined();
		faults.set(rates);
		expect(Array.from({ length: 50 }, () => faults.drawn())).toEqual(first);
		expect(new Set(first.map((fault) => JSON.stringify(fault))).size).toBeGreaterThan(3);
	});

	it.each([
		[undefined, undefined],
		['7', '7'],
		['soon', 'soon'],
		['date', 'Thu, 15 Jan 2026 12:00:07 GMT'],
	])('429 with retryAfter %p', (retryAfter, header) => {
		const [fault] = drawMany({ rate429: 1, retryAfter }, 1) as [Extract<Fault, { kind: 'status' }>];
		expect(fault.headers?.['retry-after']).toBe(header);
	});

	it('latency is uniform between its ends', () => {
		const faults = newFaults();
		expect(faults.latencyMs()).toBe(0);
		faults.set({ latencyMs: [100, 200] });
		const drawn = Array.from({ length: 500 }, () => faults.latencyMs());
		expect(Math.min(...drawn)).toBeGreaterThanOrEqual(100);
		expect(Math.max(...drawn)).toBeLessThan(200);
		expect(Math.max(...drawn) - Math.min(...drawn)).toBeGreaterThan(90);
	});

	it('refuses mistakes instead of ignoring them', () => {
		expect(() => newFaults().set({ rate249: 1 } as FaultRates)).toThrow(TypeError);
		expect(() => newFaults().set({ rate429: 0.6, rate5xx: 0.6 })).toThrow(RangeError);
		expect(() => newFaults().set({ rate429: -0.1 })).toThrow(RangeError);
		expect(() => newFaults().set({ rate429: NaN })).toThrow(RangeError);
	});
});

describe('scripts', () => {
	it('give each matching request the next step and then nothing', () => {
		const faults = newFaults();
		faults.script('/user-posts/', ['reset', 503, 'none', { kind: 'slow-headers', ms: 5 }]);
		expect(faults.forced({ ...REQUEST, endpoint: '/userid/' })).toBeUndefined();
		expect(faults.pending()).toBe(4);
		expect([1, 2, 3, 4, 5].map(() => faults.forced(REQUEST))).toEqual([
			{ kind: 'reset' },
			{ kind: 'status', status: 503 },
			{ kind: 'none' },
			{ kind: 'slow-headers', ms: 5 },
			undefined,
		]);
		expect(faults.pending()).toBe(0);
	});

	it('match by parameters or by a function, the older script first', () => {
		const faults = newFaults();
		faults.script({ params: { cursor: '0' } }, [500]);
		faults.script((request) => request.params.get('userid') === '1', [501]);
		faults.script({ endpoint: '/user-posts/', params: { userid: '2' } }, [502]);
		expect(faults.forced(REQUEST)).toMatchObject({ status: 500 });
		expect(faults.forced(REQUEST)).toMatchObject({ status: 501 });
		expect(faults.forced(REQUEST)).toBeUndefined();
		expect(faults.pending()).toBe(1);
	});

	it.each([
		'resett',
		'constructor',
		{ kind: 'status' },
		{ kind: 'status', status: '503' },
		{ kind: 'reset', ms: 5 },
		{ kind: 'slow-body' },
		null,
	])('refuse %p', (step) => {
		expect(() => newFaults().script('/userid/', [step as Fault])).toThrow(TypeError);
	});
});

describe('outage', () => {
	it('goes before scripts and keeps them', async () => {
		const faults = newFaults();
		faults.script('/user-posts/', [500]);
		await faults.outage(true);
		expect(faults.forced(REQUEST)).toEqual({ kind: 'status', status: 503 });
		await faults.outage('reset');
		expect(faults.forced(REQUEST)).toEqual({ kind: 'reset' });
		await faults.outage(false);
		expect(faults.forced(REQUEST)).toMatchObject({ status: 500 });
	});
});
