/** Reads of the LMDB file, each of what is there now. */
import type { Clock } from '../../clock.ts'
import type { IndexPage, PageOptions, StoredRecord } from '../record-store.ts'
import { decodeEntry, isEntryOf, ownCopy } from '../records/entry.ts'
import { pageOf, rangeOf, requireDigest } from '../records/index-members.ts'
import { type Databases, unavailable } from './databases.ts'

/** Behind the digits of any moment. */
const behindMoments = ':'

/**
 * Reads outside of transactions. LMDB-js keeps one snapshot for a timer's tick; a session that another process ended in
 * between would still be there. So the snapshot is given back when this turn of the event loop is over.
 */
export function createReader({ root, records, index }: Databases, clock: Clock) {
  let isResetDue = false
  let isClosed = false
  const reset = () => {
    isResetDue = false
    if (!isClosed) root.resetReadTxn()
  }
  const beginRead = () => {
    if (isClosed) throw new Error('the store is closed')
    if (isResetDue) return
    isResetDue = true
    setImmediate(reset)
  }
  /** The bytes stay as they are until the next call of the library. */
  const borrow = (id: string): Buffer | undefined => {
    beginRead()
    return records.getBinaryFast(id) as Buffer | undefined
  }
  return {
    /** Throws `ERR_STORE_UNAVAILABLE`. */
    read(id: string, known: StoredRecord | undefined): StoredRecord | undefined {
      try {
        const encoded = borrow(id)
        if (encoded === undefined) return undefined
        // Almost every read finds what the last one found: then nothing is copied.
        const isKnown = known !== undefined && isEntryOf(encoded, known.value, known.expiresAt)
        const record = isKnown ? known : recordIn(encoded)
        return record === undefined || record.expiresAt <= clock.now() ? undefined : record
      } catch (error) {
        throw unavailable('get', error)
      }
    },
    /** Throws `ERR_STORE_UNAVAILABLE`, and a RangeError for what no page can be. */
    page(name: string, options: PageOptions): IndexPage {
      requireDigest(name)
      const { start, isAfter, limit } = rangeOf(options, clock.now())
      const [first, behind]: [[string, string], [string, string]] = [
        [name, start],
        [name, behindMoments],
      ]
      try {
        beginRead()
        const keys = [...index.getKeys({ start: first, end: behind, exclusiveStart: isAfter, limit })]
        return pageOf(
          keys.map(([, text]) => text),
          options.limit,
        )
      } catch (error) {
        throw unavailable('page', error)
      }
    },
    close(): void {
      isClosed = true
    },
  }
}

function recordIn(encoded: Buffer): StoredRecord | undefined {
  const entry = decodeEntry(encoded)
  if (entry?.kind !== 'record') return undefined
  return { value: ownCopy(entry.value), expiresAt: entry.expiresAt }
}
