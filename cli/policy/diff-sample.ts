/** The questions that `policy diff` asks when it is given none: some for each row of both policies. */
import { identityNamed, type Situation } from '../../rbac/changes.ts'
import { changesToMeet } from '../../rbac/condition-changes.ts'
import type { PolicySnapshot } from '../../rbac/policy.ts'
import type { RecordedQuestion } from '../../rbac/replay.ts'
import { membersOf } from '../../rbac/role-members.ts'
import type { Row } from '../../rbac/row.ts'
import { sampleRequests } from '../../rbac/sample-requests.ts'

export interface Question extends RecordedQuestion {
  readonly who: string
}

export interface Sample {
  readonly questions: readonly Question[]
  /** Rows whose pattern yielded no path: nothing was asked for them. */
  readonly withoutPath: readonly string[]
  /** Rows for whose condition no facts were found: asked only without it. */
  readonly unmet: readonly string[]
  /** Rows beyond the bound of the sample. */
  readonly unasked: number
}

const maxQuestions = 20_000
const nothing: ReadonlySet<never> = new Set()

/**
 * Nobody and everybody whom a row names, with nothing known of them; and where the row has a condition, with the facts
 * that make it true.
 * @param now seconds since the epoch
 */
export function sampleQuestions(
  policies: readonly (readonly [name: string, policy: PolicySnapshot])[],
  now: number,
): Sample {
  const questions = new Map<string, Question>()
  const sample = { withoutPath: [] as string[], unmet: [] as string[], unasked: 0 }
  for (const [name, policy] of policies) {
    for (const row of policy.rows) {
      if (questions.size >= maxQuestions) {
        sample.unasked += 1
        continue
      }
      const asked = questionsOf(row, policy, now)
      for (const question of asked.questions) {
        const key = JSON.stringify([
          question.who,
          question.request.domain,
          question.request.resource,
          question.request.action,
        ])
        if (questions.size < maxQuestions && !questions.has(key)) questions.set(key, question)
      }
      if (asked.questions.length === 0) sample.withoutPath.push(`${name}/${row.id}`)
      if (!asked.isMet) sample.unmet.push(`${name}/${row.id}`)
    }
  }
  return { ...sample, questions: [...questions.values()] }
}

function questionsOf(row: Row, policy: PolicySnapshot, now: number) {
  const questions: Question[] = []
  let isMet = true
  for (const request of sampleRequests(row)) {
    for (const who of new Set(['anyone', ...membersOf(row.subject, request.domain, policy.roles)])) {
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
