import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { endChild, runCommand, startChild, tail } from '../../tools/n8n-host/children.ts';
import { freePort } from '../../tools/n8n-host/index.ts';

/** A series of a query's answer. */
export interface Sample {
	readonly metric: Readonly<Record<string, string>>;
	readonly value?: readonly [number, string];
	readonly values?: ReadonlyArray<readonly [number, string]>;
}

export type AlertState = 'inactive' | 'pending' | 'firing';

/** A running Prometheus that scrapes one n8n each second. */
export interface Prometheus {
	query(expression: string): Promise<readonly Sample[]>;
	queryRange(expression: string, seconds: number): Promise<readonly Sample[]>;
	/** Of every alert of the rules, whether it fires or not. */
	alerts(): Promise<Map<string, AlertState>>;
	stop(): Promise<void>;
}

const READY_LIMIT_MS = 30_000;

/**
 * The rules with every duration (windows, `for`, `interval`) divided by `factor`, at least a second:
 * the same expressions and thresholds, in a time that a test can wait for.
 */
export function scaledRules(rules: string, factor: number): string {
	const seconds = { s: 1, m: 60, h: 3_600 } as const;
	return rules.replace(
		/(?<=\[|for: |interval: )(\d+)([smh])\b/g,
		(_, count: string, unit: keyof typeof seconds) =>
			`${Math.max(1, Math.round((Number(count) * seconds[unit]) / factor))}s`,
	);
}

/** @throws when promtool finds fault with the file */
export async function checkRules(file: string): Promise<string> {
	const { code, log } = await runCommand('promtool', ['check', 'rules', file], {
		timeoutMs: 30_000,
	});
	if (code !== 0) throw new Error(tail(log));
	return log.trim();
}

/** Starts the Prometheus that is on the PATH (Debian: package prometheus), with its data in `folder`. */
export async function startPrometheus(
	folder: string,
	rulesFile: string,
	factor: number,
	target: string,
): Promise<Prometheus> {
	await mkdir(folder, { recursive: true });
	const rules = join(folder, 'rules.yml');
	await writeFile(rules, scaledRules(await readFile(rulesFile, 'utf8'), factor));
	const config = join(folder, 'prometheus.yml');
	await writeFile(
		config,
		`global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }
rule_files: [${JSON.stringify(rules)}]
scrape_configs:
  - job_name: n8n
    static_configs: [{ targets: [${JSON.stringify(new URL(target).host)}] }]
`,
	);
	const port = await freePort();
	const child = startChild('prometheus', [
		`--config.file=${config}`,
		`--storage.tsdb.path=${join(folder, 'data')}`,
		`--web.listen-address=127.0.0.1:${port}`,
	]);
	let log = '';
	child.stderr?.setEncoding('utf8').on('data', (text: string) => (log += text));
	const failed = new Promise<never>((_, reject) => child.once('error', reject));
	failed.catch(() => {});
	const url = `http://127.0.0.1:${port}`;
	const deadline = Date.now() + READY_LIMIT_MS;
	while (!(await Promise.race([isReady(url), failed]))) {
		if (child.exitCode !== null || Date.now() > deadline) {
			throw new Error(`Prometheus did not get ready\n${tail(log)}`);
		}
		await sleep(200);
	}

	const ask = async (path: string): Promise<unknown> => {
		const response = await fetch(`${url}/api/v1/${path}`);
		const { status, data, error } = (await response.json()) as Record<string, unknown>;
		if (status !== 'success') throw new Error(`${path}: ${String(error)}`);
		return data;
	};
	return {
		async query(expression) {
			const params = new URLSearchParams({ query: expression });
			return ((await ask(`query?${params}`)) as { result: Sample[] }).result;
		},
		async queryRange(expression, seconds) {
			const end = Date.now() / 1000;
			const params = new URLSearchParams({
				query: expression,
				start: String(end - seconds),
				end: String(end),
				step: '2',
			});
			return ((await ask(`query_range?${params}`)) as { result: Sample[] }).result;
		},
		async alerts() {
			const { groups } = (await ask('rules?type=alert')) as {
				groups: Array<{ rules: Array<{ name: string; state: AlertState; lastError?: string }> }>;
			};
			const all = groups.flatMap(({ rules: some }) => some);
			const broken = all.find(({ lastError }) => lastError);
			if (broken) throw new Error(`${broken.name}: ${broken.lastError}`);
			return new Map(all.map(({ name, state }) => [name, state]));
		},
		stop: async () => await endChild(child),
	};
}

async function isReady(url: string): Promise<boolean> {
	try {
		const response = await fetch(`${url}/-/ready`);
		await response.body?.cancel();
		return response.ok;
	} catch {
		return false;
	}
}
