import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { endChild, startChild } from './children.ts';
import { cleanEnvironment } from './npm.ts';

/** What the simulator says was billed and how the requests arrived; the parts that are read here. */
export interface SimulatorReport {
	readonly ledger: {
		readonly billed: number;
		readonly perEndpoint: Readonly<Record<string, number>>;
	};
	readonly judge: {
		readonly arrivals: number;
		readonly worstWindow: number;
		readonly inFlightPeak: number;
	};
	/** Of each key that it accepts. */
	readonly perKey: Readonly<Record<string, { readonly arrivals: number }>>;
}

/** A running simulator of TikLiveAPI (test/simulator). */
export interface Simulator {
	readonly url: string;
	report(): Promise<SimulatorReport>;
	/** The records that a right reader ends with. */
	truth(kind: 'userInfo' | 'followers' | 'following' | 'posts', username: string): Promise<unknown>;
	/** New posts of a user, on top of the others. */
	publish(username: string, posts: number): Promise<void>;
	/** 503 for everybody, until it is over. */
	outage(isOn: boolean): Promise<void>;
	stop(): Promise<void>;
}

const READY_LIMIT_MS = 30_000;

/** Starts the simulator of `checkout` in a process of its own; it accepts these keys and no other. */
export async function startSimulator(checkout: string, ...keys: string[]): Promise<Simulator> {
	const main = join(checkout, 'test', 'simulator', 'main.ts');
	const accepted = keys.flatMap((key) => ['--key', key]);
	const child = startChild(process.execPath, [main, '--port', '0', ...accepted], {
		cwd: checkout,
		env: cleanEnvironment(),
	});
	let errors = '';
	child.stderr?.setEncoding('utf8').on('data', (text: string) => (errors += text));
	const lines = createInterface({ input: child.stdout! });
	const first = (await Promise.race([
		once(lines, 'line', { signal: AbortSignal.timeout(READY_LIMIT_MS) }),
		once(child, 'close').then(() => [undefined]),
	])) as [string | undefined];
	if (first[0] === undefined) throw new Error(`The simulator ended while starting\n${errors}`);
	const { url } = JSON.parse(first[0]) as { url: string };

	const ask = async (path: string, order?: object): Promise<unknown> => {
		const init = order && { method: 'POST', body: JSON.stringify(order) };
		const response = await fetch(`${url}/__sim/${path}`, init);
		if (!response.ok) throw new Error(`/__sim/${path} answered ${response.status}`);
		return await response.json();
	};
	return {
		url,
		report: async () => (await ask('report')) as SimulatorReport,
		truth: async (kind, username) =>
			await ask(`truth?${new URLSearchParams({ kind, username }).toString()}`),
		publish: async (username, posts) => {
			await ask('population', { publish: { username, posts } });
		},
		outage: async (isOn) => {
			await ask('faults', { outage: isOn });
		},
		stop: async () => await endChild(child),
	};
}
