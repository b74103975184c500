import { script, TIME } from './script';

/**
 * Open reservations are kept as "day|priority|owner|balance count|swept at".
 * `move`: one credit of a day from one count to another; an empty name is outside.
 * `sweep`: reservations whose owner is gone may have been billed. They count as unknown, and for a day they
 * can still be settled after all.
 */
export const RESERVATIONS = `
-- 400 days, as on the embedded store.
local LEDGER_KEPT_MS = 34560000000

local function split(record)
	return string.match(record, '^([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)$')
end

local function move(credits, priority, from, to)
	if from ~= '' then redis.call('HINCRBY', credits, priority .. ':' .. from, -1) end
	redis.call('HINCRBY', credits, priority .. ':' .. to, 1)
	redis.call('PEXPIRE', credits, LEDGER_KEPT_MS)
end

local function sweep(reservations, prefix, now, gone)
	local all = redis.call('HGETALL', reservations)
	for i = 1, #all, 2 do
		local day, priority, owner, count, swept = split(all[i + 1])
		if swept ~= '' then
			if tonumber(swept) < now - 86400000 then redis.call('HDEL', reservations, all[i]) end
		elseif gone(owner) then
			redis.call('HSET', reservations, all[i],
				table.concat({day, priority, owner, count, string.format('%.0f', now)}, '|'))
			move(prefix .. day, priority, 'reserved', 'unknown')
		end
	end
end
`;

/** `count`: the credits of a day as critical spent, unknown, returned, reserved, then backfill's, and their use. */
const COUNTS = `
local function count(credits)
	local counts, used = {}, 0
	for _, priority in ipairs({'critical', 'backfill'}) do
		for _, name in ipairs({'spent', 'unknown', 'returned', 'reserved'}) do
			local number = tonumber(redis.call('HGET', credits, priority .. ':' .. name)) or 0
			table.insert(counts, number)
			if name ~= 'returned' then used = used + number end
		end
	end
	return counts, used
end

local function unsettled(reservations)
	local open = {}
	local all = redis.call('HGETALL', reservations)
	for i = 1, #all, 2 do
		local day, priority, owner, _, swept = split(all[i + 1])
		if swept == '' then table.insert(open, {all[i], day, priority, owner}) end
	end
	return open
end

local function keep(ledger, reservations)
	redis.call('PEXPIRE', ledger, LEDGER_KEPT_MS)
	redis.call('PEXPIRE', reservations, 2 * 86400000)
end
`;

/**
 * One credit, if budget and balance allow it.
 * KEYS: ledger, reservations, credits of the day, credits of the day after.
 * ARGV: id, priority, owner, the day, the day after, when the day ends on the server's clock, budget, reserve,
 * balance. An empty budget or balance is none.
 * Returns `day` and the server's clock when the day is over, `lost` when the ledger was.
 */
export const RESERVE = script(
	TIME,
	RESERVATIONS,
	COUNTS,
	`
local ledger, reservations, credits = KEYS[1], KEYS[2], KEYS[3]
local id, priority, owner, day = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local budget, reserve, balance = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])

local now = server_ms()
if now >= tonumber(ARGV[6]) then return {'day', text(now)} end
local found = redis.call('HMGET', ledger, 'epoch', 'day', 'entered', 'used', 'count')
if not found[1] then return {'lost'} end
-- Asked before, but the answer did not arrive.
local made = redis.call('HGET', reservations, id)
if made then return {'granted', (split(made)), found[1]} end
local entered, used, balances = tonumber(found[3]), tonumber(found[4]) or 0, tonumber(found[5]) or 0

-- A clock that is set back over midnight gets no second budget: the credit goes to the later day.
if found[2] == ARGV[5] then
	day, credits = ARGV[5], KEYS[4]
end

-- What is still open may be billed to a new balance: it counts.
local is_new = balance and balance ~= entered
local open = is_new and unsettled(reservations) or {}
if is_new then used, balances = #open, balances + 1 end

local _, taken = count(credits)
local needed = priority == 'critical' and 1 or 1 + reserve
if budget and budget - taken < needed then
	return {'refused', 'daily-budget', math.max(budget - taken, 0)}
end
if balance and balance - used < needed then
	return {'refused', 'balance', math.max(balance - used, 0)}
end

if is_new then
	for _, entry in ipairs(open) do
		redis.call('HSET', reservations, entry[1], table.concat({entry[2], entry[3], entry[4], balances, ''}, '|'))
	end
	redis.call('HSET', ledger, 'entered', balance, 'count', balances)
end
redis.call('HSET', reservations, id, table.concat({day, priority, owner, balances, ''}, '|'))
redis.call('HINCRBY', credits, priority .. ':reserved', 1)
redis.call('PEXPIRE', credits, LEDGER_KEPT_MS)
redis.call('HSET', ledger, 'day', day, 'used', used + 1)
keep(ledger, reservations)
return {'granted', day, found[1]}
`,
);

/**
 * Settles a reservation and stores what it bought.
 * KEYS: ledger, reservations, credits of its day, answers, answer bytes, one key for each answer.
 * ARGV: id, outcome, priority, whether this process made it and settles it for the first time, the epoch of the
 * ledger that it was made in; for each answer its name, its life in ms, and its text.
 */
