import { runCampaign } from './campaign';

it('loses nothing and pays for nothing twice but the counted unknowns, wherever its process dies', async () => {
	const profiles = 600;
	const result = await runCampaign({
		kills: 40,
		seed: 7,
		profiles,
		lists: 20,
		faults: { rate5xx: 0.01, rateReset: 0.01, rateTruncated: 0.01, latencyMs: [1, 10] },
	});
	expect(result.lost).toEqual([]);
	expect(result.deadLetters).toBe(profiles / 50);
	expect(result.stats).toMatchObject({ waiting: 0, active: 0, delayed: 0 });
	expect(result.reserved).toBe(0);
	expect(result.paidAgain).toBeLessThanOrEqual(result.unknown);
	expect(result.billed).toBeGreaterThanOrEqual(result.spent);
	expect(result.billed).toBeLessThanOrEqual(result.spent + result.unknown);
	expect(Object.values(result.kills).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(30);
}, 180_000);
