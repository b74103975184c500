import {
	installPackage,
	N8nCli,
	type N8nHost,
	type Owner,
	type PackedPackage,
	type Simulator,
	type WorkflowFile,
} from '../../tools/n8n-host/index.ts';
import { EXAMPLE_CREDENTIAL, mapNodes, readExample } from '../../tools/n8n-host/examples.ts';
import type { Checks } from './checks.ts';

/** Distinct enough to be found wherever it should not be. */
export const RIGHT_KEY = 'e2e-right-key-4f1c9a7d';
export const WRONG_KEY = 'e2e-wrong-key-b83e02c6';
export const WRONG_CREDENTIAL = {
	...EXAMPLE_CREDENTIAL,
	id: 'tikLiveApiWrong',
	name: 'TikLiveAPI wrong key',
} as const;

/** What the checks share. */
export interface Stage {
	readonly host: N8nHost;
	readonly packed: PackedPackage;
	readonly simulator: Simulator;
	/** n8n's data; removed at the end. */
	readonly userFolder: string;
	readonly checkout: string;
	/** The account of n8n's owner; created by the first server. */
	readonly owner: Owner;
	readonly checks: Checks;
	/** Done when the run ends, however it ends. */
	readonly atEnd: Array<() => Promise<void>>;
}

/** A published workflow with the scheduled example's nodes that fires every few seconds. */
export const SCHEDULED_ID = 'tikLiveScheduled';
/** Older than the newest posts of the simulator, so that there is something to find. */
export const NEWER_THAN = '2025-12-01T00:00:00.000Z';

/** Installs the package and imports credentials and workflows, all by n8n's own means. */
export async function placeAll(stage: Stage): Promise<void> {
	const { checks, checkout, host, packed, simulator, userFolder } = stage;
	await checks.step('the package installs as n8n installs it', async () =>
		installPackage(userFolder, packed),
	);
	const cli = new N8nCli(host, userFolder);
	const baseUrl = simulator.url;
	await checks.step('credentials import', async () =>
		cli.importCredentials([
			{ ...EXAMPLE_CREDENTIAL, data: { apiKey: RIGHT_KEY, baseUrl } },
			{ ...WRONG_CREDENTIAL, data: { apiKey: WRONG_KEY, baseUrl } },
		]),
	);
	const main = await readExample(checkout, 'four-nodes');
	const daily = await readExample(checkout, 'daily-posts');
	await checks.step('the examples import', async () =>
		cli.importWorkflows([main, daily, withWrongKey(main), scheduled(daily)]),
	);
	await checks.step('a workflow publishes', async () => cli.publishWorkflow(SCHEDULED_ID));
}

export const WRONG_KEY_ID = 'tikLiveWrongKey';

function withWrongKey(workflow: WorkflowFile): WorkflowFile {
	const { id, name } = WRONG_CREDENTIAL;
	const changed = mapNodes(workflow, (node) =>
		node.credentials ? { ...node, credentials: { tikLiveApi: { id, name } } } : node,
	);
	return { ...changed, id: WRONG_KEY_ID, name: 'Wrong key' };
}

function scheduled(workflow: WorkflowFile): WorkflowFile {
	const changed = mapNodes(workflow, (node) => {
		const parameters = node.parameters as Record<string, unknown>;
		if (node.type === 'n8n-nodes-base.scheduleTrigger') {
			const rule = { interval: [{ field: 'seconds', secondsInterval: 5 }] };
			return { ...node, parameters: { ...parameters, rule } };
		}
		if (node.name === 'Posts') {
			return { ...node, parameters: { ...parameters, options: { newerThan: NEWER_THAN } } };
		}
		return node;
	});
	return { ...changed, id: SCHEDULED_ID, name: 'Scheduled' };
}
