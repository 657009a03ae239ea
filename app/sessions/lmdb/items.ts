/** Everything that an LMDB file holds, while others use it. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '../../clock.ts'
import { itemOf, linkOf, type StoredItem } from '../records/stored-items.ts'
import { type Databases, openDatabases } from './databases.ts'

/** Items of one turn of the event loop. No read stays open longer: it would keep the pages of everything since. */
const batch = 500

/** Throws `ERR_STORE_UNAVAILABLE` when the file cannot be opened. */
export async function* readLmdbItems(options: {
  readonly path: string
  readonly clock: Clock
}): AsyncGenerator<StoredItem> {
  const databases = openDatabases(options.path)
  try {
    yield* readRecords(databases, options.clock)
    yield* readLinks(databases, options.clock)
  } finally {
    await databases.root.close()
  }
}

async function* readRecords({ records }: Databases, clock: Clock): AsyncGenerator<StoredItem> {
  for (let start: string | undefined = ''; start !== undefined; await nextTurn()) {
    const found: { key: string; value: Buffer }[] = [
      ...records.getRange({ start, exclusiveStart: true, limit: batch }),
    ].map(({ key, value }) => ({ key, value }))
    for (const { key, value } of found) {
      const [kind = '', digest = ''] = key.split('/')
      const item = itemOf(kind, digest, value, clock.now())
      if (item !== undefined) yield item
    }
    start = found.length < batch ? undefined : found.at(-1)?.key
  }
}

async function* readLinks({ index }: Databases, clock: Clock): AsyncGenerator<StoredItem> {
  for (let start: [string, string] | undefined = ['', '']; start !== undefined; await nextTurn()) {
    const found: [string, string][] = [...index.getKeys({ start, exclusiveStart: true, limit: batch })]
    for (const [name, text] of found) {
      const item = linkOf(name, text, clock.now())
      if (item !== undefined) yield item
    }
    start = found.length < batch ? undefined : found.at(-1)
  }
}
