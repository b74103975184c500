import assert from 'node:assert/strict';

import { EXAMPLE_CREDENTIAL, MAIN_TRIGGER, readExample } from '../../tools/n8n-host/examples.ts';
import { N8nRest, startN8n } from '../../tools/n8n-host/index.ts';
import {
	NEWER_THAN,
	RIGHT_KEY,
	SCHEDULED_ID,
	WRONG_CREDENTIAL,
	WRONG_KEY,
	type Stage,
} from './stage.ts';

/** A running server: the credential test, a manual run, the schedule, and n8n's own metrics. */
export async function checkServer(stage: Stage): Promise<void> {
	const { checks, checkout, host, owner, simulator, userFolder } = stage;
	const server = await checks.step('n8n starts', async () =>
		startN8n(host, { userFolder, env: { N8N_METRICS: 'true' } }),
	);
	const rest = new N8nRest(host, server.url);
	const billed = async (): Promise<number> => (await simulator.report()).ledger.billed;
	await checks.step('the owner account is created', async () => rest.setupOwner(owner));

	const scheduledRun = await checks.step('a published schedule fires', async () =>
		rest.nextRun(SCHEDULED_ID),
	);
	await checks.check('the scheduled run finds the posts newer than the given time', async () => {
		assert.equal(scheduledRun.status, 'success', scheduledRun.error?.message);
		const posts = scheduledRun.nodes.Posts?.items ?? [];
		assert.ok(posts.length > 0);
		assert.ok(posts.every(({ json }) => String(json.postedAt) > NEWER_THAN));
	});
	await checks.step('the schedule can be switched off', async () =>
		rest.unpublishWorkflow(SCHEDULED_ID),
	);

	const beforeRight = await billed();
	await checks.check('the credential test passes with the right key, for one credit', async () => {
		const test = await rest.testCredential(EXAMPLE_CREDENTIAL.id);
		assert.equal(test.status, 'OK', test.message);
		assert.equal((await billed()) - beforeRight, 1);
	});
	const beforeWrong = await billed();
	await checks.check(
		'the credential test fails with a wrong key, although the API answers 200',
		async () => {
			const test = await rest.testCredential(WRONG_CREDENTIAL.id);
			assert.equal(test.status, 'Error');
			assert.match(test.message, /API key/i);
			assert.equal(await billed(), beforeWrong);
		},
	);

	const { id } = await readExample(checkout, 'four-nodes');
	await checks.check('the main example runs on the server', async () => {
		const run = await rest.execute(id, MAIN_TRIGGER);
		assert.equal(run.status, 'success', run.error?.message);
	});
	await checks.check("its metrics are in n8n's own /metrics, without user names", async () => {
		const metrics = await (await fetch(`${server.url}/metrics`)).text();
		assert.match(metrics, /^tiklive_requests_total\{.*\} [1-9]/m);
		assert.match(metrics, /^tiklive_credits_total\{/m);
		assert.doesNotMatch(metrics, /creator0/);
	});
	await checks.check('no key in the log of the server', () => {
		assert.ok(!server.log().includes(RIGHT_KEY) && !server.log().includes(WRONG_KEY));
	});
	await checks.check('n8n stops when asked to, within 15 s', async () => {
		const began = Date.now();
		await server.stop();
		assert.ok(Date.now() - began < 15_000);
		await assert.rejects(fetch(server.url));
	});
}
