/**
 * Direct moves: who can make which move, where, on whom. One for each subject, move and scope.
 *
 * A move is of the subject that a binding names; whoever is in a group has it through the group (graph/). Rights that belong
 * together may come from different bindings, and some of them from a group; one at least has to be the subject's own, or no
 * group of it has them all, and in a namespace one at least has to be given there: else it is the same move of the group, or
 * of the whole cluster.
 */
import type { MoveId, NodeId, Severity } from '../finding.ts'
import type { Grant } from '../grant.ts'
import type { SubjectId } from '../subject.ts'
import { type Facts, objectText } from './facts.ts'
import { type Holdings, holdingsReader } from './holdings.ts'
import { isByApply, lookupIn } from './lookup.ts'
import type { At, Move, RightsMove, SituationMove } from './move.ts'
import { isCompound, type Lookup, type Need, rightsIn, satisfied, type Use } from './need.ts'
import type { Right } from './right.ts'
import { moves as catalogue } from './table.ts'

export interface DirectMove {
  readonly subject: SubjectId
  readonly move: MoveId
  /** Absent: in the whole cluster. */
  readonly namespace?: string
  readonly severity: Severity
  readonly to: readonly NodeId[]
  /** Reached only if something else comes with it: said, never walked. */
  readonly maybe: readonly NodeId[]
  /** Empty for what needs no right. */
  readonly uses: readonly Use[]
  readonly grants: readonly Grant[]
  /** Of a move without rights: what was seen, and the object to change. */
  readonly seen?: { readonly detail: string; readonly object: string }
  readonly isExpected: boolean
}

/** @param moves for tests: another table */
export function directMoves(facts: Facts, moves: readonly Move[] = catalogue): DirectMove[] {
  const ofRights = moves.filter((move): move is RightsMove => 'needs' in move)
  const rights = ofRights.flatMap(({ needs, without }) => [
    ...rightsIn(needs),
    ...(without === undefined ? [] : rightsIn(without)),
  ])
  const counted = rights
    .flatMap(right => (right.applied === undefined ? [right] : [right, right.applied]))
    .filter(({ before }) => before === undefined || facts.isServerBefore(before))
  const holdingsOf = holdingsReader(facts.grants, [...new Set(counted)], facts.options)
  const possible = movesByRight(ofRights)
  const found: DirectMove[] = []
  for (const subject of new Set([...facts.grants.subjects, ...(facts.options.memberships?.keys() ?? [])])) {
    const holdings = holdingsOf(subject)
    if (holdings === undefined) continue
    for (const move of possible(holdings))
      for (const scope of scopesFor(move, holdings)) {
        const one = moveAt(move, { holdings, scope, facts })
        if (one !== undefined) found.push(one)
      }
  }
  const situations = moves.filter((move): move is SituationMove => 'find' in move)
  return [...found, ...situations.flatMap(move => situationsOf(move, facts))]
}

/** Most subjects hold rights of three or four moves: nobody looks at the other fifty for them. */
function movesByRight(moves: readonly RightsMove[]): (holdings: Holdings) => readonly RightsMove[] {
  const using = new Map<Right, RightsMove[]>()
  for (const move of moves)
    for (const right of new Set(rightsIn(move.needs))) using.set(right, [...(using.get(right) ?? []), move])
  return ({ of }) => {
    const found = new Set([...of.keys()].flatMap(right => using.get(right) ?? []))
    return moves.filter(move => found.has(move))
  }
}

/** Where it is given by groups alone it can be the subject's if a part of it comes from elsewhere. */
function scopesFor(move: RightsMove, { subject, of, scopes, widerScopes, groups }: Holdings): Holdings['scopes'] {
  if (widerScopes.length === 0) return scopes
  const uses = rightsIn(move.needs).flatMap(right => of.get(right) ?? [])
  if (!isJoint(move, uses)) return scopes
  const isPart = ({ grant, right }: Use) =>
    grant.subject === subject && (grant.namespace === undefined || right.isAnywhere === true)
  return groups.length > 0 || uses.some(isPart) ? [...scopes, ...widerScopes] : scopes
}

/** Whether rights of several bindings can make it together. */
const isJoint = ({ needs }: RightsMove, uses: readonly Use[]): boolean => isCompound(needs) || uses.some(isByApply)

interface Place {
  readonly holdings: Holdings
  readonly scope: string | undefined
  readonly facts: Facts
}

function moveAt(move: RightsMove, place: Place): DirectMove | undefined {
  const { holdings, scope } = place
  if (!isIn(move.scope, scope)) return undefined
  const lookup = lookupIn(holdings, scope)
  const found = satisfied(move.needs, lookup)
  if (found === undefined) return undefined
  if (isOwn(found, lookup, holdings.subject)) return moveBy(move, lookup, place)
  if (holdings.groups.length === 0 || !isJoint(move, found) || !found.some(lookup.isHere)) return undefined
  const together = moveBy(move, lookup, place)
  const alone = holdings.groups.map(group => moveBy(move, lookupIn(holdings, scope, group), place))
  return alone.some(one => saysAll(one, together)) ? undefined : together
}

/** What a group has by itself is said of the group. */
const saysAll = (one: DirectMove | undefined, all: DirectMove | undefined): boolean =>
  one?.severity === all?.severity && all?.to.every(node => one?.to.includes(node)) !== false

function moveBy(move: RightsMove, lookup: Lookup, { holdings, scope, facts }: Place): DirectMove | undefined {
  const has = (need: Need): boolean => satisfied(need, lookup) !== undefined
  const found = satisfied(move.needs, lookup)
  if (found === undefined || (move.without !== undefined && has(move.without))) return undefined
  const uses = [...new Set(found)]
  const at: At = { subject: holdings.subject, ...inScope(scope), uses, facts, has }
  if (move.when !== undefined && !move.when.of(at)) return undefined
  const { to, maybe = [] } = move.reaches.of(at)
  return {
    subject: holdings.subject,
    move: move.id,
    ...inScope(scope),
    severity: move.severity.of(at),
    to,
    maybe,
    uses,
    grants: grantsOfUses(uses),
    isExpected: false,
  }
}

const inScope = (scope: string | undefined): { readonly namespace?: string } =>
  scope === undefined ? {} : { namespace: scope }

/** The whole cluster holds each of the namespaces that a move needs. */
const isIn = (wanted: RightsMove['scope'], scope: string | undefined): boolean =>
  scope === undefined || wanted === 'namespaced' || (wanted !== 'cluster' && wanted.includes(scope))

const isOwn = (uses: readonly Use[], { isNear }: Lookup, subject: SubjectId): boolean =>
  uses.some(isNear) && uses.some(({ grant }) => grant.subject === subject)

/** One for each binding and rule. */
function grantsOfUses(uses: readonly Use[]): readonly Grant[] {
  const known = new Map(
    uses.map(({ grant }) => [`${objectText(grant.binding)} ${grant.subject} ${grant.ruleIndex}`, grant]),
  )
  return [...known.values()]
}

const situationsOf = (move: SituationMove, facts: Facts): DirectMove[] =>
  move.find(facts).map(({ subject, namespace, grants, detail, object, severity, reach, isExpected = false }) => {
    const at: At = { subject, ...inScope(namespace), uses: [], facts, has: () => false }
    const { to, maybe = [] } = reach ?? move.reaches.of(at)
    return {
      subject,
      move: move.id,
      ...inScope(namespace),
      severity: severity ?? move.severity.of(at),
      to,
      maybe,
      uses: [],
      grants,
      seen: { detail, object },
      isExpected,
    }
  })
