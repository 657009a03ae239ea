/** F11: Redis as a Cluster and behind Sentinel, with real servers: what holds for one Redis, and a master that dies under load. */
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RecordStore } from '../../app/sessions/record-store.ts'
import type { StoredItem } from '../../app/sessions/records/stored-items.ts'
import { readRedisItems } from '../../app/sessions/redis/items.ts'
import { createRedisRecords, openTopology, type RedisRecordsOptions } from '../../app/sessions/redis/redis-records.ts'
import { slotOf } from '../../app/sessions/redis/slots.ts'
import type { CacheEvent } from '../../app/sessions/redis/tracked-records.ts'
import { startWorld, wiki } from '../attacks/world.ts'
import { type RunningRedis, requirePeer, startRedis } from '../peers.ts'
import { TestBrowser } from '../service.ts'
import { describeRecordStore } from './contract.ts'
import { startFakeSentinel } from './fake-sentinel.ts'
import { createMovableClock } from './fixtures.ts'
import { describeIndexes } from './index-contract.ts'
import {
  type Choice,
  type ClusterServers,
  clusterChoice,
  documentedUser,
  type SentinelServers,
  sentinelChoice,
  startCluster,
  startSentinels,
  syncAtOnce,
  tell,
} from './redis-topologies.ts'
import { describeVersions } from './version-contract.ts'
import { until, untilVerified } from './waiting.ts'

const isRedisHere = requirePeer('redis-server') !== undefined
const cache = { maxBytes: 1024 * 1024 }
const clock = createMovableClock()
const inAnHour = () => clock.now() + 3_600_000

/** Stores that are closed with the servers. */
function createOpener(choice: () => Choice) {
  const opened: RecordStore[] = []
  return {
    async open(options: Partial<RedisRecordsOptions> = {}): Promise<RecordStore> {
      const records = createRedisRecords({ ...choice(), clock, commandTimeoutMs: 500, ...options })
      opened.push(records)
      await untilVerified(records)
      return records
    },
    closeAll: () => Promise.all(opened.splice(0).map(records => records.close())),
  }
}

interface Seen {
  answered: number
  refused: number
  /** An ended session was there. */
  wronglyIn: number
  /** A live one was not. */
  wronglyOut: number
}

/**
 * Checks by several replicas while something happens. Each check is of a session that is live or of one that was ended,
 * and whose end was answered. Rejects for any failure other than that of the store.
 */
async function checkWhile(stores: readonly RecordStore[], planted: Planted, act: () => Promise<void>): Promise<Seen> {
  const seen: Seen = { answered: 0, refused: 0, wronglyIn: 0, wronglyOut: 0 }
  let isOver = false
  const checkOnce = async (records: RecordStore, isLive: boolean) => {
    const found = await records.get('session', oneOf(isLive ? planted.live : planted.ended))
    seen.answered += 1
    if (!isLive && found !== undefined) seen.wronglyIn += 1
    if (isLive && found === undefined) seen.wronglyOut += 1
  }
  const refuse = (error: { code?: unknown }) => {
    if (error.code !== 'ERR_STORE_UNAVAILABLE') throw error
    seen.refused += 1
  }
  const check = async (records: RecordStore) => {
    while (!isOver) {
      await checkOnce(records, Math.random() < 0.5).catch(refuse)
      await delay(2)
    }
  }
  const checks = Promise.all(stores.flatMap(records => [check(records), check(records)]))
  await act()
  isOver = true
  await checks
  return seen
}

const oneOf = (keys: readonly string[]) => keys[Math.floor(Math.random() * keys.length)] ?? ''

interface Planted {
  readonly live: readonly string[]
  readonly ended: readonly string[]
}

