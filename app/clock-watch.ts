/**
 * Notices when the clock jumps: set by hand, corrected after hours without a time server, or a machine that slept.
 *
 * Threat: ages and lifetimes count by the clock, so one that is set back makes what was there before last longer. Nobody
 * can tell afterwards by how much; so it is said, and counted, when it happens.
 */
import { clockSkewSeconds } from '../rbac/clock-skew.ts'
import type { Clock } from './clock.ts'

export interface ClockWatchOptions {
  readonly clock: Clock
  /** Seconds that the clock has moved beyond the time that has passed; negative when it was set back. */
  readonly onJump: (seconds: number) => void
  /** How often to look, in milliseconds. Default 1000. */
  readonly intervalMs?: number
  /** Milliseconds of a clock that nobody sets. Default `performance.now`. */
  readonly elapsed?: () => number
}

/** A jump of less disturbs nothing: clocks of machines are taken to differ by as much. */
const smallestJumpMs = clockSkewSeconds * 1_000

/** Looks from now on; gives what stops it. Keeps no process alive. */
export function watchClock(options: ClockWatchOptions): () => void {
  const { clock, onJump, intervalMs = 1000, elapsed = () => performance.now() } = options
  let difference = clock.now() - elapsed()
  const look = (): void => {
    const current = clock.now() - elapsed()
    const jump = current - difference
    // A clock that is slewed moves a little each time: only what happens between two looks is a jump.
    difference = current
    if (Math.abs(jump) >= smallestJumpMs) onJump(Math.round(jump / 1000))
  }
  const timer = setInterval(look, intervalMs).unref()
  return () => clearInterval(timer)
}
