/**
 * Who, what and how (docs/authzen.md, "Searching"): everybody, every object or every action for which the decision is allow.
 *
 * Promised: what is proposed here holds all for which `decide()` can say allow, or else the answer is the rows because of which
 * nobody can list them. Whoever asks decides about each that is proposed, by the decision itself.
 */
import { namesIn } from '../actions.ts'
import { criteriaOf, evaluateCondition, type Facts } from '../conditions/condition.ts'
import { isPlace } from '../conditions/same/term.ts'
import type { Context } from '../context.ts'
import type { RuleId } from '../decision.ts'
import { isApplicationDomain } from '../domains.ts'
import type { Identity } from '../identity.ts'
import { readingsOf } from '../matchable-path.ts'
import type { PolicySnapshot } from '../policy.ts'
import type { AccessRequest } from '../request/access-request.ts'
import { knownMethods, methodsWithoutPath } from '../request/methods.ts'
import { fitsReadings } from '../resources.ts'
import type { Row } from '../row.ts'
import { namesOf } from '../subjects.ts'
import { membersOf } from './role-members.ts'

/** What may be the answer, each to be decided about; or the rows that allow what cannot be listed. */
export type Proposed<T> = { readonly all: readonly T[] } | { readonly unlistable: readonly RuleId[] }

/** The kind of name in rows by which somebody may be found, such as `user`. */
export type ListedKind = 'user' | 'email' | 'service-account' | 'client' | 'certificate'

/** Of each kind: names in rows by which somebody else of the kind may be meant, whom no row names. */
const wider: Readonly<Record<ListedKind, RegExp>> = {
  user: /^(?:anyone|authenticated|group:.*|email:.*|email-domain:.*)$/s,
  email: /^(?:anyone|authenticated|group:.*|email-domain:.*)$/s,
  'service-account': /^(?:anyone|authenticated)$/,
  client: /^(?:anyone|authenticated)$/,
  certificate: /^(?:anyone|authenticated)$/,
}

/** Names of a kind, without the kind, that rows allow the request; roles expanded to their members. */
export function proposeSubjects(kind: ListedKind, request: AccessRequest, policy: PolicySnapshot): Proposed<string> {
  const brought = unlistableByModel(request.domain, policy)
  if (brought !== undefined) return brought
  const readings = readingsOf(request.resource)
  const rows = allowing(request.domain, policy).filter(
    row => fitsReadings(row, readings) && row.fitsAction(request.action),
  )
  const members = rows.flatMap(row => membersOf(row, request.domain, policy.roles).map(name => ({ name, row })))
  const unlistable = members.filter(({ name }) => wider[kind].test(name)).map(({ row }) => row.id)
  if (unlistable.length > 0) return { unlistable: [...new Set(unlistable)] }
  const names = members.map(({ name }) => name).filter(name => name.startsWith(`${kind}:`))
  return { all: [...new Set(names)].map(name => name.slice(kind.length + 1)) }
}

interface AskedObjects {
  readonly identity: Identity
  readonly context: Context
  readonly domain: string
  readonly action: string
  /** Paths that count, in the form of `matchablePath`. */
  readonly isWanted: (path: string) => boolean
  /** Whether a pattern of a row may cover a path that counts. */
  readonly mayCover: (anchor: string) => boolean
}

/** Paths, in the form of `matchablePath`, that rows allow somebody by name. */
export function proposePaths(asked: AskedObjects, policy: PolicySnapshot): Proposed<string> {
  const { identity, context, domain, action, isWanted, mayCover } = asked
  const brought = unlistableByModel(domain, policy)
  if (brought !== undefined) return brought
  const names = new Set(namesOf(identity))
  policy.addRoles(names, domain)
  const rows = allowing(domain, policy).filter(
    row => names.has(row.whom) && row.fitsAction(action) && mayHold(row, { identity, context }),
  )
  const unlistable = rows.filter(row => !isLiteral(row) && mayCover(row.anchor)).map(({ id }) => id)
  if (unlistable.length > 0) return { unlistable }
  const paths = rows.filter(isLiteral).map(({ anchor }) => anchor)
  return { all: [...new Set(paths)].filter(isWanted) }
}

/** What is bound to the path is known of each path alone. */
const mayHold = ({ when }: Row, facts: Facts): boolean => {
  const truth = evaluateCondition(when, facts)
  return (
    truth === true || (truth === undefined && [...criteriaOf(when)].some(({ compares }) => compares?.some(isPlace)))
  )
}

/** Actions that somebody may have there: those that are known, and those that rows name. */
export function proposeActions(
  { domain }: Pick<AccessRequest, 'domain'>,
  words: readonly string[],
  policy: PolicySnapshot,
): readonly string[] {
  if (isApplicationDomain(domain)) return words
  const ofModel = policy.casbin?.covers(domain) === true ? policy.casbin.rowsOf(domain).map(({ action }) => action) : []
  const named = [
    ...allowing(domain, policy).flatMap(({ action }) => namesIn(action, domain)),
    ...ofModel.filter(action => /^[A-Z]{1,32}$/.test(action)),
  ]
  return [...new Set([...knownMethods, ...named])].filter(name => !methodsWithoutPath.has(name))
}

/** A matcher is an expression: whom or what it would let in can only be tried, name by name. */
function unlistableByModel(domain: string, { casbin }: PolicySnapshot): Proposed<never> | undefined {
  return casbin?.covers(domain) === true ? { unlistable: casbin.rowsOf(domain).map(({ id }) => id) } : undefined
}

const allowing = (domain: string, policy: PolicySnapshot): readonly Row[] =>
  policy.candidatesFor(domain).enforced.filter(({ isDeny }) => !isDeny)

/** Whether there is one path only that the row speaks of. */
const isLiteral = ({ resource, fitsResource, anchor }: Row): boolean =>
  !resource.startsWith('re:') && !resource.includes('*') && fitsResource(anchor)
