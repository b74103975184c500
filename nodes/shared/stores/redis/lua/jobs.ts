import { script, TIME } from './script';

/**
 * Looks at the lanes of the queue, and takes the locks of dead processes away, so that BullMQ finds their jobs
 * stalled. Everything else that happens to a job is done by BullMQ's own scripts.
 * KEYS: clock, workers, failed; then wait, active, delayed, marker and stalled of each lane.
 * ARGV: after how long a silent process is dead, ids wanted of each lane, the prefix of job keys, how long the queue
 * outlives the last look at it.
 * Returns for each lane: waiting, active, due, delayed, stalled, the ids that wait (next one
 * first), ids that are due (next one first), ids that are active.
 */
export const SURVEY = script(
	TIME,
	`
local dead_ms, portion, prefix, life = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4]
local now, server = store_ms(KEYS[1]), server_ms()
-- BullMQ keeps 12 bits of order below the millisecond.
local due_score = (math.floor(server) + 1) * 4096 - 1

local function lost(lock)
	local holder = redis.call('GET', lock)
	if not holder then return true end
	local beat = tonumber(redis.call('ZSCORE', KEYS[2], string.match(holder, '^([^-]*)')))
	if beat and beat >= now - dead_ms then return false end
	redis.call('DEL', lock)
	return true
end

local lanes = {}
for i = 4, #KEYS, 5 do
	local wait, active, delayed = KEYS[i], KEYS[i + 1], KEYS[i + 2]
	for j = i, i + 4 do redis.call('PEXPIRE', KEYS[j], life) end
	local waiting, due = {}, {}
	if portion > 0 then
		local tail = redis.call('LRANGE', wait, -portion, -1)
		for j = #tail, 1, -1 do table.insert(waiting, tail[j]) end
		due = redis.call('ZRANGEBYSCORE', delayed, '-inf', due_score, 'LIMIT', 0, portion)
	end
	local ids, stalled = redis.call('LRANGE', active, 0, -1), 0
	for _, id in ipairs(ids) do
		if lost(prefix .. id .. ':lock') then stalled = stalled + 1 end
	end
	local due_count = redis.call('ZCOUNT', delayed, '-inf', due_score)
	table.insert(lanes, {
		redis.call('LLEN', wait), #ids, due_count, redis.call('ZCARD', delayed) - due_count, stalled,
		waiting, due, ids,
	})
end
redis.call('PEXPIRE', KEYS[3], life)
for _, name in ipairs({'meta', 'events', 'id', 'seq', 'fence'}) do redis.call('PEXPIRE', prefix .. name, life) end
return lanes
`,
);

/** Writes fields of a job that the caller holds. KEYS: lock, job. ARGV: token, then names and values. */
export const NOTE = script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[2], unpack(ARGV, 2))
return 1
`);

/** Of a job that the caller holds. KEYS: lock, dedupe key. ARGV: token, id. */
export const MAKE_ENDLESS = script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] or redis.call('GET', KEYS[2]) ~= ARGV[2] then return 0 end
return redis.call('PERSIST', KEYS[2])
`);

/** Only of a dead letter. KEYS: failed, job. ARGV: id, when it is due. */
export const DUE_DEAD = script(`
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
redis.call('HSET', KEYS[2], 'due', ARGV[2])
return 1
`);

/** Removes dead letters and nothing else. KEYS: failed. ARGV: the prefix of job keys, ids. */
export const DELETE_DEAD = script(`
local removed = 0
for i = 2, #ARGV do
	if redis.call('ZREM', KEYS[1], ARGV[i]) == 1 then
		redis.call('DEL', ARGV[1] .. ARGV[i])
		removed = removed + 1
	end
end
return removed
`);

/** A job with its dedupe key, if that is still its own. */
const FORGET = `
local function forget(prefix, id)
	local digest = redis.call('HGET', prefix .. id, 'deid')
	if digest and redis.call('GET', prefix .. 'de:' .. digest) == id then redis.call('DEL', prefix .. 'de:' .. digest) end
	redis.call('DEL', prefix .. id)
end
`;

/**
 * Removes jobs of a lane, the next ones first; active ones are in neither list.
 * KEYS: wait, delayed. ARGV: the prefix of job keys, how many of each.
 * Returns how many of each.
 */
export const DELETE_JOBS = script(
	FORGET,
	`
local prefix, waiting, delayed = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local ids = {}
if waiting > 0 then
	ids = redis.call('LRANGE', KEYS[1], -waiting, -1)
	redis.call('LTRIM', KEYS[1], 0, -waiting - 1)
end
local removed = #ids
for _, id in ipairs(ids) do forget(prefix, id) end
if delayed > 0 then
	ids = redis.call('ZRANGE', KEYS[2], 0, delayed - 1)
	redis.call('ZREMRANGEBYRANK', KEYS[2], 0, delayed - 1)
else
	ids = {}
end
for _, id in ipairs(ids) do forget(prefix, id) end
return {removed, #ids}
`,
);

/** Removes a job that waits or is delayed. KEYS: wait, delayed. ARGV: the prefix of job keys, id. */
export const DELETE_JOB = script(
	FORGET,
	`
if redis.call('ZREM', KEYS[2], ARGV[2]) == 0 and redis.call('LREM', KEYS[1], -1, ARGV[2]) == 0 then return 0 end
forget(ARGV[1], ARGV[2])
return 1
`,
);

/**
 * The ids of a lane. KEYS: wait, active, delayed. ARGV: how many of each at most; 1 or 0 for each of active, waiting
 * and delayed.
 * Returns ids that are active, that wait (next one last), that are due, that are delayed (next one first), and when
 * those are due.
 */
export const LIST_JOBS = script(
	TIME,
	`
local most = tonumber(ARGV[1])
local due_score = string.format('%.0f', (math.floor(server_ms()) + 1) * 4096 - 1)
local active, waiting, due, delayed, times = {}, {}, {}, {}, {}
if ARGV[2] == '1' then active = redis.call('LRANGE', KEYS[2], 0, most - 1) end
if ARGV[3] == '1' then
	waiting = redis.call('LRANGE', KEYS[1], -most, -1)
	due = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', due_score, 'LIMIT', 0, most)
end
if ARGV[4] == '1' then
	local found = redis.call('ZRANGEBYSCORE', KEYS[3], '(' .. due_score, '+inf', 'WITHSCORES', 'LIMIT', 0, most)
	for i = 1, #found, 2 do
		table.insert(delayed, found[i])
		table.insert(times, text(tonumber(found[i + 1]) / 4096))
	end
end
return {active, waiting, due, delayed, times}
`,
);

/** Forgets a queue that nobody has used since. KEYS: queues. ARGV: since when, the names of its fields. */
export const END_QUEUE = script(`
for i = 2, #ARGV do
	local used = tonumber(redis.call('HGET', KEYS[1], ARGV[i]))
	if used and used >= tonumber(ARGV[1]) then return 0 end
end
return redis.call('HDEL', KEYS[1], unpack(ARGV, 2))
`);