/** Live sessions, and ended ones whose tombstones a replica has confirmed. */
async function plant(records: RecordStore, confirmed: RecordStore, count: number): Promise<Planted> {
  const keys = Array.from({ length: count }, () => randomUUID())
  await Promise.all(keys.map(key => records.put('session', key, Buffer.from(key), inAnHour())))
  const [live, ended] = [keys.filter((_, index) => index % 2 === 0), keys.filter((_, index) => index % 2 === 1)]
  for (const key of ended) await confirmed.end('session', key, inAnHour())
  return { live, ended }
}

const isDone = () => true
const isNot = () => false

const all = (records: RecordStore, keys: readonly string[]) =>
  Promise.all(keys.map(async key => records.get('session', key))).then(
    found => found.every(record => record !== undefined),
    () => false,
  )

describe.runIf(isRedisHere)('F11 a Redis Cluster', () => {
  let servers: ClusterServers
  const opener = createOpener(() => clusterChoice(servers))
  beforeAll(async () => {
    servers = await startCluster(documentedUser.args)
  })
  afterAll(async () => {
    await opener.closeAll()
    await servers?.stop()
  })
  const choose = (options: Partial<RedisRecordsOptions>) => async () => {
    const open = () => opener.open(options)
    return { clock, open, openElsewhere: open, remove: async () => undefined }
  }

  for (const describeIn of [describeRecordStore, describeVersions, describeIndexes]) {
    describeIn('a Redis Cluster', choose({}))
  }

  test('knows the slot of a key as Redis does', async () => {
    const [first] = servers.masters
    const tags = ['', '123456789', ...Array.from({ length: 20 }, () => randomUUID())]
    // The check value of the specification.
    expect(slotOf('123456789')).toBe(0x31c3)
    for (const tag of tags.slice(1)) {
      expect(slotOf(tag)).toBe(await tell(first as RunningRedis, 'CLUSTER', 'KEYSLOT', `sallyport:session:{${tag}}`))
    }
  })

  test('holds records on all of its masters', async () => {
    const records = await opener.open()
    await plant(records, records, 40)
    for (const master of servers.masters) expect(Number(await tell(master, 'DBSIZE'))).toBeGreaterThan(3)
  })

  test('gives everything that it holds, of all of its masters, to whoever moves it', async () => {
    const records = await opener.open()
    const { live, ended } = await plant(records, records, 60)
    await records.link('index-of-all', 'member', inAnHour())
    const topology = openTopology({ ...clusterChoice(servers), clock })
    try {
      await until(() => topology.probe().then(isDone, isNot))
      const items: StoredItem[] = []
      for await (const item of readRedisItems({ topology, prefix: 'sallyport:', clock })) items.push(item)
      const keys = new Set(items.map(item => ('index' in item ? item.member : item.key)))
      for (const key of [...live, ...ended, 'member']) expect(keys).toContain(key)
    } finally {
      await topology.close()
    }
  })

  test('serves the whole service, as the settings say it', async () => {
    const { url } = clusterChoice(servers)
    const sessions = { store: 'redis', topology: 'cluster', url, nodes: servers.nodes.slice(1), writeReplicas: 1 }
    const world = await startWorld({ settings: { sessions } })
    const browser = new TestBrowser()
    const cookie = await world.logIn('alice', `${wiki}/`, browser)
    const status = async () => (await world.ask('forward-auth', { url: `${wiki}/`, cookie })).status
    expect(await status()).toBe(200)
    const page = await (await browser.request(`${world.publicUrl}/logout`)).text()
    const [token = ''] = /(?<=name="token" value=")[^"]+/.exec(page) ?? []
    const body = new URLSearchParams({ token }).toString()
    await browser.request(`${world.publicUrl}/logout`, { method: 'POST', body })
    expect(await status()).toBe(401)
    await world.close()
  })

  test('that moves a slot to another master loses nothing of it, and what was remembered is not believed', async () => {
    const [from, to] = servers.masters as [RunningRedis, RunningRedis]
    const [records, remembering] = [await opener.open(), await opener.open({ cache })]
    const key = keyIn(0, 5460)
    const slot = String(slotOf(key))
    const name = `sallyport:session:{${key}}`
    await records.put('session', key, Buffer.from('alive'), inAnHour())
    await until(async () => (await remembering.get('session', key)) !== undefined)
    const [source, target] = [String(await tell(from, 'CLUSTER', 'MYID')), String(await tell(to, 'CLUSTER', 'MYID'))]
    await tell(to, 'CLUSTER', 'SETSLOT', slot, 'IMPORTING', source)
    await tell(from, 'CLUSTER', 'SETSLOT', slot, 'MIGRATING', target)
    // Under way: the key is where it was, and one that is not there any more is asked for at the other master.
    expect(await records.get('session', key)).toBeDefined()
    expect(await records.add('attempt', key, Buffer.from('new'), inAnHour())).toBe(true)
    await tell(from, 'MIGRATE', '127.0.0.1', String(to.port), name, '0', '1000')
    await records.end('session', key, inAnHour())
    expect(await remembering.get('session', key)).toBeUndefined()
    expect(await records.put('session', key, Buffer.from('late'), inAnHour())).toBe(false)
    for (const server of [to, from, servers.masters[2] as RunningRedis])
      await tell(server, 'CLUSTER', 'SETSLOT', slot, 'NODE', target)
    expect(await records.get('session', key)).toBeUndefined()
    expect(Buffer.from((await records.take('attempt', key)) ?? []).toString()).toBe('new')
  })

  test('whose master dies under load refuses checks until a replica has taken over, and lets no ended session in', async () => {
    const [victim] = servers.masters as [RunningRedis]
    const [records, remembering] = [await opener.open(), await opener.open({ cache })]
    const confirmed = await opener.open({ writeReplicas: 1 })
    const planted = await plant(records, confirmed, 200)
    const { live } = planted
    let recoveredMs = 0
    const seen = await checkWhile([records, remembering], planted, async () => {
      await delay(300)
      const killedAt = performance.now()
      victim.process.kill('SIGKILL')
      await until(() => all(records, live).then(isDown => !isDown))
      await until(() => all(records, live))
      await until(() => all(remembering, live))
      recoveredMs = performance.now() - killedAt
    })
    process.stdout.write(
      `cluster: a master died; ${JSON.stringify(seen)}, all back after ${recoveredMs.toFixed(0)} ms\n`,
    )
    expect(seen).toMatchObject({ wronglyIn: 0, wronglyOut: 0 })
    expect(seen.refused).toBeGreaterThan(10)
    expect(seen.answered).toBeGreaterThan(200)
    await untilVerified(records)
    // The new master has no replica: an end that nobody confirms is said to be none.
    const there = live.find(key => slotOf(key) <= 5460) ?? ''
    const isUnconfirmed = (error: { code?: unknown; message?: unknown }) =>
      error.code === 'ERR_STORE_UNAVAILABLE' && String(error.message).includes('0 of 1 replicas')
    await until(() => confirmed.end('session', there, inAnHour()).then(isNot, isUnconfirmed))
    expect(await records.get('session', there)).toBeUndefined()
  })

  test('is found by way of a server that is not its first, and is an outage when none answers', async () => {
    const survivors = clusterChoice(servers, 1)
    const records = createRedisRecords({ ...survivors, clock, commandTimeoutMs: 500 })
    await untilVerified(records)
    await records.close()
    await expect(records.probe()).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
    const lost = createRedisRecords({
      url: 'redis://127.0.0.1:1',
      topology: { kind: 'cluster', nodes: [] },
      clock,
      commandTimeoutMs: 500,
    })
    await expect(async () => lost.get('session', 'x')).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
    await expect(lost.probe()).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
    await lost.close()
  })

  test('whose master hangs and is replaced is not believed by those who remember what it said', async () => {
    const [, victim] = servers.masters as [RunningRedis, RunningRedis]
    let hits = 0
    const onEvent = (event: CacheEvent) => {
      if (event === 'hit') hits += 1
    }
    // By way of a master: over a connection to the replica it would be told by that.
    const byMaster = clusterChoice({ ...servers, nodes: servers.nodes.slice(2, 3) })
    const [records, remembering] = [
      await opener.open(),
      await opener.open({ ...byMaster, cache: { ...cache, onEvent } }),
    ]
    const key = keyIn(5461, 10_922)
    await records.put('session', key, Buffer.from('alive'), inAnHour())
    const isIn = async () => (await remembering.get('session', key)) !== undefined
    await until(async () => (await isIn()) && hits > 0)
    victim.process.kill('SIGSTOP')
    // The new master: the one before has said nothing since.
    await until(() => records.end('session', key, inAnHour()).then(isDone, isNot))
    for (let round = 0; round < 50; round += 1) {
      expect(await isIn().catch(isNot)).toBe(false)
      await delay(10)
    }
    await until(() => Promise.resolve(remembering.get('session', key)).then(found => found === undefined, isNot))
    victim.process.kill('SIGCONT')
  })
})

