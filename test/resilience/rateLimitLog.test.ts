import { RateLimitLog } from '../../nodes/shared/resilience/rateLimitLog';
import { clockWithBottleneck } from '../support/bottleneck';
import { ManualClock } from '../support/clock';
import { CANARY_KEY, PROFILE, scriptedClient } from '../support/client';

describe('RateLimitLog', () => {
	it('says once that a stretch of 429s begins, and once that it has ended', () => {
		const clock = new ManualClock();
		const said: string[] = [];
		const log = new RateLimitLog(clock, (text) => said.push(text));
		log.accepted();
		for (let n = 0; n < 50; n += 1) {
			log.limited(1_500);
			clock.jump(10_000);
			log.accepted();
		}
		expect(said).toEqual([
			'TikLiveAPI answers 429, too many requests: nothing is sent with this key for 2 s',
		]);
		clock.jump(60_000);
		log.accepted();
		log.accepted();
		expect(said.slice(1)).toEqual(['TikLiveAPI accepts requests again: no 429 for a minute']);
	});

	it('gets its news from the client, without a username or the key', async () => {
		jest.useFakeTimers();
		const clock = clockWithBottleneck();
		const { client, said } = scriptedClient(clock, (_, index) =>
			index < 3 ? { status: 429, body: { message: 'Too many requests' } } : { body: PROFILE() },
		);
		const ask = (username: string) =>
			clock.runUntil(client.call('userInfoByUsername', { username }, { maxAgeMs: 0 }));
		await ask('creator000017');
		await clock.advance(61_000);
		await ask('creator000018');
		expect(said).toHaveLength(2);
		expect(said.join()).not.toMatch(new RegExp(`creator|${CANARY_KEY}`));
		await client.dispose();
		jest.useRealTimers();
	});
});
