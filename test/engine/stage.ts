import type { IDataObject, INodeParameters } from 'n8n-workflow';
import { systemClock } from '../../nodes/shared/n8n/systemClock';
import { startSimulator, type Simulator } from '../simulator/server';
import { closeRuntimes, logged, removeUserFolder } from './harness';
import { WatchingWorkflow, type WatchOptions } from './pollHarness';

export const CANARY = 'canary-5f1d2c';
const KEYS = Array.from({ length: 400 }, (_, index) => `${CANARY}-${index}`);
const FAST = { requestsPerMinute: 100_000, burst: 1_000, dailyBudget: '', criticalReserve: 0 };
/** Each poll asks anew, however soon it comes. */
const ALWAYS = { maxAge: 0 };

let simulator: Simulator;
let keysUsed = 0;
/** The package's clocks show `shiftMs` more than those of the machine, and go on `pace` times as fast. */
let shiftMs = 0;
let pace = 1;
let pacedSinceMs = 0;

/** A simulator for the tests of a file, and clocks that they can move. Registers hooks of jest. */
export function setUp(): void {
	const { monotonicMs, wallMs, sleep, every } = systemClock;
	const aheadMs = () => shiftMs + (pace - 1) * (performance.now() - pacedSinceMs);

	beforeAll(async () => {
		simulator = await startSimulator({ keys: KEYS, enforceLimits: false });
	});

	beforeEach(() => {
		shiftMs = 0;
		pace = 1;
		jest.spyOn(systemClock, 'monotonicMs').mockImplementation(() => monotonicMs() + aheadMs());
		jest.spyOn(systemClock, 'wallMs').mockImplementation(() => wallMs() + aheadMs());
		jest
			.spyOn(systemClock, 'sleep')
			.mockImplementation(async (ms, signal) => await sleep(ms / pace, signal));
		jest.spyOn(systemClock, 'every').mockImplementation((ms, task) => every(ms / pace, task));
	});

	afterEach(async () => {
		await simulator.faults.outage(false);
		await closeRuntimes();
		simulator.reset();
		logged.length = 0;
		jest.restoreAllMocks();
	});

	afterAll(async () => {
		await simulator.close();
		await removeUserFolder();
	});
}

/** Time passes for the package, without anybody waiting for it. */
export function pass(ms: number): void {
	shiftMs += ms;
}

/** From now on time passes `factor` times as fast for the package, until the end of the test. */
export function hurry(factor: number): void {
	pace = factor;
	pacedSinceMs = performance.now();
}

export const api = (): Simulator => simulator;

/** A key that no other test has used: nothing is stored, and the breaker is closed. */
export const newKey = (over: IDataObject = {}): IDataObject => ({
	baseUrl: simulator.url,
	apiKey: KEYS[keysUsed++] as string,
	...FAST,
	...over,
});

export const creator = (index: number): string => simulator.population.username(index);

export const options = (
	users: string[],
	parameters: INodeParameters = {},
	over: Partial<WatchOptions> = {},
): WatchOptions => ({
	credential: newKey(),
	...over,
	parameters: {
		event: 'newPost',
		users,
		...parameters,
		options: { ...ALWAYS, ...(parameters['options'] as object) },
	},
});

/** A workflow that is active, with its baseline. */
export const watching = async (...args: Parameters<typeof options>): Promise<WatchingWorkflow> => {
	const workflow = new WatchingWorkflow(options(...args));
	expect(await workflow.activate()).toBeUndefined();
	return workflow;
};

/** As the simulator knows them, oldest first, as the trigger gives them. */
export const newest = (username: string, posts: number): IDataObject[] =>
	simulator.truth
		.posts(username)
		.filter(({ pinned }) => !pinned)
		.slice(0, posts)
		.reverse()
		.map((post) => ({ ...post, watchedUser: username }));

export const billed = (): number => simulator.ledger.report().billed;
export const arrivals = (): number => simulator.judge.report().arrivals;
export const warnings = (): string[] =>
	logged.filter((line) => line.includes('Watch in workflow Watching'));
