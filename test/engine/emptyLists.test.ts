import type { IDataObject, INodeParameters } from 'n8n-workflow';
import { encodeBookmark } from '../../nodes/shared/api';
import { by, engineBench } from './bench';

const bench = engineBench();

const hintsOf = async (
	node: 'tikLiveFollowers' | 'tikLiveFollowing' | 'tikLivePosts',
	profileFirst: boolean,
) => {
	const credential = bench.credential();
	const name = bench.simulator.population.username(3);
	const parameters = { user: by('username', name) };
	const item = { items: [{}], credential, parameters };
	if (profileFirst) await bench.run({ node: 'tikLiveUserInfo', ...item });
	const path = {
		tikLiveFollowers: 'followers',
		tikLiveFollowing: 'following',
		tikLivePosts: 'posts',
	};
	const body = JSON.stringify({ hasMore: false, cursor: '0', time: 0 });
	bench.simulator.faults.script({ endpoint: `/user-${path[node]}/` }, [
		{ kind: 'status', status: 200, body },
	]);
	const { output, hints, error } = await bench.run({ node, ...item });
	expect({ output, error }).toEqual({ output: [], error: undefined });
	return hints.filter((hint) => hint.includes('came back empty'));
};

it.each(['tikLiveFollowers', 'tikLiveFollowing', 'tikLivePosts'] as const)(
	'%s says so when a list is empty that should not be, by the stored profile',
	async (node) => {
		const [hint] = await hintsOf(node, true);
		expect(hint).toMatch(
			/^@\w+ has \d+ [a-z ]+ by the stored profile, but the list came back empty: it may be limited, private or filtered$/,
		);
	},
);

/** The followers of a user of the population, whose page says that there are none, by the id that User Info gave. */
const followersById = async (options: INodeParameters, input: IDataObject) => {
	const credential = bench.credential();
	const username = bench.simulator.population.username(3);
	const userId = bench.simulator.population.id(username);
	await bench.run({
		...{ node: 'tikLiveUserInfo', items: [{}], credential },
		parameters: { user: by('username', username) },
	});
	bench.simulator.faults.script({ endpoint: '/user-followers/' }, [
		{ kind: 'status', status: 200, body: '{"followers":[],"hasMore":false,"time":0}' },
	]);
	const { hints } = await bench.run({
		...{ node: 'tikLiveFollowers', items: [{ userId, username, ...input }], credential },
		parameters: { user: by('id', '={{ $json.userId }}'), options },
	});
	return hints.filter((hint) => hint.includes('came back empty'));
};

it('knows the profile by the name beside the id, as the examples hand it on', async () => {
	expect(await followersById({}, {})).toEqual([expect.stringMatching(/^@creator000003 has \d+ /)]);
	expect(await followersById({}, { username: 'somebody.else' })).toEqual([]);
});

it('says nothing of the end of a list that an earlier run has begun', async () => {
	const userId = bench.simulator.population.id('creator000003');
	const startFrom = encodeBookmark({
		...{ endpoint: 'userFollowers', userId, username: undefined },
		...{ cursor: '1700000000', delivered: 0, count: undefined },
	});
	expect(await followersById({ startFrom }, {})).toEqual([]);
});

it('says nothing where no profile is stored, and asks for none', async () => {
	expect(await hintsOf('tikLivePosts', false)).toEqual([]);
	// The look-up of the id and the list.
	expect(bench.billed()).toBe(2);
});
