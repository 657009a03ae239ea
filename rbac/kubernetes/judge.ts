/** The questions of one call to an API server, made one decision. */
import type { Decision } from '../decision.ts'
import type { KubernetesQuestion, KubernetesQuestions } from './questions.ts'

export interface KubernetesJudgement {
  readonly decision: Decision
  /** The one that the decision is about: the first, or the first that does not pass. */
  readonly question: KubernetesQuestion
  /** The others that were asked, in order. */
  readonly others: readonly AnsweredQuestion[]
}

export interface AnsweredQuestion {
  readonly question: KubernetesQuestion
  readonly decision: Decision
}

const none: readonly AnsweredQuestion[] = []

/** Allowed only if every question passes. @param ask the policy's decision about an action and a resource */
export function judgeKubernetes(
  questions: KubernetesQuestions,
  ask: (question: KubernetesQuestion) => Decision,
): KubernetesJudgement {
  const [question, ...further] = questions
  const first = { question, decision: ask(question) }
  if (first.decision.effect !== 'allow' || further.length === 0) return { ...first, others: none }
  const passed: AnsweredQuestion[] = []
  for (const next of further) {
    const decision = ask(next)
    if (!passes(next, decision)) return { question: next, decision, others: [first, ...passed] }
    passed.push({ question: next, decision })
  }
  return { ...first, others: passed }
}

/** The first question that a row denies; `undefined` when none is denied. @param ask as of {@link judgeKubernetes} */
export function findDenied(
  questions: KubernetesQuestions,
  ask: (question: KubernetesQuestion) => Decision,
): KubernetesJudgement | undefined {
  for (const question of questions) {
    const decision = ask(question)
    if (!passes({ ...question, need: 'no-deny' }, decision)) return { question, decision, others: none }
  }
  return undefined
}

/** An evaluation that failed says nothing about deny rows, so it is no pass either. */
const notDenied: ReadonlySet<string> = new Set(['no-policy-for-domain', 'no-rule-matched', 'condition-failed'])

/** Whether a call may still go on. */
export function passes({ need }: KubernetesQuestion, decision: Decision): boolean {
  if (decision.effect === 'allow') return true
  if (need === 'allow') return false
  return decision.effect === 'challenge' || notDenied.has(decision.reason)
}
