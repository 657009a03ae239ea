/** What a call to an API server is, as audit events tell it: by these facts its questions can be asked again. */
import type { KubernetesJudgement } from './judge.ts'
import type { AskedCall } from './questions.ts'

export interface KubernetesCallFacts {
  readonly cluster: string
  /** As the API server's own audit log has it. */
  readonly verb: string
  /** `core` for the group that has no name. This and what follows, down to the subresource, only of resources. */
  readonly group?: string
  readonly resource?: string
  readonly namespace?: string
  readonly name?: string
  readonly subresource?: string
  /** Of a URL that is no resource. */
  readonly path?: string
  /** A patch that creates what is not there. */
  readonly apply?: true
  readonly upgrade?: 'websocket' | 'spdy'
}

/** What was decided of the questions beside the one that the event is about. Absent where there is nothing to tell. */
interface FurtherDecisions {
  /** Rows that let them pass. */
  readonly rules?: readonly string[]
  /** Shadow rows that applied to them. */
  readonly shadow?: readonly string[]
}

export type AuditedKubernetesCall = KubernetesCallFacts & FurtherDecisions

export function factsOfCall(call: AskedCall, cluster: string): KubernetesCallFacts {
  const { verb } = call
  if (call.kind === 'non-resource') return { cluster, verb, path: call.path }
  const { apiGroup, resource, namespace, name, subresource, isApply, stream } = call
  return {
    cluster,
    verb,
    group: apiGroup === '' ? 'core' : apiGroup,
    resource,
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
    ...(subresource === undefined ? {} : { subresource }),
    ...(isApply ? { apply: true } : {}),
    ...(stream === 'none' ? {} : { upgrade: stream }),
  }
}

/** The call of which `factsOfCall` has told; `undefined` for facts that tell of none. */
export function callOfFacts(facts: KubernetesCallFacts): AskedCall | undefined {
  const { verb, group, resource, path, apply, upgrade, namespace, name, subresource } = facts
  if (path !== undefined) return { kind: 'non-resource', verb, path }
  if (group === undefined || resource === undefined) return undefined
  return {
    kind: 'resource',
    verb,
    apiGroup: group === 'core' ? '' : group,
    resource,
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
    ...(subresource === undefined ? {} : { subresource }),
    isApply: apply === true,
    stream: upgrade ?? 'none',
  }
}

/** Threat: a row that only a second question meets seems to be used by nobody, and a shadow row of one to apply to nothing. */
export function furtherDecisions({ others }: KubernetesJudgement): FurtherDecisions {
  if (others.length === 0) return {}
  const rules = others.flatMap(({ question, decision }) =>
    question.need === 'allow' && decision.effect === 'allow' ? [decision.rule] : [],
  )
  const shadow = others.flatMap(({ decision }) => decision.shadow ?? [])
  return {
    ...(rules.length === 0 ? {} : { rules: [...new Set(rules)] }),
    ...(shadow.length === 0 ? {} : { shadow: [...new Set(shadow)] }),
  }
}
