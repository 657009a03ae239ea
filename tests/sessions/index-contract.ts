/** What every RecordStore promises of its indexes; run over each backend by its own test file. */
import { randomInt, randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { RecordStore } from '../../app/sessions/record-store.ts'
import type { Backend } from './contract.ts'
import { openTwice } from './open-twice.ts'

/** Cursors of pages that never come to an end would be a test that never does. */
const mostPages = 1000

export function describeIndexes(name: string, start: () => Promise<Backend>): void {
  describe(`indexes in ${name}`, () => {
    let backend: Backend
    let here: RecordStore
    let there: RecordStore
    openTwice(start, opened => {
      ;({ backend, here, there } = opened)
    })
    const inSeconds = (seconds: number) => backend.clock.now() + seconds * 1000

    /** All pages one after the other; `between` happens after each. */
    async function pagesOf(index: string, limit: number, between: () => Promise<unknown> = async () => undefined) {
      const pages: (readonly string[])[] = []
      for (let after: string | undefined; pages.length < mostPages; ) {
        const page = await (pages.length % 2 ? here : there).page(index, {
          limit,
          ...(after === undefined ? {} : { after }),
        })
        pages.push(page.members)
        if (page.next === undefined) return pages
        after = page.next
        await between()
      }
      throw new Error('the pages do not end')
    }
    const membersOf = async (index: string) => (await pagesOf(index, 1000)).flat()

    test('an index nobody has linked to is one empty page', async () => {
      expect(await here.page(randomUUID(), { limit: 10 })).toEqual({ members: [] })
    })

    test('members come in order of expiry, those of one expiry in order of their names, on pages of any size', async () => {
      const index = randomUUID()
      const links = [
        ['c', 30],
        ['a', 20],
        ['b', 20],
        ['B', 20],
        ['_', 20],
        ['-', 20],
        ['0', 20],
        ['d', 10],
        ['e', 1_000_000_000],
      ] as const
      for (const [member, seconds] of links) {
        await (seconds === 20 ? here : there).link(index, member, inSeconds(seconds))
      }
      const ordered = ['d', '-', '0', 'B', '_', 'a', 'b', 'c', 'e']
      for (let limit = 1; limit <= 10; limit += 1) {
        const pages = await pagesOf(index, limit)
        expect(pages.flat(), `pages of ${limit}`).toEqual(ordered)
        // The last full page says by itself that there is no other.
        expect(pages).toHaveLength(Math.ceil(ordered.length / limit))
      }
    })

    test('a link is made once however often it is made, and unlink takes it back once and for all', async () => {
      const index = randomUUID()
      const expiresAt = inSeconds(60)
      for (let count = 0; count < 3; count += 1) {
        await Promise.all([here.link(index, 'twice', expiresAt), there.link(index, 'twice', expiresAt)])
      }
      await here.link(index, 'other', expiresAt)
      expect(await membersOf(index)).toEqual(['other', 'twice'])
      await there.unlink(index, 'twice', expiresAt)
      expect(await membersOf(index)).toEqual(['other'])
      await here.unlink(index, 'twice', expiresAt)
      await here.unlink(index, 'other', expiresAt + 1)
      await here.unlink(randomUUID(), 'other', expiresAt)
      expect(await membersOf(index)).toEqual(['other'])
    })

    test('a member with two expiries stands there twice and goes link by link', async () => {
      const index = randomUUID()
      await here.link(index, 'moved', inSeconds(60))
      await there.link(index, 'moved', inSeconds(120))
      expect(await membersOf(index)).toEqual(['moved', 'moved'])
      await here.unlink(index, 'moved', inSeconds(60))
      expect(await membersOf(index)).toEqual(['moved'])
      backend.clock.advance(60)
      expect(await membersOf(index)).toEqual(['moved'])
    })

    test('indexes do not see each other, though one has the name of a record, or begins as another', async () => {
      const index = randomUUID()
      await here.put('session', index, Buffer.from('a session'), inSeconds(60))
      await here.link(index, 'mine', inSeconds(60))
      await here.link(`${index}0`, 'theirs', inSeconds(60))
      await here.link(index.slice(0, -1), 'others', inSeconds(60))
      expect(await membersOf(index)).toEqual(['mine'])
      expect(await membersOf(`${index}0`)).toEqual(['theirs'])
      expect(Buffer.from((await here.get('session', index))?.value ?? []).toString()).toBe('a session')
    })

    test('expired members are left out to the millisecond, at the beginning and behind a cursor', async () => {
      const index = randomUUID()
      for (const seconds of [1, 2, 3, 4, 5]) await here.link(index, `of${seconds}`, inSeconds(seconds))
      const first = await here.page(index, { limit: 1 })
      expect(first.members).toEqual(['of1'])
      backend.clock.advance(2.999)
      expect(await membersOf(index)).toEqual(['of3', 'of4', 'of5'])
      backend.clock.advance(0.001)
      expect(await membersOf(index)).toEqual(['of4', 'of5'])
      const later = await there.page(index, { limit: 10, ...(first.next === undefined ? {} : { after: first.next }) })
      expect(later).toEqual({ members: ['of4', 'of5'] })
      // Also when another link has cleaned up.
      await there.link(index, 'new', inSeconds(1))
      expect(await membersOf(index)).toEqual(['new', 'of4', 'of5'])
      backend.clock.advance(1)
      expect(await membersOf(index)).toEqual(['of5'])
      backend.clock.advance(1000)
      expect(await membersOf(index)).toEqual([])
    })

    test('a link that has expired already is in no page', async () => {
      const index = randomUUID()
      await here.link(index, 'live', inSeconds(60))
      await here.link(index, 'late', inSeconds(-1))
      await here.link(index, 'now', inSeconds(0))
      expect(await membersOf(index)).toEqual(['live'])
    })

    test('while others come and go between pages, each member that stays is seen exactly once', async () => {
      for (let round = 0; round < 8; round += 1) {
        const index = randomUUID()
        const expiries = [60, 60, 61, 62].map(inSeconds)
        const expiry = () => expiries[randomInt(expiries.length)] ?? 0
        const make = (name: string) => ({ member: `${name}-${randomUUID()}`, expiresAt: expiry() })
        const staying = Array.from({ length: 60 }, () => make('stays'))
        const going = Array.from({ length: 60 }, () => make('goes'))
        await Promise.all([...staying, ...going].map(({ member, expiresAt }) => here.link(index, member, expiresAt)))
        const pages = await pagesOf(index, 1 + randomInt(12), async () => {
          for (const { member, expiresAt } of going.splice(0, 4)) await there.unlink(index, member, expiresAt)
          for (const { member, expiresAt } of [make('comes'), make('comes')]) await here.link(index, member, expiresAt)
        })
        const seen = pages.flat()
        expect(new Set(seen).size).toBe(seen.length)
        expect(seen.filter(member => member.startsWith('stays')).toSorted()).toEqual(
          staying.map(({ member }) => member).toSorted(),
        )
      }
    })

    test('the member a cursor came from may go', async () => {
      const index = randomUUID()
      for (const member of ['a', 'b', 'c']) await here.link(index, member, inSeconds(60))
      const { members, next = '' } = await here.page(index, { limit: 2 })
      expect(members).toEqual(['a', 'b'])
      await there.unlink(index, 'b', inSeconds(60))
      expect(await here.page(index, { limit: 2, after: next })).toEqual({ members: ['c'] })
    })

    test('many who link at the same time are all there, over more than one full page', async () => {
      const index = randomUUID()
      const members = Array.from({ length: 1100 }, () => randomUUID())
      await Promise.all(members.map((member, count) => (count % 2 ? here : there).link(index, member, inSeconds(60))))
      const pages = await pagesOf(index, 1000)
      expect(pages.map(page => page.length)).toEqual([1000, 100])
      expect(pages.flat()).toEqual(members.toSorted())
    })

    test('an index with a bound gives up what stands first, whoever links, and says what went', async () => {
      const index = randomUUID()
      for (const [count, member] of ['a', 'b', 'c'].entries()) {
        expect(await (count % 2 ? here : there).linkWithin(index, member, inSeconds(60 + count), 3)).toEqual([])
      }
      expect(await there.linkWithin(index, 'd', inSeconds(70), 3)).toEqual([{ member: 'a', expiresAt: inSeconds(60) }])
      expect(await here.linkWithin(index, 'd', inSeconds(70), 3)).toEqual([])
      await here.unlink(index, 'c', inSeconds(62))
      expect(await there.linkWithin(index, 'e', inSeconds(71), 3)).toEqual([])
      expect(await membersOf(index)).toEqual(['b', 'd', 'e'])
      const gone = await here.linkWithin(index, 'f', inSeconds(72), 1)
      expect(gone.map(({ member }) => member)).toEqual(['b', 'd', 'e'])
    })

    test('many who link at the same time never go beyond a bound', async () => {
      const index = randomUUID()
      const members = Array.from({ length: 120 }, () => randomUUID())
      const gone = await Promise.all(
        members.map((member, count) => (count % 2 ? here : there).linkWithin(index, member, inSeconds(60), 50)),
      )
      expect(await membersOf(index)).toHaveLength(50)
      expect(gone.flat()).toHaveLength(70)
    })

    test('what is no digest, no page or no cursor is a mistake of the caller, and touches nothing', async () => {
      const index = randomUUID()
      await here.link(index, 'a', inSeconds(60))
      for (const wrong of ['', 'a/b', 'a}b', 'ä', 'a b', 'a'.repeat(65), '*']) {
        await expect(here.link(wrong, 'a', inSeconds(60)), wrong).rejects.toThrow(RangeError)
        await expect(here.link(index, wrong, inSeconds(60)), wrong).rejects.toThrow(RangeError)
        await expect(here.unlink(index, wrong, inSeconds(60)), wrong).rejects.toThrow(RangeError)
        await expect(here.page(wrong, { limit: 1 }), wrong).rejects.toThrow(RangeError)
        await expect(here.page(index, { limit: 1, after: wrong }), wrong).rejects.toThrow(RangeError)
      }
      for (const limit of [0, -1, 1.5, 1001, Number.NaN]) {
        await expect(here.page(index, { limit })).rejects.toThrow(RangeError)
      }
      for (const expiresAt of [Number.NaN, Number.POSITIVE_INFINITY, -1]) {
        await expect(here.link(index, 'b', expiresAt)).rejects.toThrow(RangeError)
      }
      expect(await membersOf(index)).toEqual(['a'])
    })
  })
}
