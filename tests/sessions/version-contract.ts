/** What every RecordStore promises of writes that depend on what is there; run over each backend by its own test file. */
import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { RecordStore } from '../../app/sessions/record-store.ts'
import { createSealedRecords } from '../../app/sessions/records/sealed-records.ts'
import type { Backend } from './contract.ts'
import { secrets } from './fixtures.ts'
import { openTwice } from './open-twice.ts'

const bytes = (text: string) => Buffer.from(text)
const text = (value: Uint8Array | undefined) => (value === undefined ? undefined : Buffer.from(value).toString())

export function describeVersions(name: string, start: () => Promise<Backend>): void {
  describe(`versions of records in ${name}`, () => {
    let backend: Backend
    let here: RecordStore
    let there: RecordStore
    openTwice(start, opened => {
      ;({ backend, here, there } = opened)
    })
    const inSeconds = (seconds: number) => backend.clock.now() + seconds * 1000

    test('replace writes value and expiry over the expected value, and nothing over any other', async () => {
      const key = randomUUID()
      // Bytes that are no text, and such as begin alike.
      const [first, second] = [Buffer.from([0, 255, 10, 13, 0]), Buffer.from([0, 255, 10, 13, 0, 0])]
      await here.put('session', key, first, inSeconds(60))
      for (const wrong of [second, first.subarray(0, 4), Buffer.alloc(0)]) {
        expect(await there.replace('session', key, wrong, { value: bytes('wrong'), expiresAt: inSeconds(600) })).toBe(
          false,
        )
        expect(await here.get('session', key)).toMatchObject({ expiresAt: inSeconds(60) })
      }
      expect(await there.replace('session', key, first, { value: second, expiresAt: inSeconds(600) })).toBe(true)
      const replaced = await here.get('session', key)
      expect(Buffer.compare(replaced?.value ?? bytes(''), second)).toBe(0)
      expect(replaced?.expiresAt).toBe(inSeconds(600))
      expect(await there.replace('session', key, first, { value: bytes('late'), expiresAt: inSeconds(600) })).toBe(
        false,
      )
      expect(
        await here.replace('session', key, replaced?.value ?? bytes(''), {
          value: bytes('third'),
          expiresAt: inSeconds(60),
        }),
      ).toBe(true)
      expect(text((await there.get('session', key))?.value)).toBe('third')
    })

    test('replace is not refused because the expiry was moved meanwhile', async () => {
      const key = randomUUID()
      await here.put('session', key, bytes('first'), inSeconds(60))
      await there.extend('session', key, inSeconds(120))
      expect(
        await here.replace('session', key, bytes('first'), { value: bytes('second'), expiresAt: inSeconds(120) }),
      ).toBe(true)
    })

    test('replace and remove touch no other kind', async () => {
      const key = randomUUID()
      await here.put('session', key, bytes('same'), inSeconds(60))
      expect(
        await here.replace('tokens', key, bytes('same'), { value: bytes('other'), expiresAt: inSeconds(60) }),
      ).toBe(false)
      expect(await here.remove('lease', key, bytes('same'))).toBe(false)
      expect(text((await there.get('session', key))?.value)).toBe('same')
    })

    test('what is gone is neither replaced nor removed, and comes back by neither', async () => {
      const key = randomUUID()
      const tryBoth = async () => {
        for (const store of [here, there]) {
          for (const expected of [bytes('old'), Buffer.alloc(0)]) {
            expect(
              await store.replace('session', key, expected, { value: bytes('new'), expiresAt: inSeconds(60) }),
            ).toBe(false)
            expect(await store.remove('session', key, expected)).toBe(false)
          }
          expect(await store.get('session', key)).toBeUndefined()
        }
      }
      await tryBoth()
      await here.put('session', key, bytes('old'), inSeconds(60))
      backend.clock.advance(60)
      await tryBoth()
    })

    test('F07 a tombstone refuses replace and is not removed, even by those who expect nothing', async () => {
      const key = randomUUID()
      await here.put('session', key, bytes('alive'), inSeconds(60))
      await there.end('session', key, inSeconds(600))
      for (const expected of [bytes('alive'), Buffer.alloc(0)]) {
        expect(await here.replace('session', key, expected, { value: bytes('late'), expiresAt: inSeconds(60) })).toBe(
          false,
        )
        expect(await here.remove('session', key, expected)).toBe(false)
      }
      expect(await here.get('session', key)).toBeUndefined()
      expect(await there.put('session', key, bytes('late'), inSeconds(60))).toBe(false)
    })

    test('of many who replace the same version at the same time exactly one wins, and everybody reads that one', async () => {
      for (let round = 0; round < 20; round += 1) {
        const key = randomUUID()
        await here.put('tokens', key, bytes('first'), inSeconds(60))
        const names = Array.from({ length: 20 }, (_, index) => `replica ${index}`)
        const replaced = await Promise.all(
          names.map((name, index) =>
            (index % 2 ? here : there).replace('tokens', key, bytes('first'), {
              value: bytes(name),
              expiresAt: inSeconds(60),
            }),
          ),
        )
        expect(replaced.filter(Boolean)).toHaveLength(1)
        const winner = names[replaced.indexOf(true)]
        expect(text((await here.get('tokens', key))?.value)).toBe(winner)
        expect(text((await there.get('tokens', key))?.value)).toBe(winner)
      }
    })

    test('no count is lost among many who read, add one and replace until it is theirs', async () => {
      for (const kind of ['session', 'cutoff'] as const) {
        const key = randomUUID()
        await here.put(kind, key, bytes('0'), inSeconds(60))
        const addOne = async (store: RecordStore) => {
          for (;;) {
            const found = await store.get(kind, key)
            const count = bytes(String(Number(text(found?.value)) + 1))
            if (await store.replace(kind, key, found?.value ?? bytes(''), { value: count, expiresAt: inSeconds(60) }))
              return
          }
        }
        await Promise.all(Array.from({ length: 20 }, (_, index) => addOne(index % 2 ? here : there)))
        for (const store of [here, there]) expect(text((await store.get(kind, key))?.value), kind).toBe('20')
      }
    })

    test('F07 of replacements that race an end none survives it', async () => {
      for (let round = 0; round < 30; round += 1) {
        const key = randomUUID()
        await here.put('session', key, bytes('alive'), inSeconds(60))
        const save = (index: number) =>
          (index % 2 ? here : there).replace('session', key, bytes('alive'), {
            value: bytes('alive'),
            expiresAt: inSeconds(60),
          })
        const before = Array.from({ length: 5 }, (_, index) => save(index))
        const ended = (round % 2 ? here : there).end('session', key, inSeconds(600))
        const after = Array.from({ length: 5 }, (_, index) => save(index))
        await Promise.all([...before, ended, ...after])
        expect(await here.get('session', key)).toBeUndefined()
        expect(await there.get('session', key)).toBeUndefined()
      }
    })

    test('remove gives the key free for the next, once, and never what belongs to the next', async () => {
      for (let round = 0; round < 10; round += 1) {
        const key = randomUUID()
        await here.add('lease', key, bytes('first owner'), inSeconds(60))
        const removed = await Promise.all(
          Array.from({ length: 10 }, (_, index) =>
            (index % 2 ? here : there).remove('lease', key, bytes('first owner')),
          ),
        )
        expect(removed.filter(Boolean)).toHaveLength(1)
        expect(await there.get('lease', key)).toBeUndefined()
        expect(await there.add('lease', key, bytes('second owner'), inSeconds(60))).toBe(true)
        expect(await here.remove('lease', key, bytes('first owner'))).toBe(false)
        expect(text((await here.get('lease', key))?.value)).toBe('second owner')
      }
    })

    test.each(['session', 'cutoff', 'visit', 'tokens'] as const)(
      'a replaced %s is seen by the next read, here and elsewhere',
      async kind => {
        const key = randomUUID()
        await here.put(kind, key, bytes('0'), inSeconds(60))
        for (let round = 1; round <= 20; round += 1) {
          const [writer, reader] = round % 2 ? [here, there] : [there, here]
          const [old, now] = [String(round - 1), String(round)]
          // Both have it in memory, where they have one.
          for (const store of [here, there]) expect(text((await store.get(kind, key))?.value)).toBe(old)
          expect(await writer.replace(kind, key, bytes(old), { value: bytes(now), expiresAt: inSeconds(60) })).toBe(
            true,
          )
          for (const store of [writer, reader]) expect(text((await store.get(kind, key))?.value)).toBe(now)
        }
        expect(await there.remove(kind, key, bytes('20'))).toBe(true)
        for (const store of [here, there]) expect(await store.get(kind, key)).toBeUndefined()
      },
    )

    test('what was not there is seen when somebody else has written it', async () => {
      for (const kind of ['session', 'cutoff', 'visit', 'mark'] as const) {
        const key = randomUUID()
        for (let count = 0; count < 3; count += 1) expect(await here.get(kind, key)).toBeUndefined()
        expect(await there.add(kind, key, bytes('here now'), inSeconds(60))).toBe(true)
        expect(text((await here.get(kind, key))?.value), kind).toBe('here now')
      }
    })

    test('an expiry that is no moment is a mistake of the caller', async () => {
      const key = randomUUID()
      await here.put('session', key, bytes('first'), inSeconds(60))
      await expect(
        here.replace('session', key, bytes('first'), { value: bytes('x'), expiresAt: Number.NaN }),
      ).rejects.toThrow(RangeError)
      expect(text((await here.get('session', key))?.value)).toBe('first')
    })

    test('a sealed record is replaced and removed by the version that was opened, and only by it', async () => {
      const id = randomUUID()
      const sealed = createSealedRecords({ records: here, secrets, kind: 'tokens' })
      const elsewhere = createSealedRecords({ records: there, secrets, kind: 'tokens' })
      await sealed.add(id, { refreshToken: 'first' }, inSeconds(60))
      const first = await sealed.get(id)
      if (first === undefined) throw new Error('it is not there')
      // The same value sealed anew is another version.
      expect(await elsewhere.replace(id, first.version, first.value, inSeconds(60))).toBe(true)
      expect(await sealed.replace(id, first.version, { refreshToken: 'lost' }, inSeconds(60))).toBe(false)
      expect(await sealed.remove(id, first.version)).toBe(false)
      const second = await sealed.get(id)
      expect(second?.value).toEqual({ refreshToken: 'first' })
      expect(await sealed.remove(id, second?.version ?? bytes(''))).toBe(true)
      expect(await elsewhere.get(id)).toBeUndefined()
    })
  })
}
