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

it('says nothing where no profile is stored, and asks for none', async () => {
	expect(await hintsOf('tikLivePosts', false)).toEqual([]);
	// The look-up of the id and the list.
	expect(bench.billed()).toBe(2);
});
