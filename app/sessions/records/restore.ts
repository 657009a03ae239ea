/**
 * Brings items into a store, which may be in use. Nothing of it is overwritten: what is there is newer. Threat: a session
 * that was ended since the export. Its tombstone refuses the record; and a tombstone that comes ends what is there.
 */
import type { RecordStore } from '../record-store.ts'
import type { ItemCounts, StoredItem } from './stored-items.ts'

/** `kept`: records that were not taken over, because the store has its own or a tombstone. */
export interface Restored extends ItemCounts {
  readonly kept: number
  readonly expired: number
}

export interface RestoreOptions {
  readonly now: () => number
  readonly onProgress?: (restored: Restored) => void
}

/** Writes that are under way at one time: enough for a transaction to hold many, few for a busy Redis. */
const concurrency = 200

/** Rejects with what the store or the source rejects with; what was brought in until then stays, and may come again. */
export async function restoreItems(
  records: RecordStore,
  items: AsyncIterable<StoredItem>,
  { now, onProgress }: RestoreOptions,
): Promise<Restored> {
  const counts = { records: 0, tombstones: 0, links: 0, kept: 0, expired: 0 }
  const restore = async (item: StoredItem): Promise<void> => {
    if (item.expiresAt <= now()) counts.expired += 1
    else if ('index' in item) {
      await records.link(item.index, item.member, item.expiresAt)
      counts.links += 1
    } else if (item.value === undefined) {
      await records.end(item.kind, item.key, item.expiresAt)
      counts.tombstones += 1
    } else if (await records.add(item.kind, item.key, item.value, item.expiresAt)) counts.records += 1
    else counts.kept += 1
  }
  let waiting: Promise<void>[] = []
  for await (const item of items) {
    waiting.push(restore(item))
    if (waiting.length < concurrency) continue
    await Promise.all(waiting)
    waiting = []
    onProgress?.(counts)
  }
  await Promise.all(waiting)
  return counts
}
