import { decodeBookmark, encodeBookmark } from '../../nodes/shared/api/bookmark';
import type { Call, CallAnswer } from '../../nodes/shared/api/call';
import type { EndpointName, ListEndpoint } from '../../nodes/shared/api/endpoints';
import { buildUrl } from '../../nodes/shared/api/endpoints';
import { CallFailure, InvalidInput } from '../../nodes/shared/api/failure';
import { parseBody } from '../../nodes/shared/api/json';
import {
	ListInterrupted,
	readList,
	readUserInfo,
	resolveUserId,
	type ListPage,
	type ListRequest,
	type ListResult,
} from '../../nodes/shared/api/operations';
import type { UserRef } from '../../nodes/shared/api/user';

const ANA: UserRef = { kind: 'username', username: 'ana' };
const ANA_ID: UserRef = { kind: 'id', id: '77' };

type Params = Readonly<Record<string, string | number>>;
type Request = [EndpointName, Params];
type Reply = object | CallFailure;

const answerWith = (body: object): CallAnswer => ({
	body: parseBody(JSON.stringify(body)),
	source: 'network',
	fetchedAtMs: 1_000,
	attempts: 1,
	credits: 1,
});

/** A call that answers from a function, writes down what was asked, and accepts only valid requests. */
function fakeCall(reply: (endpoint: EndpointName, params: Params) => Reply) {
	const requests: Request[] = [];
	const call: Call = async (endpoint, params) => {
		buildUrl('https://api.example', endpoint, params);
		requests.push([endpoint, params]);
		const body = reply(endpoint, params);
		if (body instanceof Error) throw body;
		return answerWith(body);
	};
	return { call, requests };
}

/** Replies in order to list requests; `/userid/` always knows ana. */
function scripted(replies: Reply[]) {
	let next = 0;
	return fakeCall((endpoint) => {
		if (endpoint === 'userId') return { id: '77' };
		const reply = replies[next++];
		if (!reply) throw new Error('asked once too often');
		return reply;
	});
}

interface Run<E extends ListEndpoint> {
	pages: ListPage<E>[];
	result: ListResult;
	ids: string[];
}

async function run<E extends ListEndpoint>(
	call: Call,
	request: Omit<ListRequest<E>, 'maxPages' | 'limit'> & { maxPages?: number; limit?: number },
): Promise<Run<E>> {
	const list = readList(call, { limit: undefined, maxPages: 100, ...request });
	const pages: ListPage<E>[] = [];
	for (;;) {
		const step = await list.next();
		if (step.done) {
			const ids = pages.flatMap((page) =>
				page.simplified.map((record) => String('postId' in record ? record.postId : record.userId)),
			);
			return { pages, result: step.value, ids };
		}
		pages.push(step.value);
	}
}

const people = (...ids: number[]) => ids.map((id) => ({ id: `${id}`, unique_id: `user${id}` }));
const serverDown = () =>
	new CallFailure({ kind: 'server-error', detail: 'down', status: 503 }, 6, 0);

describe('readUserInfo', () => {
	const body = { user: { id: 107955, uniqueId: 'tiktok' }, stats: { followerCount: 5 } };

	test('asks by name or by id, whichever the user was given by', async () => {
		const { call, requests } = fakeCall(() => body);
		await readUserInfo(call, ANA);
		await readUserInfo(call, ANA_ID);
		expect(requests).toEqual([
			['userInfoByUsername', { username: 'ana' }],
			['userInfoById', { userid: '77' }],
		]);
	});

	test('gives the body as it came but for ids, the record, and the answer', async () => {
		const { call } = fakeCall(() => body);
		const { raw, record, answer } = await readUserInfo(call, ANA);
		expect(raw).toEqual({
			user: { id: '107955', uniqueId: 'tiktok' },
			stats: { followerCount: 5 },
		});
		expect(record).toMatchObject({ userId: '107955', username: 'tiktok', followerCount: 5 });
		expect(answer).toMatchObject({ source: 'network', credits: 1 });
	});
});

