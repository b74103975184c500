import fc from 'fast-check';

/** The same for everybody, so that a run is green or red on each machine alike; `npm run fuzz` looks elsewhere. */
const FIXED_SEED = 20_261_127;

const { FUZZ_SEED } = process.env;

fc.configureGlobal({ seed: FUZZ_SEED === undefined ? FIXED_SEED : Number(FUZZ_SEED) });
