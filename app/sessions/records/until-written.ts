/** Writes that others may get ahead of: read, changed and replaced by version, until no one has written in between. */
import { OperationalError } from '../../errors.ts'

/** Another writer of the same record is rare, and never there for long. */
const mostAttempts = 16

/**
 * `attempt` reads anew each time; `undefined` when somebody else has written meanwhile. Rejects as it does, and with
 * `ERR_STORE_UNAVAILABLE` when that never ends. `what` is for the log.
 */
export async function untilWritten<T>(
  what: string,
  attempt: () => Promise<{ readonly outcome: T } | undefined>,
): Promise<T> {
  for (let count = 0; count < mostAttempts; count += 1) {
    const written = await attempt()
    if (written !== undefined) return written.outcome
  }
  throw new OperationalError('ERR_STORE_UNAVAILABLE', `${what} changes faster than it can be written`)
}
