import { createHash } from 'node:crypto';

/** Runs on the Redis server, alone with the data. */
export interface Script {
	readonly lua: string;
	/** Redis knows a script that it has seen by this. */
	readonly sha: string;
}

export function script(...parts: readonly string[]): Script {
	const lua = parts.map((part) => part.trim()).join('\n\n');
	return { lua, sha: createHash('sha1').update(lua).digest('hex') };
}

/**
 * `server_ms()`: the wall clock of the Redis server, the one clock that all processes share.
 * `store_ms(key)`: the same, but where that clock is set back this one goes on from where it was.
 * `text(number)`: Redis would cut the fraction off a number that a script returns.
 */
export const TIME = `
local function server_ms()
	local time = redis.call('TIME')
	return time[1] * 1000 + time[2] / 1000
end

local function store_ms(key)
	local found = redis.call('HMGET', key, 'last', 'ahead')
	local last, ahead = tonumber(found[1]) or 0, tonumber(found[2]) or 0
	local now = server_ms() + ahead
	if now < last then
		redis.call('HSET', key, 'ahead', string.format('%.3f', ahead + last - now))
		now = last
	end
	-- Written twice a second at most: a step back of less does no harm.
	if now - last > 500 then
		redis.call('HSET', key, 'last', string.format('%.3f', now))
		redis.call('PEXPIRE', key, 86400000)
	end
	return now
end

local function text(number)
	return string.format('%.3f', number)
end
`;
