import { someRedis } from '../redis/server.ts';
import { describeWithRedis } from '../support/redis';
import { describeStoresContract } from './contract';
import { describeJobsContract } from './jobsContract';
import { REDIS_TRAITS, redisBench } from './redisBench';

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
