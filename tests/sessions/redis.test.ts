/** The contract of the stores, with two clients of a real Redis. */

import { describe, test } from 'vitest'
import { createRedisRecords } from '../../app/sessions/redis.ts'
import { requirePeer, startRedis } from '../peers.ts'
import { type Backend, describeRecordStore } from './contract.ts'
import { createMovableClock } from './fixtures.ts'
import { describePages } from './page-contract.ts'
import { describeSessions } from './session-contract.ts'
import { untilVerified } from './waiting.ts'

async function startBackend(): Promise<Backend> {
  const clock = createMovableClock()
  const server = await startRedis()
  const open = async () => {
    const records = createRedisRecords({ url: server.url, clock })
    await untilVerified(records)
    return records
  }
  return { clock, open, openElsewhere: open, remove: () => server.stop() }
}

if (requirePeer('redis-server') !== undefined) {
  describeRecordStore('Redis', startBackend)
  describeSessions('Redis', startBackend)
  describePages('Redis', startBackend)
} else {
  describe('Redis', () => test.skip('redis-server is not on the PATH'))
}
