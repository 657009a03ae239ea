/** Moments on a command line: `--since 7d`, `--since 2026-01-01T00:00:00Z`, `--at 2026-01-01T10:00:00Z`. */
import { InvalidArgumentError } from 'commander'
import { parseDuration, parseInstant } from '../../rbac/conditions/times.ts'

/** Milliseconds since the epoch. Throws `InvalidArgumentError`. */
export function parseSince(text: string): number {
  const instant = parseInstant(text) ?? parseInstant(`${text}T00:00:00Z`)
  if (instant !== undefined) return instant * 1000
  try {
    return Date.now() - parseDuration(text) * 1000
  } catch {
    throw new InvalidArgumentError('Expected a duration such as 7d or 12h, or a time such as 2026-01-01T00:00:00Z.')
  }
}

/** Seconds since the epoch; now where no `--at` is given. Throws `Error`. */
export function momentOf(at: string | undefined): number {
  const moment = at === undefined ? Math.floor(Date.now() / 1000) : parseInstant(at)
  if (moment === undefined) throw new Error('--at: expected a time such as 2026-01-01T10:00:00Z')
  return moment
}
