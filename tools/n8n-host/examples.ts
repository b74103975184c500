import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { WorkflowFile } from './cli.ts';

/** The credential that the examples name; n8n asks for another one where it does not exist. */
export const EXAMPLE_CREDENTIAL = {
	id: 'tikLiveApiAccount',
	name: 'TikLiveAPI account',
	type: 'tikLiveApi',
} as const;

/** The example that shows all four nodes, and the trigger it starts from. */
export const MAIN_EXAMPLE = 'four-nodes';
export const MAIN_TRIGGER = 'When clicking ‘Execute workflow’';
export const EXAMPLES = [
	MAIN_EXAMPLE,
	'daily-posts',
	'new-post-alert',
	'refresh-100000-profiles',
	'dead-letter-alert',
	'budget-alert',
	'status-page',
] as const;

export async function readExample(checkout: string, name: string): Promise<WorkflowFile> {
	const file = join(checkout, 'examples', `${name}.json`);
	return JSON.parse(await readFile(file, 'utf8')) as WorkflowFile;
}

/** The same workflow for other people: their names in its node "Usernames". */
export function withUsernames(workflow: WorkflowFile, usernames: readonly string[]): WorkflowFile {
	return mapNodes(workflow, (node) =>
		node.name === 'Usernames'
			? {
					...node,
					parameters: {
						assignments: {
							assignments: [
								{
									id: node.id,
									name: 'usernames',
									value: JSON.stringify(usernames),
									type: 'array',
								},
							],
						},
						options: {},
					},
				}
			: node,
	);
}

/** The names in its node "Usernames". */
export function usernamesOf(workflow: WorkflowFile): string[] {
	const node = workflow.nodes.find(({ name }) => name === 'Usernames');
	const { assignments } = (
		node?.parameters as { assignments: { assignments: Array<{ value: string }> } }
	).assignments;
	return JSON.parse(assignments[0]?.value ?? '[]') as string[];
}

export function mapNodes(
	workflow: WorkflowFile,
	change: (node: WorkflowFile['nodes'][number]) => Readonly<Record<string, unknown>>,
): WorkflowFile {
	return { ...workflow, nodes: workflow.nodes.map(change) };
}
