/**
 * Writes that other processes make to the LMDB file. LMDB tells nobody; but its transactions are numbered in the file, and
 * looking at the number costs some twenty microseconds, however much the file holds.
 */

import type { ChangeSource } from '../records/record-changes.ts'
import type { Databases } from './databases.ts'

/** Between two looks at the number, while somebody listens, in milliseconds. */
const lookEveryMs = 100

/** Tells that any record may have changed, within a tenth of a second of a write by anybody. */
export const watchTransactions =
  ({ root }: Databases): ChangeSource =>
  tell => {
    let last = lastTransaction(root)
    const timer = setInterval(() => {
      const now = lastTransaction(root)
      if (now === last && now !== undefined) return
      last = now
      tell(undefined)
    }, lookEveryMs)
    timer.unref()
    return () => clearInterval(timer)
  }

/** `undefined` when the file cannot be looked at: then whoever listens has to read. */
function lastTransaction(root: Databases['root']): unknown {
  try {
    return (root.getStats() as { readonly lastTxnId?: unknown }).lastTxnId
  } catch {
    return undefined
  }
}