describe('resolveUserId', () => {
	test('an id needs no call', async () => {
		const { call, requests } = fakeCall(() => ({}));
		expect(await resolveUserId(call, ANA_ID)).toEqual({ userId: '77', lookup: undefined });
		expect(requests).toEqual([]);
	});

	test('a name is looked up', async () => {
		const { call, requests } = fakeCall(() => ({ id: '6943972350728700930' }));
		const { userId, lookup } = await resolveUserId(call, ANA);
		expect(userId).toBe('6943972350728700930');
		expect(lookup?.credits).toBe(1);
		expect(requests).toEqual([['userId', { username: 'ana' }]]);
	});

	test.each([{}, { id: null }, { id: 'x' }])(
		'an answer without an id is a failure: %j',
		async (body) => {
			const { call } = fakeCall(() => body);
			await expect(resolveUserId(call, ANA)).rejects.toMatchObject({
				name: 'CallFailure',
				failure: { kind: 'unexpected-body', detail: 'TikLiveAPI answered without id' },
				attempts: 1,
				credits: 1,
			});
		},
	);
});

describe('readList asks', () => {
	test.each([
		['userFollowers', 'followers', 'time', 200],
		['userFollowing', 'followings', 'time', 200],
		['userPosts', 'videos', 'cursor', 35],
	] as const)(
		'%s page by page, with its own key, cursor and page size',
		async (endpoint, key, paging, size) => {
			const { call, requests } = scripted([
				{ [key]: people(1, 2), [paging]: '1639657693', hasMore: true },
				{ [key]: people(3), [paging]: 0, hasMore: false },
			]);
			const { pages, result, ids } = await run(call, { endpoint, user: ANA });
			expect(requests).toEqual([
				['userId', { username: 'ana' }],
				[endpoint, { userid: '77', count: size, [paging]: 0 }],
				[endpoint, { userid: '77', count: size, [paging]: '1639657693' }],
			]);
			expect(ids).toEqual(['1', '2', '3']);
			expect(result).toEqual({ stopReason: 'end', bookmark: undefined, pages: 2, userId: '77' });
			expect(pages.map(({ lookup }) => lookup?.body)).toEqual([{ id: '77' }, undefined]);
			expect(pages.map(({ answer }) => answer.credits)).toEqual([1, 1]);
			expect(pages.map(({ bookmark }) => typeof bookmark)).toEqual(['string', 'undefined']);
		},
	);

	test('without a look-up when the id is given', async () => {
		const { call, requests } = scripted([{ followers: [], hasMore: false }]);
		const { pages } = await run(call, { endpoint: 'userFollowers', user: ANA_ID });
		expect(requests).toHaveLength(1);
		expect(pages[0]?.lookup).toBeUndefined();
	});

	test('for no more than is wanted', async () => {
		const { call, requests } = scripted([{ followers: people(1, 2, 3), time: 5, hasMore: true }]);
		const { result } = await run(call, { endpoint: 'userFollowers', user: ANA_ID, limit: 3 });
		expect(requests).toEqual([['userFollowers', { userid: '77', count: 3, time: 0 }]]);
		expect(result.stopReason).toBe('limit');
	});

	test('a page only when the consumer wants it', async () => {
		const { call, requests } = scripted([
			{ followers: people(1), time: 5, hasMore: true },
			{ followers: people(2), time: 4, hasMore: true },
		]);
		for await (const page of readList(call, {
			endpoint: 'userFollowers',
			user: ANA_ID,
			limit: undefined,
			maxPages: 9,
		})) {
			expect(page.records).toEqual([{ id: '1', unique_id: 'user1' }]);
			break;
		}
		expect(requests).toHaveLength(1);
	});

	test('not beyond the page cap', async () => {
		const { call, requests } = scripted([
			{ followers: people(1), time: 5, hasMore: true },
			{ followers: people(2), time: 4, hasMore: true },
		]);
		const { result } = await run(call, { endpoint: 'userFollowers', user: ANA_ID, maxPages: 2 });
		expect(requests).toHaveLength(2);
		expect(result).toMatchObject({
			stopReason: 'max-pages',
			pages: 2,
			bookmark: expect.any(String),
		});
	});

	test('has_more is read as well', async () => {
		const { call } = scripted([
			{ followers: people(1), time: 5, has_more: 1 },
			{ followers: people(2), time: 4, has_more: 0 },
		]);
		expect((await run(call, { endpoint: 'userFollowers', user: ANA_ID })).ids).toEqual(['1', '2']);
	});

	test.each([
		['limit', { limit: 0 }, 'Limit'],
		['limit', { limit: -1 }, 'Limit'],
		['limit', { limit: 1.5 }, 'Limit'],
		['limit', { limit: NaN }, 'Limit'],
		['limit', { limit: Infinity }, 'Limit'],
		['maxPages', { maxPages: 0 }, 'Max Pages'],
		['maxPages', { maxPages: Infinity }, 'Max Pages'],
		['newerThanMs', { newerThanMs: NaN }, 'Newer Than'],
		['startFrom', { startFrom: 'page 2' }, 'Start From'],
	])('nothing when %s is wrong: %p', async (_name, wrong, parameter) => {
		const { call, requests } = scripted([]);
		const list = run(call, { endpoint: 'userPosts', user: ANA, ...wrong });
		await expect(list).rejects.toBeInstanceOf(InvalidInput);
		await expect(list).rejects.toMatchObject({ parameter, advice: expect.stringMatching(/\.$/) });
		expect(requests).toEqual([]);
	});

	test('and says what is wrong', async () => {
		const list = run(scripted([]).call, { endpoint: 'userPosts', user: ANA, limit: 0 });
		await expect(list).rejects.toMatchObject({
			message: 'Limit is 0, but must be a whole number from 1',
			advice: 'Set Limit to 1 or more.',
		});
		await expect(
			run(scripted([]).call, { endpoint: 'userPosts', user: ANA, newerThanMs: NaN }),
		).rejects.toMatchObject({ message: 'Newer Than is not a time' });
	});
});

