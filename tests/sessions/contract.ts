/** What every RecordStore promises; run over each backend by its own test file. */
import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { RecordStore } from '../../app/sessions/record-store.ts'
import type { MovableClock } from './fixtures.ts'
import { openTwice } from './open-twice.ts'

export interface Backend {
  readonly clock: MovableClock
  /** A connection to the same data each time; the second one as independent as the backend allows. */
  readonly open: () => Promise<RecordStore>
  readonly openElsewhere: () => Promise<RecordStore>
  readonly remove: () => Promise<void>
}

const unavailable = { code: 'ERR_STORE_UNAVAILABLE' }
const bytes = (text: string) => Buffer.from(text)
const text = (value: Uint8Array | undefined) => (value === undefined ? undefined : Buffer.from(value).toString())

export function describeRecordStore(name: string, start: () => Promise<Backend>): void {
  describe(`records in ${name}`, () => {
    let backend: Backend
    let here: RecordStore
    let there: RecordStore
    openTwice(start, opened => {
      ;({ backend, here, there } = opened)
    })
    const inSeconds = (seconds: number) => backend.clock.now() + seconds * 1000

    test('a record comes back byte for byte with its expiry, and elsewhere too', async () => {
      const key = randomUUID()
      const value = Buffer.from(Array.from({ length: 512 }, (_, index) => index % 256))
      const expiresAt = inSeconds(60)
      expect(await here.put('session', key, value, expiresAt)).toBe(true)
      for (const store of [here, there]) {
        const record = await store.get('session', key)
        expect(record?.expiresAt).toBe(expiresAt)
        expect(Buffer.compare(Buffer.from(record?.value ?? []), value)).toBe(0)
      }
    })

    test('a record that has not changed is the very object of the read before, any other is a new one', async () => {
      const key = randomUUID()
      await here.put('session', key, bytes('first'), inSeconds(60))
      const first = await here.get('session', key)
      expect(await here.get('session', key, first)).toBe(first)
      await here.extend('session', key, inSeconds(120))
      const extended = await here.get('session', key, first)
      expect(extended).toMatchObject({ expiresAt: inSeconds(120), value: first?.value })
      await there.put('session', key, bytes('other'), inSeconds(120))
      expect(text((await here.get('session', key, extended))?.value)).toBe('other')
      expect(text(first?.value)).toBe('first')
      await there.end('session', key, inSeconds(120))
      expect(await here.get('session', key, extended)).toBeUndefined()
    })

    test('an empty record is a record', async () => {
      const key = randomUUID()
      await here.put('session', key, Buffer.alloc(0), inSeconds(60))
      expect((await here.get('session', key))?.value.length).toBe(0)
      expect((await here.take('session', key))?.length).toBe(0)
    })

    test('an unknown key is undefined, and a record of one kind is no record of another', async () => {
      const key = randomUUID()
      expect(await here.get('session', key)).toBeUndefined()
      expect(await here.take('ticket', key)).toBeUndefined()
      await here.put('session', key, bytes('a session'), inSeconds(60))
      expect(await here.get('ticket', key)).toBeUndefined()
      expect(await here.take('attempt', key)).toBeUndefined()
      expect(await here.add('ticket', key, bytes('a ticket'), inSeconds(60))).toBe(true)
      expect(text((await here.get('session', key))?.value)).toBe('a session')
    })

    test('put overwrites value and expiry', async () => {
      const key = randomUUID()
      await here.put('session', key, bytes('first'), inSeconds(60))
      expect(await there.put('session', key, bytes('second'), inSeconds(120))).toBe(true)
      const record = await here.get('session', key)
      expect(text(record?.value)).toBe('second')
      expect(record?.expiresAt).toBe(inSeconds(120))
    })

    test('an expired record is gone for every method, and its key is free again', async () => {
      const key = randomUUID()
      await here.put('session', key, bytes('old'), inSeconds(60))
      backend.clock.advance(59)
      expect(await here.get('session', key)).toBeDefined()
      backend.clock.advance(1)
      expect(await here.get('session', key)).toBeUndefined()
      expect(await here.take('session', key)).toBeUndefined()
      expect(await here.extend('session', key, inSeconds(60))).toBe(false)
      expect(await here.get('session', key)).toBeUndefined()
      expect(await there.add('session', key, bytes('new'), inSeconds(60))).toBe(true)
      expect(text((await here.get('session', key))?.value)).toBe('new')
    })

    test('extend moves the expiry both ways and keeps the value', async () => {
      const key = randomUUID()
      await here.put('session', key, bytes('kept'), inSeconds(60))
      expect(await there.extend('session', key, inSeconds(600))).toBe(true)
      backend.clock.advance(300)
      expect(await here.get('session', key)).toEqual(
        expect.objectContaining({ expiresAt: inSeconds(300), value: expect.anything() }),
      )
      expect(await here.extend('session', key, inSeconds(10))).toBe(true)
      backend.clock.advance(9)
      expect(text((await there.get('session', key))?.value)).toBe('kept')
      backend.clock.advance(1)
      expect(await there.get('session', key)).toBeUndefined()
    })

    test('extend never creates a record', async () => {
      const key = randomUUID()
      expect(await here.extend('session', key, inSeconds(60))).toBe(false)
      expect(await here.get('session', key)).toBeUndefined()
    })

    test('add refuses a key that is taken, and writes nothing', async () => {
      const key = randomUUID()
      expect(await here.add('signing-key', key, bytes('first'), inSeconds(60))).toBe(true)
      expect(await there.add('signing-key', key, bytes('second'), inSeconds(600))).toBe(false)
      const record = await here.get('signing-key', key)
      expect(text(record?.value)).toBe('first')
      expect(record?.expiresAt).toBe(inSeconds(60))
    })

    test('of many who add at the same time exactly one is first, and everybody reads that one', async () => {
      for (let round = 0; round < 10; round += 1) {
        const key = randomUUID()
        const names = Array.from({ length: 20 }, (_, index) => `replica ${index}`)
        const added = await Promise.all(
          names.map((name, index) => (index % 2 ? here : there).add('signing-key', key, bytes(name), inSeconds(60))),
        )
        expect(added.filter(Boolean)).toHaveLength(1)
        const winner = names[added.indexOf(true)]
        expect(text((await here.get('signing-key', key))?.value)).toBe(winner)
        expect(text((await there.get('signing-key', key))?.value)).toBe(winner)
      }
    })

    test('of many who take at the same time exactly one receives the value', async () => {
      for (let round = 0; round < 10; round += 1) {
        const key = randomUUID()
        await here.put('ticket', key, bytes('once'), inSeconds(60))
        const taken = await Promise.all(
          Array.from({ length: 20 }, (_, index) => (index % 2 ? here : there).take('ticket', key)),
        )
        expect(taken.filter(value => value !== undefined).map(text)).toEqual(['once'])
        expect(await here.get('ticket', key)).toBeUndefined()
      }
    })

    test('an ended key refuses every write until its tombstone has passed', async () => {
      const key = randomUUID()
      await here.put('session', key, bytes('alive'), inSeconds(60))
      await there.end('session', key, inSeconds(600))
      for (const store of [here, there]) {
        expect(await store.get('session', key)).toBeUndefined()
        expect(await store.put('session', key, bytes('late'), inSeconds(60))).toBe(false)
        expect(await store.add('session', key, bytes('late'), inSeconds(60))).toBe(false)
        expect(await store.extend('session', key, inSeconds(60))).toBe(false)
        expect(await store.take('session', key)).toBeUndefined()
        expect(await store.get('session', key)).toBeUndefined()
      }
      backend.clock.advance(599)
      expect(await here.put('session', key, bytes('late'), inSeconds(60))).toBe(false)
      backend.clock.advance(1)
      expect(await here.put('session', key, bytes('new'), inSeconds(60))).toBe(true)
    })

    test('a key can be ended before anything was written to it, and a longer tombstone stays', async () => {
      const key = randomUUID()
      await here.end('session', key, inSeconds(600))
      await there.end('session', key, inSeconds(10))
      backend.clock.advance(300)
      expect(await here.put('session', key, bytes('late'), inSeconds(60))).toBe(false)
    })

    test('F07 of saves that race an end none survives it', async () => {
      for (let round = 0; round < 30; round += 1) {
        const key = randomUUID()
        await here.put('session', key, bytes('alive'), inSeconds(60))
        const save = (index: number) =>
          (index % 2 ? here : there).put('session', key, bytes(`save ${index}`), inSeconds(60))
        const before = Array.from({ length: 5 }, (_, index) => save(index))
        const ended = (round % 2 ? here : there).end('session', key, inSeconds(600))
        const after = Array.from({ length: 5 }, (_, index) => save(index))
        await ended
        expect(await here.get('session', key)).toBeUndefined()
        await Promise.all([...before, ...after])
        expect(await here.get('session', key)).toBeUndefined()
        expect(await there.get('session', key)).toBeUndefined()
      }
    })

    test('an end is seen elsewhere by the first read after it resolves', async () => {
      for (let round = 0; round < 50; round += 1) {
        const key = randomUUID()
        await here.put('session', key, bytes('alive'), inSeconds(60))
        expect(await there.get('session', key)).toBeDefined()
        expect(await here.get('session', key)).toBeDefined()
        await there.end('session', key, inSeconds(600))
        expect(await here.get('session', key)).toBeUndefined()
      }
    })

    test('an expiry that is no moment is a mistake of the caller, not an outage', async () => {
      for (const expiresAt of [Number.NaN, Number.POSITIVE_INFINITY, -1]) {
        await expect(here.put('session', randomUUID(), bytes(''), expiresAt)).rejects.toThrow(RangeError)
      }
    })

    test('the connection can be verified; after closing every method rejects as unavailable', async () => {
      const store = await backend.openElsewhere()
      await store.probe()
      await store.close()
      const key = randomUUID()
      const calls = [
        () => store.put('session', key, bytes(''), inSeconds(60)),
        () => store.add('session', key, bytes(''), inSeconds(60)),
        async () => store.get('session', key),
        () => store.extend('session', key, inSeconds(60)),
        () => store.take('session', key),
        () => store.end('session', key, inSeconds(60)),
        () => store.replace('session', key, bytes(''), { value: bytes(''), expiresAt: inSeconds(60) }),
        () => store.remove('session', key, bytes('')),
        () => store.link(key, key, inSeconds(60)),
        () => store.unlink(key, key, inSeconds(60)),
        () => store.page(key, { limit: 1 }),
        () => store.probe(),
      ]
      for (const call of calls) await expect(call()).rejects.toMatchObject(unavailable)
    })
  })
}
