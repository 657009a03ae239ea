/**
 * The conditional writes, as scripts that Redis runs atomically. Each touches one key; see redis-records.ts for its layout.
 *
 * Threat: a replica that has lost its master would still answer reads, with sessions that were ended meanwhile. GETEX
 * without options reads like GET, but Redis counts it as a write and refuses it with READONLY there: so every answer
 * that writes nothing goes through it.
 *
 * A server that is out of memory refuses SET and SETRANGE unless the script has written already. `put` and `add` are to
 * be refused then; ending and prolonging a session, which need no memory, are not, so they begin with DEL and PEXPIRE.
 */

/** ARGV[1] is always the present moment in 16 digits. */
const readLive = `
local stored = redis.call('GET', KEYS[1])
local tag = false
if stored and string.sub(stored, 2, 17) > ARGV[1] then tag = string.sub(stored, 1, 1) end
`
const refuse = (condition: string, answer: string) => `
if ${condition} then
  redis.call('GETEX', KEYS[1])
  return ${answer}
end
`

/** ARGV: now, entry, time to live in milliseconds. */
export const putScript = `${readLive}${refuse("tag == 't'", '0')}
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
`

/** ARGV: now, entry, time to live in milliseconds. */
export const addScript = `${readLive}${refuse('tag', '0')}
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
`

/** ARGV: now, new expiry in 16 digits, time to live in milliseconds. */
export const extendScript = `${readLive}${refuse("tag ~= 'r'", '0')}
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('SETRANGE', KEYS[1], 1, ARGV[2])
return 1
`

/** ARGV: now. */
export const takeScript = `${readLive}${refuse("tag ~= 'r'", 'false')}
redis.call('DEL', KEYS[1])
return string.sub(stored, 18)
`

/** ARGV: now, tombstone, time to live in milliseconds. A tombstone that stands longer stays. */
export const endScript = `${readLive}${refuse("tag == 't' and string.sub(stored, 2, 17) >= string.sub(ARGV[2], 2, 17)", '0')}
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
`

/**
 * ARGV: now, expected value, new entry, time to live in milliseconds. Needs no more memory than what it replaces, and
 * what it writes may be a refreshed token or an end of many sessions: it is not to be refused.
 */
export const replaceScript = `${readLive}${refuse("tag ~= 'r' or string.sub(stored, 18) ~= ARGV[2]", '0')}
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
return 1
`

/** ARGV: now, expected value. */
export const removeScript = `${readLive}${refuse("tag ~= 'r' or string.sub(stored, 18) ~= ARGV[2]", '0')}
redis.call('DEL', KEYS[1])
return 1
`

/**
 * ARGV: now, member as index-members.ts writes it, its time to live in milliseconds. Every link takes up to 200 expired
 * ones along, few enough for one step of Redis; the whole index goes with the last of its members.
 */
export const linkScript = `
redis.call('ZADD', KEYS[1], 0, ARGV[2])
local expired = redis.call('ZRANGE', KEYS[1], '-', '(' .. ARGV[1] .. '~', 'BYLEX', 'LIMIT', 0, 200)
if #expired > 0 then redis.call('ZREM', KEYS[1], unpack(expired)) end
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return 1
`

/**
 * ARGV: now, member, its time to live in milliseconds, how many there may be. Those that stand first go, few enough for one
 * step; counted by their ranks, so that no further command has to be allowed to the user.
 */
export const linkWithinScript = `
redis.call('ZADD', KEYS[1], 0, ARGV[2])
local over = redis.call('ZRANGE', KEYS[1], 0, -(tonumber(ARGV[4]) + 1))
local gone = {}
for i = 1, math.min(#over, 200) do gone[i] = over[i] end
if #gone > 0 then redis.call('ZREM', KEYS[1], unpack(gone)) end
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return gone
`

/** ARGV: member. A server that may not be written to refuses ZREM also of what is not there. */
export const unlinkScript = `
return redis.call('ZREM', KEYS[1], ARGV[1])
`

/** ARGV: where the range starts, as ZRANGE wants it, and how many. The ZREM removes nothing; see GETEX above. */
export const pageScript = `
redis.call('ZREM', KEYS[1], '')
return redis.call('ZRANGE', KEYS[1], ARGV[1], '+', 'BYLEX', 'LIMIT', 0, ARGV[2])
`
