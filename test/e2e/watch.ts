import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

import { mapNodes, readExample } from '../../tools/n8n-host/examples.ts';
import { N8nCli, N8nRest, startN8n, type Run } from '../../tools/n8n-host/index.ts';
import type { Stage } from './stage.ts';

/** Nobody else of the run asks for this user. */
const USERNAME = 'creator000123';
const TRIGGER = 'New post';
const FEED = '/user-posts/';
/** n8n polls once a minute at most. */
const POLL_LIMIT_MS = 90_000;
/** By then an execution that a poll has started is in the list. */
const EXECUTION_START_MS = 2_000;

/** The example with a trigger that polls: each new post once, also over a restart of n8n. */
export async function checkWatch(stage: Stage): Promise<void> {
	const { checks, checkout, host, owner, simulator, userFolder } = stage;
	const example = mapNodes(await readExample(checkout, 'new-post-alert'), (node) => {
		const parameters = node.parameters as Record<string, unknown>;
		if (node.name !== TRIGGER) return { ...node, disabled: true };
		const pollTimes = { item: [{ mode: 'everyMinute' }] };
		return { ...node, parameters: { ...parameters, pollTimes, users: [USERNAME] } };
	});
	await checks.step('the example with the trigger imports and publishes', async () => {
		const cli = new N8nCli(host, userFolder);
		await cli.importWorkflows([example]);
		await cli.publishWorkflow(example.id);
	});
	const polls = async () => (await simulator.report()).ledger.perEndpoint[FEED] ?? 0;
	const pollAfter = async (before: number) => {
		const deadline = Date.now() + POLL_LIMIT_MS;
		while ((await polls()) <= before) {
			if (Date.now() > deadline) throw new Error(`No poll within ${POLL_LIMIT_MS / 1000} s`);
			await sleep(250);
		}
	};
	/** The newest posts, oldest first. */
	const newest = async (count: number) => {
		const posts = (await simulator.truth('posts', USERNAME)) as object[];
		return posts
			.slice(0, count)
			.reverse()
			.map((post) => ({ ...post, watchedUser: USERNAME }));
	};
	const start = async () => {
		const server = await startN8n(host, { userFolder });
		const rest = new N8nRest(host, server.url);
		await rest.login(owner);
		return { server, rest };
	};

	const beforeBaseline = await polls();
	const first = await checks.step(
		'n8n starts with the trigger, which takes in what is there',
		async () => {
			const started = await start();
			await pollAfter(beforeBaseline);
			return started;
		},
	);
	await simulator.publish(USERNAME, 2);
	await checks.check('two new posts start one execution with both, oldest first', async () => {
		const runs = await first.rest.runsOf(example.id, 1);
		assert.deepEqual(runs.map(postsOf), [await newest(2)]);
	});
	await checks.step('n8n stops, and a post is made meanwhile', async () => {
		await first.server.stop();
		await simulator.publish(USERNAME, 1);
	});
	const second = await checks.step('n8n starts again', start);
	await checks.check('after the restart the post comes, and no other one again', async () => {
		const runs = await second.rest.runsOf(example.id, 2);
		const before = await polls();
		await pollAfter(before);
		await sleep(EXECUTION_START_MS);
		assert.deepEqual(postsOf(runs[0]), await newest(1));
		assert.equal((await second.rest.runsOf(example.id, 2)).length, 2);
	});
	await checks.step('n8n stops', async () => second.server.stop());
}

function postsOf(run: Run | undefined): unknown[] {
	assert.equal(run?.status, 'success', run?.error?.message);
	return (run.nodes[TRIGGER]?.items ?? []).map(({ json }) => json);
}
