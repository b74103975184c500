import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

import { EXAMPLE_CREDENTIAL } from '../../tools/n8n-host/examples.ts';
import { N8nCli, startN8n, type WorkflowFile } from '../../tools/n8n-host/index.ts';
import { startChat } from './chat.ts';
import type { Checks } from './checks.ts';
import { ADD_JOBS, GET_STATUS } from './observabilityWorkflows.ts';
import type { Stage } from './stage.ts';

/** Half of the users of each queue are in both. */
const USERS = 10;
const QUEUES = [
	{ queue: 'day', from: 0 },
	{ queue: 'night', from: USERS / 2 },
] as const;
const DONE_LIMIT_MS = 60_000;
const ACTIVE_LIMIT_MS = 30_000;

type Chat = Awaited<ReturnType<typeof startChat>>;

/** What one workflow tells of one record. */
interface Told {
	readonly workflow: string;
	readonly jobQueue: string;
	readonly jobUser: string;
}

/** Two workflows with a queue each, and one that adds to either; to be published. */
export function queueWorkflows(chat: Chat): WorkflowFile[] {
	return [ADD_JOBS, GET_STATUS, ...QUEUES.map(({ queue }) => workOff(queue, chat.url))];
}

/** On a server on which those are published: none gets a job of the other. */
export async function checkQueues(checks: Checks, url: string, chat: Chat): Promise<void> {
	const hook = async (path: string): Promise<unknown> => {
		const response = await fetch(`${url}/webhook/${path}`);
		const body = await response.text();
		assert.ok(response.ok, `${path} answered ${response.status}: ${body.slice(0, 300)}`);
		return JSON.parse(body);
	};
	await checks.step('n8n has activated what is published', async () => {
		const deadline = Date.now() + ACTIVE_LIMIT_MS;
		while (!(await fetch(`${url}/webhook/get-status`)).ok) {
			assert.ok(Date.now() < deadline, 'too slow');
			await sleep(200);
		}
	});
	await checks.check('two workflows on one key get the jobs of their own queue each', async () => {
		for (const { queue, from } of QUEUES) {
			const added = await hook(`add-jobs?queue=${queue}&from=${from}&count=${USERS}`);
			assert.deepEqual([(added as Told & { queue: string }).queue], [queue]);
		}
		const deadline = Date.now() + DONE_LIMIT_MS;
		while (chat.told.length < QUEUES.length * USERS) {
			assert.ok(Date.now() < deadline, `${chat.told.length} results came`);
			await sleep(200);
		}
		// One that comes twice, or to the wrong workflow, would come now.
		await sleep(2_000);
		const told = chat.told.map((text) => JSON.parse(text) as Told);
		for (const { queue, from } of QUEUES) {
			const its = told.filter(({ workflow }) => workflow === queue);
			assert.deepEqual([...new Set(its.map(({ jobQueue }) => jobQueue))], [queue]);
			assert.deepEqual(
				its.map(({ jobUser }) => jobUser).sort(),
				Array.from(
					{ length: USERS },
					(_, index) => `creator${String(from + index).padStart(6, '0')}`,
				),
			);
		}
		assert.equal(told.length, QUEUES.length * USERS);
	});
	await checks.check(
		'the status tells of both that an active workflow works them off',
		async () => {
			const { queues } = (await hook('get-status')) as {
				queues: { queue: string; workedOff: boolean; done: number }[];
			};
			for (const { queue } of QUEUES) {
				const its = queues.find((each) => each.queue === queue);
				assert.deepEqual([its?.workedOff, its?.done], [true, USERS]);
			}
		},
	);
}

/** The same on a single n8n, over the embedded store. */
export async function checkEmbeddedQueues(stage: Stage): Promise<void> {
	const { checks, host, userFolder } = stage;
	const chat = await startChat();
	try {
		const workflows = queueWorkflows(chat);
		await checks.step('two workflows with a queue each import and publish', async () => {
			const cli = new N8nCli(host, userFolder);
			await cli.importWorkflows(workflows);
			for (const { id } of workflows) await cli.publishWorkflow(id);
		});
		const server = await checks.step('n8n starts with both', async () =>
			startN8n(host, { userFolder }),
		);
		await checkQueues(checks, server.url, chat);
		await checks.step('n8n stops', async () => server.stop());
	} finally {
		chat.stop();
	}
}

function workOff(queue: string, chatUrl: string): WorkflowFile & { settings: object } {
	const { id, name } = EXAMPLE_CREDENTIAL;
	return {
		id: `queue-${queue}`,
		name: queue,
		nodes: [
			{
				id: `${queue}-trigger`,
				name: 'Trigger',
				type: 'n8n-nodes-tikliveapi.tikLiveQueueTrigger',
				typeVersion: 1,
				position: [0, 0],
				credentials: { tikLiveApi: { id, name } },
				parameters: { queue, batchSize: 4, options: { batchWait: 1 } },
			},
			{
				id: `${queue}-tell`,
				name: 'Tell',
				type: 'n8n-nodes-base.httpRequest',
				typeVersion: 4.2,
				position: [220, 0],
				parameters: {
					method: 'POST',
					url: chatUrl,
					sendBody: true,
					specifyBody: 'json',
					jsonBody: `={{ JSON.stringify({ workflow: "${queue}", jobQueue: $json.jobQueue, jobUser: $json.jobUser }) }}`,
					options: {},
				},
			},
		],
		connections: { Trigger: { main: [[{ node: 'Tell', type: 'main', index: 0 }]] } },
		settings: { executionOrder: 'v1' },
	};
}
