import { basename, delimiter, dirname } from 'node:path';

import { runCommand, tail, type CommandResult } from './children.ts';

/** n8n 2.41 refuses older ones; the development dependency `node` brings this one. */
const NODE_MAJOR = 24;

export function assertNode24(): void {
	if (Number(process.versions.node.split('.')[0]) < NODE_MAJOR) {
		throw new Error(
			`n8n needs Node ${NODE_MAJOR}, this is ${process.versions.node}. Use the npm scripts (npm start, npm run test:e2e): they bring it along.`,
		);
	}
}

/**
 * This process's environment for a child, without what would change the child's meaning: the settings
 * of an outer `npm run` (its prefix would become the inner npm's), n8n's own variables from a
 * developer's shell, and the API key, which reaches n8n only as a credential.
 */
export function cleanEnvironment(extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
	const foreign =
		/^(npm_(lifecycle|package|command|node|execpath|config_(local_prefix|global_prefix|prefix|ignore_scripts|omit|include|workspaces?|dry_run|json))|INIT_CWD$|NODE_OPTIONS$|NODE_ENV$|N8N_|DB_|EXECUTIONS_|QUEUE_|WEBHOOK_URL$|TIKLIVE_API_KEY$)/i;
	const kept = Object.entries(process.env).filter(([name]) => !foreign.test(name));
	const environment = Object.fromEntries(kept);
	const path = [dirname(process.execPath), environment.PATH].filter(Boolean).join(delimiter);
	return { ...environment, PATH: path, ...extra };
}

/** Runs npm and throws with the end of its log unless it succeeds. */
export async function npm(
	args: readonly string[],
	options: { cwd: string; env?: NodeJS.ProcessEnv; timeoutMs: number },
): Promise<CommandResult> {
	const cli = process.env.npm_execpath;
	const direct = cli !== undefined && basename(cli) === 'npm-cli.js';
	const command = direct ? process.execPath : 'npm';
	const result = await runCommand(command, direct ? [cli, ...args] : args, {
		...options,
		env: cleanEnvironment(options.env),
	});
	if (result.code !== 0) {
		throw new Error(`npm ${args[0] ?? ''} failed in ${options.cwd}\n${tail(result.log)}`);
	}
	return result;
}
