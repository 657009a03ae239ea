/** The contract of the stores, with two clients of a real Redis. */

import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import type { RecordStore } from '../../app/sessions/record-store.ts'
import { createRedisRecords } from '../../app/sessions/redis/redis-records.ts'
import type { CacheEvent } from '../../app/sessions/redis/tracked-records.ts'
import { requirePeer, startRedis } from '../peers.ts'
import { type Backend, describeRecordStore } from './contract.ts'
import { describeDirectory } from './directory-contract.ts'
import { createMovableClock, patience } from './fixtures.ts'
import { describeIndexes } from './index-contract.ts'
import { describePages } from './page-contract.ts'
import { describeSessions } from './session-contract.ts'
import { describeVerification } from './verification-contract.ts'
import { describeVersions } from './version-contract.ts'
import { untilVerified } from './waiting.ts'

type Cache = NonNullable<Parameters<typeof createRedisRecords>[0]['cache']>

async function startBackend(cache?: Cache): Promise<Backend> {
  const clock = createMovableClock()
  const server = await startRedis()
  const open = async () => {
    const records = createRedisRecords({
      url: server.url,
      clock,
      ...patience,
      ...(cache === undefined ? {} : { cache }),
    })
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
      await records.probe().catch(() => undefined)
      return records.get(...args)
    },
  }
}

/** One command over a connection of its own, so that nothing of a client library comes with it. */
async function ask(port: number, command: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.write(`${command}\r\nQUIT\r\n`)
  return text(socket)
}

if (requirePeer('redis-server') !== undefined) {
  describeRecordStore('Redis', () => startBackend())
  describeVersions('Redis', () => startBackend())
  describeIndexes('Redis', () => startBackend())
  describeSessions('Redis', () => startBackend())
  describePages('Redis', () => startBackend())
  describeDirectory('Redis', () => startBackend())
  describeVerification('Redis', () => startBackend())

  const events: CacheEvent[] = []
  const startRemembering = () => startBackend({ maxBytes: 1024 * 1024, onEvent: event => events.push(event) })
  describeRecordStore('Redis, remembered', startRemembering)
  describeVersions('Redis, remembered', startRemembering)
  describeIndexes('Redis, remembered', startRemembering)
  describeSessions('Redis, remembered', startRemembering)
  describePages('Redis, remembered', startRemembering)
  describeDirectory('Redis, remembered', startRemembering)
  describeVerification('Redis, remembered', startRemembering)
  test('Redis is not asked to note the name of a library: a user of few rights may not do that', async () => {
    const server = await startRedis()
    const records = createRedisRecords({ url: server.url, clock: createMovableClock(), ...patience })
    try {
      await untilVerified(records)
      const statistics = await ask(Number(new URL(server.url).port), 'INFO all')
      // That what was sent is counted at all.
      expect(statistics).toContain('cmdstat_hello:')
      expect(statistics).not.toContain('setinfo')
      // What a server before 7.2 makes of it.
      expect(statistics).not.toContain('errorstat_ERR:')
    } finally {
      await records.close()
      await server.stop()
    }
  })

  test('all that was tested with hits', () => {
    for (const event of ['hit', 'miss', 'invalidation']) {
      expect(events.filter(one => one === event).length, event).toBeGreaterThan(100)
    }
  })
} else {
  describe('Redis', () => test.skip('redis-server is not on the PATH'))
}
