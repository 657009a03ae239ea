/** Everything that the Redis servers hold under the prefix. The one place that scans: no check and no login may wait for it. */
import type { Clock } from '../../clock.ts'
import { itemOf, linkOf, type StoredItem } from '../records/stored-items.ts'
import type { Link } from './link.ts'
import type { Topology } from './topology.ts'

export interface RedisItemsOptions {
  readonly topology: Topology
  readonly prefix: string
  readonly clock: Clock
}

const keysPerStep = 500
const membersPerPage = 1000

/** Each item at least once. Rejects with `ERR_STORE_UNAVAILABLE`. */
export async function* readRedisItems(options: RedisItemsOptions): AsyncGenerator<StoredItem> {
  for (const link of await options.topology.servers()) yield* itemsOn(link, options)
}

async function* itemsOn(link: Link, { prefix, clock }: RedisItemsOptions): AsyncGenerator<StoredItem> {
  const pattern = `${prefix.replaceAll(/[*?[\]\\]/g, '\\$&')}*`
  let cursor = '0'
  do {
    const step = ['SCAN', cursor, 'MATCH', pattern, 'COUNT', String(keysPerStep)]
    const [next, names] = await link.run('scan', client => client.sendCommand<[Buffer, Buffer[]]>(step))
    cursor = String(next)
    const keys = names.map(name => keyIn(String(name), prefix)).filter(key => key !== undefined)
    const records = keys.filter(({ kind }) => kind !== 'index')
    const values = await Promise.all(
      records.map(({ name }) => link.run('get', client => client.sendCommand<Buffer | null>(['GETEX', name]))),
    )
    for (const [place, { kind, digest }] of records.entries()) {
      const value = values[place]
      const item = value === null || value === undefined ? undefined : itemOf(kind, digest, value, clock.now())
      if (item !== undefined) yield item
    }
    for (const { kind, name, digest } of keys) if (kind === 'index') yield* linksOf(link, name, digest, clock)
  } while (cursor !== '0')
}

async function* linksOf(link: Link, name: string, index: string, clock: Clock): AsyncGenerator<StoredItem> {
  let from = '-'
  for (;;) {
    const found = await link.run('page', client => client.pageMembers(name, from, String(membersPerPage)))
    for (const text of found) {
      const item = linkOf(index, String(text), clock.now())
      if (item !== undefined) yield item
    }
    if (found.length < membersPerPage) return
    from = `(${found.at(-1)}`
  }
}

/** `undefined` for keys that hold no record: probes, and what others keep under the same prefix. */
function keyIn(name: string, prefix: string) {
  const [, kind, digest] = /^([a-z-]+):\{([\w-]{1,64})\}$/.exec(name.slice(prefix.length)) ?? []
  return kind === undefined || digest === undefined ? undefined : { name, kind, digest }
}
