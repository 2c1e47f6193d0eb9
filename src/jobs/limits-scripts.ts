/**
 * What Redis does for shared limits, each in one step and by its own clock, so that instances need none in common. Every key ends by itself. A
 * script has one key, which is all that a cluster asks for; what belongs to one name lies in one slot by the braces around it.
 */
import { createHash } from 'node:crypto'

export interface LimitScript {
  lua: string
  /** By which Redis knows a script that it has seen. */
  sha: string
}

const NOW = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`

/**
 * The bucket of core/local-limits.ts, in the same units: ARGV limit, units wanted, `take` or `spend`. Answers whether it had as much, and what it holds. Nothing is
 * written where nothing was taken. Numbers are written whole: Lua's own way keeps 14 digits of them.
 */
const BUCKET = script(`${NOW}
local limit, wanted = tonumber(ARGV[1]), tonumber(ARGV[2])
local full = limit * 60000
local units, at = full, now
local held = redis.call('GET', KEYS[1])
if held then
  local heldUnits, heldAt = string.match(held, '^(%S+) (%S+)$')
  units, at = tonumber(heldUnits), tonumber(heldAt)
  units = math.min(units + math.max(now - at, 0) * limit, full)
end
if ARGV[3] == 'take' then
  if units < wanted then return {0, string.format('%.0f', units)} end
  units = units - wanted
else
  units = math.max(math.min(units - wanted, full), -full)
end
if units >= full then
  redis.call('DEL', KEYS[1])
else
  local value = string.format('%.0f %.0f', units, now)
  redis.call('SET', KEYS[1], value, 'PX', string.format('%.0f', math.ceil((full - units) / limit)))
end
return {1, string.format('%.0f', units)}
`)

/** ARGV limit, milliseconds of a lease, its name. 1 where there was a place. */
const ENTER = script(`${NOW}
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[1]) then return 0 end
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
`)

/** ARGV milliseconds of a lease, names of leases. One that was lost in between is there again: its holder never left. */
const RENEW = script(`${NOW}
for n = 2, #ARGV do redis.call('ZADD', KEYS[1], now + ARGV[1], ARGV[n]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
`)

export const SCRIPTS = { bucket: BUCKET, enter: ENTER, renew: RENEW }

function script(lua: string): LimitScript {
  return { lua, sha: createHash('sha1').update(lua).digest('hex') }
}
