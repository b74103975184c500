import type { IDataObject, NodeApiError } from 'n8n-workflow';
import { asText, closeRuntimes, logged } from './harness';
import { fetchTestEvent, outputOf, WatchingWorkflow } from './pollHarness';
import {
	api,
	arrivals,
	billed,
	CANARY,
	creator,
	newest,
	newKey,
	options,
	setUp,
	warnings,
	watching,
} from './stage';

setUp();

const brokenFor = (...usernames: string[]) => answerFor(500, usernames);
const answerFor = (status: number, usernames: string[]) => {
	const ids = usernames.map((name) => api().population.id(name));
	api().faults.script(
		({ params }) => ids.includes(params.get('userid') ?? ''),
		Array.from({ length: 50 }, () => status),
	);
};

describe('new posts', () => {
	it('tells nothing at first, then each new post once, oldest first, as the Posts node gives it', async () => {
		const user = creator(17);
		const workflow = await watching([`@${user.toUpperCase()}`]);
		expect(billed()).toBe(2);
		expect(await workflow.poll()).toBeUndefined();
		expect(billed()).toBe(3);

		api().population.publish(user, 2);
		expect(await workflow.poll()).toEqual(newest(user, 2));
		expect(workflow.received).toEqual([newest(user, 2)]);
		expect(await workflow.poll()).toBeUndefined();
		api().population.publish(user);
		expect(await workflow.poll()).toEqual(newest(user, 1));
		expect(workflow.errors).toEqual([]);
	});

	it('gives the record of TikLiveAPI with Simplify off', async () => {
		const user = creator(17);
		const workflow = await watching([user], { simplify: false });
		api().population.publish(user);
		const [post] = (await workflow.poll()) ?? [];
		const [truth] = newest(user, 1);
		expect(post).toMatchObject({ video_id: truth?.postId, watchedUser: user });
		expect(post).toHaveProperty('aweme_id');
	});

	it('puts the posts of several users in the order in which they were made', async () => {
		const users = [creator(1), creator(2), creator(3)];
		const workflow = await watching([users.join(', ')]);
		for (const user of users) api().population.publish(user, 3);
		const events = (await workflow.poll()) ?? [];
		const times = events.map(({ postedAt }) => String(postedAt));
		expect(times).toEqual([...times].sort());
		expect(events.map(({ postId }) => postId).sort()).toEqual(
			users.flatMap((user) => newest(user, 3).map(({ postId }) => postId)).sort(),
		);
	});

	it('reads as many pages as there are new posts, and goes on in the next poll at its cap', async () => {
		const user = creator(17);
		const workflow = await watching([user], { options: { maxPages: 2 } });
		api().population.publish(user, 120);
		const posts = newest(user, 120);
		expect(await workflow.poll()).toEqual(posts.slice(50));
		expect(await workflow.poll()).toEqual(posts.slice(0, 50));
		const before = billed();
		expect(await workflow.poll()).toBeUndefined();
		expect(billed() - before).toBe(1);
	});

	it('is not confused by a pinned old post', async () => {
		const workflow = await watching(['pinned_first']);
		api().population.publish('pinned_first');
		expect(await workflow.poll()).toEqual(newest('pinned_first', 1));
		expect(await workflow.poll()).toBeUndefined();
	});

	it('goes on after a restart, at once and without a second telling', async () => {
		const user = creator(17);
		const workflow = await watching([user]);
		api().population.publish(user);
		await workflow.poll();
		await closeRuntimes();
		api().population.publish(user, 2);
		expect(await workflow.activate()).toEqual(newest(user, 2));
		expect(await workflow.activate()).toBeUndefined();
	});

	it('works on staged cursors too, which count only when n8n commits them', async () => {
		const user = creator(17);
		const workflow = await watching([user], {}, { durable: true });
		expect(workflow.saved).toEqual({});
		expect(await workflow.poll()).toBeUndefined();
		const { saved } = workflow;
		api().population.publish(user);
		expect(await workflow.poll()).toEqual(newest(user, 1));
		expect(await workflow.poll()).toBeUndefined();
		workflow.saved = saved;
		expect(await workflow.poll()).toEqual(newest(user, 1));
	});

	it('pays for the look-up of a username once, and for an answer that is young enough not at all', async () => {
		const workflow = await watching([creator(17)], { options: { maxAge: 60 } });
		for (let polls = 0; polls < 3; polls++) await workflow.poll();
		expect(api().ledger.report().perEndpoint).toEqual({ '/userid/': 1, '/user-posts/': 1 });
	});

	it('forgets users that are not watched any more, and begins anew with those that are', async () => {
		const [first, second] = [creator(1), creator(2)] as const;
		const workflow = await watching([first]);
		api().population.publish(first);
		const parameters = (users: string[]) => ({ parameters: options(users).parameters });
		expect(await workflow.activate(parameters([second]))).toBeUndefined();
		expect(Object.keys((workflow.saved['node:Watch'] as IDataObject)['users'] as object)).toEqual([
			`@${second}`,
		]);
		expect(await workflow.activate(parameters([first]))).toBeUndefined();
		api().population.publish(first);
		expect(await workflow.poll()).toEqual(newest(first, 1));
	});

	it('lets no two polls work at the same time: n8n starts the next one although one is slow', async () => {
		const user = creator(17);
		const workflow = await watching([user]);
		api().population.publish(user);
		const before = billed();
		await Promise.all([workflow.poll(), workflow.poll(), workflow.poll()]);
		expect(workflow.executions.map(({ length }) => length)).toEqual([1]);
		expect(billed() - before).toBe(1);
	});

	it('remembers little', async () => {
		const workflow = await watching(Array.from({ length: 20 }, (_, index) => creator(index)));
		expect(JSON.stringify(workflow.saved).length).toBeLessThan(20 * 1_000);
	});
});