describe('readList delivers', () => {
	test('each item once, raw and simplified side by side', async () => {
		const { call } = scripted([
			{ followers: people(1, 2), time: 5, hasMore: true },
			{ followers: people(2, 3), time: 4, hasMore: false },
		]);
		const { pages } = await run(call, { endpoint: 'userFollowers', user: ANA_ID });
		expect(pages.map(({ records }) => records)).toEqual([people(1, 2), people(3)]);
		expect(pages[1]?.simplified).toMatchObject([{ userId: '3', username: 'user3' }]);
	});

	test('posts of one list told apart by video_id, people by id', async () => {
		const { call } = scripted([
			{
				videos: [
					{ video_id: '1', aweme_id: 'x' },
					{ video_id: '2', aweme_id: 'x' },
					{ video_id: '2', aweme_id: 'y' },
				],
				hasMore: false,
			},
		]);
		expect((await run(call, { endpoint: 'userPosts', user: ANA_ID })).ids).toEqual(['1', '2']);
	});

	test.each(['followers', 'followings'] as const)('%s as people', async (key) => {
		const endpoint = key === 'followers' ? 'userFollowers' : 'userFollowing';
		const { call } = scripted([{ [key]: people(1), hasMore: false }]);
		const { pages } = await run(call, { endpoint, user: ANA_ID });
		expect(pages[0]?.simplified[0]).toHaveProperty('region');
	});

	test('nothing for elements that are no objects, without losing their places', async () => {
		const { call } = scripted([
			{
				followers: [null, ...people(1), 'x', ...people(2), 5, ...people(3)],
				time: 5,
				hasMore: true,
			},
		]);
		const { ids, result } = await run(call, { endpoint: 'userFollowers', user: ANA_ID, limit: 2 });
		expect(ids).toEqual(['1', '2']);
		expect(decodeBookmark(result.bookmark ?? '', 'userFollowers', ANA_ID).delivered).toBe(5);
	});

	test('nothing for a body without the list', async () => {
		const { call } = scripted([{ followers: null, hasMore: false }]);
		expect((await run(call, { endpoint: 'userFollowers', user: ANA_ID })).ids).toEqual([]);
	});

	test('posts with the name of their owner, if it is known', async () => {
		const videos = { videos: [{ video_id: '1' }], cursor: 5, hasMore: true };
		const byName = await run(scripted([videos]).call, {
			endpoint: 'userPosts',
			user: ANA,
			maxPages: 1,
		});
		expect(byName.pages[0]?.simplified[0]?.username).toBe('ana');
		const byId = await run(scripted([videos]).call, {
			endpoint: 'userPosts',
			user: ANA_ID,
			maxPages: 1,
		});
		expect(byId.pages[0]?.simplified[0]?.username).toBeNull();
		const startFrom = byName.result.bookmark;
		const resumed = await run(scripted([videos]).call, {
			endpoint: 'userPosts',
			user: ANA_ID,
			startFrom,
		});
		expect(resumed.pages[0]?.simplified[0]?.username).toBe('ana');
	});
});