/** A key whose slot is within the range. */
function keyIn(from: number, to: number): string {
  for (;;) {
    const key = randomUUID()
    if (slotOf(key) >= from && slotOf(key) <= to) return key
  }
}

describe.runIf(isRedisHere)('F11 a Redis behind Sentinel', () => {
  let servers: SentinelServers
  const password = 'what-the-Sentinels-want-to-hear'
  const opener = createOpener(() => sentinelChoice(servers, password))
  beforeAll(async () => {
    servers = await startSentinels({ password })
  })
  afterAll(async () => {
    await opener.closeAll()
    await servers?.stop()
  })

  test('whose Sentinels make the replica the master is followed, and what was remembered is not believed', async () => {
    const [records, remembering] = [await opener.open(), await opener.open({ cache })]
    const before = await servers.master()
    const { live, ended } = await plant(records, await opener.open({ writeReplicas: 1 }), 40)
    await until(() => all(remembering, live))
    await servers.failOver()
    await until(async () => (await servers.master()).port !== before.port)
    const master = await servers.master()
    const [key = '', ...others] = live
    // The one of before takes it too, for a moment, and forgets it: that is what `writeReplicas` is for.
    await until(async () => {
      await records.end('session', key, inAnHour()).catch(() => undefined)
      return String(await tell(master, 'GET', `sallyport:session:{${key}}`)).startsWith('t')
    })
    await delay(500)
    expect(await remembering.get('session', key)).toBeUndefined()
    await until(() => all(remembering, others))
    for (const one of ended) expect(await records.get('session', one)).toBeUndefined()
  })
})

