/** The questions of one call to an API server, made one decision. */
import type { Decision } from '../decision.ts'
import type { KubernetesQuestion, KubernetesQuestions } from './questions.ts'

export interface KubernetesJudgement {
  readonly decision: Decision
  /** The one that the decision is about: the first, or the first that does not pass. */
  readonly question: KubernetesQuestion
}

/** Allowed only if every question passes. @param ask the policy's decision about an action and a resource */
export function judgeKubernetes(
  questions: KubernetesQuestions,
  ask: (question: KubernetesQuestion) => Decision,
): KubernetesJudgement {
  const [first, ...others] = questions
  const judgement = { question: first, decision: ask(first) }
  if (judgement.decision.effect !== 'allow') return judgement
  for (const question of others) {
    const decision = ask(question)
    if (!passes(question, decision)) return { question, decision }
  }
  return judgement
}

/** The first question that a row denies; `undefined` when none is denied. @param ask as of {@link judgeKubernetes} */
export function findDenied(
  questions: KubernetesQuestions,
  ask: (question: KubernetesQuestion) => Decision,
): KubernetesJudgement | undefined {
  for (const question of questions) {
    const decision = ask(question)
    if (!passes({ ...question, need: 'no-deny' }, decision)) return { question, decision }
  }
  return undefined
}

/** An evaluation that failed says nothing about deny rows, so it is no pass either. */
const notDenied: ReadonlySet<string> = new Set(['no-policy-for-domain', 'no-rule-matched', 'condition-failed'])

function passes({ need }: KubernetesQuestion, decision: Decision): boolean {
  if (decision.effect === 'allow') return true
  if (need === 'allow') return false
  return decision.effect === 'challenge' || notDenied.has(decision.reason)
}
