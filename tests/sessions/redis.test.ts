/** The contract of the stores, with two clients of a real Redis. */

import { describe, expect, test } from 'vitest'
import { createRedisRecords } from '../../app/sessions/redis.ts'
import type { RecordStore } from '../../app/sessions/session-store.ts'
import type { CacheEvent } from '../../app/sessions/tracked-records.ts'
import { requirePeer, startRedis } from '../peers.ts'
import { type Backend, describeRecordStore } from './contract.ts'
import { createMovableClock } from './fixtures.ts'
import { describePages } from './page-contract.ts'
import { describeSessions } from './session-contract.ts'
import { untilVerified } from './waiting.ts'

type Cache = NonNullable<Parameters<typeof createRedisRecords>[0]['cache']>

async function startBackend(cache?: Cache): Promise<Backend> {
  const clock = createMovableClock()
  const server = await startRedis()
  const open = async () => {
    const records = createRedisRecords({ url: server.url, clock, ...(cache === undefined ? {} : { cache }) })
    await untilVerified(records)
    return cache === undefined ? records : afterRoundTrips(records)
  }
  return { clock, open, openElsewhere: open, remove: () => server.stop() }
}

/**
 * Of a change that another replica makes, a store that remembers hears a moment later. The promise tested here is that
 * one round trip over its own connection is that moment.
 */
function afterRoundTrips(records: RecordStore): RecordStore {
  return {
    ...records,
    async get(...args) {
      await records.verifyConnection().catch(() => undefined)
      return records.get(...args)
    },
  }
}

if (requirePeer('redis-server') !== undefined) {
  describeRecordStore('Redis', () => startBackend())
  describeSessions('Redis', () => startBackend())
  describePages('Redis', () => startBackend())

  const events: CacheEvent[] = []
  const startRemembering = () => startBackend({ maxBytes: 1024 * 1024, onEvent: event => events.push(event) })
  describeRecordStore('Redis, remembered', startRemembering)
  describeSessions('Redis, remembered', startRemembering)
  describePages('Redis, remembered', startRemembering)
  test('all that was tested with hits', () => {
    for (const event of ['hit', 'miss', 'invalidation']) {
      expect(events.filter(one => one === event).length, event).toBeGreaterThan(100)
    }
  })
} else {
  describe('Redis', () => test.skip('redis-server is not on the PATH'))
}
