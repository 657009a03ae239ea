/** `--since 7d` or `--since 2026-01-01T00:00:00Z`. */
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
