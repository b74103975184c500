import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

import { EXAMPLE_CREDENTIAL, mapNodes, readExample } from '../../tools/n8n-host/examples.ts';
import {
	N8nCli,
	N8nRest,
	startN8n,
	startSimulator,
	type CredentialFile,
	type Run,
	type Simulator,
	type WorkflowFile,
} from '../../tools/n8n-host/index.ts';
import { RIGHT_KEY, WRONG_KEY, type Stage } from './stage.ts';

const TRIGGER = 'New post';
/** n8n refuses a poll time below a minute, but takes several of them: together a poll each 10 s. */
const POLL_MS = 10_000;
const POLL_TIMES = Array.from({ length: 60_000 / POLL_MS }, (_, index) => ({
	mode: 'custom',
	cronExpression: `${(index * POLL_MS) / 1_000} * * * * *`,
}));
/** Two poll times, and a moment for the executions that they start. */
const TWO_POLLS_MS = 2 * POLL_MS + 2_000;
const BASELINE_LIMIT_MS = 30_000;
/** By then n8n has saved what the poll of an activation has learned. */
const SAVED_MS = 2_000;

/** A trigger whose trouble comes while n8n is down, and goes while it runs. */
interface Case {
	readonly name: string;
	/** Of the workflow and of its credential. */
	readonly id: string;
	readonly username: string;
	readonly apiKey: string;
	readonly simulator: Simulator;
	/** What is wrong with the credential meanwhile, and what it has otherwise. */
	readonly ill: Readonly<Record<string, unknown>>;
	readonly well: Readonly<Record<string, unknown>>;
}

/** A queue's trigger with a credential that makes no sense, and how a job gets into the queue meanwhile. */
const QUEUE = {
	...{ id: 'tikLiveQueueIll', adding: 'tikLiveQueueAdding', username: 'creator000204' },
	...{ ill: { burst: 1_000 }, well: { burst: 10 } },
};

/**
 * n8n starts in an outage, with a spent budget, a wrong key and a credential that makes no sense. Its triggers live,
 * tell of it once, and lose nothing.
 */
export async function checkTrouble(stage: Stage): Promise<void> {
	const { checks, checkout, host, owner, userFolder } = stage;
	const keys = ['outage', 'budget', 'queue'].map((name) => `${RIGHT_KEY}-${name}`);
	const [outageKey = '', budgetKey = '', queueKey = ''] = keys;
	const other = await checks.step('a second API starts', async () =>
		startSimulator(checkout, ...keys),
	);
	const cases: Case[] = [
		{
			...{ name: 'an outage', id: 'tikLiveOutage', username: 'creator000201' },
			...{ apiKey: outageKey, simulator: other, ill: {}, well: {} },
		},
		{
			...{ name: 'a spent budget', id: 'tikLiveBudget', username: 'creator000202' },
			...{ apiKey: budgetKey, simulator: other },
			...{ ill: { dailyBudget: '0', criticalReserve: 0 }, well: { dailyBudget: '' } },
		},
		{
			...{ name: 'a wrong key', id: 'tikLiveWrong', username: 'creator000203' },
			...{ apiKey: RIGHT_KEY, simulator: stage.simulator },
			...{ ill: { apiKey: WRONG_KEY }, well: { apiKey: RIGHT_KEY } },
		},
	];
	const cli = new N8nCli(host, userFolder);
	const setCredentials = async (state: 'ill' | 'well') => {
		const queue = { apiKey: queueKey, baseUrl: other.url };
		await cli.importCredentials([
			...cases.map(({ id, apiKey, simulator, [state]: over }) =>
				credential(id, { apiKey, baseUrl: simulator.url, ...over }),
			),
			credential(QUEUE.id, { ...queue, ...QUEUE[state] }),
			credential(QUEUE.adding, queue),
		]);
	};
	const start = async () => {
		const server = await startN8n(host, { userFolder });
		const rest = new N8nRest(host, server.url);
		await rest.login(owner);
		return { server, rest };
	};

	await checks.step('their credentials and workflows import', async () => {
		const example = await readExample(checkout, 'new-post-alert');
		await setCredentials('well');
		await cli.importWorkflows([
			...cases.map((one) => pollingWorkflow(example, one)),
			queueWorkflow(),
			addingWorkflow(),
		]);
	});
	const first = await checks.step(
		'n8n starts, and the triggers take in what is there',
		async () => {
			const started = await start();
			const before = await Promise.all(cases.map(arrivals));
			for (const { id } of [...cases, QUEUE]) await started.rest.publishWorkflow(id);
			for (const [index, one] of cases.entries()) {
				// The look-up of the username, and the feed.
				const least = (before[index] ?? 0) + 2;
				await until(async () => (await arrivals(one)) >= least, BASELINE_LIMIT_MS);
			}
			await sleep(SAVED_MS);
			return started;
		},
	);
	await checks.step('n8n stops; posts are made, and trouble comes', async () => {
		await first.server.stop();
		for (const { simulator, username } of cases) await simulator.publish(username, 2);
		await setCredentials('ill');
		await other.outage(true);
	});

	const { server, rest } = await checks.step('n8n starts again, in trouble', start);
	const statuses = async (id: string) => (await rest.runsOf(id, 0)).map(({ status }) => status);
	await checks.step('a job is added to the queue', async () => {
		const run = await rest.execute(QUEUE.adding, 'By hand');
		assert.equal(run.status, 'success', run.error?.message);
		await sleep(TWO_POLLS_MS);
	});
	for (const { name, id } of [...cases, { ...QUEUE, name: 'a credential without sense' }]) {
		await checks.check(`${name} fails one execution, which tells of it`, async () => {
			assert.deepEqual(await statuses(id), ['error']);
		});
	}
	await checks.step('the trouble goes', async () => {
		await other.outage(false);
		for (const { id, well } of [...cases, QUEUE]) await rest.changeCredential(id, well);
		await sleep(TWO_POLLS_MS);
	});
	const newestRuns = await Promise.all(cases.map(async ({ id }) => (await rest.runsOf(id, 0))[0]));
	for (const [index, { name, simulator, username }] of cases.entries()) {
		await checks.check(`after ${name} both posts come within two poll times`, async () => {
			const posts = (await simulator.truth('posts', username)) as object[];
			const both = posts.slice(0, 2).map((post) => ({ ...post, watchedUser: username }));
			assert.deepEqual(itemsOf(newestRuns[index], TRIGGER), both.reverse());
		});
	}
	await checks.check('the trigger of the queue works the job off', async () => {
		const [newest] = await rest.runsOf(QUEUE.id, 2);
		const names = itemsOf(newest, 'Jobs').map((json) => (json as { username: string }).username);
		assert.deepEqual(names, [QUEUE.username]);
	});
	await sleep(POLL_MS);
	await checks.check('nothing comes a second time', async () => {
		for (const { id } of [...cases, QUEUE]) {
			assert.deepEqual(await statuses(id), ['success', 'error'], id);
		}
	});
	await checks.step('n8n stops, without these workflows', async () => {
		for (const { id } of [...cases, QUEUE]) await rest.unpublishWorkflow(id);
		await server.stop();
		await other.stop();
	});
}

