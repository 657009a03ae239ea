import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createSigningKeys, type SigningKeys } from '../../app/assertion/signing-keys.ts'
import { movableClock, sharedStore } from './fixtures.ts'

const rotation = 3_600
let clock: ReturnType<typeof movableClock>
let shared: ReturnType<typeof sharedStore>
let errors: unknown[]
let open: SigningKeys[]

function replica(overrides: Partial<Parameters<typeof createSigningKeys>[0]> = {}): SigningKeys {
  const keys = createSigningKeys({
    store: shared.store,
    algorithm: 'ES256',
    rotateEverySeconds: rotation,
    clock,
    onError: error => errors.push(error),
    ...overrides,
  })
  open.push(keys)
  return keys
}

const kids = (keys: SigningKeys): string[] => keys.jwks().keys.map(key => key.kid)

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  clock = movableClock()
  shared = sharedStore(clock)
  errors = []
  open = []
})

afterEach(() => {
  for (const keys of open) keys.close()
  vi.useRealTimers()
})

describe('signing keys', () => {
  test('before the start there is no key, and asking for one says so', () => {
    const keys = replica()
    expect(() => keys.current()).toThrow(expect.objectContaining({ code: 'ERR_SIGNING_UNAVAILABLE' }))
    expect(keys.jwks()).toEqual({ keys: [] })
    expect(keys.status().ok).toBe(false)
  })

  test('after the start the current and the next key are published', async () => {
    const keys = replica()
    await keys.start()
    expect(keys.status()).toEqual({ ok: true })
    expect(kids(keys)).toHaveLength(2)
    expect(kids(keys)[0]).toBe(keys.current().kid)
  })

  test('replicas that start at the same time agree on every key', async () => {
    const [first, second] = [replica(), replica()]
    await Promise.all([first.start(), second.start()])
    expect(second.current().kid).toBe(first.current().kid)
    expect(kids(second)).toEqual(kids(first))
    expect(shared.records.size).toBe(2)
  })

  test('a replica that starts later publishes the previous key too', async () => {
    const first = replica()
    await first.start()
    const previous = first.current().kid
    clock.advanceSeconds(rotation)
    const second = replica()
    await second.start()
    expect(kids(second)).toHaveLength(3)
    expect(kids(second)[0]).toBe(previous)
  })

  test('a key is published a rotation before it signs and a rotation after', async () => {
    const keys = replica()
    await keys.start()
    const [first, second] = kids(keys)
    clock.advanceSeconds(rotation)
    expect(keys.current().kid).toBe(second)
    await vi.advanceTimersByTimeAsync(60_000)
    await vi.waitFor(() => expect(kids(keys)).toEqual([first, second, expect.any(String)]))
    clock.advanceSeconds(rotation)
    expect(kids(keys)).not.toContain(first)
    expect(kids(keys)[0]).toBe(second)
  })

  test('a key that signs nothing any more is not kept: a clock that is set back finds none', async () => {
    const keys = replica()
    await keys.start()
    const [first] = kids(keys)
    for (const epochs of [1, 2, 3]) {
      clock.advanceSeconds(rotation)
      await vi.advanceTimersByTimeAsync(60_000)
      await vi.waitFor(() => expect(kids(keys), `after ${epochs}`).toHaveLength(3))
    }
    clock.advanceSeconds(-3 * rotation)
    expect(first).toEqual(expect.any(String))
    expect(kids(keys)).toEqual([])
    expect(() => keys.current()).toThrow(expect.objectContaining({ code: 'ERR_SIGNING_UNAVAILABLE' }))
  })

  test('the turn of an epoch needs no store', async () => {
    const keys = replica()
    await keys.start()
    const next = kids(keys)[1]
    shared.state.isDown = true
    clock.advanceSeconds(rotation)
    expect(keys.current().kid).toBe(next)
  })

  test('a store that is down longer than a whole epoch leaves no key to sign with', async () => {
    const keys = replica()
    await keys.start()
    shared.state.isDown = true
    clock.advanceSeconds(2 * rotation)
    expect(() => keys.current()).toThrow(expect.objectContaining({ code: 'ERR_SIGNING_UNAVAILABLE' }))
  })

  test('a store that is down at the start is asked again until it answers', async () => {
    const keys = replica()
    shared.state.isDown = true
    await keys.start()
    expect(errors).toHaveLength(1)
    expect(keys.status().ok).toBe(false)
    await vi.advanceTimersByTimeAsync(1_000)
    expect(errors).toHaveLength(2)
    shared.state.isDown = false
    await vi.advanceTimersByTimeAsync(2_000)
    await vi.waitFor(() => expect(keys.status()).toEqual({ ok: true }))
    expect(errors).toHaveLength(2)
  })

  test('a store that lost them gets them back: whoever starts then signs with the same key', async () => {
    const running = replica()
    await running.start()
    const before = kids(running)
    shared.records.clear()
    await vi.advanceTimersByTimeAsync(60_000)
    await vi.waitFor(() => expect(shared.records.size).toBe(2))
    const later = replica()
    await later.start()
    expect(kids(later)).toEqual(before)
    expect(kids(running)).toEqual(before)
  })

  test('of two keys that were made meanwhile all take the one in the store, and publish the other as long as what it signed', async () => {
    const running = replica()
    await running.start()
    const before = kids(running)
    shared.records.clear()
    const later = replica()
    await later.start()
    const after = kids(later)
    expect(running.current().kid).toBe(before[0])
    await vi.advanceTimersByTimeAsync(60_000)
    await vi.waitFor(() => expect(running.current().kid).toBe(after[0]))
    await vi.waitFor(() => expect(kids(running)).toEqual([...after, ...before]))
    for (const left of [before, before.slice(1), []]) {
      clock.advanceSeconds(rotation)
      await vi.advanceTimersByTimeAsync(60_000)
      await vi.waitFor(() => expect(kids(running).filter(kid => before.includes(kid))).toEqual(left))
    }
  })

  test('after a loss every replica publishes what any of them has signed with, also in the last epoch', async () => {
    const running = replica()
    await running.start()
    clock.advanceSeconds(rotation)
    await running.start()
    const before = kids(running)
    expect(before).toHaveLength(3)
    shared.records.clear()
    const between = replica()
    await between.start()
    expect(kids(between).filter(kid => before.includes(kid))).toEqual([])
    await running.start()
    await between.start()
    const late = replica()
    await late.start()
    expect(running.current().kid).toBe(between.current().kid)
    for (const one of [running, between, late]) expect(kids(one)).toEqual(expect.arrayContaining(before))
    expect(kids(late).toSorted()).toEqual(kids(running).toSorted())
    const size = shared.records.size
    for (const one of [running, between, late]) await one.start()
    expect(shared.records.size).toBe(size)
    for (const left of [2, 1, 0]) {
      clock.advanceSeconds(rotation)
      await late.start()
      expect(kids(late).filter(kid => before.includes(kid))).toHaveLength(left)
    }
  })

  test('a store that stumbles while the last key is looked for is asked again', async () => {
    const running = replica()
    await running.start()
    const signed = running.current().kid
    clock.advanceSeconds(rotation)
    await running.start()
    let calls = 0
    const get = async (id: string) => {
      calls += 1
      if (calls === 3) throw new Error('stumbled')
      return shared.store.get(id)
    }
    const late = replica({ store: { ...shared.store, get } })
    await late.start()
    expect(errors).toHaveLength(1)
    await late.start()
    expect(kids(late)).toContain(signed)
  })

  test('while the store is down, those at hand go on', async () => {
    const keys = replica()
    await keys.start()
    shared.state.isDown = true
    await vi.advanceTimersByTimeAsync(10 * 60_000)
    expect(errors.length).toBeGreaterThan(0)
    expect(keys.status()).toEqual({ ok: true })
    expect(kids(keys)).toHaveLength(2)
  })

  test('keys sealed with a secret that was replaced make way for new ones', async () => {
    await replica().start()
    shared.makeUnreadable()
    const [first, second] = [replica(), replica()]
    await Promise.all([first.start(), second.start()])
    expect(first.status()).toEqual({ ok: true })
    expect(kids(second)).toEqual(kids(first))
  })

  test('after close nothing is renewed', async () => {
    const keys = replica()
    await keys.start()
    keys.close()
    clock.advanceSeconds(rotation)
    const calls = shared.state.calls
    await vi.advanceTimersByTimeAsync(3_600_000)
    expect(shared.state.calls).toBe(calls)
  })

  test('a renewal that is under way when it is closed plans no other', async () => {
    const keys = replica()
    const started = keys.start()
    keys.close()
    await started
    expect(vi.getTimerCount()).toBe(0)
  })

  test.each(['ES256', 'EdDSA'] as const)('the published %s keys hold no private part', async algorithm => {
    const keys = replica({ algorithm })
    await keys.start()
    const names = algorithm === 'ES256' ? ['kty', 'crv', 'x', 'y'] : ['kty', 'crv', 'x']
    for (const key of keys.jwks().keys) {
      expect(Object.keys(key).sort()).toEqual([...names, 'alg', 'kid', 'use'].sort())
      expect(key).toMatchObject({ alg: algorithm, use: 'sig' })
    }
  })

  test('another algorithm or rotation never reads the other one’s keys', async () => {
    const keys = [replica(), replica({ algorithm: 'EdDSA' }), replica({ rotateEverySeconds: rotation * 2 })]
    for (const each of keys) await each.start()
    expect(new Set(keys.map(each => each.current().kid)).size).toBe(3)
  })

  test.each([599, 0, -1, Number.NaN])('a rotation of %s seconds is refused', seconds => {
    expect(() => replica({ rotateEverySeconds: seconds })).toThrow(RangeError)
  })
})
