/** The orders in which a read, a change and the message about it can meet, one by one. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { ChangeListener, RecordKind, RecordStore, StoredRecord } from '../../app/sessions/record-store.ts'
import { createTrackedRecords, type Tracking } from '../../app/sessions/redis/tracked-records.ts'
import { createMovableClock } from './fixtures.ts'

const clock = createMovableClock()
const recordOf = (text: string): StoredRecord => ({ value: Buffer.from(text), expiresAt: clock.now() + 3_600_000 })

/** A store whose reads are answered when the test says so, with what was there when they were made. */
function startWorld(maxBytes = 1024 * 1024) {
  const state = { isCurrent: true, isOn: true, stored: new Map<string, StoredRecord>(), reads: 0, isHeld: false }
  const held: (() => void)[] = []
  const release = () => {
    for (const answer of held.splice(0)) answer()
  }
  let tell: ChangeListener = () => undefined
  const tracking: Tracking = {
    isCurrent: () => state.isCurrent,
    isOn: () => state.isOn,
    subscribe(listener) {
      tell = listener
    },
    close: () => undefined,
  }
  const store: Omit<RecordStore, 'subscribe'> = {
    name: 'redis',
    async put(_kind, key, value, expiresAt) {
      state.stored.set(key, { value, expiresAt })
      return true
    },
    add: async () => true,
    async get(_kind, key) {
      state.reads += 1
      const found = state.stored.get(key)
      if (state.isHeld) await new Promise<void>(resolve => held.push(resolve))
      return found
    },
    async extend(_kind, key, expiresAt) {
      const found = state.stored.get(key)
      if (found !== undefined) state.stored.set(key, { ...found, expiresAt })
      return found !== undefined
    },
    take: async () => undefined,
    async end(_kind, key) {
      state.stored.delete(key)
    },
    replace: async () => true,
    remove: async () => true,
    link: async () => undefined,
    linkWithin: async () => [],
    unlink: async () => undefined,
    page: async () => ({ members: [] }),
    probe: async () => undefined,
    close: async () => undefined,
  }
  const records = createTrackedRecords(store, tracking, { clock, maxBytes })
  const told = (key?: string, kind: RecordKind = 'session') => tell(key === undefined ? undefined : { kind, key })
  return { state, records, release, tell: told }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

describe('what was read is remembered', () => {
  test('until the key has changed, and others stay', async () => {
    const { state, records, tell } = startWorld()
    for (const key of ['alice', 'bob']) state.stored.set(key, recordOf(key))
    const [alice, bob] = [await records.get('session', 'alice'), await records.get('session', 'bob')]
    expect(records.get('session', 'alice')).toBe(alice)
    state.stored.delete('alice')
    tell('alice')
    expect(await records.get('session', 'alice')).toBeUndefined()
    expect(records.get('session', 'bob')).toBe(bob)
  })

  test('not when the change was told while the read was under way', async () => {
    const { state, records, release, tell } = startWorld()
    state.stored.set('alice', recordOf('alice'))
    state.isHeld = true
    const early = records.get('session', 'alice')
    const changed = recordOf('alice, changed')
    state.stored.set('alice', changed)
    tell('alice')
    // Whoever asks after the change does not get the answer of whoever asked before it, and may remember theirs.
    const late = records.get('session', 'alice')
    release()
    expect(await early).not.toBe(changed)
    expect(await late).toBe(changed)
    state.isHeld = false
    expect(records.get('session', 'alice')).toBe(changed)
  })

  test('not when everything was forgotten, or the connection lost, while the read was under way', async () => {
    const { state, records, release, tell } = startWorld()
    state.stored.set('alice', recordOf('alice'))
    state.isHeld = true
    const early = records.get('session', 'alice')
    tell()
    release()
    await early
    state.isHeld = false
    state.stored.delete('alice')
    expect(await records.get('session', 'alice')).toBeUndefined()
  })

  test('not when the read began before changes were told', async () => {
    const { state, records, release } = startWorld()
    state.stored.set('alice', recordOf('alice'))
    Object.assign(state, { isHeld: true, isOn: false })
    const early = records.get('session', 'alice')
    state.isOn = true
    state.stored.delete('alice')
    release()
    expect(await early).toBeDefined()
    state.isHeld = false
    expect(await records.get('session', 'alice')).toBeUndefined()
  })

  test('not past a write of our own, be it answered or not', async () => {
    const { state, records } = startWorld()
    const expiresAt = clock.now() + 3_600_000
    const writes = {
      put: () => records.put('session', 'alice', Buffer.from('new'), expiresAt),
      extend: () => records.extend('session', 'alice', expiresAt + 1),
      end: () => records.end('session', 'alice', expiresAt),
      take: () => records.take('session', 'alice'),
      replace: () =>
        records.replace('session', 'alice', Buffer.from('alice'), { value: Buffer.from('new'), expiresAt }),
      remove: () => records.remove('session', 'alice', Buffer.from('alice')),
    }
    for (const [name, write] of Object.entries(writes)) {
      state.stored.set('alice', recordOf('alice'))
      await records.get('session', 'alice')
      expect(records.get('session', 'alice'), name).not.toBeInstanceOf(Promise)
      const writing = write()
      const meanwhile = records.get('session', 'alice')
      expect(meanwhile, name).toBeInstanceOf(Promise)
      await Promise.all([writing, meanwhile])
      const before = state.reads
      await records.get('session', 'alice')
      expect(state.reads, name).toBe(before + 1)
    }
  })

  test('not while it is unsure whether changes are told', async () => {
    const { state, records } = startWorld()
    state.stored.set('alice', recordOf('alice'))
    await records.get('session', 'alice')
    state.isCurrent = false
    state.stored.delete('alice')
    expect(await records.get('session', 'alice')).toBeUndefined()
  })

  test('for five seconds, then it is read again', async () => {
    const { state, records } = startWorld()
    state.stored.set('alice', recordOf('alice'))
    await records.get('session', 'alice')
    vi.advanceTimersByTime(4999)
    expect(records.get('session', 'alice')).not.toBeInstanceOf(Promise)
    vi.advanceTimersByTime(1)
    expect(records.get('session', 'alice')).toBeInstanceOf(Promise)
  })

  test('not past its own expiry', async () => {
    const { state, records } = startWorld()
    state.stored.set('alice', { ...recordOf('alice'), expiresAt: clock.now() + 2000 })
    await records.get('session', 'alice')
    clock.advance(2)
    expect(records.get('session', 'alice')).toBeInstanceOf(Promise)
  })

  test('never for kinds that no check reads, nor that there is nothing', async () => {
    const { state, records } = startWorld()
    state.stored.set('same', recordOf('ticket'))
    for (const kind of [
      'attempt',
      'answer',
      'address',
      'ticket',
      'signing-key',
      'tokens',
      'lease',
      'summary',
      'mark',
    ] as const) {
      state.reads = 0
      for (let count = 0; count < 3; count += 1) await records.get(kind, 'same')
      expect(state.reads, kind).toBe(3)
    }
    for (const kind of ['session', 'visit'] as const) {
      state.reads = 0
      for (let count = 0; count < 3; count += 1) expect(await records.get(kind, 'nobody')).toBeUndefined()
      expect(state.reads, kind).toBe(3)
    }
  })

  test('that there is no cutoff, until one is told, or five seconds have passed, or all is in doubt', async () => {
    const { state, records, tell } = startWorld()
    const read = () => records.get('cutoff', 'all')
    expect(await read()).toBeUndefined()
    // No promise: at hand.
    expect(read()).toBeUndefined()
    const cutoff = recordOf('everybody out')
    state.stored.set('all', cutoff)
    // Another kind of the same name is another record.
    tell('all', 'session')
    expect(read()).toBeUndefined()
    tell('all', 'cutoff')
    expect(await read()).toBe(cutoff)
    expect(read()).toBe(cutoff)
    state.stored.delete('all')
    tell('all', 'cutoff')
    expect(await read()).toBeUndefined()
    state.stored.set('all', cutoff)
    vi.advanceTimersByTime(4999)
    expect(read()).toBeUndefined()
    vi.advanceTimersByTime(1)
    expect(await read()).toBe(cutoff)
    state.stored.delete('all')
    tell()
    expect(await read()).toBeUndefined()
    state.stored.set('all', cutoff)
    state.isCurrent = false
    expect(await read()).toBe(cutoff)
  })

  test('for each kind by itself, though the keys are the same', async () => {
    const { state, records, tell } = startWorld()
    state.stored.set('same', recordOf('first'))
    const first = await records.get('session', 'same')
    const second = recordOf('second')
    state.stored.set('same', second)
    expect(await records.get('visit', 'same')).toBe(second)
    expect(records.get('session', 'same')).toBe(first)
    tell('same', 'session')
    expect(records.get('visit', 'same')).toBe(second)
    expect(records.get('session', 'same')).toBeInstanceOf(Promise)
  })

  test('within its bytes, however many sessions there are', async () => {
    const { state, records } = startWorld(1024 * 1024)
    const value = Buffer.alloc(1000)
    const keys = Array.from({ length: 100_000 }, (_, index) => `session ${index}`)
    for (const key of keys) {
      state.stored.set(key, { value, expiresAt: clock.now() + 3_600_000 })
      await records.get('session', key)
    }
    const isRemembered = (key: string) => {
      const found = records.get('session', key)
      return found instanceof Promise ? found.then(() => false) : Promise.resolve(true)
    }
    let remembered = 0
    // From the youngest: each that has to be read pushes out another.
    for (const key of keys.toReversed()) {
      if (!(await isRemembered(key))) break
      remembered += 1
    }
    expect(remembered).toBeGreaterThan(500)
    expect(remembered * value.length).toBeLessThanOrEqual(1024 * 1024)
  })
})
