import { EXAMPLE_CREDENTIAL } from '../../tools/n8n-host/examples.ts';
import type { WorkflowFile } from '../../tools/n8n-host/index.ts';

const { id, name } = EXAMPLE_CREDENTIAL;
const credentials = { tikLiveApi: { id, name } };

/** An item for each of `count` users, from the one with the number `from` on. */
const USERNAMES = [
	{
		name: 'Usernames',
		type: 'n8n-nodes-base.set',
		typeVersion: 3.4,
		parameters: {
			assignments: {
				assignments: [
					{
						id: 'usernames',
						name: 'usernames',
						type: 'array',
						value:
							"={{ Array.from({ length: Number($json.query.count) }, (_, index) => 'creator' + String(Number($json.query.from) + index).padStart(6, '0')) }}",
					},
				],
			},
			options: {},
		},
	},
	{
		name: 'One item per username',
		type: 'n8n-nodes-base.splitOut',
		typeVersion: 1,
		parameters: { fieldToSplitOut: 'usernames', options: { destinationFieldName: 'username' } },
	},
];

/** GET /webhook/look-up?from=0&count=5&attempts=1: profiles of that many users; answers when all are done. */
export const LOOK_UP = webhookWorkflow('look-up', [
	...USERNAMES,
	{
		name: 'User Info',
		type: 'n8n-nodes-tikliveapi.tikLiveUserInfo',
		typeVersion: 1,
		credentials,
		onError: 'continueRegularOutput',
		parameters: {
			user: { __rl: true, mode: 'username', value: '={{ $json.username }}' },
			options: { maxAttempts: "={{ Number($('Webhook').first().json.query.attempts) }}" },
		},
	},
]);

/** GET /webhook/add-jobs?queue=x&from=0&count=5: jobs for that many users. */
export const ADD_JOBS = webhookWorkflow('add-jobs', [
	...USERNAMES,
	{
		name: 'Queue',
		type: 'n8n-nodes-tikliveapi.tikLiveQueue',
		typeVersion: 1,
		credentials,
		parameters: {
			resource: 'job',
			operation: 'add',
			queue: "={{ $('Webhook').first().json.query.queue }}",
			user: { __rl: true, mode: 'username', value: '={{ $json.username }}' },
		},
	},
]);

export const GET_STATUS = webhookWorkflow('get-status', [statusNode('get')]);
export const GET_METRICS = webhookWorkflow('get-metrics', [statusNode('metrics')]);
export const RESET_BREAKER = webhookWorkflow('reset-breaker', [statusNode('resetBreaker')]);

function statusNode(operation: string) {
	return {
		name: 'Status',
		type: 'n8n-nodes-tikliveapi.tikLiveStatus',
		typeVersion: 1,
		credentials,
		parameters: { operation },
	};
}

/** A chain behind a webhook that answers with the first item of the last node. */
function webhookWorkflow(
	path: string,
	chain: ReadonlyArray<Readonly<Record<string, unknown> & { name: string }>>,
): WorkflowFile & { active: boolean; settings: object } {
	const webhook = {
		name: 'Webhook',
		type: 'n8n-nodes-base.webhook',
		typeVersion: 2,
		webhookId: path,
		parameters: { path, responseMode: 'lastNode', options: {} },
	};
	const nodes = [webhook, ...chain];
	const connections = nodes.slice(0, -1).map((node, index) => {
		const next = nodes[index + 1]?.name;
		return [node.name, { main: [[{ node: next, type: 'main', index: 0 }]] }] as const;
	});
	return {
		id: `observability-${path}`,
		name: path,
		nodes: nodes.map((node, index) => ({
			id: `${path}-${index}`,
			position: [index * 200, 0],
			...node,
		})),
		connections: Object.fromEntries(connections),
		settings: { executionOrder: 'v1' },
		active: false,
	};
}
