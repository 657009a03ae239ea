/** F11: every way in which a Redis can fail, with real servers. */
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { createClient } from 'redis'
import { afterEach, describe, expect, test } from 'vitest'
import { createSessionCookieAuthenticator } from '../../app/identity/session-cookie.ts'
import { createHostCookies } from '../../app/sessions/cookies/host-cookie.ts'
import type { RecordStore } from '../../app/sessions/record-store.ts'
import { createSealedRecords } from '../../app/sessions/records/sealed-records.ts'
import type { RedisState } from '../../app/sessions/redis/connection.ts'
import { createRedisRecords } from '../../app/sessions/redis/redis-records.ts'
import { createSessionStore } from '../../app/sessions/session-store.ts'
import { stretched, withLateness } from '../pace.ts'
import { freePort, type RunningRedis, requirePeer, startRedis } from '../peers.ts'
import { createMovableClock, loginOf, payloadOf, secrets } from './fixtures.ts'
import { startForwarder } from './forwarder.ts'
import { documentedUser } from './redis-topologies.ts'
import { until, untilVerified } from './waiting.ts'

const isRedisHere = requirePeer('redis-server') !== undefined
const unavailable = { code: 'ERR_STORE_UNAVAILABLE' }

const caches = [{ name: 'read each time' }, { name: 'remembered', cache: { maxBytes: 1024 * 1024 } }]

