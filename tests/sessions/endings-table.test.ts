/** Every way in which a session ends is told to whoever watches it, on every store, by whichever process it is ended. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { SessionEndings } from '../../app/sessions/endings/session-endings.ts'
import type { EndReason } from '../../app/sessions/endings/watched.ts'
import { createLmdbRecords } from '../../app/sessions/lmdb/lmdb-records.ts'
import type { LoginSession } from '../../app/sessions/login-session.ts'
import type { RecordStore } from '../../app/sessions/record-store.ts'
import { withRelay } from '../../app/sessions/records/record-changes.ts'
import { createRedisRecords, type RedisRecordsOptions } from '../../app/sessions/redis/redis-records.ts'
import { endProcess, requirePeer, startRedis } from '../peers.ts'
import { endingsOf, hour, logIn, newId, type Replica, replicaOver, watch } from './endings-fixture.ts'
import { type Person, scenarios, scopes, somebodyOf, watchedOf } from './endings-scenarios.ts'
import { createMovableClock, type MovableClock, patience } from './fixtures.ts'
import {
  type Choice,
  clusterChoice,
  documentedUser,
  sentinelChoice,
  startCluster,
  startSentinels,
} from './redis-topologies.ts'
import { openRemoteLmdb } from './remote-lmdb.ts'
import { untilVerified } from './waiting.ts'

interface World {
  /** Where it is watched, and where it is ended. */
  readonly here: RecordStore
  readonly there: RecordStore
  readonly remove: () => Promise<unknown>
  /** Hands what `there` ends to what watches here, as the primary does among its workers. */
  relayTo?: (endings: SessionEndings) => void
}

interface Backend {
  readonly name: string
  readonly needsRedis?: true
  /** Absent: nobody looks again, so only what is told can be the reason. */
  readonly lookEveryMs?: number
  readonly start: (clock: MovableClock) => Promise<World>
}

const folder = () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-endings-'))
  return { path: join(directory, 'data'), remove: () => rmSync(directory, { recursive: true, force: true }) }
}
const closeBoth = async ({ here, there }: Pick<World, 'here' | 'there'>) => {
  await here.close()
  if (there !== here) await there.close()
}

type Further = Pick<RedisRecordsOptions, 'cache'>
type Start = () => Promise<{ readonly choice: Choice; readonly stop: () => Promise<unknown> }>
const remembered: Further = { cache: { maxBytes: 8 * 1024 * 1024 } }
const startSingle: Start = async () => {
  const { url, stop } = await startRedis()
  return { choice: { url }, stop }
}
const startBehindSentinel: Start = async () => {
  const servers = await startSentinels()
  return { choice: sentinelChoice(servers), stop: servers.stop }
}
const startInCluster: Start = async () => {
  const servers = await startCluster(documentedUser.args)
  return { choice: clusterChoice(servers), stop: servers.stop }
}

async function startTwoOnRedis(clock: MovableClock, start: Start, further: Further): Promise<World> {
  const { choice, stop } = await start()
  const open = async () => {
    const records = createRedisRecords({ ...choice, clock, ...patience, ...further })
    await untilVerified(records)
    return records
  }
  const [here, there] = [await open(), await open()]
  return { here, there, remove: () => closeBoth({ here, there }).then(stop) }
}

const backends: readonly Backend[] = [
  {
    name: 'LMDB, one process',
    async start(clock) {
      const { path, remove } = folder()
      const here = createLmdbRecords({ path, clock })
      return { here, there: here, remove: () => closeBoth({ here, there: here }).then(remove) }
    },
  },
  {
    name: 'LMDB, two processes',
    async start(clock) {
      const { path, remove } = folder()
      const [here, there] = [createLmdbRecords({ path, clock }), await openRemoteLmdb(path, clock)]
      const close = () => closeBoth({ here, there }).then(() => endProcess(there.process))
      return { here, there, remove: () => close().then(remove) }
    },
  },
  {
    name: 'Redis, remembered',
    needsRedis: true,
    start: clock => startTwoOnRedis(clock, startSingle, remembered),
  },
  {
    name: 'Redis, not remembered',
    needsRedis: true,
    lookEveryMs: 20,
    start: clock => startTwoOnRedis(clock, startSingle, {}),
  },
  {
    name: 'Redis Sentinel, remembered',
    needsRedis: true,
    start: clock => startTwoOnRedis(clock, startBehindSentinel, remembered),
  },
  {
    name: 'Redis Sentinel, not remembered',
    needsRedis: true,
    lookEveryMs: 20,
    start: clock => startTwoOnRedis(clock, startBehindSentinel, {}),
  },
  {
    name: 'Redis Cluster, remembered',
    needsRedis: true,
    start: clock => startTwoOnRedis(clock, startInCluster, remembered),
  },
  {
    name: 'Redis Cluster, not remembered',
    needsRedis: true,
    lookEveryMs: 20,
    start: clock => startTwoOnRedis(clock, startInCluster, {}),
  },
  {
    name: 'Redis, not remembered, two workers',
    needsRedis: true,
    async start(clock) {
      const world = await startTwoOnRedis(clock, startSingle, {})
      let watching: SessionEndings | undefined
      const there = withRelay(world.there, changed => watching?.hint(structuredClone(changed)))
      const relayTo = (endings: SessionEndings) => {
        watching = endings
      }
      return { ...world, there, relayTo }
    },
  },
]

const hasRedis = requirePeer('redis-server') !== undefined

