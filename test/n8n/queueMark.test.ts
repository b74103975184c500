import { QueueMark } from '../../nodes/shared/n8n/queueMark';
import type { JobStore } from '../../nodes/shared/resilience/jobs';
import { queueStanding } from '../../nodes/shared/resilience/queues';
import { openEmbeddedStores } from '../../nodes/shared/stores/embedded';
import { ManualClock } from '../support/clock';

const MINUTE_MS = 60_000;

describe('the mark of a queue that is worked off', () => {
	let clock: ManualClock;
	let jobs: JobStore;
	let warnings: string[];

	beforeEach(() => {
		clock = new ManualClock();
		warnings = [];
		({ jobs } = openEmbeddedStores({ folder: undefined, keyId: 'k', clock, warn: () => {} }));
	});

	const mark = (queue: string, store = jobs) =>
		new QueueMark({ jobs: store, clock, warn: (text) => warnings.push(text) }, queue);

	/** As the loop of the trigger does. */
	const during = async (mine: QueueMark, ms: number) => {
		for (let passed = 0; passed <= ms; passed += 1_000) {
			await mine.renew();
			await clock.advance(1_000);
		}
	};

	const add = async (queue: string, dedupeKey = queue) =>
		await jobs.add([
			{
				...{ queue, kind: 'userInfo', payload: '{"v":1}', priority: 'backfill' },
				...{ notBeforeMs: 0, maxAttempts: 1, dedupeKey },
			},
		]);

	const isWorkedOff = async (queue: string) =>
		(await queueStanding(jobs, queue, clock.wallMs())).workedOff;

	it('holds as long as it is renewed, and for two minutes after', async () => {
		expect(await isWorkedOff('a')).toBe(false);
		const mine = mark('a');
		await during(mine, 10 * MINUTE_MS);
		expect([await isWorkedOff('a'), await isWorkedOff('default')]).toEqual([true, false]);
		await clock.advance(MINUTE_MS);
		expect(await isWorkedOff('a')).toBe(true);
		await clock.advance(MINUTE_MS);
		expect(await isWorkedOff('a')).toBe(false);
	});

	it('is written no more often than each 20 seconds', async () => {
		const written = jest.spyOn(jobs, 'markWorkedOff');
		await during(mark('a'), MINUTE_MS);
		expect(written).toHaveBeenCalledTimes(4);
	});

	it('tells once after five minutes that nobody adds to the queue, and where there are jobs', async () => {
		await add('default');
		await add('nihgt');
		const mine = mark('night');
		await during(mine, 4 * MINUTE_MS + 50_000);
		expect(warnings).toEqual([]);
		await during(mine, 30 * MINUTE_MS);
		expect(warnings).toEqual([
			"A Queue Trigger works off the queue 'night', but nobody has added a job to it. Queues with jobs: default, nihgt. 'Queue' must say the same in the node that adds the jobs.",
		]);
	});

	it('says so where there are no jobs at all', async () => {
		await during(mark('night'), 6 * MINUTE_MS);
		expect(warnings.join()).toContain('No queue has any.');
	});

	it('says nothing of a queue that somebody has added to, however empty it is', async () => {
		await add('night');
		await jobs.deleteJobs({ queue: 'night' });
		await during(mark('night'), 10 * MINUTE_MS);
		expect(warnings).toEqual([]);
	});

	it('looks again where the store could not answer', async () => {
		let fails = 0;
		const store = Object.assign(Object.create(jobs) as JobStore, {
			queues: async () => {
				if (fails++ < 3) throw new Error('database is locked');
				return await jobs.queues();
			},
		});
		const mine = mark('night', store);
		for (let second = 0; second < 600; second++) {
			await mine.renew().catch(() => {});
			await clock.advance(1_000);
		}
		expect(warnings).toHaveLength(1);
	});
});