describe.runIf(isRedisHere)('F11 a Redis behind Sentinel that is killed', () => {
  let servers: SentinelServers
  const opener = createOpener(() => sentinelChoice(servers))
  beforeAll(async () => {
    servers = await startSentinels()
  })
  afterAll(async () => {
    await opener.closeAll()
    await servers?.stop()
  })

  test('whose master dies under load refuses checks until another is master, and lets no ended session in', async () => {
    const [records, remembering] = [await opener.open(), await opener.open({ cache })]
    const planted = await plant(records, await opener.open({ writeReplicas: 1 }), 200)
    const { live } = planted
    const victim = await servers.master()
    const { url } = sentinelChoice(servers)
    const { masterName, nodes } = servers
    const settings = { sessions: { store: 'redis', topology: 'sentinel', url, nodes: nodes.slice(1), masterName } }
    const world = await startWorld({ settings })
    const cookie = await world.logIn('alice', `${wiki}/`)
    const status = async () => (await world.ask('forward-auth', { url: `${wiki}/`, cookie })).status
    const statuses = new Set([await status()])
    let isOver = false
    const asking = (async () => {
      while (!isOver) {
        statuses.add(await status())
        await delay(20)
      }
    })()
    let recoveredMs = 0
    const seen = await checkWhile([records, remembering], planted, async () => {
      await delay(300)
      const killedAt = performance.now()
      victim.process.kill('SIGKILL')
      await until(() => all(records, live).then(isThere => !isThere))
      await until(() => all(records, live))
      await until(() => all(remembering, live))
      await until(async () => (await status()) === 200)
      recoveredMs = performance.now() - killedAt
    })
    isOver = true
    await asking
    await world.close()
    process.stdout.write(
      `sentinel: the master died; ${JSON.stringify(seen)}, all back after ${recoveredMs.toFixed(0)} ms\n`,
    )
    expect(seen).toMatchObject({ wronglyIn: 0, wronglyOut: 0 })
    expect(seen.refused).toBeGreaterThan(10)
    expect([...statuses]).toEqual([200, 503])
  })
})

