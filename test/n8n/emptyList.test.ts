import { CallFailure, type JsonObject } from '../../nodes/shared/api';
import { emptyListDoubt } from '../../nodes/shared/n8n/emptyList';
import type { CallResult, Client } from '../../nodes/shared/resilience/client';

const STATS = { followerCount: 687, followingCount: 12, videoCount: 191 };
const profile = (stats: object = STATS, id: string | null = '77'): JsonObject => ({
	user: { id, uniqueId: 'Ana' },
	stats: { ...stats },
});

/** A client that holds answers by what they were asked with. */
function clientWith(stored: Record<string, JsonObject | 'not-found'>) {
	const asked: unknown[] = [];
	const client: Pick<Client, 'stored'> = {
		async stored(endpoint, params, options) {
			asked.push([endpoint, params, options]);
			const body = stored[Object.values(params).join()];
			if (body === 'not-found') throw new CallFailure({ kind: 'not-found', detail: '' });
			return body && ({ body, source: 'cache' } as CallResult);
		},
	};
	return { client, asked };
}

const ANA = { endpoint: 'userFollowers', userId: '77', names: ['ana'] } as const;

describe('emptyListDoubt', () => {
	it.each([
		['userFollowers', '@ana has 687 followers'],
		['userFollowing', '@ana has 12 people whom the user follows'],
		['userPosts', '@ana has 191 posts'],
	] as const)('names the user and the count: %s', async (endpoint, text) => {
		const { client } = clientWith({ ana: profile() });
		expect(await emptyListDoubt(client, { ...ANA, endpoint })).toBe(
			`${text} by the stored profile, but the list came back empty: it may be limited, private or filtered`,
		);
	});

	it('finds the profile by name or by id, whatever its age', async () => {
		const { client, asked } = clientWith({ 77: profile() });
		expect(await emptyListDoubt(client, ANA)).toMatch(/^@ana has 687 followers/);
		expect(asked).toEqual([
			['userInfoByUsername', { username: 'ana' }, { maxAgeMs: Infinity }],
			['userInfoById', { userid: '77' }, { maxAgeMs: Infinity }],
		]);
		expect(await emptyListDoubt(client, { ...ANA, names: [] })).toMatch(/^@ana has 687/);
	});

	it('names the user by id where the profile has no name', async () => {
		const { client } = clientWith({ 77: { user: { id: '77' }, stats: STATS } });
		expect(await emptyListDoubt(client, { ...ANA, names: [] })).toMatch(/^77 has 687 followers/);
	});

	it.each<[string, Record<string, JsonObject | 'not-found'>]>([
		['no profile is stored', {}],
		['the profile counts none', { ana: profile({ followerCount: 0 }) }],
		['the profile does not say', { ana: profile({}) }],
		['the profile says something negative', { ana: profile({ followerCount: -1 }) }],
		['the name is somebody else now', { ana: profile(STATS, '78') }],
		['the user was not found', { ana: 'not-found', 77: 'not-found' }],
	])('says nothing where %s', async (_title, stored) => {
		expect(await emptyListDoubt(clientWith(stored).client, ANA)).toBeUndefined();
	});

	it('asks for nothing more once it knows, and lets no failure go unheard', async () => {
		const unheard = jest.fn();
		process.on('unhandledRejection', unheard);
		const { client, asked } = clientWith({ ana: profile(), 77: 'not-found' });
		expect(await emptyListDoubt(client, ANA)).toMatch(/^@ana/);
		await new Promise((resolve) => setTimeout(resolve, 10));
		process.off('unhandledRejection', unheard);
		expect(unheard).not.toHaveBeenCalled();
		expect(asked).toHaveLength(1);
	});

	it('takes a profile without an id for the one that was asked for', async () => {
		const { client } = clientWith({ ana: profile({ followerCount: '9007199254740993' }, null) });
		expect(await emptyListDoubt(client, ANA)).toMatch(/^@ana has 9007199254740993 followers/);
	});
});
