import { script, TIME } from './script';

/**
 * One caller fetches at a time; the claim of a process that is gone is void.
 * KEYS: clock, claim, workers. ARGV: owner, lease, after how long a silent process is dead.
 */
export const CLAIM = script(
	TIME,
	`
local holder = redis.call('GET', KEYS[2])
if holder then
	local beat = tonumber(redis.call('ZSCORE', KEYS[3], holder))
	if beat and beat >= store_ms(KEYS[1]) - tonumber(ARGV[3]) then return 0 end
end
redis.call('SET', KEYS[2], ARGV[1], 'PX', math.ceil(tonumber(ARGV[2])))
return 1
`,
);

/** By its holder only. KEYS: claim. ARGV: owner. */
export const UNCLAIM = script(`
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
`);

/**
 * Takes a portion of what is past its time, or of what is nearest to it while there is too much, out of the index.
 * KEYS: answers, answer bytes. ARGV: portion, byte cap, the prefix of answer keys.
 * Returns the number of answers removed.
 */
export const SWEEP_ANSWERS = script(
	TIME,
	`
local answers, bytes = KEYS[1], KEYS[2]
local portion, cap, prefix = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local removed = 0

local function drop(member)
	local name, size = string.match(member, '^(.*):(%d+)$')
	redis.call('ZREM', answers, member)
	redis.call('DECRBY', bytes, size)
	removed = removed + 1
	return prefix .. name
end

for _, member in ipairs(redis.call('ZRANGEBYSCORE', answers, '-inf', server_ms(), 'LIMIT', 0, portion)) do
	drop(member)
end
while removed < portion and (tonumber(redis.call('GET', bytes)) or 0) > cap do
	local nearest = redis.call('ZRANGE', answers, 0, 0)
	if not nearest[1] then break end
	redis.call('DEL', drop(nearest[1]))
end
return removed
`,
);
