/** Whatever writes a record is told by the process that did it, on every store: none of the ways to write is forgotten. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { createLmdbRecords } from '../../app/sessions/lmdb/lmdb-records.ts'
import type { ChangedRecord, RecordStore } from '../../app/sessions/record-store.ts'
import { digestOf } from '../../app/sessions/records/seal.ts'
import { createRedisRecords } from '../../app/sessions/redis/redis-records.ts'
import { requirePeer, startRedis } from '../peers.ts'
import { createMovableClock, patience } from './fixtures.ts'
import { untilVerified } from './waiting.ts'

const clock = createMovableClock()
const inAnHour = () => clock.now() + 3_600_000
const value = Buffer.from('value')
const key = digestOf('session', 'alice')

/** Each with what it writes. */
const writes: Readonly<
  Record<
    'put' | 'add' | 'extend' | 'take' | 'end' | 'replace' | 'remove',
    (records: RecordStore, kind: 'session' | 'cutoff') => Promise<unknown>
  >
> = {
  put: (records, kind) => records.put(kind, key, value, inAnHour()),
  add: (records, kind) => records.add(kind, key, value, inAnHour()),
  extend: (records, kind) => records.extend(kind, key, inAnHour() + 60_000),
  take: (records, kind) => records.take(kind, key),
  end: (records, kind) => records.end(kind, key, inAnHour()),
  replace: (records, kind) => records.replace(kind, key, value, { value: Buffer.from('other'), expiresAt: inAnHour() }),
  remove: (records, kind) => records.remove(kind, key, value),
}
const reads = ['get', 'page', 'probe', 'hazards', 'link', 'linkWithin', 'unlink', 'subscribe', 'close', 'name']

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function openRedis(): Promise<RecordStore> {
  const server = await startRedis()
  cleanups.push(() => server.stop())
  const records = createRedisRecords({ url: server.url, clock, ...patience })
  cleanups.push(() => records.close())
  await untilVerified(records)
  return records
}
async function openLmdb(): Promise<RecordStore> {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-writes-'))
  cleanups.push(() => rmSync(directory, { recursive: true, force: true }))
  const records = createLmdbRecords({ path: join(directory, 'data'), clock })
  cleanups.push(() => records.close())
  return records
}
const stores = [
  { name: 'LMDB', open: openLmdb },
  { name: 'Redis', open: openRedis, needsRedis: true },
]
const hasRedis = requirePeer('redis-server') !== undefined

describe.each(stores)('over $name', ({ open, needsRedis }) => {
  test.runIf(needsRedis !== true || hasRedis)('a write is told, however it is made', async () => {
    const records = await open()
    // What is neither a way to write a record nor known to be none is new: it belongs on one of the two lists.
    expect(Object.keys(records).filter(name => !(name in writes) && !reads.includes(name))).toEqual([])
    for (const kind of ['session', 'cutoff'] as const) {
      for (const [name, write] of Object.entries(writes)) {
        const told: (ChangedRecord | undefined)[] = []
        const stop = records.subscribe(changed => told.push(changed))
        await write(records, kind)
        stop()
        expect(told, `${name} of a ${kind}`).toContainEqual({ kind, key })
      }
    }
  })
})
