/** How often a machine may ask whether it was let in (RFC 8628 section 3.5). Counted in this process alone. */
import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.ts'

/** In seconds. */
export const pollSeconds = 5
const mostRemembered = 10_000

/** Whether this one comes too soon; each that does makes the wait longer. */
export function createPollPace(clock: Clock): (deviceCode: string) => boolean {
  const paces = new LRUCache<string, { readonly at: number; readonly seconds: number }>({ max: mostRemembered })
  return deviceCode => {
    const now = clock.now()
    const { at, seconds } = paces.get(deviceCode) ?? { at: 0, seconds: pollSeconds }
    // A second less: the time on the way is not the machine's to know.
    const isTooSoon = now - at < (seconds - 1) * 1000
    paces.set(deviceCode, { at: now, seconds: isTooSoon ? seconds + pollSeconds : seconds })
    return isTooSoon
  }
}
