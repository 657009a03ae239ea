/** The one source of time. Handed to whoever needs it, so that a test can move it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

export const systemClock: Clock = { now: () => Date.now() }

/**
 * How far the clocks of a provider, of replicas and ours may be apart, in seconds: the leeway of every moment that
 * another machine has stated (`exp`, `nbf`, `iat`, `auth_time`), in both directions.
 */
export const clockSkewSeconds = 30

/** Whether a moment (seconds since the epoch) is one of the future, beyond what clocks differ by. */
export const isAhead = (moment: number, clock: Clock): boolean => moment > clock.now() / 1000 + clockSkewSeconds

/** Whether a login was made or confirmed in the future: the clock has been set back since. Looks at the clock once. */
export const isOfTheFuture = (
  { startedAt, verifiedAt = startedAt }: { readonly startedAt: number; readonly verifiedAt?: number },
  clock: Clock,
): boolean => isAhead(Math.max(startedAt, verifiedAt), clock)
