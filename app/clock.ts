/** The one source of time. Handed to whoever needs it, so that a test can move it. */
import { clockSkewSeconds } from '../rbac/clock-skew.ts'

/** Tells the time. */
export interface Clock {
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

export const systemClock: Clock = { now: () => Date.now() }

/** Whether a moment (seconds since the epoch) is one of the future, beyond what clocks differ by. */
export const isAhead = (moment: number, clock: Clock): boolean => moment > clock.now() / 1000 + clockSkewSeconds

/** Whether a login was made or confirmed in the future: the clock has been set back since. Looks at the clock once. */
export const isOfTheFuture = (
  { startedAt, verifiedAt = startedAt }: { readonly startedAt: number; readonly verifiedAt?: number },
  clock: Clock,
): boolean => isAhead(Math.max(startedAt, verifiedAt), clock)
