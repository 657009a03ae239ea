/** What one session takes in each place; the numbers are printed, and memory is held to what was promised of it. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createClient } from 'redis'
import { describe, expect, test } from 'vitest'
import { createHostCookies } from '../../app/sessions/cookies/host-cookie.ts'
import { createLmdbRecords } from '../../app/sessions/lmdb/lmdb-records.ts'
import type { RecordStore } from '../../app/sessions/record-store.ts'
import { digestOf } from '../../app/sessions/records/seal.ts'
import { createSealedRecords } from '../../app/sessions/records/sealed-records.ts'
import { createRedisRecords } from '../../app/sessions/redis/redis-records.ts'
import { createSessionStore } from '../../app/sessions/session-store.ts'
import { requirePeer, startRedis } from '../peers.ts'
import { createMovableClock, loginOf, patience, payloadOf, secrets } from './fixtures.ts'
import { untilVerified } from './waiting.ts'

const clock = createMovableClock()
const limits = { lifetimeSeconds: 43_200, idleSeconds: 3600 }
const count = 5000
const wiki = 'wiki.example.com'
setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const newIds = () => Array.from({ length: count }, () => randomBytes(32).toString('base64url'))
const print = (line: string) => process.stdout.write(`${line}\n`)

/** With an ID token as a provider makes them: about 900 bytes. */
async function save(records: RecordStore, ids: readonly string[]): Promise<void> {
  const sealed = createSealedRecords({ records, secrets, kind: 'session' })
  const payload = payloadOf({ ...loginOf('alice', clock), idToken: randomBytes(675).toString('base64url') })
  for (let start = 0; start < ids.length; start += 100) {
    await Promise.all(ids.slice(start, start + 100).map(id => sealed.put(id, payload, clock.now() + 3_600_000)))
  }
}

/** Memory that stays after the garbage is gone, in bytes, also what lies outside of the heap. */
async function memoryOf(work: () => Promise<unknown>): Promise<{ bytes: number; kept: unknown }> {
  const used = () => {
    collectGarbage()
    collectGarbage()
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    return heapUsed + arrayBuffers
  }
  const before = used()
  const kept = await work()
  return { bytes: used() - before, kept }
}

/** What a process remembers after `ids` were checked once, each with a Cookie header of its own. */
async function remembering(records: RecordStore, ids: readonly string[], memoryBytes: number) {
  return memoryOf(async () => {
    const cookies = createHostCookies({ secrets, isSecure: true, memoryBytes })
    const sessions = createSessionStore({ records, secrets, clock, ...limits, memoryBytes })
    for (const id of ids) {
      const pair = cookies.issueSession(id, wiki).split(';')[0]
      const [sessionId = ''] = cookies.read(`${'padding=of a long header; '.repeat(40)}${pair}`, wiki).sessionIds
      expect(await sessions.find(sessionId)).toBeDefined()
    }
    return { cookies, sessions }
  })
}

describe('bytes per session', () => {
  test('in LMDB and in memory, which holds its bound', async () => {
    const path = mkdtempSync(join(tmpdir(), 'sallyport-bytes-'))
    const records = createLmdbRecords({ path, clock })
    try {
      const size = () => statSync(join(path, 'sessions.mdb')).size
      const empty = size()
      const ids = newIds()
      await save(records, ids)
      print(`LMDB file: ${Math.round((size() - empty) / count)} bytes per session`)
      const all = await remembering(records, ids, 1024 * 1024 * 1024)
      print(`memory, opened session and cookie: ${Math.round(all.bytes / count)} bytes per session`)
      expect(all.kept).toBeDefined()
      const bound = 4 * 1024 * 1024
      const bounded = await remembering(records, ids, bound)
      print(`memory bounded to 2 x 4 MiB: ${(bounded.bytes / 1024 / 1024).toFixed(1)} MiB in use`)
      expect(bounded.kept).toBeDefined()
      expect(bounded.bytes).toBeGreaterThan(bound / 4)
      expect(bounded.bytes).toBeLessThan(2 * bound)
    } finally {
      await records.close()
      rmSync(path, { recursive: true })
    }
  })

  test.runIf(requirePeer('redis-server') !== undefined)(
    'in Redis and as remembered records',
    async () => {
      const server = await startRedis()
      const bound = 4 * 1024 * 1024
      const records = createRedisRecords({ url: server.url, clock, ...patience, cache: { maxBytes: bound } })
      const client = createClient({ url: server.url })
      try {
        await client.connect()
        await untilVerified(records)
        const ids = newIds()
        await save(records, ids)
        const usage = await client.memoryUsage(`sallyport:session:{${digestOf('session', ids[0] ?? '')}}`)
        print(`Redis, MEMORY USAGE: ${usage} bytes per session`)
        const remembered = await memoryOf(async () => {
          for (const id of ids) await records.get('session', digestOf('session', id))
          return records
        })
        print(`records bounded to 4 MiB: ${(remembered.bytes / 1024 / 1024).toFixed(1)} MiB in use`)
        expect(remembered.bytes).toBeGreaterThan(bound / 4)
        expect(remembered.bytes).toBeLessThan(bound)
      } finally {
        client.destroy()
        await records.close()
        await server.stop()
      }
    },
    60_000,
  )
})
