/** What may go wrong between an end and whoever has to hear of it: nothing is lost by it, and nothing is left behind. */
import { setImmediate as nextTurn, setTimeout } from 'node:timers/promises'
import { createClient } from 'redis'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { createSessionEndings, type SessionEndings } from '../../app/sessions/endings/session-endings.ts'
import type { EndReason, Standing } from '../../app/sessions/endings/watched.ts'
import type { ChangedRecord, ChangeListener } from '../../app/sessions/record-store.ts'
import { createRedisRecords } from '../../app/sessions/redis/redis-records.ts'
import { requirePeer, startRedis } from '../peers.ts'
import { endingsOf, logIn, replicaOver, watch } from './endings-fixture.ts'
import { createMovableClock } from './fixtures.ts'
import { startForwarder } from './forwarder.ts'
import { until, untilVerified } from './waiting.ts'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

const never = 600_000
const changeOf = (handle: string): ChangedRecord => ({ kind: 'session', key: handle })

/** A store that stands still unless the test says so; sessions are named by their handles. */
function startWorld({ lookEveryMs = never, longestDoubtMs = never, holds = async (): Promise<boolean> => true } = {}) {
  const clock = createMovableClock()
  const state = {
    ended: new Set<string>(),
    isDown: false,
    isHeld: false,
    looks: 0,
    listeners: new Set<ChangeListener>(),
  }
  const held: (() => void)[] = []
  const errors: unknown[] = []
  const look = async (handle: string): Promise<Standing | undefined> => {
    state.looks += 1
    const isEnded = state.ended.has(handle)
    if (state.isHeld) await new Promise<void>(resolve => held.push(resolve))
    if (state.isDown) throw new Error('the store is down')
    return isEnded ? undefined : { endsAt: clock.now() + 3_600_000, handles: [handle], confirm: holds }
  }
  const endings = createSessionEndings({
    records: {
      subscribe(listener) {
        state.listeners.add(listener)
        return () => state.listeners.delete(listener)
      },
    },
    lookAt(watched) {
      const handle = 'session' in watched ? watched.session : ''
      return { look: () => look(handle), handles: [handle] }
    },
    clock,
    lookEveryMs,
    longestDoubtMs,
    onError: error => errors.push(error),
  })
  cleanups.push(() => endings.close())
  return {
    state,
    endings,
    errors,
    tell(changed: ChangedRecord | undefined) {
      for (const listener of state.listeners) listener(changed)
    },
    release() {
      state.isHeld = false
      for (const answer of held.splice(0)) answer()
    },
    heldReads: () => held.length,
  }
}

const first = 'a'.repeat(16)
const second = 'b'.repeat(16)
const turns = async (count = 10): Promise<void> => {
  for (let turn = 0; turn < count; turn += 1) await nextTurn()
}

describe('a notification', () => {
  test('that is lost delays the end until the next look, and no longer', async () => {
    const { endings, state } = startWorld({ lookEveryMs: 20 })
    const { ended } = watch(endings, { session: first })
    await until(() => state.looks > 1)
    state.ended.add(first)
    expect(await ended).toBe('ended')
  })

  test('that comes while the session is being read has it read once more', async () => {
    const { endings, state, tell, release, heldReads } = startWorld()
    state.isHeld = true
    const { ended } = watch(endings, { session: first })
    await until(() => heldReads() === 1)
    state.ended.add(first)
    tell(changeOf(first))
    await turns()
    release()
    expect(await ended).toBe('ended')
  })

  test('is not believed: a session that stands is not ended by what anybody says', async () => {
    const { endings, state, tell } = startWorld()
    const { told } = watch(endings, { session: first })
    await until(() => state.looks === 1)
    for (const changed of [changeOf(first), undefined, { kind: 'cutoff', key: 'all' } as const]) tell(changed)
    await until(() => state.looks > 1)
    await turns()
    expect(told).toEqual([])
  })

  test('of somebody else makes nobody read', async () => {
    const { endings, state, tell } = startWorld()
    watch(endings, { session: first })
    await until(() => state.looks === 1)
    tell(changeOf(second))
    tell({ kind: 'tokens', key: first })
    await turns()
    expect(state.looks).toBe(1)
  })

  test('that anything may have changed has everything read again', async () => {
    const { endings, state, tell } = startWorld()
    const watches = Array.from({ length: 1000 }, (_, index) => watch(endings, { session: String(index) }))
    await until(() => state.looks === 1000)
    for (let index = 0; index < 1000; index += 1) state.ended.add(String(index))
    tell(undefined)
    expect(new Set(await Promise.all(watches.map(({ ended }) => ended)))).toEqual(new Set(['ended']))
  })
})

