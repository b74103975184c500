import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { runCommand, tail, type CommandResult } from './children.ts';
import { n8nEnvironment } from './environment.ts';
import type { N8nHost } from './install.ts';
import { readRun, type Run } from './run.ts';

/** A credential in the form `n8n import:credentials` reads; n8n encrypts `data` on the way in. */
export interface CredentialFile {
	readonly id: string;
	readonly name: string;
	readonly type: string;
	readonly data: Readonly<Record<string, unknown>>;
}

/** A workflow as n8n exports it, with the id it is to have. */
export interface WorkflowFile {
	readonly id: string;
	readonly name: string;
	readonly nodes: ReadonlyArray<Readonly<Record<string, unknown>>>;
	readonly connections: Readonly<Record<string, unknown>>;
}

const COMMAND_LIMIT_MS = 3 * 60_000;

/** n8n's command line on one user folder: for the moments when no server runs on it. */
export class N8nCli {
	readonly #host: N8nHost;
	readonly #userFolder: string;
	readonly #env: NodeJS.ProcessEnv;

	constructor(host: N8nHost, userFolder: string, env: NodeJS.ProcessEnv = {}) {
		this.#host = host;
		this.#userFolder = userFolder;
		this.#env = env;
	}

	async run(args: readonly string[], timeoutMs = COMMAND_LIMIT_MS): Promise<CommandResult> {
		return await runCommand(process.execPath, [this.#host.bin, ...args], {
			cwd: this.#userFolder,
			env: await n8nEnvironment(this.#userFolder, this.#env),
			timeoutMs,
		});
	}

	async importCredentials(credentials: readonly CredentialFile[]): Promise<void> {
		await this.#import('import:credentials', credentials, /Successfully imported \d+ credential/);
	}

	async importWorkflows(workflows: readonly WorkflowFile[]): Promise<void> {
		await this.#import('import:workflow', workflows, /Successfully imported \d+ workflow/);
	}

	/** Makes the workflow's current version the live one; its triggers fire from the server's next start. */
	async publishWorkflow(id: string): Promise<void> {
		await this.#expect(['publish:workflow', `--id=${id}`], /Please restart n8n/);
	}

	/** Runs a workflow to its end. When it fails, n8n prints no result but what went wrong. */
	async execute(id: string): Promise<{ log: string } & ({ run: Run } | { failure: string })> {
		const { code, stdout, log } = await this.run(['execute', `--id=${id}`, '--rawOutput']);
		if (code !== 0) return { failure: failureIn(log), log };
		const begin = stdout.search(/^\{$/m);
		if (begin === -1) throw new Error(`n8n execute printed no result\n${tail(log)}`);
		const end = stdout.indexOf('\n}', begin) + 2;
		return { run: readRun(JSON.parse(stdout.slice(begin, end))), log };
	}

	/** n8n's import commands exit with 0 even when they fail, so what they say is what counts. */
	async #import(command: string, entries: readonly object[], success: RegExp): Promise<void> {
		const folder = await mkdtemp(join(this.#userFolder, 'import-'));
		try {
			const file = join(folder, 'entries.json');
			await writeFile(file, JSON.stringify(entries), { mode: 0o600 });
			await this.#expect([command, `--input=${file}`], success);
		} finally {
			await rm(folder, { recursive: true, force: true });
		}
	}

	async #expect(args: readonly string[], success: RegExp): Promise<void> {
		const { code, log } = await this.run(args);
		if (code !== 0 || !success.test(log)) throw new Error(`n8n ${args[0]} failed\n${tail(log)}`);
	}
}

/** n8n ends its log with a ruled heading, the message, the description and the stack. */
function failureIn(log: string): string {
	const text = log.slice(log.lastIndexOf('====\n') + 5);
	return text.replace(/^\s+at .*\n?/gm, '').trim();
}
