/** A recorded call put to a policy again: every question that it was, folded as the gateway does. */
import { passes } from '../../kubernetes/judge.ts'
import type { PolicySnapshot } from '../../policy.ts'
import {
  type MissingFact,
  type RecordedQuestion,
  type ReplayedDecision,
  replayDenial,
  replayQuestion,
} from '../replay.ts'
import { type Call, requestOf } from './call.ts'

export interface RecordedCall extends RecordedQuestion {
  /** Absent: the request is all that was asked. */
  readonly call?: Call
}

/** Never throws. Uncertain as soon as one question is that might have been refused. */
export function replayCall(policy: PolicySnapshot, recorded: RecordedCall): ReplayedDecision {
  const { call, missing, request } = recorded
  if (missing.has('call')) return { kind: 'uncertain', facts: ['call'] }
  if (call === undefined) return replayQuestion(policy, recorded)
  const facts = new Set<MissingFact>()
  let first: ReplayedDecision | undefined
  for (const question of call.questions) {
    const put = { ...recorded, request: requestOf(request.domain, question) }
    const replayed = question.need === 'allow' ? replayQuestion(policy, put) : replayDenial(policy, put)
    first ??= replayed
    if (replayed.kind === 'uncertain') for (const fact of replayed.facts) facts.add(fact)
    // What comes before might have been refused in another way.
    else if (facts.size === 0 && !passes(question, replayed.decision)) return replayed
  }
  if (facts.size > 0 || first === undefined) return { kind: 'uncertain', facts: [...facts] }
  return first
}
