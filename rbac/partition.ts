/**
 * Which rows Casbin is shown: those whose domain covers the request's, and no others.
 *
 * The cost of a decision thereby does not depend on the rows of other domains.
 */
import { coveringPatterns } from './domains.ts'
import type { Row } from './row.ts'

/** The rows that could apply in a domain, in order of load. */
export interface Candidates {
  readonly enforced: readonly Row[]
  /** Evaluated and reported, never enforced. */
  readonly shadow: readonly Row[]
}

export interface Partition {
  /** Every pattern that a row names, in order of load. */
  readonly domains: Iterable<string>
  readonly candidatesFor: (domain: string) => Candidates
}

interface Part extends Candidates {
  readonly enforced: Row[]
  readonly shadow: Row[]
}

const none: Candidates = Object.freeze({ enforced: [], shadow: [] })

export function createPartition(rows: readonly Row[]): Partition {
  const byDomain = new Map<string, Part>()
  for (const row of rows) {
    const part = byDomain.get(row.domain) ?? { enforced: [], shadow: [] }
    byDomain.set(row.domain, part)
    part[row.isShadow ? 'shadow' : 'enforced'].push(row)
  }
  return { domains: byDomain.keys(), candidatesFor: domain => candidatesOf(byDomain, domain) }
}

function candidatesOf(byDomain: ReadonlyMap<string, Part>, domain: string): Candidates {
  const parts: Part[] = []
  for (const pattern of coveringPatterns(domain)) {
    const part = byDomain.get(pattern)
    if (part !== undefined) parts.push(part)
  }
  const [first, ...rest] = parts
  if (first === undefined) return none
  if (rest.length === 0) return first
  const inOrder = (list: Row[]): Row[] => list.sort((a, b) => a.order - b.order)
  return {
    enforced: inOrder(parts.flatMap(part => part.enforced)),
    shadow: inOrder(parts.flatMap(part => part.shadow)),
  }
}
