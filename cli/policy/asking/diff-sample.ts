/** The questions that `policy diff` asks when it is given none: some for each row of both policies. */

import type { RecordedCall } from '../../../rbac/asking/calls/replay-call.ts'
import { identityNamed } from '../../../rbac/asking/changes.ts'
import { changesToMeet } from '../../../rbac/asking/condition-changes.ts'
import { membersOf } from '../../../rbac/asking/role-members.ts'
import { sampleRequests } from '../../../rbac/asking/sample-requests.ts'
import type { PolicySnapshot } from '../../../rbac/policy.ts'
import type { RoleRow } from '../../../rbac/roles.ts'
import type { Row } from '../../../rbac/row.ts'
import { rowText } from '../../../rbac/row-text.ts'
import type { Situation } from '../../../rbac/situation.ts'

export interface Question extends RecordedCall {
  readonly who: string
}

export interface Sample {
  readonly questions: readonly Question[]
  /** Rows whose pattern yielded no path: nothing was asked for them. */
  readonly withoutPath: readonly string[]
  /** Rows for whose condition no facts were found: asked only without it. */
  readonly unmet: readonly string[]
  /** Rows with more questions than they had room for. */
  readonly inPart: readonly string[]
  /** Rows beyond the bound of the sample. */
  readonly unasked: number
}

const maxQuestions = 20_000
const nothing: ReadonlySet<never> = new Set()

type Named = readonly [name: string, policy: PolicySnapshot]

interface Asked {
  readonly name: string
  readonly policy: PolicySnapshot
  readonly row: Row
}

/**
 * Nobody and everybody whom a row names, with nothing known of them; and where the row has a condition, with the facts
 * that make it true. What differs between the two comes first, and a row of many members leaves room for the others:
 * otherwise a large policy would use the sample up before its one changed row.
 * @param now seconds since the epoch
 * @param onRow called for each row
 */
export function sampleQuestions(policies: readonly [Named, Named], now: number, onRow = () => {}): Sample {
  const questions = new Map<string, Question>()
  const sample = { withoutPath: [] as string[], unmet: [] as string[], inPart: [] as string[], unasked: 0 }
  const [changed, same] = inOrder(policies)
  const share = Math.max(1, Math.floor(maxQuestions / Math.max(changed.length, 1)))
  const texts = new Set<string>()
  const ask = (asked: Asked, most: number): void => {
    onRow()
    if (questions.size >= maxQuestions) {
      if (!texts.has(rowText(asked.row))) sample.unasked += 1
      return
    }
    texts.add(rowText(asked.row))
    const id = `${asked.name}/${asked.row.id}`
    const found = questionsOf(asked.row, asked.policy, now)
    let added = 0
    for (const question of found.questions) {
      const key = keyOf(question)
      if (questions.has(key)) continue
      if (added === most || questions.size >= maxQuestions) {
        sample.inPart.push(id)
        break
      }
      questions.set(key, question)
      added += 1
    }
    if (found.questions.length === 0) sample.withoutPath.push(id)
    if (!found.isMet) sample.unmet.push(id)
  }
  for (const asked of changed) ask(asked, share)
  for (const asked of same) ask(asked, maxQuestions)
  return { ...sample, questions: [...questions.values()] }
}

const keyOf = ({ who, request }: Question): string =>
  JSON.stringify([who, request.domain, request.resource, request.action])

/** Rows that only one of the two has, or whose role has other members, then the rest; in turn from both policies. */
function inOrder([old, next]: readonly [Named, Named]): readonly [readonly Asked[], readonly Asked[]] {
  const roles = changedRoles(old[1].roles, next[1].roles)
  const split = ([name, policy]: Named, other: PolicySnapshot) => {
    const texts = new Set(other.rows.map(textOnHost))
    const isChanged = (row: Row): boolean => roles.has(row.subject) || !texts.has(textOnHost(row))
    const all = policy.rows.map(row => ({ name, policy, row }))
    return { changed: all.filter(({ row }) => isChanged(row)), same: all.filter(({ row }) => !isChanged(row)) }
  }
  const [left, right] = [split(old, next[1]), split(next, old[1])]
  return [inTurn(left.changed, right.changed), inTurn(left.same, right.same)]
}

/** Of a list of hosts each has its own row, all with the text of their line. */
const textOnHost = (row: Row): string => `${row.domain} ${rowText(row)}`

const inTurn = <T>(left: readonly T[], right: readonly T[]): readonly T[] =>
  Array.from({ length: Math.max(left.length, right.length) }, (_, at) => [left[at], right[at]])
    .flat()
    .filter(item => item !== undefined)

/** Roles that somebody has in one of the two only, by themselves or through another role. */
function changedRoles(left: readonly RoleRow[], right: readonly RoleRow[]): ReadonlySet<string> {
  const textOf = ({ member, role, domain }: RoleRow): string => JSON.stringify([member, role, domain])
  const [before, after] = [new Set(left.map(textOf)), new Set(right.map(textOf))]
  const isChanged = (row: RoleRow): boolean => !before.has(textOf(row)) || !after.has(textOf(row))
  const all = [...left, ...right]
  const nested = all.filter(({ member }) => member.startsWith('role:'))
  const roles = new Set(all.filter(isChanged).map(({ role }) => role))
  // A Set visits what is added while it is walked, and each name once: circles end.
  for (const name of roles) {
    for (const { member, role } of nested) if (member === name) roles.add(role)
  }
  return roles
}

function questionsOf(row: Row, policy: PolicySnapshot, now: number) {
  const questions: Question[] = []
  let isMet = true
  for (const request of sampleRequests(row)) {
    for (const who of new Set(['anyone', ...membersOf(row, request.domain, policy.roles)])) {
      const identity = identityNamed(who, now)
      if (identity === undefined) continue
      const situation = { identity, request, context: { now, header: () => undefined } }
      questions.push({ who, ...situation, missing: nothing })
      if (who === 'anyone' && row.subject !== 'anyone') continue
      const met = withConditionMet(row, who, situation)
      if (met === undefined) isMet = false
      else questions.push(met)
    }
  }
  return { questions, isMet }
}

function withConditionMet(row: Row, who: string, situation: Situation): Question | undefined {
  const changes = changesToMeet(row.when, situation, row.id)
  if (changes === undefined) return undefined
  const told = [who, ...changes.map(({ text }) => text)].join(' ')
  const met = changes.reduce((before, change) => change.apply(before), situation)
  return { who: told, ...met, missing: nothing }
}
