/**
 * Who can do this (docs/policy.md, "Asking the policy"): the subjects that rows allow, roles expanded, with the
 * conditions under which they are allowed and the denies that cut them.
 *
 * Promised, with the built-in model: an identity that answers to a listed subject and to no other that a row names is
 * allowed by `decide()` exactly when `when` is true; and whomever `decide()` allows answers to a listed subject. A
 * condition that contradicts itself is not noticed: it is listed, and never true.
 */

import type { Condition } from '../conditions/condition.ts'
import type { RuleId } from '../decision.ts'
import { isApplicationDomain, isKubernetesDomain } from '../domains.ts'
import type { KubernetesQuestion } from '../kubernetes/questions.ts'
import { readingsOf } from '../matchable-path.ts'
import type { PolicySnapshot } from '../policy.ts'
import type { AccessRequest } from '../request/access-request.ts'
import { fitsReadings } from '../resources.ts'
import type { Row } from '../row.ts'
import { namesOf } from '../subjects.ts'
import { type Call, callOfRequest } from './calls/call.ts'
import { refuseCasbin } from './casbin-rows.ts'
import { identityNamed } from './changes.ts'
import { membersOf } from './role-members.ts'

export interface RuleCondition {
  readonly rule: RuleId
  /** The row's own subject: a role where the person has it by that. */
  readonly subject: string
  /** As the row writes it; `-` is none. */
  readonly condition: string
}

export interface SubjectWhoCan {
  readonly subject: string
  /** One of them has to be true. */
  readonly allowedBy: readonly RuleCondition[]
  /** Each of them has to be false. */
  readonly unless: readonly RuleCondition[]
  /** No condition stands in the way. */
  readonly isAlways: boolean
  /** All of it as one condition: the decision is allow exactly when this is true. */
  readonly when: Condition
}

export interface WhoCan {
  /** In order of load of the rows that allow them. */
  readonly subjects: readonly SubjectWhoCan[]
  /** Subjects that a row allows and a deny without a condition always cuts. */
  readonly cut: readonly { readonly subject: string; readonly rule: RuleId }[]
  /** Deny rows for this request, roles expanded: whoever answers to one of these as well is denied. */
  readonly denies: readonly (RuleCondition & { readonly subjects: readonly string[] })[]
}

export interface WhoCanCall extends WhoCan {
  /** Of a call that is several questions: subjects that rows allow some of them, and what each lacks. */
  readonly inPart: readonly SubjectInPart[]
}

interface SubjectInPart {
  readonly subject: string
  readonly allowedBy: readonly RuleCondition[]
  readonly lacks: readonly Pick<KubernetesQuestion, 'action' | 'resource'>[]
}

/** The request is a canonical one; who asks and when is what is asked here. */
export function whoCan(request: AccessRequest, policy: PolicySnapshot): WhoCan {
  const { inPart: _, ...answer } = answerTo(callOfRequest(request), policy, name => [name])
  return answer
}

/**
 * The same of a call, all of whose questions have to pass. Promised: whoever answers to a listed subject alone may make it
 * when `when` is true; whoever may make it answers to a listed subject, or for each question to one that is allowed it.
 */
export function whoCanCall(call: Call, policy: PolicySnapshot): WhoCanCall {
  return answerTo(call, policy, asksForSomebody(call.request.domain) ? known : name => [name])
}

/** The gateway makes no call for nobody, and an application asks about somebody. */
const asksForSomebody = (domain: string): boolean => isKubernetesDomain(domain) || isApplicationDomain(domain)

const known = (name: string): readonly string[] => [name === 'anyone' ? 'authenticated' : name]

interface Fitting {
  readonly question: KubernetesQuestion
  readonly rows: readonly Row[]
}

function answerTo(
  { request: { domain }, questions }: Call,
  policy: PolicySnapshot,
  admit: (name: string) => readonly string[],
): WhoCanCall {
  refuseCasbin(policy, domain)
  const fitting = questions.map(question => ({ question, rows: fittingRows(domain, question, policy) }))
  const expand = (row: Row): string[] => membersOf(row, domain, policy.roles)
  const named = fitting
    .filter(({ question }) => question.need === 'allow')
    .flatMap(({ rows }) =>
      rows
        .filter(({ isDeny }) => !isDeny)
        .flatMap(expand)
        .flatMap(admit),
    )
  const all = [...new Set(named)].map(subject => answerFor(subject, domain, fitting, policy))
  const answers = all.filter(({ lacks }) => lacks.length === 0).map(({ lacks: _, ...answer }) => answer)
  const denies = once(fitting.flatMap(({ rows }) => rows.filter(({ isDeny }) => isDeny)))
  return {
    subjects: answers.filter(({ unless }) => unless.every(({ condition }) => condition !== '-')),
    cut: answers.flatMap(({ subject, unless }) =>
      unless
        .filter(({ condition }) => condition === '-')
        .slice(0, 1)
        .map(({ rule }) => ({ subject, rule })),
    ),
    denies: denies.map(row => ({ ...conditionOf(row), subjects: expand(row) })),
    inPart: all
      .filter(({ lacks }) => lacks.length > 0)
      .map(({ subject, allowedBy, lacks }) => ({ subject, allowedBy, lacks })),
  }
}

function fittingRows(domain: string, { action, resource }: KubernetesQuestion, policy: PolicySnapshot): readonly Row[] {
  const readings = readingsOf(resource)
  return policy.candidatesFor(domain).enforced.filter(row => fitsReadings(row, readings) && row.fitsAction(action))
}

/** The same row may fit several questions. */
const once = (rows: readonly Row[]): readonly Row[] => [...new Set(rows)]

function answerFor(
  subject: string,
  domain: string,
  fitting: readonly Fitting[],
  policy: PolicySnapshot,
): SubjectWhoCan & Pick<SubjectInPart, 'lacks'> {
  const identity = identityNamed(subject, 0)
  if (identity === undefined) throw new TypeError(`a subject of an unknown kind: ${subject}`)
  const names = new Set(namesOf(identity))
  policy.addRoles(names, domain)
  const own = fitting.map(({ question, rows }) => ({ question, rows: rows.filter(row => names.has(row.whom)) }))
  const needed = own
    .filter(({ question }) => question.need === 'allow')
    .map(({ question, rows }) => ({ question, allows: rows.filter(({ isDeny }) => !isDeny) }))
  const denies = once(own.flatMap(({ rows }) => rows.filter(({ isDeny }) => isDeny)))
  const isOpen = needed.every(({ allows }) => allows.some(({ condition }) => condition === '-'))
  return {
    subject,
    allowedBy: once(needed.flatMap(({ allows }) => allows)).map(conditionOf),
    unless: denies.map(conditionOf),
    isAlways: isOpen && denies.length === 0,
    when: allowedWhen(
      needed.map(({ allows }) => allows),
      denies,
    ),
    lacks: needed
      .filter(({ allows }) => allows.length === 0)
      .map(({ question: { action, resource } }) => ({ action, resource })),
  }
}

const conditionOf = ({ id: rule, subject, condition }: Row): RuleCondition => ({ rule, subject, condition })

/** Of each list one has to be true. An allow row needs true and a deny row applies unless false: in three-valued logic that is one formula. */
function allowedWhen(allows: readonly (readonly Row[])[], denies: readonly Row[]): Condition {
  return {
    kind: 'all',
    of: [
      ...allows.map(rows => ({ kind: 'any', of: rows.map(({ when }) => when) }) as const),
      ...denies.map(({ when }) => ({ kind: 'not', of: when }) as const),
    ],
  }
}
