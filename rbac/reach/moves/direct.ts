/**
 * Direct moves: who can make which move, where, on whom. One for each subject, move and scope.
 *
 * A move is of the subject that a binding names; whoever is in a group has it through the group (graph/). Rights that belong
 * together may come from different bindings, and some of them from a group; one at least has to be the subject's own, and in
 * a namespace one at least has to be given there: else it is the same move of the group, or of the whole cluster.
 */
import type { MoveId, NodeId, Severity } from '../finding.ts'
import type { Grant } from '../grant.ts'
import type { SubjectId } from '../subject.ts'
import { type Facts, objectText } from './facts.ts'
import { type Holdings, holdingsReader } from './holdings.ts'
import type { At, Move, RightsMove, SituationMove } from './move.ts'
import { type Lookup, type Need, rightsIn, satisfied, type Use } from './need.ts'
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
  const counted = rights.filter(({ before }) => before === undefined || facts.isServerBefore(before))
  const holdingsOf = holdingsReader(facts.grants, [...new Set(counted)], facts.options)
  const possible = movesByRight(ofRights)
  const found: DirectMove[] = []
  for (const subject of facts.grants.subjects) {
    const holdings = holdingsOf(subject)
    if (holdings === undefined) continue
    for (const move of possible(holdings))
      for (const scope of holdings.scopes) {
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

interface Place {
  readonly holdings: Holdings
  readonly scope: string | undefined
  readonly facts: Facts
}

function moveAt(move: RightsMove, { holdings, scope, facts }: Place): DirectMove | undefined {
  if (!isIn(move.scope, scope)) return undefined
  const lookup = lookupIn(holdings, scope)
  const has = (need: Need): boolean => satisfied(need, lookup) !== undefined
  const found = satisfied(move.needs, lookup)
  if (found === undefined || !isOwn(found, lookup, holdings.subject)) return undefined
  if (move.without !== undefined && has(move.without)) return undefined
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

function lookupIn({ subject, of }: Holdings, scope: string | undefined): Lookup {
  const isHere = ({ grant }: Use) => grant.namespace === scope
  const isMine = ({ grant }: Use) => grant.subject === subject
  const nearness = (use: Use) => (isHere(use) ? 2 : 0) + (isMine(use) ? 1 : 0)
  return {
    isNear: use => isHere(use) && (scope !== undefined || isMine(use)),
    usesOf: (right: Right) => {
      if (right.isAnywhere === true && scope !== undefined) return of.get(right) ?? []
      const counted = (of.get(right) ?? []).filter(use => use.grant.namespace === undefined || isHere(use))
      const best = Math.max(0, ...counted.map(nearness))
      return counted.filter(use => nearness(use) === best)
    },
  }
}

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
