import type { IDataObject } from 'n8n-workflow';
import { startSimulator, type Simulator } from '../simulator/server';
import {
	closeRuntimes,
	removeUserFolder,
	runNode,
	type RunOptions,
	type RunOutcome,
} from './harness';

/** In every key, and nowhere else: what leaks it shows. */
export const CANARY = 'canary-5f1d2c';
/** Fast enough that no test waits for the rate window. */
const FAST = { requestsPerMinute: 100_000, burst: 1_000, dailyBudget: '', criticalReserve: 0 };

/** A simulator, keys that no other test has used, and n8n's engine over them. Closed by itself after the tests. */
export interface Bench {
	readonly simulator: Simulator;
	/** Nothing is stored for its key, and nothing counted. */
	credential(over?: IDataObject): IDataObject;
	run(options: Omit<RunOptions, 'credential'> & Partial<RunOptions>): Promise<RunOutcome>;
	billed(): number;
}

export function engineBench(): Bench {
	const keys = Array.from({ length: 200 }, (_, index) => `${CANARY}-${index}`);
	let used = 0;
	let simulator: Simulator | undefined;
	beforeAll(async () => {
		simulator = await startSimulator({ keys, enforceLimits: false });
	});
	afterEach(async () => {
		await closeRuntimes();
		simulator?.reset();
	});
	afterAll(async () => {
		await simulator?.close();
		await removeUserFolder();
	});
	const started = (): Simulator => {
		if (!simulator) throw new Error('The simulator runs within tests only');
		return simulator;
	};
	const credential = (over: IDataObject = {}): IDataObject => ({
		...{ baseUrl: started().url, apiKey: keys[used++] as string },
		...FAST,
		...over,
	});
	return {
		get simulator() {
			return started();
		},
		credential,
		run: async (options) =>
			await runNode({ ...options, credential: options.credential ?? credential() }),
		billed: () => started().ledger.report().billed,
	};
}

/** The value of a resource locator. */
export function by(mode: 'username' | 'url' | 'id', value: unknown) {
	return { __rl: true, mode, value } as never;
}
