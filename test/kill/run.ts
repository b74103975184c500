/**
 * The long form of kill.test.ts:
 *   node --require ./test/support/typescriptHook.js test/kill/run.ts [kills] [seed]
 */
import { runCampaign } from './campaign';

const kills = Number(process.argv[2] ?? 1_000);
const seed = Number(process.argv[3] ?? 1);

async function main(): Promise<void> {
	const result = await runCampaign({
		kills,
		seed,
		profiles: kills * 45,
		lists: Math.ceil(kills / 4),
		faults: { rate5xx: 0.01, rateReset: 0.01, rateTruncated: 0.01, latencyMs: [1, 20] },
		onKill: (count) => {
			if (count % 50 === 0) process.stderr.write(`${count} kills\n`);
		},
	});
	process.stdout.write(
		`${JSON.stringify({ seed, ...result, lost: result.lost.length }, null, 2)}\n`,
	);
	process.exitCode = result.lost.length === 0 && result.paidAgain <= result.unknown ? 0 : 1;
}

void main();
