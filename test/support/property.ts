import { runInNewContext } from 'node:vm';
import fc from 'fast-check';

const { FUZZ_PATH, FUZZ_RUNS } = process.env;

/** A property takes as long as its runs do; only one that hangs is ended, and none of `npm run fuzz`. */
jest.setTimeout(FUZZ_RUNS === undefined ? 120_000 : 2 ** 31 - 1);

/**
 * The second argument of each `fc.assert`: how often the property is tried. Lint asks for it.
 *
 * @param usual times in `npm test`; in `npm run fuzz` it is FUZZ_RUNS
 */
export function runs(usual: number): { numRuns: number; path?: string } {
	const numRuns = FUZZ_RUNS === undefined ? usual : Number(FUZZ_RUNS);
	return FUZZ_PATH === undefined ? { numRuns } : { numRuns, path: FUZZ_PATH };
}

/** Any UTF-16, unpaired surrogates and control characters included. */
export function anyUtf16(constraints: { minLength?: number; maxLength?: number } = {}) {
	return fc
		.array(fc.integer({ min: 0, max: 0xffff }), constraints)
		.map((units) => String.fromCharCode(...units));
}

/** Linear work on a text of this length takes milliseconds, quadratic work the better part of a minute. */
const LONG = 200_000;
const SOON_MS = 3_000;

/** Fails where `work` is not soon done with a very long text: `unit` again and again, bare and with something around. */
export function endsSoon(work: (text: string) => unknown, unit: string, length = LONG): void {
	const text = unit.repeat(length / unit.length);
	for (const whole of [text, `x${text}x`]) {
		runInNewContext('work(text)', { work, text: whole }, { timeout: SOON_MS });
	}
}