describe.runIf(isRedisHere).each(caches)('F11 a Redis that fails, $name', ({ cache }) => {
  const clock = createMovableClock()
  const cleanups: (() => unknown)[] = []
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
  })

  async function start(options: Parameters<typeof startRedis>[0] = {}): Promise<RunningRedis> {
    const server = await startRedis(options)
    cleanups.push(() => server.stop())
    return server
  }
  function openAt(url: string, onStateChange?: (state: RedisState) => void): RecordStore {
    const further = {
      ...(onStateChange === undefined ? {} : { onStateChange }),
      ...(cache === undefined ? {} : { cache }),
    }
    const records = createRedisRecords({ url, clock, commandTimeoutMs: 500, ...further })
    cleanups.push(() => records.close())
    return records
  }
  async function admin(server: RunningRedis, password?: string) {
    const client = createClient({ url: server.url, ...(password === undefined ? {} : { password }) })
    client.on('error', () => undefined)
    await client.connect()
    cleanups.push(() => client.destroy())
    return client
  }
  /** A browser with a live session: what the check endpoint asks. */
  async function logIn(records: RecordStore) {
    const id = randomUUID()
    const sealed = createSealedRecords({ records, secrets, kind: 'session' })
    await sealed.put(id, payloadOf(loginOf('alice', clock)), clock.now() + 3_600_000)
    const cookies = createHostCookies({ secrets, isSecure: true })
    const limits = { lifetimeSeconds: 43_200, idleSeconds: 3600 }
    const sessions = createSessionStore({ records, secrets, clock, ...limits })
    const { authenticate } = createSessionCookieAuthenticator({ cookies, sessions })
    const header = cookies.issueSession(id, 'wiki.example.com').split(';')[0] ?? ''
    return async () => authenticate(header, 'wiki.example.com')
  }
  async function expectRefusedWithin(check: () => Promise<unknown>, milliseconds: number) {
    const { result: elapsed, late } = await withLateness(async () => {
      const started = performance.now()
      await expect(check()).rejects.toMatchObject({ ...unavailable, status: 503 })
      return performance.now() - started
    })
    expect(elapsed).toBeLessThan(stretched(milliseconds, late.mostMs))
  }
  const isReadOnly = (call: () => Promise<unknown>) =>
    call().then(
      () => false,
      error => error.code === unavailable.code && String(error.message).includes('READONLY'),
    )
  const isAlice = { identity: { subject: 'https://idp.example#alice' } }

  test('that is down at the start does not keep the service from starting, and is used once it is there', async () => {
    const port = await freePort()
    const states: RedisState[] = []
    const records = openAt(`redis://127.0.0.1:${port}`, state => states.push(state))
    await expectRefusedWithin(async () => records.get('session', 'x'), 200)
    await expectRefusedWithin(() => records.probe(), 200)
    await until(() => states.length > 0)
    expect(states).toEqual([{ isReady: false, cause: expect.objectContaining({ message: expect.any(String) }) }])
    await start({ port })
    await untilVerified(records)
    const check = await logIn(records)
    expect(await check()).toMatchObject(isAlice)
    expect(states.at(-1)).toEqual({ isReady: true })
  })

  test('that is killed refuses checks at once and is used again when it is back', async () => {
    const server = await start()
    const records = openAt(server.url)
    await untilVerified(records)
    const check = await logIn(records)
    server.process.kill('SIGKILL')
    await until(async () => (await check().catch(() => 'refused')) === 'refused')
    for (let count = 0; count < 20; count += 1) await expectRefusedWithin(check, 200)
    await start({ port: server.port })
    await untilVerified(records)
    // Nothing was persisted: the person is logged out, not the service broken.
    expect(await check()).toEqual({ identity: { kind: 'anonymous' }, clearCookie: true })
    expect(await (await logIn(records))()).toMatchObject(isAlice)
  })

  test('that is stopped for five seconds and more refuses checks in time and recovers by itself', async () => {
    const server = await start()
    const records = openAt(server.url)
    await untilVerified(records)
    const check = await logIn(records)
    server.process.kill('SIGSTOP')
    await expectRefusedWithin(check, 800)
    // The first was held for the timeout; those behind it are not.
    for (let count = 0; count < 20; count += 1) await expectRefusedWithin(check, 100)
    await delay(6000)
    await expectRefusedWithin(check, 800)
    server.process.kill('SIGCONT')
    await untilVerified(records)
    expect(await check()).toMatchObject(isAlice)
  })

  test('that is slow (CLIENT PAUSE) refuses checks in time and answers them when it is quick again', async () => {
    const server = await start()
    const records = openAt(server.url)
    await untilVerified(records)
    const check = await logIn(records)
    await (await admin(server)).sendCommand(['CLIENT', 'PAUSE', '2000', 'ALL'])
    const started = performance.now()
    await Promise.all(Array.from({ length: 100 }, () => expectRefusedWithin(check, 900)))
    await until(async () => (await check().catch(() => undefined)) !== undefined)
    expect(performance.now() - started).toBeGreaterThan(1500)
    expect(await check()).toMatchObject(isAlice)
  })

  test('whose password is wrong refuses, never says the password, and works once it is right', async () => {
    const server = await start({ password: 'correct horse' })
    const states: RedisState[] = []
    const url = `redis://:battery%20staple@127.0.0.1:${server.port}`
    const records = openAt(url, state => states.push(state))
    await until(() => states.length > 0)
    await expectRefusedWithin(async () => records.get('session', 'x'), 200)
    const told = JSON.stringify(states.map(state => (state.isReady ? '' : String(state.cause.stack))))
    expect(told).toContain('WRONGPASS')
    expect(told).not.toMatch(/battery/)
    await (await admin(server, 'correct horse')).configSet('requirepass', 'battery staple')
    await untilVerified(records)
    expect(await (await logIn(records))()).toMatchObject(isAlice)
  })

  test('that wants a password which the URL does not have refuses', async () => {
    const server = await start({ password: 'correct horse' })
    const states: RedisState[] = []
    const records = openAt(server.url, state => states.push(state))
    await until(() => states.length > 0)
    expect(states[0]).toMatchObject({ isReady: false, cause: { message: expect.stringContaining('NOAUTH') } })
    await expectRefusedWithin(() => records.probe(), 200)
  })

  test('that became a read-only replica refuses also reads, and works once it is the master again', async () => {
    const server = await start()
    const records = openAt(server.url)
    await untilVerified(records)
    const check = await logIn(records)
    const client = await admin(server)
    await client.sendCommand(['REPLICAOF', '127.0.0.1', '1'])
    const calls = [
      check,
      () => records.put('session', 'x', Buffer.from(''), clock.now() + 1000),
      () => records.add('session', 'x', Buffer.from(''), clock.now() + 1000),
      () => records.extend('session', 'x', clock.now() + 1000),
      () => records.take('session', 'x'),
      () => records.end('session', 'x', clock.now() + 1000),
      () =>
        records.replace('session', 'x', Buffer.from('x'), { value: Buffer.from(''), expiresAt: clock.now() + 1000 }),
      () => records.remove('session', 'x', Buffer.from('x')),
      () => records.link('x', 'x', clock.now() + 1000),
      () => records.unlink('x', 'x', clock.now() + 1000),
      // Threat: a list that does not show a session which is there.
      () => records.page('x', { limit: 1 }),
      () => records.probe(),
    ]
    await expectRefusedWithin(check, 500)
    // The first refusal makes the client look the name up again; wait until it is back at this server.
    await until(() => isReadOnly(check))
    for (const call of calls) expect(await isReadOnly(call)).toBe(true)
    await client.sendCommand(['REPLICAOF', 'NO', 'ONE'])
    await untilVerified(records)
    expect(await check()).toMatchObject(isAlice)
  })

  test('that became a replica, while its name now leads to the new master, is left by itself', async () => {
    const [old, master] = [await start(), await start()]
    const name = await startForwarder(old.port)
    cleanups.push(name.stop)
    const records = openAt(`redis://127.0.0.1:${name.port}`)
    await untilVerified(records)
    name.leadTo(master.port)
    await (await admin(old)).sendCommand(['REPLICAOF', '127.0.0.1', String(master.port)])
    await expect(records.probe()).rejects.toMatchObject(unavailable)
    await untilVerified(records)
    expect(await (await logIn(records))()).toMatchObject(isAlice)
    expect(await (await admin(master)).dbSize()).toBe(2)
  })

  test('whose connection went silent without being closed is reached over a new one', async () => {
    const server = await start()
    const name = await startForwarder(server.port)
    cleanups.push(name.stop)
    const records = openAt(`redis://127.0.0.1:${name.port}`)
    await untilVerified(records)
    const check = await logIn(records)
    name.silence()
    await expectRefusedWithin(check, 800)
    await untilVerified(records)
    expect(await check()).toMatchObject(isAlice)
  })

  test('that is out of memory takes no new sessions and says why, but still checks, prolongs and ends them', async () => {
    const server = await start()
    const records = openAt(server.url)
    await untilVerified(records)
    const expiresAt = clock.now() + 60_000
    for (const key of ['alice', 'bob']) await records.put('session', key, Buffer.from(key), expiresAt)
    await (await admin(server)).configSet('maxmemory', '1')
    const outOfMemory = { ...unavailable, message: expect.stringContaining('OOM') }
    await expect(records.put('session', 'x', Buffer.from(''), expiresAt)).rejects.toMatchObject(outOfMemory)
    await expect(records.add('session', 'x', Buffer.from(''), expiresAt)).rejects.toMatchObject(outOfMemory)
    await expect(records.link('x', 'x', expiresAt)).rejects.toMatchObject(outOfMemory)
    await expect(records.probe()).rejects.toMatchObject(outOfMemory)
    // A refreshed token, or the end of many sessions.
    expect(await records.replace('session', 'bob', Buffer.from('bob'), { value: Buffer.from('BOB'), expiresAt })).toBe(
      true,
    )
    expect(await records.replace('session', 'bob', Buffer.from('BOB'), { value: Buffer.from('bob'), expiresAt })).toBe(
      true,
    )
    expect(await records.page('x', { limit: 1 })).toEqual({ members: [] })
    expect(await records.extend('session', 'alice', expiresAt + 60_000)).toBe(true)
    expect(await records.get('session', 'alice')).toMatchObject({ expiresAt: expiresAt + 60_000 })
    await records.end('session', 'alice', expiresAt)
    expect(await records.get('session', 'alice')).toBeUndefined()
    expect(await records.put('session', 'alice', Buffer.from(''), expiresAt)).toBe(false)
    expect(Buffer.from((await records.take('session', 'bob')) ?? []).toString()).toBe('bob')
  })

  test('that has forgotten the scripts gets them again', async () => {
    const server = await start()
    const records = openAt(server.url)
    await untilVerified(records)
    await records.put('session', 'x', Buffer.from('first'), clock.now() + 1000)
    await (await admin(server)).sendCommand(['SCRIPT', 'FLUSH'])
    expect(await records.put('session', 'x', Buffer.from('second'), clock.now() + 1000)).toBe(true)
  })

  test('that quotes what it was sent does not bring the password into an error', async () => {
    const server = createServer(socket => {
      socket.on('error', () => undefined)
      socket.on('data', () =>
        socket.write("-ERR unknown command 'HELLO' with args beginning with: 'AUTH' 'hunter2 3'\r\n"),
      )
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    cleanups.push(() => server.close())
    const { port } = server.address() as { port: number }
    const states: RedisState[] = []
    const records = openAt(`redis://sallyport:hunter2%203@127.0.0.1:${port}`, state => states.push(state))
    await until(() => states.length > 0)
    const error = await Promise.resolve(records.get('session', 'x')).catch(reason => reason)
    expect(error).toMatchObject(unavailable)
    const told = JSON.stringify([
      states.map(state => (state.isReady ? '' : String(state.cause.stack))),
      String(error.stack),
    ])
    expect(told).toContain("'AUTH' '***'")
    expect(told).not.toMatch(/hunter2/)
  })

  test('whose URL cannot be read is a clear error that does not quote the URL', () => {
    for (const url of [
      '',
      'hunter2',
      'http://:hunter2@127.0.0.1',
      'redis://:hunter2@127.0.0.1/zero',
      'redis://:hunter2%@h',
    ]) {
      const open = () => createRedisRecords({ url, clock })
      expect(open).toThrow(/^the Redis URL cannot be read/)
      expect(open).not.toThrow(/hunter2/)
    }
  })

  test('holds one key for each record, with its digest as the hash tag and a time to live', async () => {
    const server = await start()
    const records = openAt(server.url)
    await untilVerified(records)
    const client = await admin(server)
    await client.flushAll()
    await records.put('session', 'digest', Buffer.from('sealed'), clock.now() + 60_000)
    expect(await client.keys('*')).toEqual(['sallyport:session:{digest}'])
    expect(await client.get('sallyport:session:{digest}')).toBe(`r000${clock.now() + 60_000}sealed`)
    expect(await client.pTTL('sallyport:session:{digest}')).toBeGreaterThan(50_000)
    await records.extend('session', 'digest', clock.now() + 600_000)
    expect(await client.pTTL('sallyport:session:{digest}')).toBeGreaterThan(500_000)
    await records.end('session', 'digest', clock.now() + 6_000_000)
    expect(await client.get('sallyport:session:{digest}')).toBe(`t000${clock.now() + 6_000_000}`)
    expect(await client.pTTL('sallyport:session:{digest}')).toBeGreaterThan(5_000_000)
  })

  test('holds one key for each index, which goes with the last of its members', async () => {
    const server = await start()
    const records = openAt(server.url)
    await untilVerified(records)
    const client = await admin(server)
    await client.flushAll()
    await records.link('digest', 'long', clock.now() + 600_000)
    await records.link('digest', 'short', clock.now() + 60_000)
    expect(await client.keys('*')).toEqual(['sallyport:index:{digest}'])
    const members = [`000${clock.now() + 60_000}short`, `000${clock.now() + 600_000}long`]
    expect(await client.zRangeWithScores('sallyport:index:{digest}', 0, -1)).toEqual(
      members.map(value => ({ value, score: 0 })),
    )
    const timeToLive = await client.pTTL('sallyport:index:{digest}')
    expect(timeToLive).toBeGreaterThan(500_000)
    expect(timeToLive).toBeLessThanOrEqual(600_000)
    // What has expired goes with the next link, two hundred at a time.
    for (let count = 0; count < 250; count += 1) await records.link('digest', `old-${count}`, clock.now() + 1)
    clock.advance(1)
    await records.link('digest', 'new', clock.now() + 60_000)
    expect(await client.zCard('sallyport:index:{digest}')).toBe(53)
    await records.link('digest', 'new', clock.now() + 60_000)
    expect(await client.zCard('sallyport:index:{digest}')).toBe(3)
  })

  test('needs no more rights than docs/reference/store-keys.md names', async () => {
    const server = await start()
    const client = await admin(server)
    await client.sendCommand(['ACL', 'SETUSER', ...documentedUser.args.slice(1)])
    const records = openAt(`redis://sallyport:password@127.0.0.1:${server.port}`)
    await untilVerified(records)
    expect(await (await logIn(records))()).toMatchObject(isAlice)
    const expiresAt = clock.now() + 60_000
    expect(await records.add('session', 'x', Buffer.from('x'), expiresAt)).toBe(true)
    expect(await records.extend('session', 'x', expiresAt + 1000)).toBe(true)
    expect(await records.take('session', 'x')).toBeDefined()
    expect(await records.take('session', 'x')).toBeUndefined()
    await records.end('session', 'x', expiresAt)
    expect(await records.put('session', 'x', Buffer.from('x'), expiresAt)).toBe(false)
    await records.add('lease', 'x', Buffer.from('x'), expiresAt)
    expect(await records.replace('lease', 'x', Buffer.from('x'), { value: Buffer.from('y'), expiresAt })).toBe(true)
    expect(await records.remove('lease', 'x', Buffer.from('y'))).toBe(true)
    await records.link('index', 'late', expiresAt - 70_000)
    await records.link('index', 'member', expiresAt)
    expect(await records.page('index', { limit: 1 })).toEqual({ members: ['member'] })
    await records.unlink('index', 'member', expiresAt)
    expect(await records.page('index', { limit: 1 })).toEqual({ members: [] })
  })

  test('is left alone by a store that was closed before it was ever reached', async () => {
    const port = await freePort()
    const records = createRedisRecords({ url: `redis://127.0.0.1:${port}`, clock })
    await delay(50)
    await records.close()
    await records.close()
    await expect(async () => records.get('session', 'x')).rejects.toMatchObject(unavailable)
  })
})
