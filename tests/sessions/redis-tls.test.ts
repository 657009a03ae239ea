/** Redis over TLS with an authority of its own, a client certificate, and a user that may do what the page names. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RedisState } from '../../app/sessions/redis/connection.ts'
import { createRedisRecords, type RedisRecordsOptions } from '../../app/sessions/redis/redis-records.ts'
import { freePort, type RunningRedis, requirePeer, startRedis } from '../peers.ts'
import { describeRecordStore } from './contract.ts'
import { createMovableClock } from './fixtures.ts'
import { describeIndexes } from './index-contract.ts'
import { type Certificates, documentedUser, makeCertificates } from './redis-topologies.ts'
import { describeVersions } from './version-contract.ts'
import { until, untilVerified } from './waiting.ts'

const peers = ['redis-server', 'openssl'].map(requirePeer)

describe.skipIf(peers.includes(undefined))('Redis over TLS', () => {
  const clock = createMovableClock()
  let certificates: Certificates
  let server: RunningRedis
  let url: string
  beforeAll(async () => {
    certificates = makeCertificates()
    const port = await freePort()
    const tls = ['--port', '0', '--tls-port', String(port), ...certificates.serverArgs]
    server = await startRedis({ args: [...tls, ...documentedUser.args] })
    url = `rediss://${documentedUser.url}127.0.0.1:${port}`
  })
  afterAll(async () => {
    await server?.stop()
    certificates?.remove()
  })
  const goodTls = () => {
    const { ca, certificate, key, serverName } = certificates
    return { ca, certificate, key, serverName }
  }
  const open = async (options: Partial<RedisRecordsOptions> = {}) => {
    const records = createRedisRecords({ url, tls: goodTls(), clock, ...options })
    await untilVerified(records)
    return records
  }
  const start = async () => ({ clock, open, openElsewhere: open, remove: async () => undefined })

  describeRecordStore('Redis over TLS', start)
  describeVersions('Redis over TLS', start)
  describeIndexes('Redis over TLS', start)

  test('tells of changes, also a user of few rights', async () => {
    const records = await open({ cache: { maxBytes: 1024 * 1024 } })
    const other = await open()
    await records.put('session', 'x', Buffer.from('x'), clock.now() + 60_000)
    await until(async () => (await records.get('session', 'x')) !== undefined)
    await other.end('session', 'x', clock.now() + 60_000)
    await until(async () => (await records.get('session', 'x')) === undefined)
    await Promise.all([records.close(), other.close()])
  })

  test.each([
    ['the authority is not known', () => ({ ...goodTls(), ca: undefined }), /self-signed|unable to/i],
    [
      'the authority is another one',
      () => ({ ...goodTls(), ca: certificates.foreignCa }),
      /self-signed|unable to|signature/i,
    ],
    ['the certificate is for another name', () => ({ ...goodTls(), serverName: undefined }), /altnames|IP: 127/i],
    [
      'no certificate is shown',
      () => ({ ...goodTls(), certificate: undefined, key: undefined }),
      /certificate required|ECONNRESET|closed/i,
    ],
  ])('is down when %s', async (_name, wanted, reason) => {
    const states: RedisState[] = []
    const present = Object.entries(wanted()).filter(([, value]) => value !== undefined)
    const onStateChange = (state: RedisState) => states.push(state)
    const records = createRedisRecords({ url, tls: Object.fromEntries(present), clock, onStateChange })
    try {
      await until(() => states.length > 0)
      expect(states.map(state => (state.isReady ? 'ready' : state.cause.message)).join()).toMatch(reason)
      await expect(async () => records.get('session', 'x')).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
      await expect(records.probe()).rejects.toMatchObject({ status: 503 })
    } finally {
      await records.close()
    }
  })
})