describe('users that cannot be read', () => {
	it('cost the others nothing, are told once, and come with a later poll', async () => {
		const [well, ill] = [creator(1), creator(2)] as const;
		const workflow = await watching([ill, well], { options: { maxAttempts: 1 } });
		brokenFor(ill);
		api().population.publish(well);
		api().population.publish(ill);
		expect(await workflow.poll()).toEqual(newest(well, 1));
		expect(await workflow.poll()).toBeUndefined();
		expect(warnings().filter((line) => line.includes('not affected'))).toEqual([
			expect.stringContaining(`TikLiveAPI could not answer for @${ill} just now`) as string,
		]);
		api().faults.reset();
		expect(await workflow.poll()).toEqual(newest(ill, 1));
		expect(warnings().some((line) => line.includes(`@${ill} again`))).toBe(true);
		expect(workflow.errors).toEqual([]);
	});

	it('are not asked for again at once when they do not exist', async () => {
		const user = creator(1);
		const workflow = await watching(['deleted_user', user, 'private_user']);
		const missing = warnings().filter((line) => line.includes('not affected'));
		expect(missing).toEqual([
			expect.stringMatching(/: @deleted_user was not found on TikTok;/) as string,
			expect.stringMatching(/: @private_user keeps this private;/) as string,
		]);
		const before = billed();
		api().population.publish(user);
		expect(await workflow.poll()).toEqual(newest(user, 1));
		expect(billed() - before).toBe(1);
		expect(warnings().filter((line) => line.includes('not affected'))).toHaveLength(2);
	});

	it('fail the poll when there is nobody else, with what n8n backs off by', async () => {
		const users = [creator(1), creator(2)];
		const workflow = await watching(users, { options: { maxAttempts: 1 } });
		const { saved } = workflow;
		brokenFor(...users);
		for (const user of users) api().population.publish(user);
		expect(await workflow.poll()).toBeUndefined();
		const [error] = workflow.errors as [NodeApiError];
		expect(error.message).toBe(`TikLiveAPI could not answer for @${users.join(', @')} just now`);
		expect(error.failure).toMatchObject({ cause: 'temporarily-unavailable' });
		expect(workflow.saved).toEqual(saved);
		expect(warnings().filter((line) => line.includes('not affected'))).toEqual([]);

		api().faults.reset();
		expect(await workflow.poll()).toHaveLength(2);
	});

	it('fail one poll, not each, when it is their own fault', async () => {
		const user = creator(1);
		const workflow = await watching([user]);
		answerFor(404, [user]);
		expect(await workflow.poll()).toBeUndefined();
		const requests = arrivals();
		expect(await workflow.poll()).toBeUndefined();
		expect(workflow.errors).toHaveLength(1);
		expect(arrivals()).toBe(requests);
	});

	it('do not make an outage look like a wrong setting', async () => {
		const user = creator(1);
		const workflow = new WatchingWorkflow(
			options(['deleted_user', user], { options: { maxAttempts: 1 } }),
		);
		api().faults.script({ params: { username: user } }, [500, 500]);
		expect(await workflow.activate()).toBeUndefined();
		expect(await workflow.poll()).toBeUndefined();
		expect(workflow.errors).toMatchObject([{ failure: { cause: 'temporarily-unavailable' } }]);
	});

	it('stop the activation when it is the only one', async () => {
		const workflow = new WatchingWorkflow(options(['deleted_user']));
		await expect(workflow.activate()).rejects.toMatchObject({
			message: '@deleted_user was not found on TikTok',
			failure: { cause: 'configuration-invalid' },
		});
		expect(warnings().filter((line) => line.includes('not found'))).toEqual([]);
	});

	it('says when the key is wrong, and keeps it out of everything', async () => {
		const apiKey = `${CANARY}-unknown`;
		const workflow = new WatchingWorkflow(
			options([creator(1)], {}, { credential: newKey({ apiKey }) }),
		);
		const error: unknown = await workflow.activate().catch((problem: unknown) => problem);
		expect(error).toMatchObject({ failure: { cause: 'credential-invalid' } });
		expect(asText([error, logged])).not.toContain(CANARY);
	});

	it('are refused before anything is spent when they cannot exist', async () => {
		const workflow = new WatchingWorkflow(options(['tiktok', 'two words']));
		await expect(workflow.activate()).rejects.toMatchObject({
			message: `"two words" is not a TikTok username (entry 2 of 2) (parameter 'Users')`,
			failure: { cause: 'configuration-invalid' },
		});
		expect(billed()).toBe(0);
	});
});

