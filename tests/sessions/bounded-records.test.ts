/** What strangers can keep here, on every store, for two replicas: bounded, and nobody else's goes first. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { networksOf } from '../../app/client-networks.ts'
import type { RecordStore } from '../../app/sessions/record-store.ts'
import type { BoundedStore } from '../../app/sessions/records/bounded-records.ts'
import { createBoundedRecords } from '../../app/sessions/records/bounded-records.ts'
import { openStore, stores } from '../login/kept-in.ts'
import { createMovableClock, secrets } from './fixtures.ts'

const bounds = {
  short: { perClient: 10, perNetwork: 30, inAll: 64 * 8 },
  long: { perClient: 2, perNetwork: 4, inAll: 64 * 2 },
}
const hour = 3600

describe.each(stores)('on %s', name => {
  const clock = createMovableClock(Date.now())
  let opened: Awaited<ReturnType<typeof openStore>>
  let records: RecordStore
  let replicas: readonly BoundedStore<string>[]
  beforeAll(async () => {
    opened = await openStore(name, clock)
    records = opened.records
  })
  afterAll(() => opened.remove())

  let worlds = 0
  let puts = 0
  /** A world of its own for each test: the indexes are named with the secret. */
  function begin(): void {
    worlds += 1
    const options = { records, secrets: [`${secrets[0]} ${worlds}`], clock, kind: 'attempt', bounds } as const
    replicas = [createBoundedRecords<string>(options), createBoundedRecords<string>(options)]
  }
  async function put(address: string, value = 'x'): Promise<string> {
    const id = randomBytes(32).toString('base64url')
    clock.advance(0.001)
    puts += 1
    await replicas[puts % 2]?.put(id, value, hour, networksOf(address))
    return id
  }
  const isThere = async (id: string) => (await replicas[0]?.get(id)) !== undefined
  const thereOf = async (ids: readonly string[]) => (await Promise.all(ids.map(isThere))).filter(Boolean).length

  test('a client keeps its newest, and pushes out nobody else, not even its neighbour', async () => {
    begin()
    const bob = await put('192.0.2.8')
    const own: string[] = []
    for (let count = 0; count < 100; count += 1) own.push(await put('192.0.2.7'))
    expect(await isThere(bob)).toBe(true)
    expect(await thereOf(own)).toBe(10)
    expect(await thereOf(own.slice(-10))).toBe(10)
  })

  test('a client with IPv6 is its /64, however many addresses it takes', async () => {
    begin()
    const own: string[] = []
    for (let count = 0; count < 40; count += 1) own.push(await put(`2001:db8:1:2::${count.toString(16)}`))
    expect(await thereOf(own)).toBe(10)
  })

  test('an owner of many /64 or of a /24 meets the bound of the network before that of all', async () => {
    begin()
    const elsewhere = [await put('2001:db8:2::1'), await put('198.51.100.1')]
    const own: string[] = []
    for (let count = 0; count < 60; count += 1) own.push(await put(`2001:db8:1:${count.toString(16)}::1`))
    for (let count = 0; count < 60; count += 1) own.push(await put(`192.0.2.${count}`))
    expect(await thereOf(own)).toBe(60)
    expect(await thereOf(elsewhere)).toBe(2)
  })

  test('all together have a bound as well', async () => {
    begin()
    const ids: string[] = []
    for (let count = 0; count < 700; count += 1) ids.push(await put(`10.${count >> 8}.${count & 255}.1`))
    expect(await thereOf(ids)).toBeLessThanOrEqual(64 * 8)
    expect(await thereOf(ids.slice(-300))).toBeGreaterThan(280)
  })

  test('what was taken makes room', async () => {
    begin()
    const first = await put('192.0.2.7')
    const others: string[] = []
    for (let count = 0; count < 9; count += 1) others.push(await put('192.0.2.7'))
    expect(await replicas[1]?.take(others[8] ?? '')).toBe('x')
    await put('192.0.2.7')
    expect(await isThere(first)).toBe(true)
    expect(await replicas[0]?.take(others[8] ?? '')).toBeUndefined()
  })

  test('8 KB count on their own, and are fewer', async () => {
    begin()
    const short = await put('192.0.2.7')
    const long: string[] = []
    for (let count = 0; count < 20; count += 1) long.push(await put('192.0.2.7', 'y'.repeat(8000)))
    expect(await thereOf(long)).toBe(2)
    expect(await isThere(short)).toBe(true)
  })
})

test.each([
  ['192.0.2.7', '192.0.2.7', '192.0.2'],
  ['::ffff:192.0.2.7', '192.0.2.7', '192.0.2'],
  ['2001:db8::1', '2001:db8:0:0', '2001:db8:0'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2', '2001:db8:1'],
  ['2001:DB8:1:2::', '2001:db8:1:2', '2001:db8:1'],
  ['::1', '0:0:0:0', '0:0:0'],
  [undefined, 'unknown', 'unknown'],
])('%s is one client with %s, in the network %s', (address, client, network) => {
  expect(networksOf(address)).toEqual({ address: client, network })
})
