/**
 * When a session was last used on a host that has an idle limit of its own; noted by the checks themselves, so that it
 * works where only subrequests arrive.
 *
 * A record lasts as long as its session, not as long as the limit. Threat: somebody at an unattended desk who deletes the
 * host's cookie and comes back by single sign-on. An expired record would look like a host that was never visited; this
 * one still says how long ago it was, and only another login, which is another session, begins anew.
 */
import { LRUCache } from 'lru-cache'
import { type Clock, isAhead } from '../../clock.ts'
import type { RecordStore, ValueOrPromise } from '../record-store.ts'
import { createSealedRecords } from '../records/sealed-records.ts'
import { untilWritten } from '../records/until-written.ts'

export interface Visits {
  /**
   * Whether the session was used on the host within the limit, or never yet; if so, it is used now. Written at most once
   * a minute (a quarter of very short limits); a value at once where nothing is to be written and nothing to be asked.
   * @param endsAt when the session ends at the latest, seconds since the epoch
   * Throws or rejects with `ERR_STORE_UNAVAILABLE`.
   */
  use(
    sessionId: string,
    host: string,
    limit: { readonly idleSeconds: number; readonly endsAt: number },
  ): ValueOrPromise<boolean>
}

export interface VisitsOptions {
  readonly records: RecordStore
  /** Master secrets: the first seals, all open. */
  readonly secrets: readonly string[]
  readonly clock: Clock
}

interface Visit {
  /** Seconds since the epoch. */
  readonly usedAt: number
}

/** As elsewhere: a page with a hundred resources is not a hundred writes. */
const longestUnwrittenSeconds = 60
/** Uses that are remembered, some 300 bytes each. */
const mostRemembered = 20_000

export function createVisits({ records, secrets, clock }: VisitsOptions): Visits {
  const visits = createSealedRecords({ records, secrets, kind: 'visit' })
  const remembered = new LRUCache<string, number>({ max: mostRemembered })
  const underWay = new Map<string, Promise<boolean>>()

  function write(id: string, idleSeconds: number, endsAt: number): Promise<boolean> {
    return untilWritten('a visit', async () => {
      const now = clock.now() / 1000
      const found = await visits.get(id)
      if (found !== undefined) {
        const { usedAt } = found.value as Visit
        // A use of the future is none: the clock was set back, and what was idle would not be until then.
        if (now - usedAt > idleSeconds || isAhead(usedAt, clock)) return { outcome: false }
        if (isRecent(usedAt, idleSeconds, now)) return { outcome: remember(id, usedAt) }
      }
      const isWritten = await put(id, found?.version, { usedAt: now }, endsAt * 1000)
      return isWritten ? { outcome: remember(id, now) } : undefined
    })
  }

  function remember(id: string, usedAt: number): true {
    remembered.set(id, usedAt)
    return true
  }

  const put = (id: string, version: Uint8Array | undefined, visit: Visit, expiresAt: number): Promise<boolean> =>
    version === undefined ? visits.add(id, visit, expiresAt) : visits.replace(id, version, visit, expiresAt)

  return {
    use(sessionId, host, { idleSeconds, endsAt }) {
      // No host holds a NUL, so no two pairs give the same text.
      const id = `${sessionId}\0${host}`
      const usedAt = remembered.get(id)
      if (usedAt !== undefined && isRecent(usedAt, idleSeconds, clock.now() / 1000)) return true
      // Parallel checks of one session share one write.
      const writing = underWay.get(id) ?? write(id, idleSeconds, endsAt).finally(() => underWay.delete(id))
      underWay.set(id, writing)
      return writing
    },
  }
}

function isRecent(usedAt: number, idleSeconds: number, now: number): boolean {
  const age = now - usedAt
  return age >= 0 && age < Math.min(longestUnwrittenSeconds, idleSeconds / 4)
}
