import { script, TIME } from './script';

/** How long the window's state outlives the last process. Longer than any window or lease. */
const KEPT = `
local KEPT_MS = 86400000
`;

/**
 * `expire`: takes the grants that have left the window out of the log. `base` is the burst bucket as they left
 * it, so that the bucket can be computed again from the log whenever the log changes in its middle.
 */
const WINDOW = `
local function fill(drained, at, interval)
	return math.max(drained, at) + interval
end

local function expire(gate, window, cutoff, base, interval)
	local old = redis.call('ZRANGEBYSCORE', window, '-inf', cutoff, 'WITHSCORES')
	if #old == 0 then return end
	for i = 2, #old, 2 do base = fill(base, tonumber(old[i]), interval) end
	redis.call('ZREMRANGEBYSCORE', window, '-inf', cutoff)
	redis.call('HSET', gate, 'base', text(base))
end

local function bucket(gate, window)
	local found = redis.call('HMGET', gate, 'base', 'interval')
	local drained, interval = tonumber(found[1]) or 0, tonumber(found[2]) or 0
	local grants = redis.call('ZRANGE', window, 0, -1, 'WITHSCORES')
	for i = 2, #grants, 2 do drained = fill(drained, tonumber(grants[i]), interval) end
	return drained, #grants / 2
end
`;

/**
 * Takes a token and a slot, both or neither.
 * KEYS: clock, gate, window, slots, critical, workers, identities.
 * Returns the time of the grant, or a reason and the wait; `unknown` when the state was lost.
 */
export const ACQUIRE = script(
	TIME,
	KEPT,
	WINDOW,
	`
local clock, gate, window, slots, critical, workers, identities = unpack(KEYS)
local permit, owner, priority = ARGV[1], ARGV[2], ARGV[3]
local limit, burst, at_once = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local window_ms, guard_ms = tonumber(ARGV[7]), tonumber(ARGV[8])
local lease_ms, silent_ms = tonumber(ARGV[9]), tonumber(ARGV[10])
local CRITICAL_FIRST_MS, SLOT_POLL_MS = 2000, 50

local now = store_ms(clock)
local found = redis.call('HMGET', gate, 'born', 'paused', 'shut', 'base', 'drained', 'tokens', 'last')
local paused = math.max(tonumber(found[2]) or 0, tonumber(found[3]) or 0) - now
local base, drained = tonumber(found[4]) or 0, tonumber(found[5]) or 0
local tokens, last = tonumber(found[6]) or 0, tonumber(found[7]) or 0
-- As slowly as the window forgets: a full window then never has a gap in which a critical request would wait.
local interval = (window_ms + guard_ms) / limit

-- A log that vanished while its tokens still count was evicted: nobody knows the window any more.
local evicted = tokens > 0 and now - last < window_ms and redis.call('EXISTS', window) == 0
if not found[1] or evicted then
	redis.call('HDEL', gate, 'born')
	return {'unknown'}
end

local function refuse(reason, ms)
	if priority == 'critical' then
		redis.call('ZADD', critical, now, owner)
		redis.call('PEXPIRE', critical, CRITICAL_FIRST_MS)
	end
	return {reason, text(ms)}
end

if paused > 0 then return refuse('paused', paused) end

if priority == 'backfill' then
	local waiting = redis.call('ZRANGEBYSCORE', critical, '(' .. (now - CRITICAL_FIRST_MS), '+inf', 'WITHSCORES')
	local asked = -1
	for i = 1, #waiting, 2 do
		if waiting[i] ~= owner then asked = math.max(asked, tonumber(waiting[i + 1])) end
	end
	-- It may be served any moment; a token is not worth asking for more often than one comes free.
	if asked >= 0 then
		return refuse('critical-first', math.min(asked + CRITICAL_FIRST_MS - now, math.max(interval, 10)))
	end
end

-- A process that has gone silent may live on, cut off from us, at its share of the limits.
redis.call('ZADD', workers, now, owner)
local silent = redis.call('ZCOUNT', workers, '-inf', now - silent_ms)
if silent > 0 then
	-- Each of them goes by the crew that it was told of, whoever came since.
	local crew, whole, whole_at_once = redis.call('ZCARD', workers), limit, at_once
	for _, other in ipairs(redis.call('ZRANGEBYSCORE', workers, '-inf', now - silent_ms)) do
		local told = tonumber(string.match(redis.call('HGET', identities, other .. ':crew') or '', '^%d+')) or crew
		limit = limit - math.floor(whole / told)
		at_once = at_once - math.floor(whole_at_once / told)
	end
	if limit < 1 then return refuse('window', 1000) end
end

redis.call('ZREMRANGEBYSCORE', slots, '-inf', now)
if redis.call('ZCARD', slots) >= at_once then return refuse('in-flight', SLOT_POLL_MS) end

expire(gate, window, now - window_ms - guard_ms, base, interval)
tokens = redis.call('ZCARD', window)
local full = 0
if tokens >= limit then
	local oldest = redis.call('ZRANGE', window, tokens - limit, tokens - limit, 'WITHSCORES')
	full = tonumber(oldest[2]) + window_ms + guard_ms - now
end
-- With other limits than before the bucket holds no more than it can.
if drained > now + burst * interval then
	drained = now + burst * interval
	redis.call('HSET', gate, 'drained', text(drained))
end
-- Bursts are for quiet times: in a window that fills up one would come back as a gap, a window later.
if tokens > limit / 2 and burst <= limit / 4 then
	burst = math.min(burst, math.max(2, burst * (limit - tokens) / (limit / 2)))
end
local spill = drained - now - (burst - 1) * interval
if full > 0 and full >= spill then return refuse('window', full) end
if spill > 0 then return refuse('burst', spill) end

redis.call('ZADD', window, now, permit)
redis.call('ZADD', slots, now + lease_ms, permit)
redis.call('HSET', gate, 'drained', text(fill(drained, now, interval)), 'interval', text(interval),
	'tokens', tokens + 1, 'last', text(now))
redis.call('PEXPIRE', gate, KEPT_MS)
redis.call('PEXPIRE', window, math.ceil(window_ms + guard_ms) + 60000)
redis.call('PEXPIRE', slots, KEPT_MS)
if priority == 'critical' then redis.call('ZREM', critical, owner) end
return {'granted', text(now)}
`,
);