export const SETTLE = script(
	TIME,
	RESERVATIONS,
	COUNTS,
	`
local ledger, reservations, credits, answers, bytes = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local id, outcome, first, epoch = ARGV[1], ARGV[2], ARGV[4] == '1', ARGV[5]
local found = redis.call('HMGET', ledger, 'epoch', 'count')

local record = redis.call('HGET', reservations, id)
if record then
	local _, priority, _, balances, swept = split(record)
	redis.call('HDEL', reservations, id)
	move(credits, priority, swept == '' and 'reserved' or 'unknown', outcome)
	if outcome == 'returned' and balances == (found[2] or '0') then redis.call('HINCRBY', ledger, 'used', -1) end
elseif not first then
	return 0
elseif epoch ~= found[1] then
	-- The ledger that it was made in is lost.
	move(credits, ARGV[3], '', outcome)
	if outcome ~= 'returned' then redis.call('HINCRBY', ledger, 'used', 1) end
end
keep(ledger, reservations)

for i = 6, #KEYS do
	local at = 6 + (i - 6) * 3
	local name, life, answer = ARGV[at], math.ceil(tonumber(ARGV[at + 1])), ARGV[at + 2]
	local before = redis.call('STRLEN', KEYS[i])
	if before > 0 and redis.call('ZREM', answers, name .. ':' .. before) == 1 then
		redis.call('DECRBY', bytes, before)
	end
	if life > 0 then
		redis.call('SET', KEYS[i], answer, 'PX', life)
		if redis.call('ZADD', answers, server_ms() + life, name .. ':' .. #answer) == 1 then
			redis.call('INCRBY', bytes, #answer)
		end
	end
end
if #KEYS > 5 then
	-- As long as the longest-lived answer.
	local last = redis.call('ZRANGE', answers, -1, -1, 'WITHSCORES')
	local life = last[2] and math.ceil(tonumber(last[2]) - server_ms()) or 1
	redis.call('PEXPIRE', answers, math.max(life, 1))
	redis.call('PEXPIRE', bytes, math.max(life, 1))
end
return 1
`,
);

/**
 * KEYS as for RESERVE, ARGV: the day after.
 * Returns the server's clock, epoch, day booked last, known balance, what was taken from it, number of balances,
 * open reservations, the counts of the day (that of the later day if that was booked already).
 */
export const USAGE = script(
	TIME,
	RESERVATIONS,
	COUNTS,
	`
local found = redis.call('HMGET', KEYS[1], 'epoch', 'day', 'entered', 'used', 'count')
local counts = count(found[2] == ARGV[1] and KEYS[4] or KEYS[3])
return {
	text(server_ms()), found[1] or '', found[2] or '', found[3] or '', found[4] or '0', found[5] or '0',
	#unsettled(KEYS[2]), counts,
}
`,
);

/**
 * A ledger that was lost, in whole or in part, begins again with what a process remembers of it.
 * KEYS: ledger, reservations, credits of the remembered day.
 * ARGV: a new epoch, day, balance, taken from it, number of balances, counts as in USAGE (may be empty), and this
 * process's open reservations [[id, day, priority, owner]]; the prefix of credit keys; the remembered epoch.
 * Returns the epoch.
 */
export const RESTORE = script(
	TIME,
	RESERVATIONS,
	COUNTS,
	`
local ledger, reservations, credits = KEYS[1], KEYS[2], KEYS[3]
local counts, mine, prefix = cjson.decode(ARGV[6]), cjson.decode(ARGV[7]), ARGV[8]
local found = redis.call('HMGET', ledger, 'epoch', 'used', 'count')
local balances = tonumber(found[3]) or 0
local days = {}

if not found[1] then
	redis.call('HSET', ledger, 'epoch', ARGV[1], 'used', 0, 'count', 0)
	if ARGV[2] ~= '' then
		balances = tonumber(ARGV[5])
		redis.call('HSET', ledger, 'day', ARGV[2], 'entered', ARGV[3], 'used', ARGV[4], 'count', balances)
	end
end

-- Begun again by a process that knew of no balance.
if found[1] and ARGV[2] ~= '' and tonumber(ARGV[5]) > balances then
	balances = tonumber(ARGV[5])
	redis.call('HSET', ledger, 'entered', ARGV[3], 'used', tonumber(ARGV[4]) + (tonumber(found[2]) or 0), 'count', balances)
end

if ARGV[2] ~= '' then
	local now = count(credits)
	local shrunk = now[1] + now[5] < counts[1] + counts[5]
	if shrunk or found[1] ~= ARGV[9] then
		days[ARGV[2]] = true
		if found[1] and balances == tonumber(ARGV[5]) then
			redis.call('HSET', ledger, 'used', math.max(tonumber(found[2]) or 0, tonumber(ARGV[4])))
		end
		local names = {'spent', 'unknown', 'returned'}
		for i, number in ipairs(counts) do
			local priority, name = i <= 4 and 'critical' or 'backfill', names[(i - 1) % 4 + 1]
			if name then redis.call('HSET', credits, priority .. ':' .. name, math.max(number, now[i])) end
		end
	end
end

for _, entry in ipairs(mine) do
	if redis.call('HEXISTS', reservations, entry[1]) == 0 then
		redis.call('HSET', reservations, entry[1],
			table.concat({entry[2], entry[3], entry[4], balances, ''}, '|'))
		days[entry[2]] = true
		-- Made without a ledger: nothing was taken from the balance for it.
		if entry[5] == 1 then redis.call('HINCRBY', ledger, 'used', 1) end
	end
end

-- Reserved credits are those of the reservations.
for day in pairs(days) do
	local open = {critical = 0, backfill = 0}
	for _, entry in ipairs(unsettled(reservations)) do
		if entry[2] == day then open[entry[3]] = open[entry[3]] + 1 end
	end
	redis.call('HSET', prefix .. day, 'critical:reserved', open.critical, 'backfill:reserved', open.backfill)
	redis.call('PEXPIRE', prefix .. day, LEDGER_KEPT_MS)
end
keep(ledger, reservations)
return redis.call('HGET', ledger, 'epoch')
`,
);
