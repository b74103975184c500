import { hasRedisServer } from '../redis/server.ts';

/** Like `describe`, for tests that need a Redis: without one they say so, and in CI they fail. */
export function describeWithRedis(
	name: string,
	tests: () => void,
	need: 'any' | 'own' = 'any',
): void {
	if (hasRedisServer() || (need === 'any' && process.env['REDIS_URL'])) {
		describe(name, tests);
		return;
	}
	const message =
		need === 'any'
			? 'There is no Redis: set REDIS_URL or install redis-server'
			: 'There is no redis-server on the PATH';
	if (process.env['CI']) {
		it(`${name} needs Redis`, () => {
			throw new Error(message);
		});
		return;
	}
	console.warn(`${message}. Left out: ${name}`);
	describe.skip(name, tests);
}
