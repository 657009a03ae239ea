/** A real store for the login pages of one suite. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '../../app/clock.ts'
import { createLmdbRecords } from '../../app/sessions/lmdb/lmdb-records.ts'
import type { RecordStore } from '../../app/sessions/record-store.ts'
import { createRedisRecords } from '../../app/sessions/redis/redis-records.ts'
import { requirePeer, startRedis } from '../peers.ts'
import { untilVerified } from '../sessions/waiting.ts'

export type StoreName = 'lmdb' | 'redis'

/** Those that can be had here; Redis is left out, and that is said, where there is no redis-server. */
export const stores: readonly StoreName[] = requirePeer('redis-server') === undefined ? ['lmdb'] : ['lmdb', 'redis']

export async function openStore(
  name: StoreName,
  clock: Clock,
): Promise<{ records: RecordStore; remove: () => Promise<void> }> {
  if (name === 'lmdb') {
    const path = mkdtempSync(join(tmpdir(), 'sallyport-login-'))
    const records = createLmdbRecords({ path, clock })
    return {
      records,
      remove: async () => {
        await records.close()
        rmSync(path, { recursive: true, force: true })
      },
    }
  }
  const server = await startRedis()
  const records = createRedisRecords({ url: server.url, clock, commandTimeoutMs: 2_000 })
  await untilVerified(records)
  return {
    records,
    remove: async () => {
      await records.close()
      await server.stop()
    },
  }
}
