import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { Order } from './child';

interface Reply {
	number: number;
	results: unknown[];
	warnings: string[];
}

/** A process of its own with embedded stores. */
export class Worker {
	warnings: string[] = [];

	private count = 0;

	private constructor(private readonly child: ChildProcess) {}

	/** @param uid given away before the store is opened, but after the code was read */
	static async start(folder: string, uid?: number): Promise<Worker> {
		const child = fork(join(__dirname, 'child.ts'), [folder, 'key1', String(uid ?? '')], {
			execArgv: ['--require', join(__dirname, '../support/typescriptHook.js')],
		});
		await new Promise((resolve, reject) => {
			child.once('message', resolve);
			child.once('exit', reject);
		});
		return new Worker(child);
	}

	/** Calls a method `times` times at once. */
	async call<T>(
		store: Order['store'],
		method: string,
		args: unknown[] = [],
		times = 1,
	): Promise<T[]> {
		const number = this.count++;
		const reply = new Promise<Reply>((resolve) => {
			const listen = (message: Reply) => {
				if (message.number !== number) return;
				this.child.off('message', listen);
				resolve(message);
			};
			this.child.on('message', listen);
		});
		this.child.send({ number, store, method, args, times } satisfies Order);
		const { results, warnings } = await reply;
		this.warnings = warnings;
		return results as T[];
	}

	async kill(): Promise<void> {
		if (this.child.exitCode !== null || this.child.signalCode !== null) return;
		const gone = new Promise((resolve) => this.child.once('exit', resolve));
		this.child.kill('SIGKILL');
		await gone;
	}
}