/** The request was never sent: slot, token and place in the burst go back. KEYS: gate, window, slots. */
export const GIVE_BACK = script(
	TIME,
	WINDOW,
	`
local gate, window, slots = unpack(KEYS)
redis.call('ZREM', slots, ARGV[1])
if redis.call('ZREM', window, ARGV[1]) == 1 then
	local drained, tokens = bucket(gate, window)
	local before = tonumber(redis.call('HGET', gate, 'drained')) or 0
	redis.call('HSET', gate, 'drained', text(math.min(drained, before)), 'tokens', tokens)
end
return 1
`,
);

/** Only ever lengthens a pause. KEYS: clock, gate. */
export const PAUSE = script(
	TIME,
	`
local till = store_ms(KEYS[1]) + tonumber(ARGV[1])
local paused = tonumber(redis.call('HGET', KEYS[2], 'paused')) or 0
if redis.call('HEXISTS', KEYS[2], 'born') == 0 then return 'unknown' end
if till > paused then redis.call('HSET', KEYS[2], 'paused', text(till)) end
return 'paused'
`,
);

/** KEYS: clock, gate, window, slots. Returns tokens in the window, slots, and the rest of a pause. */
export const GATE_STATUS = script(
	TIME,
	`
local now = store_ms(KEYS[1])
local found = redis.call('HMGET', KEYS[2], 'paused', 'shut')
local paused = math.max(tonumber(found[1]) or 0, tonumber(found[2]) or 0)
return {
	redis.call('ZCOUNT', KEYS[3], '(' .. (now - tonumber(ARGV[1])), '+inf'),
	redis.call('ZCOUNT', KEYS[4], '(' .. now, '+inf'),
	text(math.max(paused - now, 0)),
}
`,
);

/**
 * A process brings its own grants and slots into the window: after its start, after it was cut off, after the
 * window was lost. What the window holds of it is then exactly what it says.
 * KEYS: clock, gate, window, slots, workers, identities.
 * ARGV: owner, its identity, [[permit, age]], [[permit, rest of its lease]], [[owner, silent for, identity]] of
 * the others, for how long a window that was lost stays shut, the rest of a pause, the interval between tokens.
 */
export const JOIN = script(
	TIME,
	KEPT,
	WINDOW,
	`
local clock, gate, window, slots, workers, identities = unpack(KEYS)
local owner, identity = ARGV[1], ARGV[2]
local grants, held, others = cjson.decode(ARGV[3]), cjson.decode(ARGV[4]), cjson.decode(ARGV[5])
local shut_ms, pause_ms, interval = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local known_up_to = tonumber(ARGV[9])

local now = store_ms(clock)
if redis.call('HEXISTS', gate, 'born') == 0 then
	redis.call('DEL', gate, window)
	redis.call('HSET', gate, 'born', text(now), 'shut', text(now + shut_ms), 'interval', text(interval))
end
local found = redis.call('HMGET', gate, 'shut', 'paused')
local shut, paused = tonumber(found[1]) or 0, tonumber(found[2]) or 0

-- Others may be cut off still: their share of the limits is kept for them.
if shut > now then
	for _, other in ipairs(others) do
		if redis.call('ZADD', workers, 'NX', now - other[2], other[1]) == 1 then
			redis.call('HSET', identities, other[1], other[3])
		end
	end
end
if now + pause_ms > paused then redis.call('HSET', gate, 'paused', text(now + pause_ms)) end

local function drop_others_of_mine(key, mine)
	local keep = {}
	for _, entry in ipairs(mine) do keep[entry[1]] = true end
	for _, permit in ipairs(redis.call('ZRANGE', key, 0, -1)) do
		-- Not those of later: this may arrive late itself, or overtake the answer to a grant.
		if string.sub(permit, 1, #owner + 1) == owner .. '-' and not keep[permit]
			and tonumber(string.sub(permit, #owner + 2)) <= known_up_to then
			redis.call('ZREM', key, permit)
		end
	end
end
drop_others_of_mine(window, grants)
for _, grant in ipairs(grants) do redis.call('ZADD', window, 'NX', now - grant[2], grant[1]) end
drop_others_of_mine(slots, held)
for _, slot in ipairs(held) do redis.call('ZADD', slots, now + slot[2], slot[1]) end

local drained, tokens = bucket(gate, window)
local newest = redis.call('ZRANGE', window, -1, -1, 'WITHSCORES')
redis.call('HSET', gate, 'drained', text(drained), 'tokens', tokens, 'last', newest[2] or 0)
redis.call('ZADD', workers, now, owner)
redis.call('HSET', identities, owner, identity)
for _, key in ipairs({gate, window, slots, workers, identities}) do redis.call('PEXPIRE', key, KEPT_MS) end
return text(now)
`,
);
