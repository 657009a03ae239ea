/** One process that ends sessions and is told of their ends; the bench plays the primary of several. */

import { systemClock } from '../app/clock.ts'
import { createSessionEndings } from '../app/sessions/endings/session-endings.ts'
import { createLooks } from '../app/sessions/endings/watched.ts'
import type { ChangedRecord } from '../app/sessions/record-store.ts'
import { withRelay } from '../app/sessions/records/record-changes.ts'
import { createSessionDirectory } from '../app/sessions/session-directory.ts'
import { endOf } from '../app/sessions/session-payload.ts'
import { createSessionStore } from '../app/sessions/session-store.ts'
import { createPlanter, limits, openCachedRecords, openRecords, type SessionPlace } from './planted-sessions.ts'

export interface EndingPlace extends SessionPlace {
  readonly isCached: boolean
}

export type EndingOrder =
  | { readonly kind: 'plant' }
  | { readonly kind: 'watch' | 'end'; readonly sessionId: string }
  | { readonly kind: 'changed'; readonly changed: ChangedRecord }

/** `at`: milliseconds since the epoch, with their fractions. */
export type EndingReport =
  | { readonly kind: 'ready' }
  | { readonly kind: 'planted'; readonly sessionId: string }
  | { readonly kind: 'watched' }
  | { readonly kind: 'ending'; readonly at: number }
  | { readonly kind: 'told'; readonly at: number }
  | { readonly kind: 'changed'; readonly changed: ChangedRecord }

/** Longer than the first look takes: what is measured is an end, not a beginning. */
const settleMs = 25

const now = (): number => performance.timeOrigin + performance.now()
const report = (message: EndingReport): void => void process.send?.(message)

export async function runEndingProcess(place: EndingPlace): Promise<void> {
  const opened = await (place.isCached ? openCachedRecords(place) : openRecords(place))
  const records = withRelay(opened, changed => report({ kind: 'changed', changed }))
  const secrets = [place.secret]
  const options = { records, secrets, clock: systemClock, ...limits }
  const sessions = createSessionStore(options)
  const longestLifetimeSeconds = limits.lifetimeSeconds
  const directory = createSessionDirectory({ ...options, longestLifetimeSeconds, endOf: login => endOf(login, limits) })
  const endings = createSessionEndings({
    records,
    lookAt: createLooks({ ...options, sessions, directory, holds: () => true }),
    clock: systemClock,
    onError: error => console.error(error),
  })
  const planter = await createPlanter(place)
  process.on('message', async (order: EndingOrder) => {
    if (order.kind === 'changed') endings.hint(order.changed)
    else if (order.kind === 'plant') {
      const [planted] = await planter.plant(1)
      report({ kind: 'planted', sessionId: planted?.sessionId ?? '' })
    } else if (order.kind === 'watch') {
      endings.watch({ session: order.sessionId }, () => report({ kind: 'told', at: now() }))
      setTimeout(() => report({ kind: 'watched' }), settleMs)
    } else {
      report({ kind: 'ending', at: now() })
      await sessions.end(order.sessionId)
    }
  })
  report({ kind: 'ready' })
}