describe('a store that cannot be asked', () => {
  test('makes the end unknown when it lasts', async () => {
    const { endings, state } = startWorld({ lookEveryMs: 20, longestDoubtMs: 60 })
    const { ended } = watch(endings, { session: first })
    await until(() => state.looks > 1)
    state.isDown = true
    expect(await ended).toBe('unknown')
  })

  test('also when it could not be asked from the beginning', async () => {
    const { endings, state } = startWorld({ lookEveryMs: 20, longestDoubtMs: 60 })
    state.isDown = true
    expect(await watch(endings, { session: first }).ended).toBe('unknown')
  })

  test('cuts nothing when it is back in time, and what ended meanwhile is told', async () => {
    const { endings, state } = startWorld({ lookEveryMs: 20 })
    const [one, other] = [watch(endings, { session: first }), watch(endings, { session: second })]
    await until(() => state.looks >= 2)
    state.isDown = true
    const before = state.looks
    await until(() => state.looks > before + 4)
    state.ended.add(second)
    state.isDown = false
    expect(await other.ended).toBe('ended')
    expect(one.told).toEqual([])
  })
})

describe('what else has to hold', () => {
  test('ends the watch when it does not any more', async () => {
    const holds = vi.fn(async () => holds.mock.calls.length < 3)
    const { endings } = startWorld({ lookEveryMs: 20, holds })
    expect(await watch(endings, { session: first }).ended).toBe('ended')
    expect(holds).toHaveBeenCalledTimes(3)
  })

  test('ends it as unknown when that cannot be told for too long', async () => {
    const holds = () => Promise.reject(new Error('the provider does not answer'))
    const { endings } = startWorld({ lookEveryMs: 20, longestDoubtMs: 60, holds })
    expect(await watch(endings, { session: first }).ended).toBe('unknown')
  })

  test('holds up no end while it is asked', async () => {
    const holds = () => new Promise<boolean>(() => undefined)
    const { endings, state, tell } = startWorld({ holds })
    const { ended } = watch(endings, { session: first })
    await until(() => state.looks === 1)
    state.ended.add(first)
    tell(changeOf(first))
    expect(await ended).toBe('ended')
  })
})

describe('a watcher', () => {
  const endAll = ({ state, tell }: ReturnType<typeof startWorld>) => {
    for (const handle of [first, second]) state.ended.add(handle)
    tell(undefined)
  }

  test('that throws or rejects is reported and stops nobody else', async () => {
    const world = startWorld()
    world.endings.watch({ session: first }, () => {
      throw new Error('thrown')
    })
    // Whoever hands in an async function is not to end the process.
    world.endings.watch({ session: first }, (() => Promise.reject(new Error('rejected'))) as unknown as () => void)
    const last = watch(world.endings, { session: first })
    endAll(world)
    expect(await last.ended).toBe('ended')
    await until(() => world.errors.length === 2)
    expect(world.errors.map(String)).toEqual(['Error: thrown', 'Error: rejected'])
  })

  test('is told once, and may give up itself and others when it is', async () => {
    const world = startWorld()
    const told: EndReason[] = []
    const stops: (() => void)[] = []
    for (let count = 0; count < 3; count += 1) {
      const stop = world.endings.watch({ session: first }, why => {
        told.push(why)
        for (const one of stops) one()
      })
      stops.push(stop)
    }
    endAll(world)
    await until(() => told.length > 0)
    world.tell(undefined)
    await turns()
    expect(told).toEqual(['ended'])
    expect(world.state.listeners.size).toBe(0)
  })

  test('may begin another watch when it is told', async () => {
    const world = startWorld()
    const ended = new Promise<EndReason>(resolve => {
      world.endings.watch({ session: first }, () => world.endings.watch({ session: second }, resolve))
    })
    endAll(world)
    expect(await ended).toBe('ended')
  })

  test('that has given up is told nothing, also while it is being read', async () => {
    const { endings, state, tell, release, heldReads } = startWorld()
    state.ended.add(first)
    const early = watch(endings, { session: first })
    early.stop()
    await turns()
    state.isHeld = true
    const late = watch(endings, { session: first })
    await until(() => heldReads() === 1)
    late.stop()
    late.stop()
    release()
    tell(undefined)
    await turns()
    expect([early.told, late.told]).toEqual([[], []])
  })

  test('is told that the end is unknown when the service stops, and afterwards', async () => {
    const { endings, state } = startWorld()
    const before = watch(endings, { session: first })
    endings.close()
    expect(await before.ended).toBe('unknown')
    const after = watch(endings, { session: first })
    expect(after.told).toEqual([])
    expect(await after.ended).toBe('unknown')
    expect(state.listeners.size).toBe(0)
  })
})

test('L06 whoever has just been looked at is looked at again when the policy has changed, and for nothing else', async () => {
  const { endings, state, tell, release, heldReads } = startWorld()
  const { told } = watch(endings, { session: first })
  await turns()
  state.isHeld = true
  tell(undefined)
  await until(() => heldReads() === 1)
  // So long that the rest after it, nine times as long, is not over before the test is.
  await setTimeout(300)
  state.isHeld = false
  release()
  await turns()
  state.ended.add(first)
  tell(undefined)
  await turns()
  expect(told).toEqual([])
  endings.lookNow()
  await turns()
  expect(told).toEqual(['ended'])
})

