/**
 * Decisions that hang on a row and a revision alone, made once for each: whoever has put one into words, as the audit log
 * does, finds the words again, and nothing is made for most requests. Frozen, as everybody gets the same.
 */
import type { Decision, DenyReason } from '../decision.ts'
import type { Row } from '../row.ts'

export interface Verdicts {
  readonly allow: (row: Row) => Decision
  readonly deny: (reason: DenyReason, row?: Row) => Decision
  /** Nobody is logged in. */
  readonly unauthenticated: Decision
}

export function createVerdicts(revision: string): Verdicts {
  const allowed = new Map<Row, Decision>()
  const denied = new Map<DenyReason, Map<Row | undefined, Decision>>()
  const deniedFor = (reason: DenyReason): Map<Row | undefined, Decision> => {
    const byRow = denied.get(reason) ?? new Map<Row | undefined, Decision>()
    denied.set(reason, byRow)
    return byRow
  }
  return {
    allow: row => once(allowed, row, () => ({ effect: 'allow', rule: row.id, revision })),
    deny: (reason, row) =>
      once(deniedFor(reason), row, () => ({
        effect: 'deny',
        reason,
        ...(row !== undefined && { rule: row.id }),
        revision,
      })),
    unauthenticated: Object.freeze({
      effect: 'challenge',
      reason: 'user-unauthenticated',
      login: Object.freeze({}),
      revision,
    }),
  }
}

function once<K>(known: Map<K, Decision>, key: K, make: () => Decision): Decision {
  const kept = known.get(key)
  if (kept !== undefined) return kept
  const made = Object.freeze(make())
  known.set(key, made)
  return made
}
