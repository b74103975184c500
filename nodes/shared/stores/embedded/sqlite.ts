import { InvalidInput } from '../../api';
import { attempt } from './sqliteError';

/**
 * Node's own SQLite, loaded here: only who keeps state in it needs it.
 *
 * @throws InvalidInput on a Node that has none, or only behind a flag
 */
export function loadSqlite(): typeof import('node:sqlite') {
	const loaded = attempt(() => require('node:sqlite') as typeof import('node:sqlite'));
	if (loaded.ok) return loaded.value;
	throw new InvalidInput(
		'State Store',
		`State cannot be kept: this needs Node.js 22.19 or newer, and n8n runs on ${process.version}`,
		'Run n8n on Node.js 22.19 or newer, such as 24. The Docker images of n8n bring it along.',
	);
}