describe.runIf(isRedisHere)('F11 Sentinels that do not agree', () => {
  test('are followed where the epoch is highest, and set up anew where most of them say so', async () => {
    const [first, second] = [await startRedis(), await startRedis()]
    const old = { port: first.port, epoch: 4 }
    const says = [old, old, old]
    const sentinels = await Promise.all([0, 1, 2].map(index => startFakeSentinel(() => says[index] ?? old)))
    const [seed = { port: 0 }, ...others] = sentinels
    const records = createRedisRecords({
      url: `redis://127.0.0.1:${seed.port}`,
      topology: {
        kind: 'sentinel',
        nodes: others.map(({ port }) => ({ host: '127.0.0.1', port })),
        masterName: 'sallyport',
      },
      clock,
    })
    const isOn = async (server: RunningRedis) => {
      const key = randomUUID()
      await records.put('session', key, Buffer.from('x'), inAnHour()).catch(isNot)
      return Number(await tell(server, 'EXISTS', `sallyport:session:{${key}}`)) === 1
    }
    await until(() => isOn(first))
    says[1] = { port: second.port, epoch: 5 }
    await until(() => isOn(second))
    // Two of three have not heard of it: they are behind, however many they are.
    await delay(600)
    expect(await isOn(second)).toBe(true)
    says[1] = { ...old, epoch: 1 }
    says[0] = { ...old, epoch: 1 }
    says[2] = { ...old, epoch: 1 }
    await until(() => isOn(first))
    await records.close()
    for (const sentinel of sentinels) sentinel.stop()
    await Promise.all([first.stop(), second.stop()])
  })
})

describe.runIf(isRedisHere)('an end that replicas have to confirm', () => {
  test('is an outage until one has, also when it is repeated over another connection', async () => {
    const master = await startRedis({ args: syncAtOnce })
    const replica = await startRedis({ args: ['--replicaof', '127.0.0.1', String(master.port)] })
    await until(async () => String(await tell(master, 'INFO', 'replication')).includes('state=online'))
    const opener = createOpener(() => ({ url: master.url }))
    const open = () => opener.open({ writeReplicas: 1 })
    const records = await open()
    await records.put('session', 'x', Buffer.from('x'), inAnHour())
    replica.process.kill('SIGSTOP')
    const unconfirmed = { code: 'ERR_STORE_UNAVAILABLE', message: expect.stringContaining('0 of 1 replicas') }
    await expect(records.end('session', 'x', inAnHour())).rejects.toMatchObject(unconfirmed)
    await expect(records.put('cutoff', 'x', Buffer.from('x'), inAnHour())).rejects.toMatchObject(unconfirmed)
    await expect((await open()).end('session', 'x', inAnHour())).rejects.toMatchObject(unconfirmed)
    // What need not be confirmed is not held up by it.
    expect(await records.put('session', 'y', Buffer.from('y'), inAnHour())).toBe(true)
    replica.process.kill('SIGCONT')
    await until(() => records.end('session', 'x', inAnHour()).then(isDone, isNot))
    expect(String(await tell(replica, 'GET', 'sallyport:session:{x}'))).toMatch(/^t/)
    await opener.closeAll()
    await Promise.all([master.stop(), replica.stop()])
  })
})
