import { Outbox } from '../../nodes/shared/n8n/outbox';
import type { ClaimedJob } from '../../nodes/shared/resilience/jobs';

describe('the outbox', () => {
	const finished = (id: string, attempts = 0) => ({
		job: { id, attempts } as ClaimedJob,
		items: [],
	});
	const dead = { item: { json: { jobId: '9' } }, records: [] };
	const idsOf = (box: Outbox, nowMs: number) => box.next(nowMs)?.jobs.map(({ job }) => job.id);

	it('gives out nothing before a batch is full or has waited', () => {
		const box = new Outbox(2, 1_000);
		expect(box.next(0)).toBeUndefined();
		expect(box.dueInMs(0)).toBe(Infinity);
		box.add(finished('a'), 100);
		expect(box.next(1_099)).toBeUndefined();
		expect(box.dueInMs(600)).toBe(500);
		expect(idsOf(box, 1_100)).toEqual(['a']);
		expect(box.isEmpty).toBe(true);
	});

	it('gives out full batches in order, and the rest later', () => {
		const box = new Outbox(2, 1_000);
		for (const id of ['a', 'b', 'c']) box.add(finished(id), 0);
		expect(idsOf(box, 0)).toEqual(['a', 'b']);
		expect(box.next(0)).toBeUndefined();
		expect(box.size).toBe(1);
		expect(idsOf(box, 1_000)).toEqual(['c']);
	});

	it('halves the batch of a job with each attempt it has used', () => {
		const box = new Outbox(8, 1_000);
		for (let index = 0; index < 4; index++) box.add(finished(`once${index}`, 1), 0);
		expect(idsOf(box, 0)).toHaveLength(4);
		for (let index = 0; index < 3; index++) box.add(finished(`often${index}`, 9), 0);
		expect([idsOf(box, 0), idsOf(box, 0), idsOf(box, 0)]).toEqual([
			['often0'],
			['often1'],
			['often2'],
		]);
	});

	it('sends dead letters with the next batch, or alone after the wait', () => {
		const box = new Outbox(2, 1_000);
		box.addDeadLetter(dead, 0);
		expect(box.next(999)).toBeUndefined();
		expect(box.next(1_000)).toEqual({ jobs: [], deadLetters: [dead] });
		box.addDeadLetter(dead, 2_000);
		for (const id of ['a', 'b']) box.add(finished(id), 2_000);
		expect(box.next(2_000)?.deadLetters).toEqual([dead]);
		expect(box.isEmpty).toBe(true);
	});

	it('drops jobs that are lost, and hands over everything at once when asked to', () => {
		const box = new Outbox(9, 1_000);
		for (const id of ['a', 'b', 'c']) box.add(finished(id, Number(id === 'c')), 0);
		box.drop(({ id }) => id === 'b');
		expect(box.takeAll().jobs.map(({ job }) => job.id)).toEqual(['a', 'c']);
		expect(box.isEmpty).toBe(true);
	});
});
