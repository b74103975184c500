import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { endChild, runCommand, startChild } from '../../tools/n8n-host/children.ts';
import { requireFromN8n } from '../../tools/n8n-host/install.ts';
import { freePort, type N8nHost } from '../../tools/n8n-host/index.ts';

/** What a PostgreSQL client needs to know; also the data of n8n's own credential. */
export interface PostgresAddress {
	readonly host: string;
	readonly port: number;
	readonly user: string;
	readonly password: string;
	readonly database: string;
}

/** A database of our own. */
export interface Postgres {
	readonly address: PostgresAddress;
	query<T>(sql: string, values?: readonly unknown[]): Promise<T[]>;
	/** Drops the database, and ends the server if it was started for this. */
	close(): Promise<void>;
}

interface Client {
	connect(): Promise<void>;
	query(sql: string, values?: readonly unknown[]): Promise<{ rows: unknown[] }>;
	end(): Promise<void>;
}

const START_LIMIT_MS = 60_000;

/** On the machine's PostgreSQL (PGHOST, PGPORT, PGUSER, PGPASSWORD), else on one started from PATH. */
export async function openPostgres(host: N8nHost, folder: string): Promise<Postgres> {
	const { Client } = requireFromN8n(host, 'pg') as {
		Client: new (address: PostgresAddress) => Client;
	};
	const { PGHOST, PGPORT, PGUSER, PGPASSWORD } = process.env;
	const machine: PostgresAddress = {
		host: PGHOST ?? '127.0.0.1',
		port: Number(PGPORT ?? 5432),
		user: PGUSER ?? 'postgres',
		password: PGPASSWORD ?? '',
		database: 'postgres',
	};
	let endServer = async () => {};
	let admin = new Client(machine);
	let server = machine;
	try {
		await admin.connect();
	} catch {
		({ server, endServer } = await startServer(folder));
		admin = new Client(server);
		await connected(admin, () => (admin = new Client(server)));
	}
	const database = `tiklive_pipeline_${process.pid}`;
	await admin.query(`CREATE DATABASE ${database}`);
	const address = { ...server, database };
	const client = new Client(address);
	await client.connect();
	return {
		address,
		query: async <T>(sql: string, values: readonly unknown[] = []) =>
			(await client.query(sql, values)).rows as T[],
		async close() {
			await client.end();
			await admin.query(`DROP DATABASE ${database} WITH (FORCE)`);
			await admin.end();
			await endServer();
		},
	};
}

async function startServer(folder: string) {
	const data = join(folder, 'postgres');
	const port = await freePort();
	await mkdir(data, { mode: 0o700 });
	const made = await runCommand('initdb', ['-D', data, '-U', 'postgres', '--auth=trust'], {
		timeoutMs: START_LIMIT_MS,
	});
	if (made.code !== 0) throw new Error(`initdb failed\n${made.log}`);
	const options = ['-p', String(port), '-k', data, '-c', 'listen_addresses=127.0.0.1'];
	const child = startChild('postgres', ['-D', data, ...options]);
	const server = { host: '127.0.0.1', port, user: 'postgres', password: '', database: 'postgres' };
	return { server, endServer: async () => await endChild(child) };
}

async function connected(client: Client, renew: () => Client): Promise<void> {
	const deadline = Date.now() + START_LIMIT_MS;
	for (let next = client; ; next = renew()) {
		try {
			return await next.connect();
		} catch (error) {
			if (Date.now() > deadline) throw error;
			await sleep(500);
		}
	}
}
