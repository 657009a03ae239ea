/** Where a subject used a grant, and where rights of it may have been used without a trace: each place gets a role of its own. */
import type { Grant } from '../grant.ts'
import type { UsedKind } from '../usage/usage.ts'
import type { Attribution, Use } from './attribution.ts'
import { within } from './done.ts'
import { hiddenIn, isAskedByWriting, type ResourceRight } from './hidden-rights.ts'
import type { UsedRule } from './minimal.ts'

/** A namespace; an empty text is the whole cluster. */
export type Place = string

/** @param mostNamespaces more than these are the whole cluster, if the grant was for it */
export function usedRulesOf(
  grants: readonly Grant[],
  attribution: Attribution,
  mostNamespaces: number,
): ReadonlyMap<Place, readonly UsedRule[]> {
  const all = new Map<Place, UsedRule[]>()
  for (const grant of grants) {
    const done = within(attribution.doneBy(grant.subject), grant.namespace)
    const uses = attribution.usesOf(grant)
    const hidden = hiddenPlaces(grant, done)
    const places = new Set([...uses.map(placeOf), ...hidden.keys()])
    const isEverywhere = grant.namespace === undefined && places.size > mostNamespaces
    for (const place of isEverywhere ? [''] : places) {
      const one = {
        rule: grant.rule,
        uses: isEverywhere ? uses : uses.filter(use => placeOf(use) === place),
        hidden: isEverywhere ? [...hidden.values()].flat() : (hidden.get(place) ?? []),
      }
      all.set(place, [...(all.get(place) ?? []), one])
    }
  }
  return all
}

const placeOf = ({ right: { kind } }: Use): Place => placeOfKind(kind)
const placeOfKind = (kind: UsedKind): Place => ('namespace' in kind ? (kind.namespace ?? '') : '')

/** They are asked for in the namespace of the call; finalizers of an owner of no namespace for the whole cluster. */
function hiddenPlaces(grant: Grant, done: readonly UsedKind[]): ReadonlyMap<Place, readonly ResourceRight[]> {
  const byPlace = new Map<Place, UsedKind[]>()
  for (const kind of done) byPlace.set(placeOfKind(kind), [...(byPlace.get(placeOfKind(kind)) ?? []), kind])
  const found = new Map<Place, ResourceRight[]>()
  const add = (place: Place, right: ResourceRight): void => void found.set(place, [...(found.get(place) ?? []), right])
  for (const [place, kinds] of byPlace)
    for (const right of hiddenIn(grant.rule, kinds)) {
      // Which kinds of owners are of no namespace is not known: what was held in the whole cluster stays so.
      const isAnywhere = grant.namespace === undefined && isAskedByWriting(right)
      add(isAnywhere ? '' : place, right)
    }
  return found
}