describe('newerThan', () => {
	const post = (id: number, seconds: number | null, isTop = 0) => ({
		video_id: `${id}`,
		create_time: seconds,
		is_top: isTop,
	});

	test('stops at the first page whose unpinned posts include an older one, and keeps the newer', async () => {
		const { call, requests } = scripted([
			{ videos: [post(1, 50, 1), post(2, 200), post(3, 190)], cursor: '9', hasMore: true },
			{ videos: [post(4, 180), post(5, 90), post(6, 170)], cursor: '8', hasMore: true },
		]);
		const { ids, result } = await run(call, {
			endpoint: 'userPosts',
			user: ANA_ID,
			newerThanMs: 100_000,
		});
		expect(ids).toEqual(['2', '3', '4', '6']);
		expect(requests).toHaveLength(2);
		expect(result).toMatchObject({ stopReason: 'older', bookmark: undefined });
	});

	test('a pinned post that is new is kept; the very moment is not newer', async () => {
		const { call } = scripted([
			{ videos: [post(1, 300, 1), post(2, 101), post(3, 100)], cursor: '9', hasMore: true },
		]);
		const { ids, result } = await run(call, {
			endpoint: 'userPosts',
			user: ANA_ID,
			newerThanMs: 100_000,
		});
		expect(ids).toEqual(['1', '2']);
		expect(result.stopReason).toBe('older');
	});

	test('a post without a time is kept and stops nothing', async () => {
		const { call } = scripted([
			{ videos: [post(1, null), post(2, 200)], cursor: '9', hasMore: true },
			{ videos: [null, post(3, 150)], cursor: '8', hasMore: false },
		]);
		const { ids } = await run(call, { endpoint: 'userPosts', user: ANA_ID, newerThanMs: 100_000 });
		expect(ids).toEqual(['1', '2', '3']);
	});

	test('without it, age does not matter', async () => {
		const { call } = scripted([
			{ videos: [post(1, 1)], cursor: '9', hasMore: true },
			{ videos: [post(2, 2)], cursor: '8', hasMore: false },
		]);
		expect((await run(call, { endpoint: 'userPosts', user: ANA_ID })).ids).toEqual(['1', '2']);
	});

	test('it says nothing about people', async () => {
		const { call } = scripted([
			{ followers: [{ id: '1', create_time: 1 }], time: 5, hasMore: true },
			{ followers: [{ id: '2', create_time: 1 }], time: 4, hasMore: false },
		]);
		const { ids, result } = await run(call, {
			endpoint: 'userFollowers',
			user: ANA_ID,
			newerThanMs: 100_000,
		});
		expect(ids).toEqual(['1', '2']);
		expect(result.stopReason).toBe('end');
	});

	test('the limit counts what is kept', async () => {
		const { call } = scripted([
			{ videos: [post(1, 50, 1), post(2, 200), post(3, 190)], cursor: '9', hasMore: true },
		]);
		const { ids, result } = await run(call, {
			endpoint: 'userPosts',
			user: ANA_ID,
			limit: 1,
			newerThanMs: 100_000,
		});
		expect(ids).toEqual(['2']);
		expect(decodeBookmark(result.bookmark ?? '', 'userPosts', ANA_ID)).toMatchObject({
			cursor: 0,
			delivered: 2,
			count: 1,
		});
	});
});

