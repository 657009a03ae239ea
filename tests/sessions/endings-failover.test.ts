/**
 * An end that comes around a failover is told: one that was answered just before, one that is asked for while there is no
 * master, and one that the new master has taken. Nobody else is told anything.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { SessionEndings } from '../../app/sessions/endings/session-endings.ts'
import type { RecordStore } from '../../app/sessions/record-store.ts'
import { digestOf } from '../../app/sessions/records/seal.ts'
import { createRedisRecords, type RedisRecordsOptions } from '../../app/sessions/redis/redis-records.ts'
import { slotOf } from '../../app/sessions/redis/slots.ts'
import { type RunningRedis, requirePeer } from '../peers.ts'
import { endingsOf, type Replica, replicaOver, watch } from './endings-fixture.ts'
import { type Person, scenarios, scopes, somebodyOf, watchedOf } from './endings-scenarios.ts'
import { createMovableClock } from './fixtures.ts'
import {
  type Choice,
  clusterChoice,
  documentedUser,
  sentinelChoice,
  startCluster,
  startSentinels,
  tell,
} from './redis-topologies.ts'
import { until, untilVerified } from './waiting.ts'

interface Failover {
  /** Resolves when it has begun. */
  begin(): Promise<unknown>
  isOver(): Promise<boolean>
}

interface Servers {
  readonly choice: Choice
  /** Whether the failover concerns the record with this digest. */
  concerns(key: string): boolean
  readonly failover: Failover
  stop(): Promise<unknown>
}

interface Case {
  readonly name: string
  /** A master that is killed leaves one behind that has no replica, which could confirm an end. */
  readonly isKilled?: true
  start(): Promise<Servers>
}

const kill = async ({ process: server }: RunningRedis) => server.kill('SIGKILL')

async function behindSentinel(begin: (servers: Awaited<ReturnType<typeof startSentinels>>) => Promise<unknown>) {
  const servers = await startSentinels()
  const before = await servers.master()
  return {
    choice: sentinelChoice(servers),
    concerns: () => true,
    failover: {
      begin: () => begin(servers),
      isOver: async () => (await servers.master()).port !== before.port,
    },
    stop: servers.stop,
  }
}

/** The master that keeps the cutoffs, and its replica. */
async function inCluster(begin: (master: RunningRedis, replica: RunningRedis) => Promise<unknown>) {
  const servers = await startCluster(documentedUser.args)
  const rangeOf = (key: string) => Math.min(Math.floor(slotOf(key) / 5461), 2)
  const index = rangeOf(digestOf('cutoff', 'all'))
  const [master, replica] = [servers.masters[index], servers.replicas[index]] as [RunningRedis, RunningRedis]
  return {
    choice: clusterChoice(servers),
    concerns: (key: string) => rangeOf(key) === index,
    failover: {
      begin: () => begin(master, replica),
      isOver: async () => String(await tell(replica, 'ROLE')).startsWith('master'),
    },
    stop: servers.stop,
  }
}

const cases: readonly Case[] = [
  {
    name: 'Sentinels that make the replica the master while the master is well',
    start: () => behindSentinel(servers => servers.failOver()),
  },
  {
    name: 'Sentinels whose master is killed',
    isKilled: true,
    start: () => behindSentinel(async servers => kill(await servers.master())),
  },
  {
    name: 'a Cluster in which a replica takes over while its master is well',
    start: () => inCluster((_master, replica) => tell(replica, 'CLUSTER', 'FAILOVER')),
  },
  { name: 'a Cluster of which a master is killed', isKilled: true, start: () => inCluster(kill) },
]

const clock = createMovableClock()
const isDone = () => true
const isNot = () => false
const cache = { maxBytes: 8 * 1024 * 1024 }

describe.runIf(requirePeer('redis-server') !== undefined).each(cases)('over $name', ({ isKilled, start }) => {
  let servers: Servers
  const opened: RecordStore[] = []
  beforeAll(async () => {
    servers = await start()
  })
  afterAll(async () => {
    await Promise.all(opened.map(records => records.close()))
    await servers?.stop()
  })
  const open: SessionEndings[] = []
  afterEach(() => {
    for (const endings of open.splice(0)) endings.close()
  })

  async function replica(options: Partial<RedisRecordsOptions>): Promise<Replica> {
    const records = createRedisRecords({ ...servers.choice, clock, commandTimeoutMs: 500, ...options })
    opened.push(records)
    await untilVerified(records)
    return replicaOver(records, clock)
  }
  /** Looks again every two seconds, as it does unless somebody says otherwise: a look can fall into the failover itself. */
  function endings(of: Replica): SessionEndings {
    const own = endingsOf(of, { longestDoubtMs: 600_000 })
    open.push(own)
    return own
  }
  /** Somebody with a provider of their own, whose session is kept by the server that is replaced. */
  async function concerned(at: Replica, provider: string): Promise<Person> {
    for (;;) {
      const person = await somebodyOf(at, provider)
      if (servers.concerns(digestOf('session', person.session))) return person
    }
  }

  test('every end is told, whenever it comes', async () => {
    const [remembering, reading] = [await replica({ cache }), await replica({})]
    // Elsewhere, where nobody watches.
    const [confirmed, unconfirmed] = [await replica({ writeReplicas: 1 }), await replica({})]
    // A master that is replaced while it is well takes what it is told for a moment, and forgets it. One that was killed
    // takes nothing, and leaves nobody behind who could confirm.
    const meanwhile = isKilled ? unconfirmed : confirmed
    const everybodyWatches = [endings(remembering), endings(reading)]
    const watchesOf = (person: Person, which = scopes) =>
      everybodyWatches.flatMap(own => which.map(scope => watch(own, watchedOf(scope, person))))

    const ofOne = scenarios.filter(({ tells }) => !tells.includes('all'))
    const [ofAll] = scenarios.filter(({ tells }) => tells.includes('all'))
    const planned = await Promise.all(
      ['before', 'during', 'after'].flatMap(when =>
        ofOne.map(async ({ what, end, tells }) => {
          const person = await concerned(remembering, `${when}: ${what}`)
          return { when, end: (there: Replica) => end(there, person), watches: watchesOf(person, tells) }
        }),
      ),
    )
    const bystander = await concerned(remembering, 'partner')
    const others = watchesOf(bystander)
    clock.advance(1)
    // Found standing, each: from now on it is remembered, too.
    await Promise.all([remembering, reading].map(at => at.sessions.find(bystander.session)))
    const at = (moment: string) => planned.filter(({ when }) => when === moment)
    const toldOf = async (moment: string) => {
      const told = await Promise.all(at(moment).flatMap(({ watches }) => watches.map(({ ended }) => ended)))
      expect(new Set(told)).toEqual(new Set(['ended']))
    }

    for (const { end } of at('before')) await end(confirmed)
    await servers.failover.begin()
    await Promise.all(at('during').map(({ end }) => until(() => end(meanwhile).then(isDone, isNot))))
    await until(() => servers.failover.isOver())
    await toldOf('before')
    await toldOf('during')

    expect(at('after').flatMap(({ watches }) => watches.flatMap(({ told }) => told))).toEqual([])
    await Promise.all(at('after').map(({ end }) => until(() => end(meanwhile).then(isDone, isNot))))
    await toldOf('after')

    expect(others.flatMap(({ told }) => told)).toEqual([])
    await until(() => (ofAll?.end(meanwhile, bystander) ?? Promise.reject()).then(isDone, isNot))
    expect(new Set(await Promise.all(others.map(({ ended }) => ended)))).toEqual(new Set(['ended']))
  })
})
