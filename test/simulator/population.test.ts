import { Population, POPULATION_NOW_SECONDS } from './population.ts';
import { SPECIAL_USERS } from './specials.ts';

const population = new Population({ seed: 1, size: 200_000 });

function sample(count: number): number[] {
	return Array.from({ length: count }, (_, step) => Math.floor((step * 199_999) / (count - 1)));
}

describe('Population', () => {
	it('is the same for the same seed and another for another seed', () => {
		const twin = new Population({ seed: 1, size: 200_000 });
		const stranger = new Population({ seed: 2, size: 200_000 });
		const describeUser = (source: Population): unknown => {
			const person = source.person(17);
			return [person, source.post(person, 0), source.listed(person, 'followers', 0)];
		};
		expect(describeUser(twin)).toEqual(describeUser(population));
		expect(describeUser(stranger)).not.toEqual(describeUser(population));
		expect(stranger.person(17).id).not.toBe(population.person(17).id);
	});

	it('names every user of the population and nobody else', () => {
		expect(population.username(17)).toBe('creator000017');
		expect(population.byUsername('creator199999')?.index).toBe(199_999);
		expect(population.byUsername('creator200000')).toBeUndefined();
		expect(population.byUsername('creator0000017')).toBeUndefined();
		for (const outside of [-1, 200_000, 0.5]) {
			expect(() => population.username(outside)).toThrow(RangeError);
		}
	});

	it('ignores the case of a handle but not an @', () => {
		expect(population.byUsername('Creator000017')?.index).toBe(17);
		expect(population.byUsername('@creator000017')).toBeUndefined();
	});

	it('finds users by ids above 2^53, all different, and refuses a forged one', () => {
		const indices = sample(3_000);
		const ids = indices.map((index) => population.person(index).id);
		expect(new Set(ids).size).toBe(3_000);
		for (const [at, id] of ids.entries()) {
			expect(id).toMatch(/^\d{19}$/);
			expect(BigInt(id)).toBeGreaterThan(2n ** 53n);
			expect(population.byId(id)?.index).toBe(indices[at]);
		}
		expect(population.byId(String(BigInt(ids[5]!) + 1n))).toBeUndefined();
		expect(population.byId('107955')).toBeUndefined();
	});

	it('keeps no tables: two thousand million users cost nothing', () => {
		const vast = new Population({ seed: 1, size: 1_999_999_999 });
		const last = vast.person(1_999_999_998);
		expect(vast.byUsername(last.username)?.id).toBe(last.id);
		expect(vast.byId(last.id)?.username).toBe('creator1999999998');
	});

	it('gives most users up to 1,000 followers and a few some tens of thousands', () => {
		const totals = sample(5_000).map((index) => population.person(index).totals);
		const big = totals.filter(({ followers }) => followers > 1_000);
		expect(big.length / totals.length).toBeGreaterThan(0.02);
		expect(big.length / totals.length).toBeLessThan(0.04);
		for (const { followers } of big) expect(followers).toBeGreaterThanOrEqual(10_000);
		expect(Math.max(...totals.map(({ followers }) => followers))).toBeLessThanOrEqual(40_000);
		expect(Math.max(...totals.map(({ posts }) => posts))).toBe(300);
		expect(Math.min(...totals.map(({ posts }) => posts))).toBe(0);
	});

	it.each([200_000, 1_000, 3, 2])('lists nobody twice and never the owner (size %d)', (size) => {
		const small = new Population({ seed: 3, size });
		const owners = [small.person(0), small.byUsername('cycle_cursor')!];
		for (const owner of owners) {
			for (const list of ['followers', 'following'] as const) {
				const total = owner.totals[list];
				const names = Array.from(
					{ length: total },
					(_, at) => small.listed(owner, list, at).username,
				);
				expect(new Set(names).size).toBe(total);
				expect(names).not.toContain(owner.username);
				for (const name of names) expect(small.byUsername(name)).toBeDefined();
			}
		}
	});

	it('orders posts newest first, all before the present of the population, with ids of their own', () => {
		const person = sample(50)
			.map((index) => population.person(index))
			.find(({ totals }) => totals.posts > 200)!;
		const posts = Array.from({ length: person.totals.posts }, (_, at) =>
			population.post(person, at),
		);
		const times = posts.map(({ createdSeconds }) => createdSeconds);
		expect(times).toEqual([...times].sort((a, b) => b - a));
		expect(times[0]).toBeLessThan(POPULATION_NOW_SECONDS);
		expect(new Set(posts.map(({ videoId }) => videoId)).size).toBe(posts.length);
		for (const { videoId, awemeId } of posts) {
			expect(videoId).toMatch(/^7\d{18}$/);
			expect(awemeId).not.toMatch(/^\d+$/);
		}
	});

	it('renames a user, who keeps the id and everything else', () => {
		const live = new Population({ seed: 1, size: 1_000 });
		const before = live.byUsername('creator000017')!;
		live.edit('creator000017', { username: 'renamed' });
		expect(live.byUsername('creator000017')).toBeUndefined();
		expect(live.byUsername('Renamed')).toEqual({ ...before, username: 'renamed' });
		expect(live.byId(before.id)?.username).toBe('renamed');
		expect(live.id('renamed')).toBe(before.id);
		live.reset();
		expect(live.byUsername('renamed')).toBeUndefined();
		expect(live.byUsername('creator000017')).toEqual(before);
	});

	it('publishes on top of a feed without touching the posts below', () => {
		const live = new Population({ seed: 1, size: 1_000 });
		const before = live.person(17);
		const top = live.post(before, 0);
		live.publish('creator000017', 2);
		const after = live.byUsername('creator000017')!;
		expect(after.videoCount).toBe(before.totals.posts + 2);
		expect(live.post(after, 2)).toEqual(top);
		expect(live.post(after, 0).createdSeconds).toBeGreaterThan(live.post(after, 1).createdSeconds);
		expect(live.post(after, 1).createdSeconds).toBeGreaterThanOrEqual(POPULATION_NOW_SECONDS);
		live.reset();
		expect(live.person(17)).toEqual(before);
	});

	it('edits a profile until reset', () => {
		const live = new Population({ seed: 1, size: 1_000 });
		live.edit('creator000017', { nickname: 'New Name' });
		live.edit('creator000017', { followerCount: 5 });
		expect(live.person(17)).toMatchObject({ nickname: 'New Name', followerCount: 5 });
		expect(() => live.edit('nobody', {})).toThrow(RangeError);
		live.reset();
		expect(live.person(17).nickname).not.toBe('New Name');
	});

	it('holds every special user, and only deleted_user does not exist', () => {
		for (const name of Object.keys(SPECIAL_USERS)) {
			const person = population.byUsername(name);
			expect(person?.username).toBe(name === 'deleted_user' ? undefined : name);
			expect(population.byId(population.id(name))?.username).toBe(person?.username);
		}
	});
});
