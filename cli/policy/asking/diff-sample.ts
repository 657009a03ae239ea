/** The questions that `policy diff` asks when it is given none: some for each row of both policies. */

import { always, type Condition } from '../../../rbac/conditions/condition.ts'
import type { PolicySnapshot } from '../../../rbac/policy.ts'
import type { RoleRow } from '../../../rbac/roles.ts'
import type { Row } from '../../../rbac/row.ts'
import { rowText } from '../../../rbac/row-text.ts'
import { edgeQuestionsOf, type Question, questionsOf } from './row-questions.ts'

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
  /** Changed rows, with the kinds of conditions of which it was not found where they turn. */
  readonly unsampled: readonly string[]
  /** Changed rows with a condition like that of others, of which enough were asked about where it turns. */
  readonly alike: number
}

const maxQuestions = 20_000

type Named = readonly [name: string, policy: PolicySnapshot]

interface Asked {
  readonly name: string
  readonly policy: PolicySnapshot
  readonly row: Row
}

/**
 * Nobody and everybody whom a row names, with nothing known of them; and where the row has a condition, with the facts
 * that make it true; of what differs between the two also those at the edges of each of its criteria. What differs comes
 * first, and a row of many members leaves room for the others: otherwise a large policy would use the sample up before its
 * one changed row.
 * @param now seconds since the epoch
 * @param onRow called for each row
 */
export function sampleQuestions(policies: readonly [Named, Named], now: number, onRow = () => {}): Sample {
  const questions = new Map<string, Question>()
  const sample = { withoutPath: [] as string[], unmet: [] as string[], inPart: [] as string[], unasked: 0 }
  const [changed, same] = inOrder(policies)
  const { turning, alike } = withEdges(changed)
  const room = turning.length === 0 ? maxQuestions : maxQuestions / 2
  const share = Math.max(1, Math.floor(room / Math.max(changed.length, 1)))
  const texts = new Set<string>()
  const ask = ({ name, row }: Asked, asked: readonly Question[], most: number): void => {
    let added = 0
    for (const question of asked) {
      const key = keyOf(question)
      if (questions.has(key)) continue
      if (added === most || questions.size >= maxQuestions) {
        sample.inPart.push(`${name}/${row.id}`)
        return
      }
      questions.set(key, question)
      added += 1
    }
  }
  const askPlainly = (asked: Asked, most: number): void => {
    onRow()
    if (questions.size >= maxQuestions) {
      if (!texts.has(rowText(asked.row))) sample.unasked += 1
      return
    }
    texts.add(rowText(asked.row))
    const found = questionsOf(asked.row, asked.policy, now)
    ask(asked, found.questions, most)
    const id = `${asked.name}/${asked.row.id}`
    if (found.questions.length === 0) sample.withoutPath.push(id)
    if (!found.isMet) sample.unmet.push(id)
  }
  const unsampled: string[] = []
  const askAtEdges = (asked: Asked): void => {
    onRow()
    const found = edgeQuestionsOf(asked.row, asked.policy, now)
    ask(asked, found.questions, Math.max(1, Math.floor(room / turning.length)))
    if (found.unsampled.length > 0) unsampled.push(`${asked.name}/${asked.row.id} (${found.unsampled.join(', ')})`)
  }
  for (const asked of changed) askPlainly(asked, share)
  for (const asked of turning) askAtEdges(asked)
  for (const asked of same) askPlainly(asked, maxQuestions)
  return { ...sample, inPart: [...new Set(sample.inPart)], unsampled, alike, questions: [...questions.values()] }
}

/** Of rows with the same condition and effect so many are asked about where it turns: each would tell the same of it. */
const maxAlike = 20

function withEdges(changed: readonly Asked[]): { readonly turning: readonly Asked[]; readonly alike: number } {
  const times = new Map<string, number>()
  const conditional = changed.filter(({ row }) => row.when !== always)
  const turning = conditional.filter(({ name, row }) => {
    const key = JSON.stringify([name, row.effect, conditionKey(row.when)])
    const before = times.get(key) ?? 0
    times.set(key, before + 1)
    return before < maxAlike
  })
  return { turning, alike: conditional.length - turning.length }
}

/** What a condition means, whatever its name. */
const conditionKey = (condition: Condition): string =>
  JSON.stringify(condition, (key, value: unknown) => (key === 'stepUp' ? undefined : value))

const keyOf = ({ who, request }: Question): string =>
  JSON.stringify([who, request.domain, request.resource, request.action])

/** Rows that only one of the two has, whose role has other members or whose condition means something else, then the rest; in turn from both. */
function inOrder([old, next]: readonly [Named, Named]): readonly [readonly Asked[], readonly Asked[]] {
  const roles = changedRoles(old[1].roles, next[1].roles)
  const split = ([name, policy]: Named, other: PolicySnapshot) => {
    const meanings = new Set(other.rows.map(meaningOf))
    const isChanged = (row: Row): boolean => roles.has(row.subject) || !meanings.has(meaningOf(row))
    const all = policy.rows.map(row => ({ name, policy, row }))
    return { changed: all.filter(({ row }) => isChanged(row)), same: all.filter(({ row }) => !isChanged(row)) }
  }
  const [left, right] = [split(old, next[1]), split(next, old[1])]
  return [inTurn(left.changed, right.changed), inTurn(left.same, right.same)]
}

/** Of a list of hosts each has its own row, all with the text of their line. */
const meaningOf = (row: Row): string =>
  `${row.domain} ${rowText(row)}${row.when === always ? '' : conditionKey(row.when)}`

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
