import fc from 'fast-check';
import {
	admit,
	MAX_OPEN_MS,
	record,
	type BreakerState,
	type Verdict,
} from '../../nodes/shared/resilience/breaker';
import { seededRandom } from '../support/clock';
import { runs } from '../support/property';

const LEASE_MS = 35_000;

describe('the breaker machine', () => {
	it('holds its promises over any order of calls, answers and waits', () => {
		const step = fc.oneof(
			fc.record({ type: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 120_000 }) }),
			fc.record({ type: fc.constant('admit' as const) }),
			fc.record({
				type: fc.constant('answer' as const),
				which: fc.nat(5),
				verdict: fc.constantFrom<Verdict>('success', 'failure', 'neutral'),
			}),
		);
		fc.assert(
			fc.property(fc.array(step, { maxLength: 200 }), fc.nat(), (steps, seed) => {
				const random = seededRandom(seed);
				let state: BreakerState = { value: 'closed', failures: 0, fence: 0 };
				let nowMs = 1_000;
				let openSince: number | undefined;
				let probes: { fence: number; untilMs: number }[] = [];
				const out: { probe: number | undefined }[] = [];
				for (const action of steps) {
					if (action.type === 'wait') nowMs += action.ms;
					if (action.type === 'admit') {
						const before: BreakerState = state;
						const answer = admit(state, nowMs, LEASE_MS);
						state = answer.state;
						if (!answer.decision.allowed) {
							expect(answer.decision.reopensInMs).toBeGreaterThan(0);
							expect(answer.decision.reopensInMs).toBeLessThanOrEqual(MAX_OPEN_MS);
							continue;
						}
						out.push(answer.decision.permit);
						const fence = answer.decision.permit.probe;
						if (fence === undefined) {
							expect(before.value).toBe('closed');
							continue;
						}
						expect(openSince).toBeDefined();
						probes = probes.filter((probe) => probe.untilMs > nowMs);
						expect(probes).toEqual([]);
						probes.push({ fence, untilMs: nowMs + LEASE_MS });
					}
					if (action.type === 'answer' && out.length > 0) {
						const [permit] = out.splice(action.which % out.length, 1);
						state = record(state, permit!, action.verdict, nowMs, random);
						probes = probes.filter((probe) => probe.fence !== permit!.probe);
					}
					openSince = state.value === 'closed' ? undefined : (openSince ?? nowMs);
				}
			}),
			runs(300),
		);
	});
});
