import { ask, exchange } from './asking.ts';
import { createResponder } from './responder.ts';

const respond = createResponder({ enforceLimits: false, size: 50_000 });
const userid = respond.population.id('short_pages');
const plain = respond.population.id('null_titles');

function length(path: string, query: Record<string, string | number>): number {
	const body = ask(respond, path, { userid: plain, ...query });
	return ((body.followers ?? body.followings ?? body.videos) as unknown[]).length;
}

describe('answers to an accepted key', () => {
	it.each([
		['/userid/', {}],
		['/userinfo-by-username/', { username: '' }],
		['/userinfo-by-id/', { userid: 'creator000017' }],
		['/user-followers/', {}],
		['/user-followers/', { userid, count: 'many' }],
		['/user-following/', { userid, time: '1e3' }],
		['/user-posts/', { userid, cursor: 'abc' }],
		['/user-posts/', { username: 'short_pages' }],
	])('%s with %p is 400 in JSON and free', (path, query) => {
		const before = respond.ledger.report().billed;
		const answer = exchange(respond, path, query as Record<string, string>);
		expect(answer.status).toBe(400);
		expect(JSON.parse(answer.body)).toHaveProperty('message');
		expect(respond.ledger.report().billed).toBe(before);
	});

	it.each(['/userid', '/user-posts', '/', '/constructor/', '/search-user/'])(
		'%s is 404',
		(path) => {
			expect(exchange(respond, path, { username: 'short_pages', userid }).status).toBe(404);
		},
	);

	it('only GET is served', () => {
		const headers = { 'x-api-key': 'test-key' };
		expect(respond({ method: 'POST', url: '/userid/?username=short_pages', headers }).status).toBe(
			405,
		);
	});

	it.each([
		['/userid/', { username: 'nobody_at_all' }],
		['/userinfo-by-username/', { username: 'deleted_user' }],
		['/userinfo-by-id/', { userid: '6000000000000000001' }],
		['/user-posts/', { userid: respond.population.id('deleted_user') }],
	])('%s of an unknown user: 200, status error', (path, query) => {
		const answer = exchange(respond, path, query as Record<string, string>);
		expect(answer.status).toBe(200);
		expect(answer.body).toBe('{"status":"error","message":"Not found user"}');
	});

	it('a private user has a profile and no lists', () => {
		const id = respond.population.id('private_user');
		expect(ask(respond, '/userinfo-by-id/', { userid: id })).toMatchObject({
			user: { privateAccount: true },
		});
		for (const list of ['followers', 'following', 'posts']) {
			expect(ask(respond, `/user-${list}/`, { userid: id })).toEqual({
				status: 'error',
				message: 'This account is private',
			});
		}
	});

	it('counts have defaults and are cut to the largest', () => {
		expect(length('/user-followers/', {})).toBe(50);
		expect(length('/user-followers/', { count: 500 })).toBe(200);
		expect(length('/user-following/', { count: 200 })).toBe(200);
		expect(length('/user-posts/', {})).toBe(10);
		expect(length('/user-posts/', { count: 100 })).toBe(35);
		expect(length('/user-posts/', { count: 0 })).toBe(1);
	});
});
