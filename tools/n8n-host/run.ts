/** One output item of a node. */
export interface RunItem {
	readonly json: Readonly<Record<string, unknown>>;
	readonly pairedItem?: unknown;
	readonly error?: unknown;
}

/** What one node did in a run. */
export interface NodeRun {
	/** The items of its first output, all its runs in a row. */
	readonly items: readonly RunItem[];
	readonly hints: readonly string[];
	readonly error?: { readonly message: string; readonly description?: string };
}

/** A workflow run, by node name. */
export interface Run {
	readonly status: string;
	readonly error?: { readonly message: string; readonly description?: string };
	readonly nodes: Readonly<Record<string, NodeRun>>;
}

interface TaskData {
	readonly data?: { readonly main?: ReadonlyArray<readonly RunItem[] | null> };
	readonly hints?: ReadonlyArray<{ readonly message: string }>;
	readonly error?: { readonly message: string; readonly description?: string };
}

interface FullRun {
	readonly status: string;
	readonly data: {
		readonly resultData: {
			readonly error?: { readonly message: string; readonly description?: string };
			readonly runData: Readonly<Record<string, readonly TaskData[]>>;
		};
	};
}

/** Picks what a reader needs out of n8n's IRun. */
export function readRun(full: unknown): Run {
	const { status, data } = full as FullRun;
	const nodes = Object.entries(data.resultData.runData).map(([name, tasks]): [string, NodeRun] => {
		const error = tasks.find((task) => task.error)?.error;
		return [
			name,
			{
				items: tasks.flatMap((task) => task.data?.main?.[0] ?? []),
				hints: tasks.flatMap((task) => (task.hints ?? []).map(({ message }) => message)),
				...(error && { error }),
			},
		];
	});
	const { error } = data.resultData;
	return { status, nodes: Object.fromEntries(nodes), ...(error && { error }) };
}
