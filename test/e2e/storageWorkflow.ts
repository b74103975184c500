import { EXAMPLE_CREDENTIAL } from '../../tools/n8n-host/examples.ts';
import type { WorkflowFile } from '../../tools/n8n-host/index.ts';

export const STORAGE_ID = 'tikLiveStorage';
export const STORAGE_TRIGGER = 'Run';
export const POSTGRES_CREDENTIAL = {
	id: 'storagePostgres',
	name: 'Storage',
	type: 'postgres',
} as const;
/** Each list of records, and the node that reads it. */
export const KINDS = { userInfo: 'UserInfo', followers: 'Followers', posts: 'Posts' } as const;
export type Kind = keyof typeof KINDS;

/** Both the Data Table and the table of the database. */
export const tableOf = (kind: Kind): string => `tiktok_${kind.toLowerCase()}`;
/** The nodes at the ends, which have read a kind of records back. */
export const FROM_TABLE = 'from table';
export const FROM_CSV = 'from CSV';
export const FROM_XLSX = 'from XLSX';
/** The node that writes to the database; its rows are read without n8n. */
export const TO_POSTGRES = 'to PostgreSQL';

type Node = Readonly<Record<string, unknown>>;

interface Step {
	readonly name: string;
	readonly after: string | undefined;
	readonly node: Node;
}

/** Profiles, followers and posts into everything that n8n stores tables in, and back; all mapped automatically. */
export function storageWorkflow(usernames: readonly string[], hasPostgres: boolean): WorkflowFile {
	const users = {
		assignments: [{ id: 'u', name: 'u', value: JSON.stringify(usernames), type: 'array' }],
	};
	const steps: Step[] = [
		step(STORAGE_TRIGGER, undefined, 'manualTrigger', 1, {}),
		step('Users', STORAGE_TRIGGER, 'set', 3.4, { assignments: users, options: {} }),
		step('Each', 'Users', 'splitOut', 1, {
			fieldToSplitOut: 'u',
			options: { destinationFieldName: 'username' },
		}),
		...(Object.keys(KINDS) as Kind[]).flatMap((kind) => [
			reader(kind),
			...throughTable(kind),
			...throughFile(kind, 'csv', FROM_CSV, { enableBOM: true }),
			...throughFile(kind, 'xlsx', FROM_XLSX, {}),
			...(hasPostgres ? [intoPostgres(kind)] : []),
		]),
	];
	return {
		id: STORAGE_ID,
		name: 'Storage',
		nodes: steps.map(({ name, node }, index) => ({
			...{ id: `node${index}`, name, position: [220 * index, 0] },
			...node,
		})),
		connections: connectionsOf(steps),
	};
}

function reader(kind: Kind): Step {
	const user = { __rl: true, mode: 'username', value: '={{ $json.username }}' };
	const { id, name, type } = EXAMPLE_CREDENTIAL;
	return {
		name: kind,
		after: 'Each',
		node: {
			type: `n8n-nodes-tikliveapi.tikLive${KINDS[kind]}`,
			typeVersion: 1,
			parameters: kind === 'userInfo' ? { user } : { user, returnAll: true },
			credentials: { [type]: { id, name } },
		},
	};
}

function throughTable(kind: Kind): Step[] {
	const dataTableId = { __rl: true, mode: 'name', value: tableOf(kind) };
	const insert = `${kind} to table`;
	return [
		step(insert, kind, 'dataTable', 1.1, {
			...{ resource: 'row', operation: 'insert', dataTableId },
			columns: { mappingMode: 'autoMapInputData', value: null },
		}),
		step(
			`${kind} ${FROM_TABLE}`,
			insert,
			'dataTable',
			1.1,
			{ resource: 'row', operation: 'get', dataTableId, returnAll: true },
			{ executeOnce: true },
		),
	];
}

function throughFile(kind: Kind, format: 'csv' | 'xlsx', end: string, options: object): Step[] {
	const write = `${kind} to ${format}`;
	return [
		step(write, kind, 'convertToFile', 1.1, { operation: format }),
		step(`${kind} ${end}`, write, 'extractFromFile', 1.1, { operation: format, options }),
	];
}

function intoPostgres(kind: Kind): Step {
	const { id, name, type } = POSTGRES_CREDENTIAL;
	return step(
		`${kind} ${TO_POSTGRES}`,
		kind,
		'postgres',
		2.6,
		{
			operation: 'insert',
			schema: { __rl: true, mode: 'name', value: 'public' },
			table: { __rl: true, mode: 'name', value: tableOf(kind) },
			columns: { mappingMode: 'autoMapInputData', value: null },
		},
		{ credentials: { [type]: { id, name } } },
	);
}

function step(
	name: string,
	after: string | undefined,
	type: string,
	typeVersion: number,
	parameters: object,
	others: Node = {},
): Step {
	const node = { type: `n8n-nodes-base.${type}`, typeVersion, parameters, ...others };
	return { name, after, node };
}

function connectionsOf(steps: readonly Step[]): Record<string, unknown> {
	const next = Map.groupBy(steps, ({ after }) => after);
	return Object.fromEntries(
		steps.map(({ name }) => {
			const targets = (next.get(name) ?? []).map((to) => ({
				node: to.name,
				type: 'main',
				index: 0,
			}));
			return [name, { main: [targets] }];
		}),
	);
}
