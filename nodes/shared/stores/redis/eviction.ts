import type { Warn } from '../../resilience/ports';
import type { RedisConnection } from './connection';

const told = new WeakSet<RedisConnection>();

/** Says once that a Redis which throws keys away when it is full forgets what was spent. */
export async function warnOfEviction(connection: RedisConnection, warn: Warn): Promise<void> {
	if (told.has(connection)) return;
	const info = await connection
		.command(async (client) => await client.info('memory'))
		.catch(() => '');
	const [, limit = '0'] = /^maxmemory:(\d+)/m.exec(info) ?? [];
	const [, policy = 'noeviction'] = /^maxmemory_policy:(\S+)/m.exec(info) ?? [];
	if (limit === '0' || policy === 'noeviction' || told.has(connection)) return;
	told.add(connection);
	warn(
		`Redis at ${connection.address} removes keys when its memory is full (maxmemory-policy ${policy}). ` +
			'Counts of credits, waiting jobs and stored answers can be lost: set it to noeviction.',
	);
}
