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
import { readingsOf } from '../matchable-path.ts'
import type { PolicySnapshot } from '../policy.ts'
import type { AccessRequest } from '../request/access-request.ts'
import { fitsReadings } from '../resources.ts'
import type { Row } from '../row.ts'
import { namesOf } from '../subjects.ts'
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

/** The request is a canonical one; who asks and when is what is asked here. */
export function whoCan(request: AccessRequest, policy: PolicySnapshot): WhoCan {
  const readings = readingsOf(request.resource)
  const fitting = policy
    .candidatesFor(request.domain)
    .enforced.filter(row => fitsReadings(row, readings) && row.fitsAction(request.action))
  const expand = ({ subject }: Row): string[] => membersOf(subject, request.domain, policy.roles)
  const named = new Set(fitting.filter(({ isDeny }) => !isDeny).flatMap(expand))
  const answers = [...named].map(subject => answerFor(subject, request.domain, fitting, policy))
  return {
    subjects: answers.filter(({ unless }) => unless.every(({ condition }) => condition !== '-')),
    cut: answers.flatMap(({ subject, unless }) =>
      unless
        .filter(({ condition }) => condition === '-')
        .slice(0, 1)
        .map(({ rule }) => ({ subject, rule })),
    ),
    denies: fitting.filter(({ isDeny }) => isDeny).map(row => ({ ...conditionOf(row), subjects: expand(row) })),
  }
}

function answerFor(subject: string, domain: string, fitting: readonly Row[], policy: PolicySnapshot): SubjectWhoCan {
  const identity = identityNamed(subject, 0)
  if (identity === undefined) throw new TypeError(`a subject of an unknown kind: ${subject}`)
  const names = new Set(namesOf(identity))
  policy.addRoles(names, domain)
  const own = fitting.filter(row => names.has(row.whom))
  const allows = own.filter(({ isDeny }) => !isDeny)
  const denies = own.filter(({ isDeny }) => isDeny)
  const isOpen = allows.some(({ condition }) => condition === '-')
  return {
    subject,
    allowedBy: allows.map(conditionOf),
    unless: denies.map(conditionOf),
    isAlways: isOpen && denies.length === 0,
    when: allowedWhen(allows, denies),
  }
}

const conditionOf = ({ id: rule, subject, condition }: Row): RuleCondition => ({ rule, subject, condition })

/** An allow row needs true and a deny row applies unless false: in three-valued logic that is one formula. */
function allowedWhen(allows: readonly Row[], denies: readonly Row[]): Condition {
  return {
    kind: 'all',
    of: [
      { kind: 'any', of: allows.map(({ when }) => when) },
      ...denies.map(({ when }) => ({ kind: 'not', of: when }) as const),
    ],
  }
}