describe('a bookmark', () => {
	test('goes on at the next page, with the cursor as it was', async () => {
		const first = scripted([{ videos: people(1), cursor: '1639312724000', hasMore: true }]);
		const { result } = await run(first.call, { endpoint: 'userPosts', user: ANA, maxPages: 1 });
		const second = scripted([{ videos: people(2), cursor: '0', hasMore: false }]);
		const rest = await run(second.call, {
			endpoint: 'userPosts',
			user: ANA,
			startFrom: result.bookmark,
		});
		expect(second.requests).toEqual([
			['userPosts', { userid: '77', count: 35, cursor: '1639312724000' }],
		]);
		expect(rest.ids).toEqual(['2']);
		expect(rest.pages[0]?.lookup).toBeUndefined();
	});

	test('within a page asks for the same page again and passes over what was delivered', async () => {
		const page = { followers: people(1, 2, 3, 4), time: 5, hasMore: true };
		const first = scripted([page]);
		const { result } = await run(first.call, { endpoint: 'userFollowers', user: ANA_ID, limit: 3 });
		const second = scripted([page, { followers: people(5), time: 4, hasMore: false }]);
		const rest = await run(second.call, {
			endpoint: 'userFollowers',
			user: ANA_ID,
			limit: 100,
			startFrom: result.bookmark,
		});
		expect(second.requests).toEqual([
			['userFollowers', { userid: '77', count: 3, time: 0 }],
			['userFollowers', { userid: '77', count: 99, time: 5 }],
		]);
		expect(rest.ids).toEqual(['4', '5']);
	});

	test('made by id, used by name: the name is looked up and must be the same user', async () => {
		const startFrom = encodeBookmark({
			endpoint: 'userPosts',
			userId: '77',
			username: undefined,
			cursor: 5,
			delivered: 0,
			count: undefined,
		});
		const same = scripted([{ videos: [], hasMore: false }]);
		await run(same.call, { endpoint: 'userPosts', user: ANA, startFrom });
		expect(same.requests.map(([endpoint]) => endpoint)).toEqual(['userId', 'userPosts']);

		const other = fakeCall(() => ({ id: '78' }));
		await expect(
			run(other.call, { endpoint: 'userPosts', user: ANA, startFrom }),
		).rejects.toMatchObject({
			parameter: 'Start From',
			message: 'The bookmark is for another user',
		});
		expect(other.requests).toHaveLength(1);
	});

	test('that is empty begins at the start', async () => {
		const { call, requests } = scripted([{ videos: [], hasMore: false }]);
		await run(call, { endpoint: 'userPosts', user: ANA_ID, startFrom: '' });
		expect(requests[0]?.[1]).toMatchObject({ cursor: 0 });
	});

	test.each([
		['another list', 'userFollowers', ANA_ID],
		['another user', 'userPosts', { kind: 'id', id: '78' }],
		['another name', 'userPosts', { kind: 'username', username: 'bob' }],
	] as const)('for %s is refused before any request', async (_title, endpoint, user) => {
		const startFrom = encodeBookmark({
			endpoint: 'userPosts',
			userId: '77',
			username: 'ana',
			cursor: 5,
			delivered: 0,
			count: undefined,
		});
		const { call, requests } = scripted([]);
		await expect(run(call, { endpoint, user, startFrom })).rejects.toMatchObject({
			parameter: 'Start From',
		});
		expect(requests).toEqual([]);
	});
});

