import { inspect } from 'node:util';

/** Counts checks and prints a line for each. */
export class Checks {
	#passed = 0;
	#failed = 0;

	/** Runs one check; what it throws is printed and counted, so that the next one still runs. */
	async check(name: string, work: () => void | Promise<void>): Promise<void> {
		try {
			await work();
			this.#passed++;
			console.log(`ok - ${name}`);
		} catch (error) {
			this.fail(name, error);
		}
	}

	/** Something that later steps cannot do without: a failure counts, and ends the run. */
	async step<T>(name: string, work: () => T | Promise<T>): Promise<T> {
		const began = Date.now();
		try {
			const result = await work();
			this.#passed++;
			console.log(`ok - ${name} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
			return result;
		} catch (error) {
			this.fail(name, error);
			throw new StepFailed(name);
		}
	}

	fail(name: string, error: unknown): void {
		this.#failed++;
		const text = error instanceof Error ? (error.stack ?? error.message) : inspect(error);
		console.log(`not ok - ${name}\n${text.replace(/^/gm, '    ')}`);
	}

	get failed(): boolean {
		return this.#failed > 0;
	}

	summary(): string {
		return `${this.#passed} passed, ${this.#failed} failed`;
	}
}

/** The run cannot go on; the failure itself is counted and printed already. */
export class StepFailed extends Error {}
