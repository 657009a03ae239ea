/** How long to wait before a worker is replaced: not at all the first time, longer each time it happens soon again. */
import type { Clock } from '../clock.ts'

export interface Backoff {
  /** Pause in milliseconds. `servingSince`: since when the worker that ended had served; absent if it never did. */
  readonly next: (servingSince: number | undefined) => number
}

const firstMs = 1_000
const longestMs = 30_000
/** A worker that served for this long did not end because of how it started. */
const healthyMs = 60_000

export function createBackoff(clock: Clock): Backoff {
  let ends = 0
  return {
    next(servingSince) {
      if (servingSince !== undefined && clock.now() - servingSince >= healthyMs) ends = 0
      const pause = ends === 0 ? 0 : Math.min(longestMs, firstMs * 2 ** (ends - 1))
      ends = Math.min(ends + 1, 30)
      return pause
    },
  }
}
