import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { requireFromN8n, type N8nHost } from './install.ts';
import { readRun, type Run } from './run.ts';

export interface Owner {
	readonly email: string;
	readonly password: string;
}

/** n8n's answer to a credential test. */
export interface CredentialTest {
	readonly status: 'OK' | 'Error';
	readonly message: string;
}

/** `date` is left out: a record's times are texts. */
export interface DataTableColumn {
	readonly name: string;
	readonly type: 'string' | 'number' | 'boolean';
}

const REQUEST_LIMIT_MS = 60_000;
const RUN_LIMIT_MS = 3 * 60_000;
const UNFINISHED = new Set(['new', 'running', 'waiting']);

/** A password that n8n accepts: at least eight characters, a digit and a capital letter among them. */
export function newOwner(): Owner {
	return { email: 'owner@n8n.test', password: `T1${randomBytes(9).toString('base64url')}` };
}

/** The editor's own REST interface of a running server, used as its owner. */
export class N8nRest {
	readonly #url: string;
	readonly #host: N8nHost;
	#cookie = '';

	constructor(host: N8nHost, url: string) {
		this.#host = host;
		this.#url = url;
	}

	/** Creates the owner account on a new database, and logs in. */
	async setupOwner({ email, password }: Owner): Promise<void> {
		await this.#call('POST', '/rest/owner/setup', {
			email,
			password,
			firstName: 'Workflow',
			lastName: 'Owner',
		});
	}

	async login({ email, password }: Owner): Promise<void> {
		await this.#call('POST', '/rest/login', { emailOrLdapLoginId: email, password });
	}

	/** Logs in, creating the owner account first on a new database. */
	async enter(owner: Owner): Promise<void> {
		const { userManagement } = (await this.#call('GET', '/rest/settings')) as {
			userManagement: { showSetupOnFirstLoad: boolean };
		};
		if (userManagement.showSetupOnFirstLoad) await this.setupOwner(owner);
		else await this.login(owner);
	}

	/** Changes some fields of a saved credential and keeps the others. */
	async changeCredential(id: string, change: Readonly<Record<string, unknown>>): Promise<void> {
		const { name, type, data } = await this.#credential(id);
		await this.#call('PATCH', `/rest/credentials/${id}`, {
			name,
			type,
			data: { ...data, ...change },
		});
	}

	/** What the Test button of a saved credential's form does: it sends the form back, secrets blanked. */
	async testCredential(id: string): Promise<CredentialTest> {
		const { name, type, data } = await this.#credential(id);
		return (await this.#call('POST', '/rest/credentials/test', {
			credentials: { id, name, type, data },
		})) as CredentialTest;
	}

	/** An empty Data Table in the owner's own project. */
	async createDataTable(name: string, columns: readonly DataTableColumn[]): Promise<void> {
		const { id } = (await this.#call('GET', '/rest/projects/personal')) as { id: string };
		await this.#call('POST', `/rest/projects/${id}/data-tables`, { name, columns });
	}

	/** Publishes a workflow's current version: its triggers fire from now on. */
	async publishWorkflow(id: string): Promise<void> {
		const { versionId } = (await this.#call('GET', `/rest/workflows/${id}`)) as {
			versionId: string;
		};
		await this.#call('POST', `/rest/workflows/${id}/activate`, { versionId });
	}

	async unpublishWorkflow(id: string): Promise<void> {
		await this.#call('POST', `/rest/workflows/${id}/deactivate`, {});
	}

	/** Waits until a published workflow has run, by whatever its trigger is, and tells its newest run. */
	async nextRun(workflowId: string): Promise<Run> {
		const [newest] = await this.#runIds(workflowId, 1);
		return await this.finishedRun(newest as string);
	}

	/** Waits until a published workflow has run at least so many times, and tells its runs, the newest first. */
	async runsOf(workflowId: string, least: number): Promise<Run[]> {
		const ids = await this.#runIds(workflowId, least);
		return await Promise.all(ids.map(async (id) => await this.finishedRun(id)));
	}

	/** Runs a workflow from its trigger, as the editor's button does, and waits for its end. */
	async execute(workflowId: string, trigger: string): Promise<Run> {
		const { executionId } = (await this.#call('POST', `/rest/workflows/${workflowId}/run`, {
			triggerToStartFrom: { name: trigger },
		})) as { executionId: string };
		return await this.finishedRun(executionId);
	}

	async finishedRun(executionId: string): Promise<Run> {
		const { parse } = requireFromN8n(this.#host, 'flatted') as { parse(text: string): unknown };
		const deadline = Date.now() + RUN_LIMIT_MS;
		while (Date.now() < deadline) {
			const { status, data } = (await this.#call('GET', `/rest/executions/${executionId}`)) as {
				status: string;
				data: string;
			};
			if (!UNFINISHED.has(status)) return readRun({ status, data: parse(data) });
			await sleep(250);
		}
		throw new Error(`Execution ${executionId} did not end within ${RUN_LIMIT_MS / 1000} s`);
	}

	async #runIds(workflowId: string, least: number): Promise<string[]> {
		const filter = encodeURIComponent(JSON.stringify({ workflowId }));
		const deadline = Date.now() + RUN_LIMIT_MS;
		while (Date.now() < deadline) {
			const { results } = (await this.#call('GET', `/rest/executions?filter=${filter}`)) as {
				results: Array<{ id: string }>;
			};
			if (results.length >= least) return results.map(({ id }) => id);
			await sleep(500);
		}
		const times = least === 1 ? '' : ` ${least} times`;
		throw new Error(`Workflow ${workflowId} did not run${times} within ${RUN_LIMIT_MS / 1000} s`);
	}

	async #credential(id: string): Promise<{ name: string; type: string; data: object }> {
		return (await this.#call('GET', `/rest/credentials/${id}?includeData=true`)) as {
			name: string;
			type: string;
			data: object;
		};
	}

	async #call(method: string, path: string, body?: object): Promise<unknown> {
		const response = await fetch(`${this.#url}${path}`, {
			method,
			headers: { cookie: this.#cookie, ...(body && { 'content-type': 'application/json' }) },
			...(body && { body: JSON.stringify(body) }),
			signal: AbortSignal.timeout(REQUEST_LIMIT_MS),
		});
		const text = await response.text();
		if (!response.ok)
			throw new Error(`${method} ${path} answered ${response.status}: ${text.slice(0, 500)}`);
		const cookies = response.headers.getSetCookie().map((cookie) => cookie.split(';')[0]);
		if (cookies.length > 0) this.#cookie = cookies.join('; ');
		return text === '' ? undefined : (JSON.parse(text) as { data: unknown }).data;
	}
}