function credential(id: string, data: Readonly<Record<string, unknown>>): CredentialFile {
	return { ...EXAMPLE_CREDENTIAL, id, name: id, data };
}

/** The example with its trigger alone. */
function pollingWorkflow(example: WorkflowFile, { id, username }: Case): WorkflowFile {
	const changed = mapNodes(example, (node) => {
		if (node.name !== TRIGGER) return { ...node, disabled: true };
		const parameters = {
			...(node.parameters as object),
			...{ pollTimes: { item: POLL_TIMES }, users: [username] },
			// A poll that fails does so at once, and none is served from what the one before it has stored.
			options: { maxAge: 0, maxAttempts: 1 },
		};
		return { ...node, parameters, credentials: { tikLiveApi: { id, name: id } } };
	});
	return { ...changed, id, name: id };
}

function queueWorkflow(): WorkflowFile {
	const { id } = QUEUE;
	return {
		...{ id, name: id, connections: {} },
		nodes: [
			{
				...{ id: `${id}Trigger`, name: 'Jobs', position: [0, 0], typeVersion: 1 },
				type: 'n8n-nodes-tikliveapi.tikLiveQueueTrigger',
				parameters: { batchSize: 1, options: { batchWait: 0 } },
				credentials: { tikLiveApi: { id, name: id } },
			},
		],
	};
}

function addingWorkflow(): WorkflowFile {
	const { adding: id, username } = QUEUE;
	return {
		...{ id, name: id },
		nodes: [
			{
				...{ id: `${id}Trigger`, name: 'By hand', position: [0, 0], typeVersion: 1 },
				...{ type: 'n8n-nodes-base.manualTrigger', parameters: {} },
			},
			{
				...{ id: `${id}Queue`, name: 'Add', position: [200, 0], typeVersion: 1 },
				type: 'n8n-nodes-tikliveapi.tikLiveQueue',
				parameters: {
					...{ resource: 'job', operation: 'add', kind: 'userInfo' },
					user: { __rl: true, mode: 'username', value: username },
				},
				credentials: { tikLiveApi: { id, name: id } },
			},
		],
		connections: { 'By hand': { main: [[{ node: 'Add', type: 'main', index: 0 }]] } },
	};
}

async function arrivals({ simulator, apiKey }: Case): Promise<number> {
	return (await simulator.report()).perKey[apiKey]?.arrivals ?? 0;
}

function itemsOf(run: Run | undefined, node: string): unknown[] {
	assert.equal(run?.status, 'success', run?.error?.message);
	return (run.nodes[node]?.items ?? []).map(({ json }) => json);
}

async function until(isSo: () => Promise<boolean>, limitMs: number): Promise<void> {
	const deadline = Date.now() + limitMs;
	while (!(await isSo())) {
		if (Date.now() > deadline) throw new Error(`It did not come to pass in ${limitMs / 1000} s`);
		await sleep(250);
	}
}
