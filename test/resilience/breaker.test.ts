import {
	Breaker,
	FAILURE_THRESHOLD,
	MAX_OPEN_MS,
	OPEN_MS,
} from '../../nodes/shared/resilience/breaker';
import { noMetrics } from '../../nodes/shared/resilience/metrics';
import type { StateCell } from '../../nodes/shared/resilience/ports';
import { seededRandom } from '../support/clock';

const LEASE_MS = 35_000;
const NO_PROBE = { probe: undefined };

/** A cell on a clock that the test moves; counts what is written. */
function cell() {
	const now = { ms: 1_000_000 };
	const states = new Map<string, unknown>();
	const writes = { count: 0 };
	const cells: StateCell = {
		update: async (name, change) => {
			const before = states.get(name);
			const { state, result } = change(before as never, now.ms);
			if (state !== before) {
				writes.count += 1;
				states.set(name, state);
			}
			return result;
		},
	};
	return { cells, now, writes };
}

function setUp() {
	const { cells, now, writes } = cell();
	const said: string[] = [];
	const circuit: string[] = [];
	const metrics = { ...noMetrics, circuit: (state: string) => void circuit.push(state) };
	const breaker = new Breaker(cells, seededRandom(1), metrics, (text) => said.push(text));
	const fail = async (times: number) => {
		for (let time = 0; time < times; time += 1) await breaker.record(NO_PROBE, 'failure');
	};
	return { breaker, now, writes, said, circuit, fail };
}

describe('Breaker', () => {
	it('opens after 5 failures in a row and says when it tries again', async () => {
		const { breaker, fail, said } = setUp();
		await fail(FAILURE_THRESHOLD - 1);
		expect((await breaker.admit(LEASE_MS)).allowed).toBe(true);
		await fail(1);
		expect(await breaker.admit(LEASE_MS)).toEqual({ allowed: false, reopensInMs: OPEN_MS });
		expect(await breaker.peek()).toEqual({ state: 'open', reopensInMs: OPEN_MS });
		expect(said).toEqual([expect.stringContaining('next trial in 30 s')]);
	});

	it('starts counting again after a success', async () => {
		const { breaker, fail } = setUp();
		await fail(4);
		await breaker.record(NO_PROBE, 'success');
		await fail(4);
		expect((await breaker.admit(LEASE_MS)).allowed).toBe(true);
	});

	it('learns nothing from neutral answers', async () => {
		const { breaker, fail, writes } = setUp();
		await fail(4);
		const before = writes.count;
		for (let time = 0; time < 20; time += 1) await breaker.record(NO_PROBE, 'neutral');
		expect(writes.count).toBe(before);
		await fail(1);
		expect((await breaker.admit(LEASE_MS)).allowed).toBe(false);
	});

	it('writes nothing while all is well', async () => {
		const { breaker, writes } = setUp();
		for (let time = 0; time < 100; time += 1) {
			await breaker.admit(LEASE_MS);
			await breaker.record(NO_PROBE, 'success');
		}
		expect(writes.count).toBe(0);
	});

	it('lets exactly one of 20 callers probe, and closes when it succeeds', async () => {
		const { breaker, fail, now, circuit, said } = setUp();
		await fail(5);
		now.ms += OPEN_MS;
		const decisions = await Promise.all(Array.from({ length: 20 }, () => breaker.admit(LEASE_MS)));
		const allowed = decisions.filter((decision) => decision.allowed);
		expect(allowed).toHaveLength(1);
		await breaker.record(allowed[0]!.permit, 'success');
		expect((await breaker.admit(LEASE_MS)).allowed).toBe(true);
		expect(circuit).toEqual(['open', 'half-open', 'closed']);
		expect(said[1]).toContain('answers again');
	});

	it('reopens for longer each time, with jitter, up to 5 minutes', async () => {
		const { breaker, fail, now } = setUp();
		await fail(5);
		const waits: number[] = [];
		for (let opening = 0; opening < 8; opening += 1) {
			const refused = await breaker.admit(LEASE_MS);
			if (refused.allowed) throw new Error('expected it to be open');
			waits.push(refused.reopensInMs);
			now.ms += refused.reopensInMs;
			const probe = await breaker.admit(LEASE_MS);
			if (!probe.allowed) throw new Error('expected a probe');
			await breaker.record(probe.permit, 'failure');
		}
		expect(waits[0]).toBe(30_000);
		expect(waits[1]).toBeGreaterThanOrEqual(48_000);
		expect(waits[1]).toBeLessThanOrEqual(72_000);
		expect(waits[1]).not.toBe(60_000);
		expect(waits[2]).toBeGreaterThan(waits[1]!);
		expect(waits[7]).toBe(MAX_OPEN_MS);
	});

	it('gives the probe to another when the prober hangs, and ignores the late answer of the first', async () => {
		const { breaker, fail, now } = setUp();
		await fail(5);
		now.ms += OPEN_MS;
		const hung = await breaker.admit(LEASE_MS);
		if (!hung.allowed) throw new Error('expected a probe');
		now.ms += LEASE_MS - 1;
		expect((await breaker.admit(LEASE_MS)).allowed).toBe(false);
		now.ms += 1;
		const second = await breaker.admit(LEASE_MS);
		if (!second.allowed) throw new Error('expected a second probe');
		await breaker.record(hung.permit, 'success');
		expect((await breaker.peek()).state).toBe('half-open');
		await breaker.record(second.permit, 'failure');
		expect((await breaker.peek()).state).toBe('open');
		await breaker.record(hung.permit, 'success');
		expect((await breaker.peek()).state).toBe('open');
	});

	it('frees the probe when its answer says nothing', async () => {
		const { breaker, fail, now } = setUp();
		await fail(5);
		now.ms += OPEN_MS;
		const probe = await breaker.admit(LEASE_MS);
		if (!probe.allowed) throw new Error('expected a probe');
		await breaker.record(probe.permit, 'neutral');
		expect((await breaker.admit(LEASE_MS)).allowed).toBe(true);
	});

	it('ignores answers to requests from before it opened', async () => {
		const { breaker, fail } = setUp();
		await fail(5);
		await breaker.record(NO_PROBE, 'success');
		await breaker.record(NO_PROBE, 'failure');
		expect(await breaker.peek()).toEqual({ state: 'open', reopensInMs: OPEN_MS });
	});

	it('does not stay open for ever when the clock of the store begins anew after a reboot', async () => {
		const { breaker, fail, now } = setUp();
		now.ms = 900_000_000;
		await fail(5);
		now.ms = 12_000;
		expect((await breaker.admit(LEASE_MS)).allowed).toBe(true);
	});

	it('can be closed by hand; a probe that is still out no longer counts', async () => {
		const { breaker, fail, now } = setUp();
		await fail(5);
		now.ms += OPEN_MS;
		const probe = await breaker.admit(LEASE_MS);
		if (!probe.allowed) throw new Error('expected a probe');
		await breaker.reset();
		await breaker.record(probe.permit, 'failure');
		expect(await breaker.peek()).toEqual({ state: 'closed', failures: 0 });
	});
});
