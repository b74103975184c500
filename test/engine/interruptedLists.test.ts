import type { IDataObject, NodeApiError } from 'n8n-workflow';
import { setTimeout as sleep } from 'node:timers/promises';
import { by, engineBench } from './bench';
import { closeRuntimes, type RunOutcome } from './harness';

const bench = engineBench();
/** Five pages of posts: those of this user hold a third of what is asked for. */
const USER = 'short_pages';

const posts = async (
	credential: IDataObject,
	settings: IDataObject = {},
	options: IDataObject = {},
): Promise<RunOutcome> =>
	await bench.run({
		node: 'tikLivePosts',
		items: [{ name: USER, row: 7 }],
		parameters: {
			user: by('username', '={{ $json.name }}'),
			returnAll: true,
			options: { maxAttempts: 1, maxAge: 1, ...options } as never,
		},
		credential,
		settings,
	});

/** Older than the Max Age of these tests. */
const later = async () => await sleep(1_100);
const pages = (steps: ('none' | number)[]) =>
	bench.simulator.faults.script({ endpoint: '/user-posts/' }, steps);
const titles = ({ output }: RunOutcome) => output.map(({ json }) => json['url']);
const everything = () => bench.simulator.truth.posts(USER).map(({ url }) => url);

describe.each(['continueRegularOutput', 'continueErrorOutput'] as const)(
	'a list that fails on its third page, with %s',
	(onError) => {
		it('delivers what was read, and beside it the item that says where it stopped', async () => {
			pages(['none', 'none', 404]);
			const { output, errorOutput, hints } = await posts(bench.credential(), { onError });
			const failed = onError === 'continueErrorOutput' ? errorOutput : output.slice(-1);
			const records = onError === 'continueErrorOutput' ? output : output.slice(0, -1);
			expect(records.length).toBeGreaterThan(10);
			expect(records.map(({ json }) => json['url'])).toEqual(everything().slice(0, records.length));
			expect(failed).toHaveLength(1);
			expect(failed[0]?.json).toMatchObject({
				...{ name: USER, row: 7 },
				error: `TikLiveAPI refused this request for @${USER}`,
				details: {
					...{ kind: 'rejected', user: `@${USER}`, httpStatus: 404 },
					...{ recordsRead: records.length, creditsSpent: 3 },
					bookmark: expect.stringMatching(/^[\w-]{20,}$/) as string,
				},
			});
			expect(hints.join('\n')).toContain(
				`Reading was interrupted for @${USER} after ${records.length} records: TikLiveAPI refused this request`,
			);
		});

		it('does so when the budget is spent, too', async () => {
			const { output, errorOutput } = await posts(bench.credential({ dailyBudget: 3 }), {
				onError,
			});
			const failed = [...output, ...errorOutput].find(({ json }) => 'error' in json);
			expect(failed?.json['details']).toMatchObject({
				...{
					kind: 'budget-exhausted',
					retryAt: expect.stringMatching(/T00:00:00.000Z$/) as string,
				},
				...{ recordsRead: output.length - (onError === 'continueErrorOutput' ? 0 : 1) },
			});
			expect(output.length).toBeGreaterThan(10);
		});

		it('does so while the breaker is open, out of what was read before', async () => {
			const credential = bench.credential();
			pages(['none', 'none', 404]);
			await posts(credential, { onError });
			bench.simulator.faults.script({ endpoint: '/userinfo-by-username/' }, Array(5).fill(503));
			await bench.run({
				node: 'tikLiveUserInfo',
				items: Array.from({ length: 5 }, (_, index) => ({
					name: bench.simulator.population.username(index),
				})),
				parameters: { user: by('username', '={{ $json.name }}'), options: { maxAttempts: 1 } },
				...{ credential, settings: { onError } },
			});
			const { arrivals } = bench.simulator.report().judge;
			const { output, errorOutput } = await posts(credential, { onError });
			const failed = [...output, ...errorOutput].find(({ json }) => 'error' in json);
			expect(failed?.json['details']).toMatchObject({ kind: 'circuit-open' });
			expect(output.length).toBeGreaterThan(10);
			expect(bench.simulator.report().judge.arrivals).toBe(arrivals);
		});

		it('goes on from the bookmark', async () => {
			pages(['none', 'none', 404]);
			const credential = bench.credential();
			const { output, errorOutput } = await posts(credential, { onError });
			const all = [...output, ...errorOutput];
			const details = all.find(({ json }) => 'error' in json)?.json['details'] as IDataObject;
			const rest = await posts(credential, {}, { startFrom: details['bookmark'] as string });
			const read = all.filter(({ json }) => !('error' in json)).map(({ json }) => json['url']);
			expect([...read, ...titles(rest)]).toEqual(everything());
		});
	},
);

