/** What the end-to-end runs of the example "refresh 100,000 profiles a day" share. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { EXAMPLE_CREDENTIAL, mapNodes, readExample } from '../../tools/n8n-host/examples.ts';
import type { N8nCli, WorkflowFile } from '../../tools/n8n-host/index.ts';
import type { Simulator } from '../simulator/server.ts';
import type { Checks } from './checks.ts';
import type { Postgres } from './pipelinePostgres.ts';

/** The plan's minute compressed: 60 times its 200 requests. */
export const PER_MINUTE = 12_000;

/** Every hundredth user of the watch list does not exist. */
const MISSING_EACH = 100;

export const missingOf = (users: number): number => Math.floor(users / MISSING_EACH);

export const usernames = (sim: Simulator, users: number): string[] =>
	Array.from({ length: users }, (_, index) =>
		index % MISSING_EACH === MISSING_EACH - 1 ? `nobody.${index}` : sim.population.username(index),
	);

/** Removes everything also when the run is ended from outside. */
export function cleanUpOnSignals(cleanUp: () => Promise<void>): void {
	for (const [signal, code] of [
		['SIGINT', 130],
		['SIGTERM', 143],
	] as const) {
		process.once(signal, () => void cleanUp().then(() => process.exit(code)));
	}
}

/** Tables, credentials and the example, published, along with other workflows. Returns the id of the example. */
export async function placeRefresh(
	cli: N8nCli,
	place: {
		checkout: string;
		database: Postgres;
		sim: Simulator;
		apiKey: string;
		users: number;
		others: readonly WorkflowFile[];
	},
): Promise<string> {
	const { checkout, database, sim, apiKey, users, others } = place;
	const sql = join(checkout, 'examples', 'refresh-100000-profiles.sql');
	await database.query(await readFile(sql, 'utf8'));
	await database.query('INSERT INTO tiktok_watchlist SELECT unnest($1::text[])', [
		usernames(sim, users),
	]);
	await cli.importCredentials([
		{
			...EXAMPLE_CREDENTIAL,
			data: {
				...{ apiKey, baseUrl: sim.url, requestsPerMinute: PER_MINUTE, burst: 200 },
				...{ dailyBudget: '', criticalReserve: 0 },
			},
		},
		{
			id: 'postgresAccount',
			name: 'Postgres account',
			type: 'postgres',
			data: { ...database.address, ssl: 'disable' },
		},
	]);
	const workflow = compressed(await readExample(checkout, 'refresh-100000-profiles'));
	await cli.importWorkflows([workflow, ...others]);
	await cli.publishWorkflow(workflow.id);
	return workflow.id;
}

/** The minute is compressed, so the wait for a batch is too. */
function compressed(workflow: WorkflowFile): WorkflowFile {
	return mapNodes(workflow, (node) => {
		const { options, ...parameters } = node.parameters as { options?: object };
		if (node.name !== 'When profiles are there') return node;
		return { ...node, parameters: { ...parameters, options: { ...options, batchWait: 1 } } };
	});
}

export async function checkRows(
	checks: Checks,
	database: Postgres,
	sim: Simulator,
	users: number,
): Promise<void> {
	await checks.check('every user who exists has a row, as the simulator knows it', async () => {
		const found = await database.query<{ username: string }>(
			`SELECT username, user_id AS "userId", follower_count::int AS "followerCount", bio_link AS "bioLink",
			instagram, twitter, youtube_channel_id AS "youtubeChannelId" FROM tiktok_profiles`,
		);
		assert.equal(found.length, users - missingOf(users));
		for (const row of found) assert.partialDeepStrictEqual(sim.truth.userInfo(row.username), row);
	});
}

export async function countProfiles(database: Postgres): Promise<number> {
	const [row] = await database.query<{ n: string }>('SELECT count(*) AS n FROM tiktok_profiles');
	return Number(row?.n);
}
