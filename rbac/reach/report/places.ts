/** Where what a finding is about stands, for those that no grant makes: a workload, a binding to nobody. */
import type { Finding } from '../finding.ts'
import { findingId } from '../findings/findings.ts'
import { objectText } from '../moves/facts.ts'
import type { Place } from '../objects.ts'
import type { Review } from '../review.ts'

export interface Placed {
  readonly kind: string
  readonly namespace?: string
  readonly name: string
  readonly place: Place
}

/** Empty where it is about nothing that was read: a certificate, a token. */
export type Placing = (finding: Finding) => readonly Placed[]

export function placesIn({ moves, facts: { objects } }: Review): Placing {
  const seen = new Map(
    moves.flatMap(move => (move.seen === undefined ? [] : [[findingId(move), move.seen.object] as const])),
  )
  const named = new Map<string, Placed>(
    [...objects.bindings, ...objects.workloads, ...objects.roles].map(one => [objectText(one), one]),
  )
  return ({ id }) => {
    const found = named.get(seen.get(id) ?? '')
    return found === undefined ? [] : [found]
  }
}
