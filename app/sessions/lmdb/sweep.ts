/** The sweep: what has expired leaves the LMDB file. */
import type { Clock } from '../../clock.ts'
import { decodeEntry } from '../records/entry.ts'
import { type Databases, linkIn, transact } from './databases.ts'

/** Entries removed in one transaction: about a millisecond of the event loop. */
const sweepBatch = 200

/** Removes expired entries in small transactions until none is left; returns what stops it. */
export function startSweep(databases: Databases, clock: Clock, intervalMs: number): () => void {
  let isRunning = false
  let isStopped = false
  const sweep = async () => {
    if (isRunning) return
    isRunning = true
    try {
      while (!isStopped && (await transact(databases.root, () => sweepOnce(databases, clock.now()))) === sweepBatch);
    } catch {
      // A sweep that fails is tried again at the next interval; whether the file can be written is what
      // `probe` reports.
    } finally {
      isRunning = false
    }
  }
  const timer = setInterval(sweep, intervalMs)
  timer.unref()
  return () => {
    isStopped = true
    clearInterval(timer)
  }
}

function sweepOnce({ records, expiry, index }: Databases, now: number): number {
  const due = [...expiry.getKeys({ end: [now, ''], limit: sweepBatch })]
  for (const indexed of due) {
    const [expiresAt, id] = indexed
    const link = linkIn(id)
    if (link !== undefined) {
      index.remove(link)
      expiry.remove(indexed)
      continue
    }
    const encoded = records.getBinary(id)
    // Written anew in the meantime: the entry has its own place in the index.
    if (encoded !== undefined && decodeEntry(encoded)?.expiresAt === expiresAt) records.remove(id)
    expiry.remove(indexed)
  }
  return due.length
}
