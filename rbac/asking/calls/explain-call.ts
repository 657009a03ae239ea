/** Why a call is decided as it is: the question that counts row by row, the others with their answers, and the nearest change. */
import type { Decision } from '../../decision.ts'
import { isKubernetesDomain } from '../../domains.ts'
import type { KubernetesQuestion } from '../../kubernetes/questions.ts'
import type { PolicySnapshot } from '../../policy.ts'
import type { AccessRequest } from '../../request/access-request.ts'
import { type ExplanationDocument, explainAsDocument } from '../explain.ts'
import { findNearestChanges, type Judge, type SearchLimits } from '../nearest-change.ts'
import { type Call, callOfRequest, type Facts, judgeCall } from './call.ts'
import { parseCall, type Variant } from './parse-call.ts'

/** `request`, `rows` and `decision` are those of the question that the decision is about. */
export interface CallExplanation extends ExplanationDocument {
  /** Where there are several: each that was asked, in order. */
  readonly questions?: readonly (KubernetesQuestion & { readonly decision: Decision })[]
  /** What the same words could mean as well, where that is answered otherwise. */
  readonly otherwise?: readonly Otherwise[]
  /** The gateway makes no call for this identity: the rows decide nothing. */
  readonly isOutside?: true
}

interface Otherwise {
  /** Continues the sentence "it would be …". */
  readonly how: string
  readonly request: Pick<AccessRequest, 'domain' | 'resource' | 'action'>
  readonly decision: Decision
}

type Asked = Call & { readonly isByVerb?: boolean; readonly variants?: readonly Variant[] }

/** Throws like `explain`. */
export function explainCall(
  call: Asked,
  facts: Facts,
  policy: PolicySnapshot,
  limits: SearchLimits = {},
): CallExplanation {
  const judged = judgeCall(call, facts, policy)
  const start = { ...facts, request: call.request }
  const options = { ...limits, judge: judgeOf(call, policy), keepsMethod: isMany(call) && call.isByVerb !== true }
  const nearest = findNearestChanges(start, policy, options)
  const document = explainAsDocument({ ...facts, request: judged.request }, policy, { nearest })
  const otherwise = (call.variants ?? []).flatMap(variant => otherwiseOf(variant, judged, facts, policy))
  return {
    ...document,
    decision: judged.decision,
    ...(judged.isOutside ? { rows: document.rows.map(row => ({ ...row, isDeciding: false })), isOutside: true } : {}),
    ...(isMany(call) ? { questions: judged.answers.map(({ question, decision }) => ({ ...question, decision })) } : {}),
    ...(otherwise.length === 0 ? {} : { otherwise }),
  }
}

const isMany = ({ questions }: Call): boolean => questions.length > 1

/** With another verb it is another call. */
function judgeOf(call: Asked, policy: PolicySnapshot): Judge {
  const { domain, action, resource } = call.request
  const withVerb = (verb: string): Call =>
    isKubernetesDomain(domain)
      ? parseCall(`${verb} ${domain} ${resource}`)
      : callOfRequest({ ...call.request, action: verb })
  return ({ request, ...facts }) =>
    judgeCall(request.action === action ? call : withVerb(request.action), facts, policy)
}

function otherwiseOf(
  variant: Variant,
  { decision }: { readonly decision: Decision },
  facts: Facts,
  policy: PolicySnapshot,
): readonly Otherwise[] {
  const other = judgeCall(variant, facts, policy)
  if (other.decision.effect === decision.effect && other.decision.rule === decision.rule) return []
  const { domain, resource, action } = other.request
  return [{ how: variant.how, request: { domain, resource, action }, decision: other.decision }]
}
