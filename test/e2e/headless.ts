import assert from 'node:assert/strict';

import { readExample, usernamesOf } from '../../tools/n8n-host/examples.ts';
import { N8nCli, type Run, type RunItem } from '../../tools/n8n-host/index.ts';
import { filesHolding, openToOthers } from './files.ts';
import { RIGHT_KEY, WRONG_KEY, WRONG_KEY_ID, type Stage } from './stage.ts';

const LISTS = [
	{ node: 'Followers', kind: 'followers', endpoint: '/user-followers/' },
	{ node: 'Following', kind: 'following', endpoint: '/user-following/' },
	{ node: 'Posts', kind: 'posts', endpoint: '/user-posts/' },
] as const;
const LIMIT = 5;

/** The main example by `n8n execute`: records, bill, wrong key, and no key where none belongs. */
export async function checkHeadless(stage: Stage): Promise<void> {
	const { checks, checkout, host, simulator, userFolder } = stage;
	const cli = new N8nCli(host, userFolder);
	const workflow = await readExample(checkout, 'four-nodes');
	const usernames = usernamesOf(workflow);

	const { run, log } = await checks.step('the main example executes', async () =>
		succeeded(await cli.execute(workflow.id)),
	);
	await checkRecords(stage, run, usernames);

	const { ledger, judge } = await simulator.report();
	await checks.check(`it costs 4 credits per username, as the simulator counts them`, () => {
		assert.equal(ledger.billed, usernames.length * 4);
		assert.deepEqual(
			ledger.perEndpoint,
			Object.fromEntries(
				['/userinfo-by-username/', ...LISTS.map(({ endpoint }) => endpoint)].map((endpoint) => [
					endpoint,
					usernames.length,
				]),
			),
		);
	});
	await checks.check('it keeps to the rate limit and to 20 requests in flight', () => {
		assert.ok(judge.worstWindow <= 200);
		assert.ok(judge.inFlightPeak <= 20);
	});
	await checks.check('User Info gives a run hint', () => {
		assert.match(run.nodes['User Info']?.hints.join('\n') ?? '', /credit/i);
	});

	const again = await checks.step('it executes once more, in a new process', async () =>
		succeeded(await cli.execute(workflow.id)),
	);
	await checks.check('the second run has the same profiles and pays for none of them', async () => {
		assert.deepEqual(
			jsonOf(again.run.nodes['User Info']?.items),
			jsonOf(run.nodes['User Info']?.items),
		);
		const { perEndpoint } = (await simulator.report()).ledger;
		assert.equal(perEndpoint['/userinfo-by-username/'], usernames.length);
	});

	const before = (await simulator.report()).ledger.billed;
	const refused = await cli.execute(WRONG_KEY_ID);
	await checks.check('with a wrong key the workflow fails and says why', () => {
		assert.ok('failure' in refused);
		assert.match(refused.failure, /API key/i);
	});
	await checks.check('a wrong key costs nothing', async () => {
		assert.equal((await simulator.report()).ledger.billed, before);
	});
	await checks.check('no key in what n8n prints', () => {
		for (const text of [log, refused.log, JSON.stringify(run)]) {
			assert.ok(!text.includes(RIGHT_KEY) && !text.includes(WRONG_KEY));
		}
	});
	await checks.check('no key in any file, the databases among them', async () => {
		assert.deepEqual(await filesHolding(userFolder, [RIGHT_KEY, WRONG_KEY]), []);
	});
	await checks.check('the state on disk is there, and for its owner only', async () => {
		assert.deepEqual(await openToOthers(userFolder), []);
	});
}

function succeeded(
	executed: Awaited<ReturnType<N8nCli['execute']>>,
): Extract<typeof executed, { run: Run }> {
	if ('failure' in executed) throw new Error(executed.failure);
	assert.equal(executed.run.status, 'success', executed.run.error?.message);
	return executed;
}

async function checkRecords(stage: Stage, run: Run, usernames: readonly string[]): Promise<void> {
	const { checks, simulator } = stage;
	await checks.check('User Info: every record is as the simulator knows it, in order', async () => {
		const expected = await Promise.all(usernames.map((name) => simulator.truth('userInfo', name)));
		assert.deepEqual(jsonOf(run.nodes['User Info']?.items), expected);
	});
	for (const { node, kind } of LISTS) {
		const items = run.nodes[node]?.items ?? [];
		await checks.check(`${node}: every record is as the simulator knows it, in order`, async () => {
			const lists = await Promise.all(
				usernames.map(async (name) => (await simulator.truth(kind, name)) as unknown[]),
			);
			assert.deepEqual(
				jsonOf(items),
				lists.flatMap((list) => list.slice(0, LIMIT)),
			);
		});
		await checks.check(`${node}: every item is paired with its user`, () => {
			assert.deepEqual(
				items.map(pairedIndex),
				usernames.flatMap((_, index) => Array<number>(LIMIT).fill(index)),
			);
		});
	}
}

function jsonOf(items: readonly RunItem[] = []): unknown[] {
	return items.map(({ json }) => json);
}

function pairedIndex({ pairedItem }: RunItem): unknown {
	return typeof pairedItem === 'object' && pairedItem !== null && 'item' in pairedItem
		? pairedItem.item
		: pairedItem;
}
