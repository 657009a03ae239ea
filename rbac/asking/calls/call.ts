/**
 * What is asked about: a request to a host, which is one question, or a call to a cluster, which can be several
 * (docs/policy.md, "Kubernetes").
 *
 * Threat: a command says "allowed" of one question of a call, and the gateway refuses for another. So whoever asks a policy
 * about a call asks all of them, folded as the gateway folds them.
 */
import { decide, type OnError } from '../../decide.ts'
import type { Decision } from '../../decision.ts'
import { isKubernetesDomain } from '../../domains.ts'
import type { Identity } from '../../identity.ts'
import { callOfFacts, type KubernetesCallFacts } from '../../kubernetes/call-facts.ts'
import { type AnsweredQuestion, judgeKubernetes } from '../../kubernetes/judge.ts'
import {
  type AskedCall,
  type KubernetesQuestion,
  type KubernetesQuestions,
  questionsOf,
} from '../../kubernetes/questions.ts'
import type { PolicySnapshot } from '../../policy.ts'
import type { AccessRequest } from '../../request/access-request.ts'
import type { Situation } from '../../situation.ts'

export interface Call {
  /** The first question, which the call is about. */
  readonly request: AccessRequest
  /** All that have to pass, the first included; of a host that one. */
  readonly questions: KubernetesQuestions
}

/** A request to a host or the console. */
export const callOfRequest = (request: AccessRequest): Call => ({
  request,
  questions: [{ action: request.action, resource: request.resource, need: 'allow' }],
})

export function callToCluster(domain: string, asked: AskedCall): Call {
  const questions = questionsOf(asked)
  return { request: requestOf(domain, questions[0]), questions }
}

/** `undefined` for facts that tell of no call. */
export function recordedCall(domain: string, facts: KubernetesCallFacts): Call | undefined {
  const asked = callOfFacts(facts)
  return asked === undefined ? undefined : callToCluster(domain, asked)
}

export const requestOf = (domain: string, { action, resource }: KubernetesQuestion): AccessRequest => ({
  domain,
  resource,
  action,
  url: `${domain}${resource}`,
})

interface JudgedCall {
  readonly decision: Decision
  /** The question that the decision is about: the first, or the one that does not pass. */
  readonly request: AccessRequest
  /** All that were asked, in order, the one that counts included. */
  readonly answers: readonly AnsweredQuestion[]
  /** The gateway makes no call for this identity, whatever the policy says. */
  readonly isOutside: boolean
}

/** Who asks, and under which circumstances. */
export type Facts = Pick<Situation, 'identity' | 'context' | 'actors'>

/** Never throws. `onError` gets what made an `evaluation-failed`. */
export function judgeCall(
  { request, questions }: Call,
  { identity, context, actors }: Facts,
  policy: PolicySnapshot,
  onError: OnError = () => {},
): JudgedCall {
  const { domain } = request
  const { decision, question, others } = judgeKubernetes(questions, one =>
    decide({ request: requestOf(domain, one), identity, context, actors }, policy, onError),
  )
  const counted = { question, decision }
  const answers = decision.effect === 'allow' ? [counted, ...others] : [...others, counted]
  const isOutside = isOutsideOf(domain, identity)
  const answer: Decision = isOutside ? { ...nobody, revision: decision.revision } : decision
  const isFirst = question === questions[0]
  return { decision: answer, request: isFirst ? request : requestOf(domain, question), answers, isOutside }
}

/** The gateway takes tokens of logins and of workloads: nobody without one. Then no row decides. */
export const isOutsideOf = (domain: string, { kind }: Pick<Identity, 'kind'>): boolean =>
  isKubernetesDomain(domain) && kind === 'anonymous'

const nobody = { effect: 'challenge', reason: 'user-unauthenticated', login: {} } as const