describe.each(backends)('over $name', ({ needsRedis, lookEveryMs = 600_000, start }) => {
  describe.runIf(needsRedis !== true || hasRedis)('an end is told', () => {
    const clock = createMovableClock()
    let world: World
    let here: Replica
    let there: Replica
    const open: SessionEndings[] = []
    beforeAll(async () => {
      world = await start(clock)
      here = replicaOver(world.here, clock)
      there = replicaOver(world.there, clock)
    })
    afterEach(() => {
      for (const endings of open.splice(0)) endings.close()
      // What a cut has ended stays ended; what comes next begins afterwards.
      clock.advance(2)
    })
    afterAll(() => world.remove())

    function startEndings(options: Parameters<typeof endingsOf>[1] = {}): SessionEndings {
      const endings = endingsOf(here, { lookEveryMs, longestDoubtMs: 600_000, ...options })
      open.push(endings)
      world.relayTo?.(endings)
      return endings
    }
    const somebody = (provider?: string): Promise<Person> => somebodyOf(here, provider)
    /** Resolves when whatever was told so far has been acted upon: somebody else's end is told after it. */
    async function settled(endings: SessionEndings): Promise<void> {
      const other = await somebody('other')
      const last = watch(endings, other)
      await there.sessions.end(other.session)
      await last.ended
    }

    test.each(scenarios)('by $what, to whom it concerns and nobody else', async ({ end, tells }) => {
      const endings = startEndings()
      const [person, bystander] = [await somebody(), await somebody('partner')]
      clock.advance(1)
      const watches = scopes.map(scope => ({ scope, own: watch(endings, watchedOf(scope, person)) }))
      const others = (['session', 'subject', 'provider'] as const).map(scope =>
        watch(endings, watchedOf(scope, bystander)),
      )
      await settled(endings)
      expect(watches.map(({ own }) => own.told)).toEqual([[], [], [], []])

      await end(there, person)
      const told = await Promise.all(watches.filter(({ scope }) => tells.includes(scope)).map(({ own }) => own.ended))
      expect(told).toEqual(tells.map((): EndReason => 'ended'))
      if (tells.includes('all')) return
      await settled(endings)
      expect(watches.filter(({ scope }) => !tells.includes(scope)).flatMap(({ own }) => own.told)).toEqual([])
      expect(others.flatMap(({ told: toOthers }) => toOthers)).toEqual([])
    })

    test('of what had ended before, of what ends while the watch begins, and of what never was', async () => {
      const endings = startEndings()
      const [before, meanwhile] = [await somebody(), await somebody()]
      await there.sessions.end(before.session)
      const ending = there.sessions.end(meanwhile.session)
      const watches = [
        watch(endings, { session: before.session }),
        watch(endings, { subject: before.subject }),
        watch(endings, { session: meanwhile.session }),
        watch(endings, { session: newId() }),
        watch(endings, { subject: 'https://idp.example#never-was' }),
        watch(endings, { all: true, since: 0 }),
      ]
      // Never before `watch` has returned, whatever is at hand.
      expect(watches.flatMap(({ told }) => told)).toEqual([])
      await ending
      await there.cutoffs.cut({ all: true })
      for (const { ended } of watches) expect(await ended).toBe('ended')
    })

    test('of a person with the last of their sessions', async () => {
      const endings = startEndings()
      const first = await somebody()
      const login = { identity: { subject: first.subject } as never }
      const second = await logIn(here, login)
      const person = watch(endings, { subject: first.subject })
      await there.sessions.end(first.session)
      await settled(endings)
      expect(person.told).toEqual([])
      await there.sessions.end(second.session)
      expect(await person.ended).toBe('ended')
    })

    test('when what is carried may not go on with the login as its provider describes it now, or as it is judged now', async () => {
      const endings = startEndings()
      const [left, stays] = [await somebody(), await somebody()]
      let isJudgedAnew = false
      const inGroup = ({ identity }: LoginSession) => identity.groups.includes('ops') && !isJudgedAnew
      const cut = watch(endings, { session: left.session, stands: inGroup })
      const goesOn = watch(endings, { session: stays.session, stands: inGroup })
      const unasked = watch(endings, { session: left.session })
      await settled(endings)
      expect(cut.told).toEqual([])
      await there.sessions.update(left.session, login => ({
        ...login,
        identity: { ...login.identity, groups: ['staff'] },
      }))
      expect(await cut.ended).toBe('withdrawn')
      await settled(endings)
      expect([goesOn.told, unasked.told]).toEqual([[], []])
      isJudgedAnew = true
      endings.hint(undefined)
      expect(await goesOn.ended).toBe('withdrawn')
      await settled(endings)
      expect([unasked.told, cut.told]).toEqual([[], ['withdrawn']])
    })

    test('when its time is over: unused, and too old however much it was used', async () => {
      const endings = startEndings({ lookEveryMs: 20 })
      const [unused, used] = [await somebody(), await somebody()]
      const [first, second] = [watch(endings, { session: unused.session }), watch(endings, { session: used.session })]
      await settled(endings)
      for (let step = 0; step < 11; step += 1) {
        clock.advance(hour - 10)
        expect(await here.sessions.find(used.session)).toBeDefined()
        // Being watched is no use.
        if (step === 1) expect(await first.ended).toBe('expired')
        await settled(endings)
        expect(second.told).toEqual([])
      }
      clock.advance(hour + 110)
      expect(await second.ended).toBe('expired')
    })
  })
})
