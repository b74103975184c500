import type { IDataObject } from 'n8n-workflow';
import { by, CANARY, engineBench } from './bench';
import { asText, credentialReads, type RunOptions } from './harness';

const bench = engineBench();
const creditsOf = (key: string): number => bench.simulator.ledger.report().perKey[key] ?? 0;

/** Three clients of an agency: each item brings its own key. */
const items = (): IDataObject[] =>
	[0, 1, 2].map((client) => ({
		name: bench.simulator.population.username(client),
		key: bench.credential()['apiKey'] as string,
	}));

const run = async (given: IDataObject[], options: Partial<RunOptions> = {}) =>
	await bench.run({
		node: 'tikLiveUserInfo',
		items: given,
		parameters: { user: by('username', '={{ $json.name }}') },
		credential: bench.credential({ apiKey: '={{ $json.key }}' }),
		...options,
	});

describe('a credential with an expression', () => {
	it('pays for each item with the key of that item', async () => {
		const given = items();
		const { output, error } = await run(given);
		expect(error).toBeUndefined();
		expect(output.map(({ json }) => json['username'])).toEqual(given.map(({ name }) => name));
		expect(given.map(({ key }) => creditsOf(key as string))).toEqual([1, 1, 1]);
	});

	it('keeps stored answers of one key from another', async () => {
		const [first, second] = items();
		const name = first?.['name'];
		await run([{ ...first }, { ...second, name }, { ...first }]);
		expect([first, second].map((item) => creditsOf(item?.['key'] as string))).toEqual([1, 1]);
	});

	it.each(['continueRegularOutput', 'continueErrorOutput'] as const)(
		'that cannot be used for one item fails that one alone, with %s',
		async (onError) => {
			const given = items();
			(given[1] as IDataObject)['key'] = '';
			const { output, errorOutput } = await run(given, { settings: { onError } });
			const failed = onError === 'continueErrorOutput' ? errorOutput[0] : output[1];
			expect(failed?.json).toMatchObject({
				name: given[1]?.['name'],
				error: "'API Key' of the TikLiveAPI credential is empty",
				details: { kind: 'invalid-input', user: `@${String(given[1]?.['name'])}` },
			});
			expect(output.length + errorOutput.length).toBe(3);
			expect([0, 2].map((index) => creditsOf(given[index]?.['key'] as string))).toEqual([1, 1]);
		},
	);

	it('that cannot be used for one item ends the node at that item, with Stop Workflow', async () => {
		const given = items();
		(given[1] as IDataObject)['key'] = 'two words';
		const { error } = await run(given);
		expect(error?.message).toMatch(/'API Key' of the TikLiveAPI credential holds characters/);
	});

	it('shows none of the keys', async () => {
		const given = items();
		bench.simulator.faults.script({ params: { username: given[1]?.['name'] as string } }, [
			{ kind: 'status', status: 400, body: JSON.stringify({ message: String(given[1]?.['key']) }) },
		]);
		const { task, error } = await run(
			given.map((item) => item),
			{ settings: { onError: 'continueErrorOutput' } },
		);
		const told = asText([task?.data?.['main']?.[0], task?.hints, error]);
		expect(told).not.toContain(CANARY);
		const [failed] = task?.data?.['main']?.[1] ?? [];
		expect(asText([failed?.json['error'], failed?.json['details']])).not.toContain(CANARY);
	});

	it('is read once when nothing in it can differ from item to item', async () => {
		const names = Array.from({ length: 500 }, () => ({ name: 'tiktok' }));
		credentialReads.count = 0;
		await run(names, { credential: bench.credential() });
		expect(credentialReads.count).toBeLessThanOrEqual(2);
		credentialReads.count = 0;
		const credential = bench.credential();
		credential['burst'] = '={{ 1_000 }}';
		const { error } = await run(names, { credential });
		expect(error).toBeUndefined();
		expect(credentialReads.count).toBeLessThanOrEqual(2);
	});
});

describe('Queue, Add', () => {
	const queue = async (given: IDataObject[], options: Partial<RunOptions> = {}) =>
		await bench.run({
			node: 'tikLiveQueue',
			items: given,
			parameters: { kind: 'userInfo', user: by('username', '={{ $json.name }}') },
			credential: bench.credential({ apiKey: '={{ $json.key }}' }),
			...options,
		});
	const waiting = async (key: unknown) => {
		const { output } = await bench.run({
			node: 'tikLiveQueue',
			items: [{}],
			parameters: { resource: 'job', operation: 'getStatus' },
			credential: bench.credential({ apiKey: key as string }),
		});
		return output[0]?.json['waiting'];
	};

	it('puts each job where the key of its item belongs', async () => {
		const given = items();
		const { output } = await queue([...given, given[0] as IDataObject]);
		expect(output.map(({ json, pairedItem }) => [json['duplicate'], pairedItem])).toEqual([
			[false, { item: 0 }],
			[false, { item: 1 }],
			[false, { item: 2 }],
			[true, { item: 3 }],
		]);
		expect(await Promise.all(given.map(async ({ key }) => await waiting(key)))).toEqual([1, 1, 1]);
	});

	it.each(['continueRegularOutput', 'continueErrorOutput'] as const)(
		'gives one failed item for each input item when nothing can be added, with %s',
		async (onError) => {
			const given = items();
			const { output, errorOutput } = await queue(given, {
				credential: bench.credential({ baseUrl: 'http://example.com' }),
				settings: { onError },
			});
			const failed = onError === 'continueErrorOutput' ? errorOutput : output;
			expect(failed.map(({ json }) => json['name'])).toEqual(given.map(({ name }) => name));
			expect(failed[2]?.json).toMatchObject({
				error: "'Base URL' of the TikLiveAPI credential does not begin with https://",
				details: { kind: 'invalid-input' },
			});
		},
	);

	it.each(['continueRegularOutput', 'continueErrorOutput'] as const)(
		'tells of one bad item like the other nodes, and adds the others, with %s',
		async (onError) => {
			const given = items();
			(given[1] as IDataObject)['name'] = 'two words';
			const { output, errorOutput } = await queue(given, { settings: { onError } });
			const failed = onError === 'continueErrorOutput' ? errorOutput[0] : output[1];
			expect(failed?.json).toMatchObject({
				name: 'two words',
				error: `"two words" is not a TikTok username (parameter 'User')`,
				details: { kind: 'invalid-input', user: 'two words' },
			});
			expect(output.filter(({ json }) => 'jobId' in json)).toHaveLength(2);
		},
	);
});