describe('the time that n8n gives a poll', () => {
	const users = () => Array.from({ length: 60 }, (_, index) => creator(index));

	it('is kept: what was found is told, and the others come first in the next poll', async () => {
		const slow = { credential: newKey({ maxConcurrent: 1 }) };
		const workflow = await watching(users(), {}, slow);
		await workflow.activate({ durable: true, budgetMs: 500 });
		for (const user of users()) api().population.publish(user);
		api().faults.set({ latencyMs: [30, 30] });
		const told = new Set<unknown>();
		let polls = 0;
		for (; told.size < users().length && polls < 20; polls++) {
			await workflow.poll();
			for (const { json } of workflow.executions.flat()) told.add(json['watchedUser']);
		}
		expect(polls).toBeGreaterThan(2);
		expect(workflow.executions.flat()).toHaveLength(users().length);
		expect(told.size).toBe(users().length);
		expect(warnings().filter((line) => line.includes('not affected'))).toEqual([]);
		expect(workflow.errors).toEqual([]);
	});

	it('ends a poll in which nobody answers as one that could not be done just now', async () => {
		const workflow = await watching([creator(1)], {}, { durable: true, budgetMs: 300 });
		api().faults.set({ latencyMs: [2_000, 2_000] });
		expect(await workflow.poll()).toBeUndefined();
		expect(workflow.errors).toEqual([
			expect.objectContaining({
				failure: expect.objectContaining({ cause: 'temporarily-unavailable' }) as object,
			}) as Error,
		]);
	});
});

