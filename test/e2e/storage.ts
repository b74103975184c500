import assert from 'node:assert/strict';

import { N8nCli, N8nRest, startN8n, type DataTableColumn } from '../../tools/n8n-host/index.ts';
import { openPostgres, type Postgres } from './pipelinePostgres.ts';
import type { Stage } from './stage.ts';
import {
	FROM_CSV,
	FROM_TABLE,
	FROM_XLSX,
	KINDS,
	POSTGRES_CREDENTIAL,
	STORAGE_ID,
	STORAGE_TRIGGER,
	storageWorkflow,
	tableOf,
	type Kind,
} from './storageWorkflow.ts';

/** Photo posts, links, accounts elsewhere, bios of two lines; then texts that databases and files trip over. */
const USERNAMES = ['creator000029', 'creator000046', 'unicode_user', 'lone_surrogate'];
const ALL_KINDS = Object.keys(KINDS) as Kind[];
/** A Data Table's own columns. */
const OWN_COLUMNS = new Set(['id', 'createdAt', 'updatedAt']);

type Value = string | number | boolean | null;
type Row = Readonly<Record<string, Value | undefined>>;

/** What people store arrives as it was read: in a Data Table, PostgreSQL, CSV and XLSX. */
export async function checkStorage(stage: Stage): Promise<void> {
	const { checks, host, owner, userFolder } = stage;
	const truth = await checks.step('the records to store leave no field empty', async () => {
		const records = await truthOf(stage);
		// Nobody would notice a column that is lost where it is null for everybody.
		for (const kind of ALL_KINDS) assert.deepEqual(emptyColumns(records[kind]), []);
		return records;
	});
	const database = await postgresOf(stage);
	await checks.step('the workflow that stores records imports', async () => {
		const cli = new N8nCli(host, userFolder);
		if (database) {
			for (const kind of ALL_KINDS) await database.query(createTable(kind, truth[kind]));
			const data = { ...database.address, ssl: 'disable' };
			await cli.importCredentials([{ ...POSTGRES_CREDENTIAL, data }]);
		}
		await cli.importWorkflows([storageWorkflow(USERNAMES, database !== undefined)]);
	});
	const server = await checks.step('n8n starts', async () => startN8n(host, { userFolder }));
	const rest = new N8nRest(host, server.url);
	const run = await checks.step('it stores users, followers and posts', async () => {
		await rest.enter(owner);
		for (const kind of ALL_KINDS) await rest.createDataTable(tableOf(kind), columnsOf(truth[kind]));
		const done = await rest.execute(STORAGE_ID, STORAGE_TRIGGER);
		assert.equal(done.status, 'success', done.error?.message);
		return done;
	});
	const readBack = (kind: Kind, end: string) =>
		(run.nodes[`${kind} ${end}`]?.items ?? []).map(({ json }) => json as Row);

	await checks.check('a Data Table gives back what was read, to the letter', () => {
		for (const kind of ALL_KINDS) {
			const rows = readBack(kind, FROM_TABLE).map((row) =>
				Object.fromEntries(Object.entries(row).filter(([name]) => !OWN_COLUMNS.has(name))),
			);
			assert.deepEqual(sorted(rows), sorted(truth[kind]));
		}
	});
	for (const end of [FROM_CSV, FROM_XLSX]) {
		await checks.check(`the records ${end} are those that were read`, () => {
			for (const kind of ALL_KINDS) {
				const rows = readBack(kind, end);
				assert.deepEqual(
					sorted(asFileTells(rows, truth[kind])),
					sorted(truth[kind].map(emptyIsNull)),
				);
			}
		});
	}
	if (database) {
		await checks.check('PostgreSQL gives back what was read, to the letter', async () => {
			for (const kind of ALL_KINDS) {
				const rows: Row[] = await database.query<Row>(`SELECT * FROM ${tableOf(kind)}`);
				assert.deepEqual(sorted(rows), sorted(truth[kind]));
			}
		});
	}
	await checks.step('n8n stops', async () => server.stop());
}

async function truthOf({ simulator }: Stage): Promise<Record<Kind, Row[]>> {
	const all = async (kind: Kind) =>
		(await Promise.all(USERNAMES.map((name) => simulator.truth(kind, name)))).flat() as Row[];
	return {
		userInfo: await all('userInfo'),
		followers: await all('followers'),
		posts: await all('posts'),
	};
}

function emptyColumns(records: readonly Row[]): string[] {
	const columns = Object.keys(records[0] ?? { records: null });
	return columns.filter((name) => records.every((record) => (record[name] ?? null) === null));
}

/** Undefined where there is no PostgreSQL, neither running nor to be started. */
async function postgresOf({ host, userFolder, atEnd }: Stage): Promise<Postgres | undefined> {
	try {
		const database = await openPostgres(host, userFolder);
		atEnd.push(async () => database.close());
		return database;
	} catch (error) {
		console.log(`# without PostgreSQL: ${(error as Error).message.split('\n')[0]}`);
		return undefined;
	}
}

/** Column types by the values. */
function columnsOf(records: readonly Row[]): DataTableColumn[] {
	return Object.keys(records[0] ?? {}).map((name) => {
		const type = typeof records.map((record) => record[name]).find((value) => value !== null);
		return { name, type: type === 'number' || type === 'boolean' ? type : 'string' };
	});
}

const SQL_TYPES = { string: 'text', number: 'float8', boolean: 'boolean' } as const;

function createTable(kind: Kind, records: readonly Row[]): string {
	const columns = columnsOf(records).map(({ name, type }) => `"${name}" ${SQL_TYPES[type]}`);
	return `CREATE TABLE ${tableOf(kind)} (${columns.join(', ')})`;
}

/** A file has no types and no nulls: what n8n reads of it, in the types of the columns. */
function asFileTells(rows: readonly Row[], records: readonly Row[]): Row[] {
	const columns = columnsOf(records);
	return rows.map((row) =>
		Object.fromEntries(
			columns.map(({ name, type }) => {
				const value = row[name] ?? '';
				if (value === '') return [name, null];
				if (type === 'number') return [name, Number(value)];
				return [name, type === 'boolean' ? /^true$/i.test(String(value)) : value];
			}),
		),
	);
}

function emptyIsNull(record: Row): Row {
	return Object.fromEntries(
		Object.entries(record).map(([name, value]) => [name, value === '' ? null : value]),
	);
}

/** By all that they hold: stores promise no order. */
function sorted(rows: readonly Row[]): Row[] {
	const texts = rows.map((row) => JSON.stringify(row, Object.keys(row).sort()));
	return texts.sort().map((text) => JSON.parse(text) as Row);
}