describe('a list that was interrupted', () => {
	it('ends the node with an error that names the bookmark, with Stop Workflow', async () => {
		pages(['none', 'none', 404]);
		const { error, output } = await posts(bench.credential());
		expect(output).toEqual([]);
		expect(error?.message).toBe(`TikLiveAPI refused this request for @${USER} [item 0]`);
		expect((error as NodeApiError).description).toMatch(/set 'Start From' to [\w-]{20,}$/);
	});

	it('pays only for the rest in the next run within an hour, whatever Max Age says', async () => {
		const credential = bench.credential();
		pages(['none', 'none', 404]);
		await posts(credential);
		const before = bench.billed();
		await later();
		const whole = await posts(credential);
		expect(titles(whole)).toEqual(everything());
		// Five pages, two of them and the look-up paid before.
		expect({ before, after: bench.billed() }).toEqual({ before: 3, after: 6 });
	});

	it('does so for each of several interruptions, and after a restart', async () => {
		const credential = bench.credential();
		pages(['none', 'none', 404]);
		await posts(credential);
		await closeRuntimes();
		await later();
		pages(['none', 404]);
		await posts(credential);
		await closeRuntimes();
		await later();
		expect(titles(await posts(credential))).toEqual(everything());
		expect(bench.billed()).toBe(6);
	});

	it('does so after a cancel, too', async () => {
		const credential = bench.credential();
		bench.simulator.faults.script({ endpoint: '/user-posts/' }, [
			'none',
			'none',
			{ kind: 'slow-headers', ms: 600 },
		]);
		await bench.run({
			node: 'tikLivePosts',
			items: [{ name: USER }],
			parameters: { user: by('username', USER), returnAll: true, options: { maxAge: 1 } },
			credential,
			started: (cancel) => {
				const timer = setInterval(() => {
					if (bench.simulator.report().judge.arrivals < 4) return;
					clearInterval(timer);
					cancel();
				}, 5);
			},
		});
		await later();
		expect(titles(await posts(credential))).toEqual(everything());
		expect(bench.billed()).toBe(6);
	});

	it('is read anew once it came to its end', async () => {
		const credential = bench.credential();
		pages(['none', 404]);
		await posts(credential);
		await posts(credential);
		const paid = bench.billed();
		await later();
		await posts(credential);
		// Five pages, and the look-up, for which Max Age holds as well.
		expect(bench.billed()).toBe(paid + 6);
	});

	it('is asked for anew with Max Age 0', async () => {
		const credential = bench.credential();
		pages(['none', 'none', 404]);
		await posts(credential);
		await posts(credential, {}, { maxAge: 0 });
		expect(bench.billed()).toBe(3 + 6);
	});

	it('is not told about lists that ended at their limit', async () => {
		const credential = bench.credential();
		await posts(credential, {}, { maxPages: 2 });
		const paid = bench.billed();
		await later();
		await posts(credential, {}, { maxPages: 2 });
		expect(bench.billed()).toBe(paid + 3);
	});
});

describe('a list that becomes a job', () => {
	it('delivers nothing by itself: the job delivers the whole list', async () => {
		pages(['none', 'none', 503]);
		const { output, task } = await posts(bench.credential(), {}, { whenUnavailable: 'queue' });
		expect(output).toEqual([]);
		expect(task?.data?.['main']?.[1]?.[0]?.json).toMatchObject({ kind: 'posts', username: USER });
	});
});