describe('profile changes', () => {
	const PROFILE = { event: 'profileChange' };

	it('tells what has changed of a user, once', async () => {
		const [user, other] = [creator(17), creator(18)] as const;
		const workflow = await watching([user, other], PROFILE);
		const before = api().truth.userInfo(user);
		api().population.edit(user, { nickname: 'New Name', bio: 'New bio', followerCount: 1 });
		expect(await workflow.poll()).toEqual([
			{
				...api().truth.userInfo(user),
				changedFields: 'bio,nickname',
				bioBefore: before?.bio,
				nicknameBefore: before?.nickname,
				watchedUser: user,
			},
		]);
		expect(await workflow.poll()).toBeUndefined();
	});

	it('watches counts where that is asked for', async () => {
		const user = creator(17);
		const workflow = await watching([user], { ...PROFILE, fields: ['followerCount'] });
		api().population.edit(user, { nickname: 'New Name', followerCount: 123 });
		const [event] = (await workflow.poll()) ?? [];
		expect(event).toMatchObject({ changedFields: 'followerCount', followerCount: 123 });
	});

	it('tells a link that was added, changed or removed', async () => {
		const user = creator(17);
		api().population.edit(user, { bioLink: null });
		const workflow = await watching([user], { ...PROFILE, fields: ['bioLink'] });
		const told = async (bioLink: string | null) => {
			api().population.edit(user, { bioLink });
			return await workflow.poll();
		};
		const change = { changedFields: 'bioLink', watchedUser: user };
		expect(await told('a.example')).toMatchObject([
			{ ...change, bioLink: 'a.example', bioLinkBefore: null },
		]);
		expect(await told('b.example')).toMatchObject([
			{ ...change, bioLink: 'b.example', bioLinkBefore: 'a.example' },
		]);
		expect(await told(null)).toMatchObject([
			{ ...change, bioLink: null, bioLinkBefore: 'b.example' },
		]);
		expect(await workflow.poll()).toBeUndefined();
	});

	it('asks by id once it knows it, so that a new username is a change', async () => {
		const user = creator(17);
		const workflow = await watching([user], PROFILE);
		api().population.edit(user, { username: 'renamed', private: true });
		expect(await workflow.poll()).toEqual([
			{
				...api().truth.userInfo('renamed'),
				changedFields: 'private,username',
				privateBefore: false,
				usernameBefore: user,
				watchedUser: user,
			},
		]);
		expect(await workflow.poll()).toBeUndefined();
		expect(api().ledger.report().perEndpoint).toEqual({
			'/userinfo-by-username/': 1,
			'/userinfo-by-id/': 2,
		});
	});

	it('begins anew when the trigger has watched for posts before', async () => {
		const user = creator(17);
		const workflow = await watching([user]);
		const { parameters } = options([user], PROFILE);
		expect(await workflow.activate({ parameters })).toBeUndefined();
		api().population.edit(user, { nickname: 'New Name' });
		expect(await workflow.poll()).toHaveLength(1);
	});
});

describe('a test event', () => {
	it('is the newest post of the first user that has one, and moves no cursor', async () => {
		const user = creator(17);
		const given = options(['empty_user', user, creator(18)]);
		const run = await fetchTestEvent(given);
		expect(outputOf(run)).toEqual(newest(user, 1));
		expect(billed()).toBe(4);

		const workflow = new WatchingWorkflow(given);
		expect(await workflow.activate()).toBeUndefined();
		api().population.publish(user);
		expect(outputOf(await fetchTestEvent(given))).toEqual(newest(user, 1));
		expect(await workflow.poll()).toEqual(newest(user, 1));
	});

	it('shows a profile as a change of it would look', async () => {
		const user = creator(17);
		const run = await fetchTestEvent(options([user], { event: 'profileChange' }));
		const truth = api().truth.userInfo(user);
		expect(outputOf(run)).toEqual([
			{
				...truth,
				changedFields: 'bio,nickname,private,username,verified',
				bioBefore: truth?.bio,
				nicknameBefore: truth?.nickname,
				privateBefore: truth?.private,
				usernameBefore: truth?.username,
				verifiedBefore: truth?.verified,
				watchedUser: user,
			},
		]);
	});

	it('fails when no user can be read, and is empty when there is nothing to show', async () => {
		const failed = await fetchTestEvent(options(['deleted_user', 'private_user']));
		expect(failed.data.resultData.error?.message).toMatch(/not found on TikTok/);
		const empty = await fetchTestEvent(options(['empty_user']));
		expect(empty.status).toBe('success');
		expect(outputOf(empty)).toEqual([]);
	});
});
