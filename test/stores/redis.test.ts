import { someRedis } from '../redis/server.ts';
import { describeWithRedis } from '../support/redis';
import { describeStoresContract } from './contract';
import { describeJobsContract } from './jobsContract';
import { REDIS_TRAITS, redisBench } from './redisBench';

// Real time against a real Redis: a machine that stands still for a second is not a failure of ours.
jest.retryTimes(2, { logErrorsBeforeRetry: true });

describeWithRedis('Redis', () => {
	let redis: Awaited<ReturnType<typeof someRedis>>;

	beforeAll(async () => {
		redis = await someRedis();
	});

	afterAll(async () => {
		await redis.stop();
	});

	describeStoresContract('the Redis store', REDIS_TRAITS, async () => redisBench(redis.settings));
	describeJobsContract('the Redis store', REDIS_TRAITS, async () => redisBench(redis.settings));
});