describe('a failure', () => {
	test('at the first request is told as it is', async () => {
		const failure = serverDown();
		const { call } = scripted([failure]);
		await expect(run(call, { endpoint: 'userPosts', user: ANA_ID })).rejects.toBe(failure);
	});

	test('of the look-up is told as it is', async () => {
		const failure = serverDown();
		const { call } = fakeCall(() => failure);
		await expect(run(call, { endpoint: 'userPosts', user: ANA })).rejects.toBe(failure);
	});

	test('in the middle carries the bookmark of the last good page', async () => {
		const failure = serverDown();
		const { call } = scripted([
			{ videos: people(1), cursor: '9', hasMore: true },
			{ videos: people(2), cursor: '8', hasMore: true },
			failure,
		]);
		const list = readList(call, {
			endpoint: 'userPosts',
			user: ANA,
			limit: undefined,
			maxPages: 9,
		});
		await list.next();
		const second = await list.next();
		const error: unknown = await list.next().catch((thrown: unknown) => thrown);
		expect(error).toBeInstanceOf(ListInterrupted);
		expect(error).toMatchObject({
			name: 'ListInterrupted',
			message: 'down',
			// With the look-up and the two pages before.
			cause: { failure: failure.failure, attempts: failure.attempts + 3, credits: 3 },
			bookmark: second.done ? undefined : second.value.bookmark,
		});
		const rest = scripted([{ videos: people(3), hasMore: false }]);
		const startFrom = error instanceof ListInterrupted ? error.bookmark : undefined;
		expect((await run(rest.call, { endpoint: 'userPosts', user: ANA, startFrom })).ids).toEqual([
			'3',
		]);
		expect(rest.requests).toEqual([['userPosts', { userid: '77', count: 35, cursor: '8' }]]);
	});

	test('right after a bookmark gives the same bookmark back', async () => {
		const startFrom = encodeBookmark({
			endpoint: 'userPosts',
			userId: '77',
			username: undefined,
			cursor: 5,
			delivered: 0,
			count: undefined,
		});
		for (const user of [ANA, ANA_ID]) {
			const { call } = fakeCall(() => serverDown());
			const list = run(call, { endpoint: 'userPosts', user, startFrom: ` ${startFrom} ` });
			await expect(list).rejects.toMatchObject({ name: 'ListInterrupted', bookmark: startFrom });
		}
	});

	test('that is no CallFailure is passed on unchanged', async () => {
		const bug = new TypeError('bug');
		const { call } = fakeCall((_endpoint, params) => {
			if (params['time'] === 5) throw bug;
			return { followers: people(1), time: 5, hasMore: true };
		});
		await expect(run(call, { endpoint: 'userFollowers', user: ANA_ID })).rejects.toBe(bug);
	});
});

describe('a list read in pieces', () => {
	test('a boundary within one second loses nobody', async () => {
		// 250 people, three of them in each second; the cursor is the second of the last one of the page.
		const { call } = fakeCall((_endpoint, { count, time }) => {
			const all = Array.from({ length: 250 }, (_, index) => ({
				id: index,
				at: 1_000 - Math.floor(index / 3),
			}));
			const rest = all.filter(({ at }) => time === 0 || at <= Number(time));
			const page = rest.slice(0, Number(count));
			return {
				followers: people(...page.map(({ id }) => id)),
				time: page.at(-1)?.at ?? 0,
				hasMore: rest.length > page.length,
			};
		});
		const { ids } = await run(call, { endpoint: 'userFollowers', user: ANA_ID, limit: 202 });
		expect(ids).toEqual(Array.from({ length: 202 }, (_, index) => String(index)));
	});
});
