import { script, TIME } from './script';

/** 90 days after a state was last looked at. */
const KEPT = `
local CELL_KEPT_MS = 7776000000
`;

/** KEYS: clock, cell. Returns the store's clock and the state. */
export const READ_CELL = script(
	TIME,
	KEPT,
	`
local state = redis.call('GET', KEYS[2])
if state and redis.call('PTTL', KEYS[2]) < CELL_KEPT_MS / 2 then redis.call('PEXPIRE', KEYS[2], CELL_KEPT_MS) end
return {text(store_ms(KEYS[1])), state}
`,
);

/**
 * Writes a state if it is still the one that was read.
 * KEYS: cell. ARGV: SHA-1 of what was read, empty for nothing; `set` or `delete`; the new state.
 */
export const CHANGE_CELL = script(
	KEPT,
	`
local state = redis.call('GET', KEYS[1])
if (state and redis.sha1hex(state) or '') ~= ARGV[1] then return 0 end
if ARGV[2] == 'set' then
	redis.call('SET', KEYS[1], ARGV[3], 'PX', CELL_KEPT_MS)
else
	redis.call('DEL', KEYS[1])
end
return 1
`,
);
