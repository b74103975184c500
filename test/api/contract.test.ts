import type { Call } from '../../nodes/shared/api/call';
import { classify } from '../../nodes/shared/api/classify';
import { buildUrl, ENDPOINTS, type ListEndpoint } from '../../nodes/shared/api/endpoints';
import { CallFailure } from '../../nodes/shared/api/failure';
import { readList, readUserInfo, type ListResult } from '../../nodes/shared/api/operations';
import { parseUsername } from '../../nodes/shared/api/user';
import { createResponder } from '../simulator/responder';
import { SPECIAL_USERS } from '../simulator/specials';

/** The room against the simulator, which was written from the same facts by other hands and knows what is true. */

const WALL_MS = Date.UTC(2026, 0, 2);
const BASE_URL = 'http://127.0.0.1';

const respond = createResponder({
	size: 2_000,
	enforceLimits: false,
	now: () => 0,
	wallNow: () => WALL_MS,
});

function simulatedCall(apiKey = 'test-key') {
	let requests = 0;
	const call: Call = async (endpoint, params) => {
		requests++;
		const url = buildUrl(BASE_URL, endpoint, params).slice(BASE_URL.length);
		const answer = respond({ url, headers: { 'x-api-key': apiKey } });
		answer.end();
		const verdict = classify(endpoint, answer, WALL_MS);
		if (!verdict.ok) throw new CallFailure(verdict.failure, 1);
		return {
			body: verdict.body,
			source: 'network',
			fetchedAtMs: WALL_MS,
			attempts: 1,
			credits: 1,
		};
	};
	return { call, requests: () => requests };
}

async function whole(endpoint: ListEndpoint, username: string, limitOfEachRun?: number) {
	const { call, requests } = simulatedCall();
	const records: object[] = [];
	let result: ListResult | undefined;
	do {
		const list = readList(call, {
			endpoint,
			user: parseUsername(username),
			limit: limitOfEachRun,
			maxPages: 50,
			startFrom: result?.bookmark,
		});
		for (;;) {
			const step = await list.next();
			if (step.done) {
				result = step.value;
				break;
			}
			records.push(...step.value.simplified);
		}
	} while (result.bookmark !== undefined);
	return { records, result, requests: requests() };
}

const failureOf = async (work: Promise<unknown>) => {
	const error: unknown = await work.catch((thrown: unknown) => thrown);
	return error instanceof CallFailure ? error.failure.kind : error;
};

const users = ['creator000000', 'creator000017', ...Object.keys(SPECIAL_USERS)];
const lists = {
	userFollowers: 'followers',
	userFollowing: 'following',
	userPosts: 'posts',
} as const;

/** What a list or a profile of these users ends in, instead of records. */
const PROFILE_FAILURES: Record<string, string> = {
	deleted_user: 'not-found',
	deep_body: 'unexpected-body',
	missing_keys: 'unexpected-body',
};
const LIST_FAILURES: Record<string, string> = { ...PROFILE_FAILURES, private_user: 'private' };

describe.each(users)('%s', (username) => {
	test('profile', async () => {
		const work = readUserInfo(simulatedCall().call, parseUsername(username));
		const failure = PROFILE_FAILURES[username];
		if (failure) expect(await failureOf(work)).toBe(failure);
		else expect((await work).record).toEqual(respond.truth.userInfo(username));
	});

	test.each(Object.keys(lists) as ListEndpoint[])('%s', async (endpoint) => {
		const failure = LIST_FAILURES[username];
		if (failure) {
			expect(await failureOf(whole(endpoint, username))).toBe(failure);
			return;
		}
		const { records, requests } = await whole(endpoint, username);
		const truth = respond.truth[lists[endpoint]](username);
		expect(records).toEqual(truth);
		expect(requests).toBeLessThanOrEqual(
			5 + (3 * truth.length) / ENDPOINTS[endpoint].list.maxPageSize,
		);
	});
});

test.each(['userFollowers', 'userPosts'] as const)(
	'%s in runs of 30 is the same list',
	async (endpoint) => {
		for (const username of ['creator000017', 'empty_middle_page', 'pinned_first']) {
			const { records } = await whole(endpoint, username, 30);
			expect(records).toEqual(respond.truth[lists[endpoint]](username));
		}
	},
);

test('a wrong key and a missing key are found out', async () => {
	const asked = (apiKey: string) =>
		failureOf(readUserInfo(simulatedCall(apiKey).call, parseUsername('tiktok')));
	expect(await asked('wrong')).toBe('invalid-key');
	expect(await asked('')).toBe('invalid-key');
});
