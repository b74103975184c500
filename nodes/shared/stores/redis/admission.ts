import type {
	Admission,
	AdmissionStatus,
	AdmissionStore,
	Clock,
	Permit,
	Priority,
	RateLimits,
} from '../../resilience/ports';
import type { Availability } from './availability';
import type { RedisConnection } from './connection';
import type { Holdings } from './holdings';
import type { Keys } from './keys';
import type { LocalWindow } from './localWindow';
import { ACQUIRE, GATE_STATUS, GIVE_BACK, PAUSE } from './lua/admission';
import type { Membership } from './membership';
import type { ServerTime } from './serverTime';
import type { Timing } from './timing';
import { withState } from './withState';

/** Added to each wait, so that rounding never wakes a caller a hair too early. */
const ROUNDING_MS = 0.001;

type Refusal = Extract<Admission, { granted: false }>;
type AcquireReply = ['unknown'] | ['granted' | Refusal['reason'], ms: string];

export interface AcquireRequest {
	limits: RateLimits;
	priority: Priority;
	leaseMs: number;
}

/**
 * The rate window and the in-flight slots of all processes, on the clock of the Redis server. Without Redis this
 * process keeps to its own share of both.
 */
export class RedisAdmission implements AdmissionStore {
	#permits = 0;

	constructor(
		private readonly options: {
			connection: RedisConnection;
			keys: Keys;
			availability: Availability;
			membership: Membership;
			holdings: Holdings;
			local: LocalWindow;
			clock: Clock;
			time: ServerTime;
			timing: Timing;
		},
	) {}

	async tryAcquire(request: AcquireRequest): Promise<Admission> {
		const { availability, holdings, local } = this.options;
		holdings.limits = request.limits;
		const number = ++this.#permits;
		const id = `${this.options.membership.owner}-${number}`;
		holdings.ask(number);
		try {
			const admission =
				(await availability.attempt(async () => await this.#ask(request, id))) ??
				local.tryAcquire(request, id);
			if (admission.granted) holdings.take(admission.permit, request.leaseMs);
			return admission;
		} finally {
			holdings.answered(number);
		}
	}

	async giveBack(permit: Permit): Promise<void> {
		const { availability, connection, holdings, keys } = this.options;
		holdings.giveBack(permit);
		await availability.attempt(
			async () =>
				await connection.run(GIVE_BACK, [keys.gate, keys.window, keys.slots], [permit.id]),
		);
	}

	async release(permit: Permit): Promise<void> {
		const { availability, connection, holdings, keys } = this.options;
		holdings.release(permit);
		await availability.attempt(
			async () =>
				await connection.command(async (client) => await client.zrem(keys.slots, permit.id)),
		);
	}

	async pause(ms: number): Promise<void> {
		const { availability, connection, holdings, keys } = this.options;
		holdings.pause(ms);
		await availability.attempt(
			async () =>
				await withState(availability, async () => {
					const reply = await connection.run(PAUSE, [keys.clock, keys.gate], [ms]);
					return reply === 'unknown' ? undefined : reply;
				}),
		);
	}

	async status(limits: RateLimits): Promise<AdmissionStatus> {
		const { availability, connection, keys, local } = this.options;
		const { clock, gate, window, slots } = keys;
		const reply = await availability.attempt(
			async () =>
				await connection.run(GATE_STATUS, [clock, gate, window, slots], [limits.windowMs]),
		);
		if (reply === undefined) return local.status(limits);
		const [usedInWindow, inFlight, pausedForMs] = reply as [number, number, string];
		return { usedInWindow, inFlight, pausedForMs: Number(pausedForMs) };
	}

	async #ask({ limits, priority, leaseMs }: AcquireRequest, id: string): Promise<Admission> {
		const { availability, connection, keys, membership, timing } = this.options;
		const { clock, gate, window, slots, critical, workers, identities } = keys;
		return await withState(availability, async () => {
			const sentAtMs = this.options.clock.monotonicMs();
			const reply = await connection.run(
				ACQUIRE,
				[clock, gate, window, slots, critical, workers, identities],
				[
					...[id, membership.owner, priority],
					...[limits.requestsPerMinute, limits.burst, limits.maxConcurrent],
					...[limits.windowMs, limits.guardMs, leaseMs, timing.silentMs],
				],
			);
			return this.#read(reply as AcquireReply, id, sentAtMs);
		});
	}

	/** Undefined when the window was lost. */
	#read([answer, ms]: AcquireReply, id: string, sentAtMs: number): Admission | undefined {
		if (answer === 'unknown') return undefined;
		if (answer !== 'granted') {
			return { granted: false, reason: answer, retryInMs: Number(ms) + ROUNDING_MS };
		}
		const { clock, time } = this.options;
		const grantedAtMs = time.monotonicMs(Number(ms), sentAtMs, clock.monotonicMs());
		return { granted: true, permit: { id, grantedAtMs } };
	}
}
