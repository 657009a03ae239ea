/**
 * One at a time across processes and replicas: whoever holds the lease of a key works, the others wait.
 *
 * It is renewed while the work runs, so that work which takes longer than the lease is still done by one alone; if its
 * holder dies, it falls free by itself. A process that was stopped for longer than that may go on beside the next
 * holder: so what is written under a lease is written by version, and the lease only keeps the number of calls down.
 */
import { randomBytes } from 'node:crypto'
import type { Clock } from '../../clock.ts'
import type { RecordStore } from '../record-store.ts'

export interface Lease {
  /** Gives it back, if it is still ours. Never rejects: what cannot be given back falls free by itself. */
  release(): Promise<void>
}

export interface Leases {
  /** `key` is a digest. `undefined` when somebody else holds it. Rejects with `ERR_STORE_UNAVAILABLE`. */
  take(key: string): Promise<Lease | undefined>
}

export interface LeasesOptions {
  readonly records: Pick<RecordStore, 'add' | 'replace' | 'remove'>
  readonly clock: Clock
  /** How long a lease outlives its last renewal, in milliseconds; renewed three times in that time. Default 10,000. */
  readonly ttlMs?: number
}

export function createLeases({ records, clock, ttlMs = 10_000 }: LeasesOptions): Leases {
  return {
    async take(key) {
      // Nothing to hide: it says which holder wrote it, and nobody has to be able to make it.
      const holder = randomBytes(16)
      if (!(await records.add('lease', key, holder, clock.now() + ttlMs))) return undefined
      let renewal: Promise<unknown> = Promise.resolve()
      const renew = () =>
        records.replace('lease', key, holder, { value: holder, expiresAt: clock.now() + ttlMs }).catch(() => false)
      const timer = setInterval(() => {
        renewal = renewal.then(renew)
      }, ttlMs / 3)
      return {
        async release() {
          clearInterval(timer)
          // A renewal that arrives after the removal finds nothing to renew.
          await records.remove('lease', key, holder).catch(() => false)
          await renewal
        },
      }
    },
  }
}
