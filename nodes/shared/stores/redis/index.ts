import type { Clock, Random, Stores, Warn } from '../../resilience/ports';
import type { ProcessIdentity } from '../embedded/owner';
import { RedisAdmission } from './admission';
import { Availability } from './availability';
import { RedisCells } from './cells';
import { shareConnection, type RedisConnection, type RedisSettings } from './connection';
import { Episode } from './episode';
import { warnOfEviction } from './eviction';
import { Holdings } from './holdings';
import { Journal } from './journal';
import { RedisJobs } from './jobs';
import { keysOf } from './keys';
import { RedisLedger } from './ledger';
import { LocalWindow } from './localWindow';
import { Membership } from './membership';
import { MAX_ANSWER_BYTES, RedisResponses } from './responses';
import { ServerTime } from './serverTime';
import { RedisStatistics } from './statistics';
import { TIMING, type Timing } from './timing';

export type { RedisSettings } from './connection';

export interface RedisOptions {
	connection: RedisSettings;
	/** A hash of the API key; never the key. */
	keyId: string;
	clock: Clock;
	random: Random;
	/** The first handle of a connection gets the warnings about it for all. */
	warn: Warn;
	/** Processes that use the key, for one that never saw Redis. Default 4. */
	expectedWorkers?: number;
	/** Size cap for the stored answers of the key. Default 256 MB. */
	maxCacheBytes?: number;
	timing?: Partial<Timing>;
	/** Default: this process. */
	identity?: ProcessIdentity;
}

const episodes = new WeakMap<RedisConnection, Episode>();

/**
 * State of one API key in Redis, shared by all processes that use it. Connects at the first use. Without Redis
 * each process goes on by itself, slower and for critical requests only; only the jobs have to wait.
 */
export function openRedisStores(options: RedisOptions): Stores {
	const { clock, random, warn } = options;
	const timing = { ...TIMING, ...options.timing };
	const { connection, release } = shareConnection(options.connection, clock, random);
	const episode = episodes.get(connection) ?? new Episode(connection, clock, timing.calmMs, warn);
	episodes.set(connection, episode);

	const keys = keysOf(options.keyId);
	const time = new ServerTime(clock);
	const holdings = new Holdings(clock);
	const journal = new Journal();
	const membership = new Membership({
		...{ connection, keys, clock, time, holdings, timing },
		expectedWorkers: options.expectedWorkers,
		identity: options.identity,
	});
	const availability: Availability = new Availability({
		...{ connection, episode, clock, random, probeMs: timing.probeMs },
		join: async () => {
			await membership.join(availability.lastAnswerMs > -Infinity);
			await ledger.join();
			await responses.join();
			await cells.join();
			await statistics.join();
			await warnOfEviction(connection, warn);
		},
		consequence: () =>
			`Until it is back this process keeps to 1/${membership.workers} of the rate limit and makes ` +
			'critical requests only.',
	});
	const shared = { connection, keys, availability, membership, clock, time, timing };
	const ledger = new RedisLedger({ ...shared, journal });
	const cells = new RedisCells({ ...shared, random, warn });
	const responses = new RedisResponses({
		...{ ...shared, journal, warn },
		maxBytes: options.maxCacheBytes ?? MAX_ANSWER_BYTES,
	});
	const local = new LocalWindow({ ...shared, holdings });
	const admission = new RedisAdmission({ ...shared, holdings, local });
	const statistics = new RedisStatistics(shared);
	const jobs = new RedisJobs({ ...shared, random });

	const beat = async () => {
		// Neither before the first use nor while Redis is away.
		if (availability.lastAnswerMs === -Infinity || availability.outage) return;
		const known = await availability.attempt(async () => await membership.beat());
		if (known === false) await availability.rejoin();
		await availability.attempt(async () => (await ledger.watch(), true));
	};
	const stopBeating = clock.every(timing.beatMs, () => void beat());
	const sayGoodbye = () => membership.leaveAtOnce();
	atExit(sayGoodbye);

	return {
		kind: 'redis',
		admission,
		cells,
		ledger,
		responses,
		statistics,
		jobs,
		async dispose() {
			goodbyes.delete(sayGoodbye);
			stopBeating();
			await availability.dispose(async () => await membership.leave());
			release();
		},
	};
}

/** Of all handles: Node warns of many listeners. */
const goodbyes = new Set<() => void>();
let isListening = false;

function atExit(goodbye: () => void): void {
	goodbyes.add(goodbye);
	if (isListening) return;
	isListening = true;
	process.once('exit', () => goodbyes.forEach((each) => each()));
}
