import { inOrder } from '../../nodes/shared/n8n/pool';

interface Job {
	signal: AbortSignal;
	done(): void;
	fail(error: unknown): void;
}

/** Work that the test ends by hand, index by index. */
function manualWork() {
	const jobs = new Map<number, Job>();
	const begun: number[] = [];
	const work = (index: number, signal: AbortSignal) =>
		new Promise<void>((resolve, reject) => {
			begun.push(index);
			jobs.set(index, { signal, done: resolve, fail: reject });
			signal.addEventListener('abort', () => reject(new Error(`aborted ${index}`)));
		});
	return { begun, work, job: (index: number) => jobs.get(index) as Job };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('inOrder', () => {
	it('begins in order and keeps to the limit', async () => {
		const { begun, work, job } = manualWork();
		const all = inOrder(5, 2, undefined, work);
		expect(begun).toEqual([0, 1]);
		job(1).done();
		await turn();
		expect(begun).toEqual([0, 1, 2]);
		for (const index of [0, 2, 3, 4]) {
			job(index).done();
			await turn();
		}
		await all;
		expect(begun).toEqual([0, 1, 2, 3, 4]);
	});

	it('has nothing to do for nothing', async () => {
		await inOrder(0, 40, undefined, () => Promise.reject(new Error('never')));
	});

	it('ends those after a failure, lets those before it finish, begins no more', async () => {
		const { begun, work, job } = manualWork();
		const all = inOrder(10, 4, undefined, work);
		job(2).fail(new Error('two'));
		await turn();
		expect(job(3).signal.aborted).toBe(true);
		expect(job(0).signal.aborted).toBe(false);
		job(0).done();
		job(1).done();
		await expect(all).rejects.toThrow('two');
		expect(begun).toEqual([0, 1, 2, 3]);
	});

	it('throws the failure with the lowest index, whichever came first', async () => {
		const { work, job } = manualWork();
		const all = inOrder(4, 4, undefined, work);
		job(3).fail(new Error('three'));
		await turn();
		job(1).fail(new Error('one'));
		await turn();
		job(0).done();
		await expect(all).rejects.toThrow('one');
	});

	it('ends quietly when it is cancelled', async () => {
		const { begun, work } = manualWork();
		const cancel = new AbortController();
		const all = inOrder(10, 3, cancel.signal, work);
		cancel.abort();
		await all;
		expect(begun).toEqual([0, 1, 2]);
	});
});
