/** The one source of time. Handed to whoever needs it, so that a test can move it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

export const systemClock: Clock = { now: () => Date.now() }
