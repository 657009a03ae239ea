/** Sessions that are remembered are never believed for longer than promised: with real servers where it can be. */
import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { createClient } from 'redis'
import { afterEach, describe, expect, test } from 'vitest'
import { createSessionCookieAuthenticator } from '../../app/identity/session-cookie.ts'
import { createHostCookies } from '../../app/sessions/cookies/host-cookie.ts'
import { createSealedRecords } from '../../app/sessions/records/sealed-records.ts'
import type { RedisState } from '../../app/sessions/redis/connection.ts'
import { createRedisRecords } from '../../app/sessions/redis/redis-records.ts'
import { createSessionStore } from '../../app/sessions/session-store.ts'
import { stretched, withLateness } from '../pace.ts'
import { type RunningRedis, requirePeer, startRedis } from '../peers.ts'
import { createMovableClock, loginOf, payloadOf, secrets } from './fixtures.ts'
import { startForwarder } from './forwarder.ts'
import { until, untilVerified } from './waiting.ts'

const wiki = 'wiki.example.com'
const limits = { lifetimeSeconds: 43_200, idleSeconds: 3600 }

describe.runIf(requirePeer('redis-server') !== undefined)('a session that Redis keeps and a replica remembers', () => {
  const clock = createMovableClock()
  const cleanups: (() => unknown)[] = []
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
  })

  async function startServer(): Promise<RunningRedis> {
    const server = await startRedis()
    cleanups.push(() => server.stop())
    return server
  }
  async function openReplica(url: string) {
    const counts = { hit: 0, miss: 0, invalidation: 0 }
    const cache = {
      maxBytes: 4 * 1024 * 1024,
      onEvent: (event: keyof typeof counts) => {
        counts[event] += 1
      },
    }
    const records = createRedisRecords({ url, clock, commandTimeoutMs: 500, cache })
    cleanups.push(() => records.close())
    await untilVerified(records)
    const cookies = createHostCookies({ secrets, isSecure: true })
    const sessions = createSessionStore({ records, secrets, clock, ...limits })
    const { authenticate } = createSessionCookieAuthenticator({ cookies, sessions })
    const ask = (cookie: string, domain = wiki) => authenticate(cookie, domain)
    return { records, cookies, sessions, counts, ask }
  }
  type Replica = Awaited<ReturnType<typeof openReplica>>

  async function logIn({ records, cookies }: Replica) {
    const id = randomBytes(32).toString('base64url')
    const sealed = createSealedRecords({ records, secrets, kind: 'session' })
    await sealed.put(id, payloadOf(loginOf('alice', clock)), clock.now() + 3_600_000)
    return { id, cookie: `theme=dark; ${cookies.issueSession(id, wiki).split(';')[0]}` }
  }
  /** Asks until the answer comes from memory: then it is no promise. */
  async function warm(replica: Replica, cookie: string): Promise<void> {
    await until(async () => {
      const answer = replica.ask(cookie)
      if (!(answer instanceof Promise)) return true
      await answer
      return false
    })
  }
  const isLetIn = async (replica: Replica, cookie: string) => (await replica.ask(cookie)).identity.kind === 'user'
  async function admin(server: RunningRedis) {
    const client = createClient({ url: server.url })
    client.on('error', () => undefined)
    await client.connect()
    cleanups.push(() => client.destroy())
    return client
  }

  test('is answered without asking and without a promise, always as the same identity', async () => {
    const replica = await openReplica((await startServer()).url)
    const { cookie } = await logIn(replica)
    await warm(replica, cookie)
    const [first, { miss }] = [await replica.ask(cookie), { ...replica.counts }]
    for (let count = 0; count < 50; count += 1) {
      const answer = replica.ask(cookie)
      expect(answer).not.toBeInstanceOf(Promise)
      expect((await answer).identity).toBe(first.identity)
    }
    expect(replica.counts.miss).toBe(miss)
  })

  test('is refused by every other replica within 250 ms of its end, mostly within 10 ms', async () => {
    const server = await startServer()
    const [here, there] = [await openReplica(server.url), await openReplica(server.url)]
    const { result: delays, late } = await withLateness(async () => {
      const moments: number[] = []
      for (let round = 0; round < 200; round += 1) {
        const { id, cookie } = await logIn(here)
        await warm(there, cookie)
        await here.sessions.end(id)
        const ended = performance.now()
        while (await isLetIn(there, cookie)) await delay(0)
        moments.push(performance.now() - ended)
      }
      return moments
    })
    delays.sort((a, b) => a - b)
    const [median = 0, max = 0] = [delays[100], delays.at(-1)]
    process.stdout.write(
      `revoked elsewhere: median ${median.toFixed(2)} ms, max ${max.toFixed(2)} ms of ${delays.length}\n`,
    )
    expect(median).toBeLessThanOrEqual(stretched(10, late.oftenMs))
    expect(max).toBeLessThanOrEqual(stretched(250, late.mostMs))
  })

  test('has a cutoff and visits beside it, which are remembered and told of like it, also when there was none', async () => {
    const server = await startServer()
    const [here, there] = [await openReplica(server.url), await openReplica(server.url)]
    const textOf = (record: { value: Uint8Array } | undefined) => record && Buffer.from(record.value).toString()
    for (const kind of ['cutoff', 'visit'] as const) {
      const read = () => there.records.get(kind, 'all')
      const untilAtHand = () =>
        until(async () => {
          const answer = read()
          await answer
          return !(answer instanceof Promise)
        })
      if (kind === 'cutoff') await untilAtHand()
      expect(await read()).toBeUndefined()
      await here.records.add(kind, 'all', Buffer.from('first'), clock.now() + 60_000)
      await until(async () => textOf(await read()) === 'first')
      await untilAtHand()
      await here.records.replace(kind, 'all', Buffer.from('first'), {
        value: Buffer.from('second'),
        expiresAt: clock.now() + 60_000,
      })
      await until(async () => textOf(await read()) === 'second')
    }
  })

  test('is not mistaken for another, of its own kind or with the same key, when both are remembered', async () => {
    const { records } = await openReplica((await startServer()).url)
    const places = (['session', 'cutoff', 'visit'] as const).flatMap(kind =>
      ['first', 'second'].map(key => ({ kind, key, text: `${kind} ${key}` })),
    )
    for (const { kind, key, text } of places) await records.put(kind, key, Buffer.from(text), clock.now() + 60_000)
    const readAll = () => places.map(({ kind, key }) => records.get(kind, key))
    await until(async () => {
      const answers = readAll()
      await Promise.all(answers)
      return answers.every(answer => !(answer instanceof Promise))
    })
    const found = await Promise.all(readAll())
    expect(found.map(record => Buffer.from(record?.value ?? []).toString())).toEqual(places.map(({ text }) => text))
    // And a change of one is a change of that one, wherever the last question went.
    await records.put('visit', 'first', Buffer.from('changed'), clock.now() + 60_000)
    const again = await Promise.all(readAll())
    const texts = places.map(({ kind, key, text }) => (kind === 'visit' && key === 'first' ? 'changed' : text))
    expect(again.map(record => Buffer.from(record?.value ?? []).toString())).toEqual(texts)
  })

  test('is refused at once where it is ended, and stays refused after a late save', async () => {
    const replica = await openReplica((await startServer()).url)
    const { id, cookie } = await logIn(replica)
    await warm(replica, cookie)
    const ending = replica.sessions.end(id)
    await ending
    expect(await isLetIn(replica, cookie)).toBe(false)
    const sealed = createSealedRecords({ records: replica.records, secrets, kind: 'session' })
    expect(await sealed.put(id, payloadOf(loginOf('alice', clock)), clock.now() + 60_000)).toBe(false)
    expect(await isLetIn(replica, cookie)).toBe(false)
  })

  test('is not believed over a connection that was killed, whatever happened meanwhile', async () => {
    const server = await startServer()
    const [here, there] = [await openReplica(server.url), await openReplica(server.url)]
    const { id, cookie } = await logIn(here)
    const client = await admin(server)
    await warm(there, cookie)
    await client.sendCommand(['CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'])
    await untilVerified(here.records)
    await here.sessions.end(id)
    await until(async () => (await isLetIn(there, cookie).catch(() => 'store down')) === false)
    const other = await logIn(here)
    await warm(there, other.cookie)
  })

  test('is not believed for longer than the lease over a connection that fell silent', async () => {
    const server = await startServer()
    const name = await startForwarder(server.port)
    cleanups.push(name.stop)
    const [here, there] = [await openReplica(server.url), await openReplica(`redis://127.0.0.1:${name.port}`)]
    const { id, cookie } = await logIn(here)
    await warm(there, cookie)
    name.silence()
    await here.sessions.end(id)
    const ended = performance.now()
    const { result: lastLetIn, late } = await withLateness(async () => {
      let last = 0
      while (performance.now() - ended < 2500) {
        if (await isLetIn(there, cookie).catch(() => false)) last = performance.now() - ended
        await delay(5)
      }
      return last
    })
    process.stdout.write(`connection silent: let in for ${lastLetIn.toFixed(0)} ms after the end\n`)
    expect(lastLetIn).toBeLessThanOrEqual(stretched(250, late.mostMs))
    await untilVerified(there.records)
    expect(await isLetIn(there, cookie)).toBe(false)
  })

  test('is not remembered when its end and the answer of a read arrive together', async () => {
    const server = await startServer()
    const name = await startForwarder(server.port)
    cleanups.push(name.stop)
    const [here, there] = [await openReplica(server.url), await openReplica(`redis://127.0.0.1:${name.port}`)]
    for (let round = 0; round < 20; round += 1) {
      const warmed = await logIn(there)
      await warm(there, warmed.cookie)
      const { id, cookie } = await logIn(here)
      // The cookie is judged already, so that the next check begins with the read.
      there.cookies.read(cookie, wiki)
      name.hold()
      const reading = there.ask(cookie)
      expect(reading).toBeInstanceOf(Promise)
      // The answer stands in the way already: it is a whole record, longer than any message of Redis.
      await until(() => name.heldBytes() > 200)
      await here.sessions.end(id)
      name.release()
      expect((await reading).identity.kind).toBe('user')
      expect(await isLetIn(there, cookie)).toBe(false)
    }
  })

  test('needs a server that may tell; one that may not refuses everything and is named', async () => {
    const server = await startServer()
    const rights = ['+getex', '+get', '+set', '+evalsha', '+eval', '+ping', '+hello']
    await (await admin(server)).sendCommand(['ACL', 'SETUSER', 'sallyport', 'on', '>password', '~*', ...rights])
    const url = `redis://sallyport:password@127.0.0.1:${server.port}`
    const causes: string[] = []
    const onStateChange = (state: RedisState) => causes.push(state.isReady ? 'ready' : state.cause.message)
    const records = createRedisRecords({ url, clock, onStateChange, cache: { maxBytes: 1024 * 1024 } })
    cleanups.push(() => records.close())
    await until(() => causes.length > 0)
    expect(causes[0]).toMatch(/NOPERM.*client.tracking/)
    await expect(async () => records.get('session', 'x')).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
    const uncached = createRedisRecords({ url, clock })
    cleanups.push(() => uncached.close())
    await untilVerified(uncached)
  })

  test('is not believed by a replica whose Redis has lost its place as master', async () => {
    const server = await startServer()
    const replica = await openReplica(server.url)
    const { cookie } = await logIn(replica)
    await warm(replica, cookie)
    await (await admin(server)).sendCommand(['REPLICAOF', '127.0.0.1', '1'])
    // It is asked all the time, so that heartbeats go on.
    await until(async () => (await isLetIn(replica, cookie).catch(() => 'refused')) === 'refused')
    await expect(isLetIn(replica, cookie)).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
  })

  test('is gone after FLUSHALL', async () => {
    const server = await startServer()
    const replica = await openReplica(server.url)
    const { cookie } = await logIn(replica)
    await warm(replica, cookie)
    await (await admin(server)).flushAll()
    await until(async () => !(await isLetIn(replica, cookie)))
  })

  test('is not let in by way of what is remembered of it: tampered, or on another host (F01, F05)', async () => {
    const replica = await openReplica((await startServer()).url)
    const { cookie } = await logIn(replica)
    await warm(replica, cookie)
    const last = cookie.at(-1) === 'A' ? 'B' : 'A'
    for (const tampered of [`${cookie.slice(0, -1)}${last}`, `${cookie}x`, cookie.slice(0, -1)]) {
      expect(await replica.ask(tampered)).toEqual({ identity: { kind: 'anonymous' }, clearCookie: true })
    }
    for (const host of ['payroll.example.com', 'iki.example.com', `${wiki}.`, '']) {
      expect(await replica.ask(cookie, host)).toEqual({ identity: { kind: 'anonymous' }, clearCookie: true })
    }
    expect(await isLetIn(replica, cookie)).toBe(true)
  })

  test('stays alive by checks that are answered from memory, as its idle time is moved every minute (F13)', async () => {
    const replica = await openReplica((await startServer()).url)
    const { cookie } = await logIn(replica)
    for (let minutes = 0; minutes < 180; minutes += 30) {
      await warm(replica, cookie)
      expect(await isLetIn(replica, cookie)).toBe(true)
      clock.advance(30 * 60)
    }
    clock.advance(31 * 60)
    expect(await isLetIn(replica, cookie)).toBe(false)
  })
})
