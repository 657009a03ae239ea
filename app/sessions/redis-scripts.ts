/**
 * The conditional writes, as scripts that Redis runs atomically. Each touches one key; see redis.ts for its layout.
 *
 * Threat: a replica that has lost its master would still answer reads, with sessions that were ended meanwhile. GETEX
 * without options reads like GET, but Redis counts it as a write and refuses it with READONLY there.
 */

/** ARGV[1] is always the present moment in 16 digits. */
const readLive = `
local stored = redis.call('GETEX', KEYS[1])
local tag = false
if stored and string.sub(stored, 2, 17) > ARGV[1] then tag = string.sub(stored, 1, 1) end
`

/** ARGV: now, entry, time to live in milliseconds. */
export const putScript = `${readLive}
if tag == 't' then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
`

/** ARGV: now, entry, time to live in milliseconds. */
export const addScript = `${readLive}
if tag then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
`

/** ARGV: now, new expiry in 16 digits, time to live in milliseconds. */
export const extendScript = `${readLive}
if tag ~= 'r' then return 0 end
redis.call('SETRANGE', KEYS[1], 1, ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
`

/** ARGV: now. */
export const takeScript = `${readLive}
if tag ~= 'r' then return false end
redis.call('DEL', KEYS[1])
return string.sub(stored, 18)
`

/** ARGV: now, tombstone, time to live in milliseconds. A tombstone that stands longer stays. */
export const endScript = `${readLive}
if tag == 't' and string.sub(stored, 2, 17) >= string.sub(ARGV[2], 2, 17) then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
`
