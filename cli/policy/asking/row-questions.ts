/** What is asked about one row: with nothing known, with what its condition wants, and on either side of where that turns. */

import type { RecordedCall } from '../../../rbac/asking/calls/replay-call.ts'
import { identityNamed } from '../../../rbac/asking/changes.ts'
import { changesToMeet } from '../../../rbac/asking/condition-changes.ts'
import { edgeSituations, situationMeeting } from '../../../rbac/asking/edge-situations.ts'
import { membersOf } from '../../../rbac/asking/role-members.ts'
import { sampleRequests } from '../../../rbac/asking/sample-requests.ts'
import type { Condition } from '../../../rbac/conditions/condition.ts'
import type { Identity, User } from '../../../rbac/identity.ts'
import { readingsOf } from '../../../rbac/matchable-path.ts'
import type { PolicySnapshot } from '../../../rbac/policy.ts'
import type { AccessRequest } from '../../../rbac/request/access-request.ts'
import { fitsReadings } from '../../../rbac/resources.ts'
import type { Row } from '../../../rbac/row.ts'
import type { Situation } from '../../../rbac/situation.ts'

export interface Question extends RecordedCall {
  readonly who: string
}

const nothing: ReadonlySet<never> = new Set()

/** @param now seconds since the epoch */
export function questionsOf(row: Row, policy: PolicySnapshot, now: number) {
  const questions: Question[] = []
  let [isAsked, isMet] = [false, false]
  for (const request of sampleRequests(row)) {
    for (const who of new Set(['anyone', ...membersOf(row, request.domain, policy.roles)])) {
      const identity = identityNamed(who, now)
      if (identity === undefined) continue
      const situation = { identity, request, context: { now, header: () => undefined } }
      questions.push({ who, ...situation, missing: nothing })
      if (who === 'anyone' && row.subject !== 'anyone') continue
      const met = withConditionMet(row, who, situation)
      isAsked = true
      if (met === undefined) continue
      isMet = true
      questions.push(met)
    }
  }
  return { questions, isMet: isMet || !isAsked }
}

function withConditionMet(row: Row, who: string, situation: Situation): Question | undefined {
  const changes = changesToMeet(row.when, situation, row.id)
  if (changes === undefined) {
    const met = situationMeeting(row, situation)
    return met && { who: [who, met.text].join(' '), ...met.situation, missing: nothing }
  }
  const told = [who, ...changes.map(({ text }) => text)].join(' ')
  const met = changes.reduce((before, change) => change.apply(before), situation)
  return { who: told, ...met, missing: nothing }
}

/** Each tells the same of the condition. */
const maxAsked = 2

/**
 * `unsampled`: types of criteria that were not found to be true and otherwise where they decide.
 * @param now seconds since the epoch
 */
export function edgeQuestionsOf(row: Row, policy: PolicySnapshot, now: number) {
  const questions: Question[] = []
  const unsampled: (readonly string[])[] = []
  for (const request of sampleRequests(row).slice(0, maxAsked)) {
    for (const { who, identity, beside } of askersOf(row, request, policy, now)) {
      const start = { identity, request, context: { now, header: () => undefined } }
      const found = edgeSituations(row, start, policy, beside)
      unsampled.push(found.unsampled)
      for (const { text, situation } of found.situations) {
        questions.push({ who: text === '' ? who : `${who} ${text}`, ...situation, missing: nothing })
      }
    }
  }
  const [first = [], ...others] = unsampled
  // What was found for one of them is sampled.
  return { questions, unsampled: first.filter(type => others.every(types => types.includes(type))) }
}

interface Asker {
  readonly who: string
  readonly identity: Identity
  /** What has to hold so that only the row decides. */
  readonly beside: readonly Condition[]
}

/** Whom a row names; where it denies, those whom another row would let in, or the denial would tell nothing. */
function askersOf(row: Row, request: AccessRequest, policy: PolicySnapshot, now: number): readonly Asker[] {
  const named = membersOf(row, request.domain, policy.roles)
    .slice(0, maxAsked)
    .flatMap(who => askerNamed(who, now))
  if (!row.isDeny) return named
  const readings = readingsOf(request.resource)
  const allowing = policy
    .candidatesFor(request.domain)
    .enforced.filter(other => !other.isDeny && other.fitsAction(request.action) && fitsReadings(other, readings))
    .slice(0, maxAsked)
  const both = named.flatMap(asker =>
    allowing.flatMap(other =>
      membersOf(other, request.domain, policy.roles)
        .slice(0, maxAsked)
        .flatMap(who => askerNamed(who, now))
        .flatMap(entrant => bothOf(asker, entrant).map(one => ({ ...one, beside: [other.when] }))),
    ),
  )
  return both.length === 0 ? named : both
}

function askerNamed(who: string, now: number): readonly Asker[] {
  const identity = identityNamed(who, now)
  return identity === undefined ? [] : [{ who, identity, beside: [] }]
}

/** Somebody who is both, where one person can be. */
function bothOf(left: Asker, right: Asker): readonly Asker[] {
  if (left.who === right.who || right.identity.kind === 'anonymous') return [left]
  if (left.identity.kind === 'anonymous') return [right]
  if (left.identity.kind !== 'user' || right.identity.kind !== 'user') return []
  const identity = unite(left.identity, right.identity)
  return identity === undefined ? [] : [{ who: `${left.who} who is ${right.who}`, identity, beside: [] }]
}

/** Of whom `identityNamed` knows nothing these are the same. */
function unite(left: User, right: User): User | undefined {
  const [subject, provider, email] = [
    told(left.subject, right.subject, left.subject.startsWith('#')),
    told(left.provider, right.provider, left.provider === '/'),
    left.email === undefined ? right.email : told(left.email, right.email ?? left.email, false),
  ]
  const isOne = subject !== undefined && provider !== undefined && !(email === undefined && left.email !== undefined)
  if (!isOne) return undefined
  const groups = [...left.groups, ...right.groups]
  return { ...left, subject, provider, groups, ...(email === undefined ? {} : { email }) }
}

/** The one that is told; `undefined` where both are, and differ. A name that begins like nobody's is nobody's. */
function told(left: string, right: string, isUntold: boolean): string | undefined {
  if (isUntold || left === right) return right
  return right.startsWith('#') || right === '/' ? left : undefined
}