test('a policy that comes while a look is under way is looked at as well', async () => {
  const { endings, state, release, heldReads } = startWorld()
  const { ended } = watch(endings, { session: first })
  await turns()
  state.isHeld = true
  endings.lookNow()
  await until(() => heldReads() === 1)
  state.ended.add(first)
  endings.lookNow()
  await turns()
  state.isHeld = false
  release()
  expect(await ended).toBe('ended')
})

describe('nothing is left behind', () => {
  test('nobody listens to the store, and no timer runs, unless somebody watches', async () => {
    const timers = vi.spyOn(globalThis, 'setTimeout')
    const cleared = vi.spyOn(globalThis, 'clearTimeout')
    try {
      const { endings, state } = startWorld()
      endings.hint(undefined)
      expect([state.listeners.size, timers.mock.calls.length]).toEqual([0, 0])
      const { stop } = watch(endings, { session: first })
      expect(state.listeners.size).toBe(1)
      await turns()
      stop()
      await turns()
      expect(state.listeners.size).toBe(0)
      expect(cleared.mock.calls.map(([timer]) => timer)).toContain(timers.mock.results.at(-1)?.value)
    } finally {
      timers.mockRestore()
      cleared.mockRestore()
    }
  })

  test('by fifty thousand watches, five thousand at a time', async () => {
    const { endings, state, tell } = startWorld()
    for (let round = 0; round < 10; round += 1) {
      const watches = Array.from({ length: 5000 }, (_, index) => watch(endings, { session: `${round}/${index}` }))
      for (const { stop } of watches.splice(0, 2500)) stop()
      for (let index = 2500; index < 5000; index += 1) state.ended.add(`${round}/${index}`)
      tell(undefined)
      await Promise.all(watches.map(({ ended }) => ended))
      expect(state.listeners.size).toBe(0)
    }
    const { looks } = state
    tell(undefined)
    endings.hint(undefined)
    await turns()
    expect(state.looks).toBe(looks)
  })
})

describe.runIf(requirePeer('redis-server') !== undefined)('a connection to Redis', () => {
  async function startWatching(times: Parameters<typeof endingsOf>[1]) {
    const clock = createMovableClock()
    const server = await startRedis()
    cleanups.push(() => server.stop())
    const name = await startForwarder(Number(new URL(server.url).port))
    cleanups.push(() => name.stop())
    const open = async (url: string) => {
      const cache = { maxBytes: 1024 * 1024 }
      // No test waits for this one: a busy machine may need longer than a service would give it.
      const records = createRedisRecords({ url, clock, commandTimeoutMs: 30_000, cache })
      cleanups.push(() => records.close())
      await untilVerified(records)
      return replicaOver(records, clock)
    }
    const here = await open(`redis://127.0.0.1:${name.port}`)
    const there = await open(server.url)
    const endings: SessionEndings = endingsOf(here, times)
    cleanups.push(() => endings.close())
    /** Somebody who is being watched, and has been found standing. */
    const somebody = async () => {
      const person = await logIn(here)
      const own = watch(endings, person)
      const other = await logIn(here)
      const last = watch(endings, other)
      await there.sessions.end(other.session)
      await last.ended
      return { ...person, own }
    }
    return { server, name, here, there, somebody }
  }

  test('that fell silent has every session read again when it is back', async () => {
    const { name, there, somebody } = await startWatching({ lookEveryMs: never, longestDoubtMs: never })
    const [ended, standing] = [await somebody(), await somebody()]
    name.silence()
    await there.sessions.end(ended.session)
    expect(await ended.own.ended).toBe('ended')
    expect(standing.own.told).toEqual([])
  })

  test('that is gone makes every end unknown when it does not come back', async () => {
    const { name, somebody } = await startWatching({ lookEveryMs: 50, longestDoubtMs: 300 })
    const people = [await somebody(), await somebody()]
    name.stop()
    expect(await Promise.all(people.map(({ own }) => own.ended))).toEqual(['unknown', 'unknown'])
  })

  test('over which everything was flushed has ended everything', async () => {
    const { server, somebody } = await startWatching({ lookEveryMs: never, longestDoubtMs: never })
    const { own } = await somebody()
    const admin = createClient({ url: server.url })
    await admin.connect()
    await admin.sendCommand(['FLUSHALL'])
    admin.destroy()
    expect(await own.ended).toBe('ended')
  })

  test('tells of an end however often sessions are ended in a row', async () => {
    const { here, there, somebody } = await startWatching({ lookEveryMs: never, longestDoubtMs: never })
    const people = await Promise.all(Array.from({ length: 50 }, somebody))
    await Promise.all(people.map(({ session }, index) => (index % 2 ? here : there).sessions.end(session)))
    expect(new Set(await Promise.all(people.map(({ own }) => own.ended)))).toEqual(new Set(['ended']))
  })
})
