import { RESERVATIONS } from './ledger';
import { script, TIME } from './script';

/** `forget`: what a process that is gone still held. */
const FORGET = `
local function forget(owner, now, workers, identities, slots, critical, reservations, prefix)
	redis.call('ZREM', workers, owner)
	redis.call('HDEL', identities, owner, owner .. ':crew')
	redis.call('ZREM', critical, owner)
	release_slots(owner, slots)
	sweep(reservations, prefix, now, function(holder) return holder == owner end)
end
`;

const SLOTS = `
local function release_slots(owner, slots)
	for _, permit in ipairs(redis.call('ZRANGE', slots, 0, -1)) do
		if string.sub(permit, 1, #owner + 1) == owner .. '-' then redis.call('ZREM', slots, permit) end
	end
end
`;

/**
 * This process is alive; what the dead left behind is cleared away.
 * KEYS: clock, gate, workers, identities, slots, critical, reservations.
 * ARGV: owner, its identity, its slots [[permit, rest of its lease]], after how long a silent process's
 * reservations and its slots are let go, after how long it is forgotten, the prefix of credit keys.
 * Returns the server's clock, the store's clock, since when the window is known (empty: it is not), and all
 * processes as owner, silent for, identity.
 */
export const BEAT = script(
	TIME,
	SLOTS,
	RESERVATIONS,
	FORGET,
	`
local clock, gate, workers, identities, slots, critical, reservations = unpack(KEYS)
local owner, identity, held = ARGV[1], ARGV[2], cjson.decode(ARGV[3])
local dead_ms, slots_ms, forget_ms, prefix = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7]
local KEPT_MS = 86400000

local now = store_ms(clock)
redis.call('ZADD', workers, now, owner)
redis.call('HSET', identities, owner, identity)
for _, slot in ipairs(held) do redis.call('ZADD', slots, 'NX', now + slot[2], slot[1]) end

for _, other in ipairs(redis.call('ZRANGEBYSCORE', workers, '-inf', now - forget_ms)) do
	forget(other, now, workers, identities, slots, critical, reservations, prefix)
end
for _, other in ipairs(redis.call('ZRANGEBYSCORE', workers, '-inf', now - slots_ms)) do
	release_slots(other, slots)
end
sweep(reservations, prefix, now, function(holder)
	local beat = tonumber(redis.call('ZSCORE', workers, holder))
	return not beat or beat < now - dead_ms
end)

local crew = {}
local beats = redis.call('ZRANGE', workers, 0, -1, 'WITHSCORES')
for i = 1, #beats, 2 do
	table.insert(crew, beats[i])
	table.insert(crew, text(now - tonumber(beats[i + 1])))
	table.insert(crew, redis.call('HGET', identities, beats[i]) or '')
end
-- The smaller of what it is told now and was told before: this answer may not arrive.
local told = tonumber(string.match(redis.call('HGET', identities, owner .. ':crew') or '', '%d+$')) or #crew / 3
redis.call('HSET', identities, owner .. ':crew', string.format('%d %d', math.min(told, #crew / 3), #crew / 3))
for _, key in ipairs({clock, gate, workers, identities}) do redis.call('PEXPIRE', key, KEPT_MS) end
return {text(server_ms()), text(now), redis.call('HGET', gate, 'born') or '', crew}
`,
);

/**
 * A process is gone for certain: it says so itself, or another one on its machine has looked.
 * KEYS as for BEAT. ARGV: owner, the prefix of credit keys.
 */
export const LEAVE = script(
	TIME,
	SLOTS,
	RESERVATIONS,
	FORGET,
	`
local clock, gate, workers, identities, slots, critical, reservations = unpack(KEYS)
forget(ARGV[1], store_ms(clock), workers, identities, slots, critical, reservations, ARGV[2])
return 1
`,
);
