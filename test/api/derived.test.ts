import { classify } from '../../nodes/shared/api/classify';
import { derivedAnswers } from '../../nodes/shared/api/derived';
import type { JsonObject } from '../../nodes/shared/api/json';

const profile = (user: JsonObject | null): JsonObject => ({ user });
const lookup = (username: string, id: string) => ({
	endpoint: 'userId',
	params: { username },
	body: `{"id":"${id}"}`,
});

describe('derivedAnswers', () => {
	test('a profile by name answers the look-up of that name', () => {
		expect(
			derivedAnswers(
				'userInfoByUsername',
				{ username: 'ana' },
				profile({ id: '77', uniqueId: 'Ana' }),
			),
		).toEqual([lookup('ana', '77')]);
	});

	test('after a change of name it answers the old and the new one', () => {
		expect(
			derivedAnswers(
				'userInfoByUsername',
				{ username: 'ana' },
				profile({ id: '77', uniqueId: 'Anna' }),
			),
		).toEqual([lookup('ana', '77'), lookup('anna', '77')]);
	});

	test('a profile by id answers the look-up of the name that it carries', () => {
		expect(
			derivedAnswers('userInfoById', { userid: '77' }, profile({ id: '77', uniqueId: 'ANA' })),
		).toEqual([lookup('ana', '77')]);
	});

	test.each<[string, JsonObject]>([
		['no user', {}],
		['a null user', profile(null)],
		['no id', profile({ uniqueId: 'ana' })],
		['no name', profile({ id: '77' })],
		['an empty name', profile({ id: '77', uniqueId: '' })],
	])('nothing from a profile with %s', (_title, body) => {
		expect(derivedAnswers('userInfoById', { userid: '77' }, body)).toEqual([]);
	});

	test.each(['userId', 'userFollowers', 'userFollowing', 'userPosts'] as const)(
		'nothing from %s',
		(endpoint) => {
			const body = profile({ id: '77', uniqueId: 'ana' });
			expect(derivedAnswers(endpoint, { username: 'ana', userid: '77' }, body)).toEqual([]);
		},
	);

	test('the derived body is one that the endpoint could have answered', () => {
		const [derived] = derivedAnswers(
			'userInfoById',
			{ userid: '77' },
			profile({ id: '77', uniqueId: 'ana' }),
		);
		const response = { status: 200, headers: {}, body: derived?.body ?? '' };
		expect(classify('userId', response, 0)).toEqual({ ok: true, body: { id: '77' } });
	});
});
