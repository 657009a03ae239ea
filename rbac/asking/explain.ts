/**
 * Why a request is decided as it is (docs/policy.md, "Asking the policy"): the decision, every row of the domain field
 * by field, and the nearest change.
 *
 * The decision is `decideWithTrace`'s own. The table is one more pass of the same evaluation over all rows of the
 * domain, and the two are held against each other: an explanation that disagrees with its decision is an error.
 */

import { findDeniedActor } from '../acting/denied-actor.ts'
import { decide, decideWithTrace, policyFor } from '../decide.ts'
import type { Decision } from '../decision.ts'
import { createEvaluation, type Field, noTrace, type Outcome, type Trace } from '../evaluation.ts'
import type { Identity } from '../identity.ts'
import type { PolicySnapshot } from '../policy.ts'
import type { AccessRequest } from '../request/access-request.ts'
import type { Row } from '../row.ts'
import type { Situation } from '../situation.ts'
import { subjectNameOf } from '../subjects.ts'
import { explainCasbinRows } from './casbin-rows.ts'
import type { ExplainedRow } from './explained-row.ts'
import { findNearestChanges, type NearestChanges, type SearchLimits } from './nearest-change.ts'

export interface Explanation {
  readonly decision: Decision
  /** Every row of the domain in order of load, shadow rows included, as tried for whom the decision is about. */
  readonly rows: readonly ExplainedRow[]
  readonly nearest: NearestChanges
  /** A Casbin model that was brought decides there: a row matches as a whole, and no change was searched for. */
  readonly isByModel?: true
}

interface ExplainOptions extends SearchLimits {
  /** What was found already. Default: searched for. */
  readonly nearest?: NearestChanges
}

const fields: readonly Field[] = ['resource', 'action', 'subject', 'condition']

/** Throws when the rows cannot be evaluated to the decision that was made, except where that is `evaluation-failed`. */
export function explain(situation: Situation, policy: PolicySnapshot, options: ExplainOptions = {}): Explanation {
  const { nearest, ...limits } = options
  const decision = decideWithTrace(situation, policy, { trace: noTrace, onError: () => {} })
  const about = questionOf(decision, situation, policy)
  if (policy.casbin?.covers(situation.request.domain) === true) {
    const rows = explainCasbinRows(about.decision, about.situation, policy)
    return { decision, rows, nearest: { found: [], isComplete: false }, isByModel: true }
  }
  return {
    decision,
    rows: explainRows(about.decision, about.situation, policyFor(about.situation, policy)),
    nearest: nearest ?? findNearestChanges(situation, policy, limits),
  }
}

/** The question that counts: of somebody who acts where they are denied it, else of whoever asks. */
function questionOf(decision: Decision, situation: Situation, policy: PolicySnapshot) {
  const { actors, ...subject } = situation
  if (decision.effect !== 'deny' || decision.deniedActor === undefined) return { decision, situation: subject }
  const denied = findDeniedActor(actors, actor => decide({ ...subject, identity: actor }, policy))
  if (denied === undefined) throw new Error('whoever was denied is not among those who act')
  return { decision: denied.decision, situation: { ...subject, identity: denied.actor } }
}

/** An explanation with what was asked, as programs get it. Claims and headers stay out of it. */
export interface ExplanationDocument extends Explanation {
  readonly request: Pick<AccessRequest, 'domain' | 'resource' | 'action'>
  readonly identity: {
    readonly kind: Identity['kind']
    readonly subject?: string
    /** Of a machine: as rows name it. */
    readonly name?: string
    readonly email?: string
    readonly groups?: readonly string[]
  }
  /** Those who act for the identity, as rows name them. */
  readonly actors?: readonly string[]
  /** Seconds since the epoch. */
  readonly now: number
  readonly clientAddress?: string
}

/** Throws like `explain`. */
export function explainAsDocument(
  situation: Situation,
  policy: PolicySnapshot,
  options: ExplainOptions = {},
): ExplanationDocument {
  const { request, identity, context, actors = [] } = situation
  const { domain, resource, action } = request
  const { now, clientAddress } = context
  return {
    request: { domain, resource, action },
    identity: describeIdentity(identity),
    ...(actors.length > 0 && { actors: actors.map(subjectNameOf) }),
    now,
    ...(clientAddress === undefined ? {} : { clientAddress }),
    ...explain(situation, policy, options),
  }
}

function describeIdentity(identity: Identity): ExplanationDocument['identity'] {
  if (identity.kind === 'anonymous') return { kind: 'anonymous' }
  const { kind, subject, groups } = identity
  if (identity.kind === 'machine') return { kind, subject, name: subjectNameOf(identity), groups }
  const { email } = identity
  return { kind, subject, ...(email === undefined ? {} : { email }), groups }
}

function explainRows(decision: Decision, situation: Situation, policy: PolicySnapshot): ExplainedRow[] {
  const { enforced, shadow } = policy.candidatesFor(situation.request.domain)
  const tried = new Map<Row, Partial<Record<Field, Outcome>>>()
  const trace: Trace = (row, field, outcome) => {
    tried.set(row, { ...tried.get(row), [field]: outcome })
  }
  const applied = new Set<Row>()
  const pass = (rows: readonly Row[]): boolean => {
    const evaluation = createEvaluation(situation, { namesIn: policy.namesIn, trace })
    const isAllowed = policy.enforce(rows, evaluation)
    for (const row of evaluation.applied) applied.add(row)
    return isAllowed
  }
  const hasFailed = decision.effect === 'deny' && ['evaluation-failed', 'path-too-costly'].includes(decision.reason)
  if (!hasFailed && pass(enforced) !== (decision.effect === 'allow')) {
    throw new Error('the rows of the domain do not evaluate to the decision that was made')
  }
  if (!hasFailed) pass(shadow)
  return [...enforced, ...shadow]
    .sort((a, b) => a.order - b.order)
    .map(row => describe(row, tried.get(row) ?? {}, applied.has(row), row.id === decision.rule))
}

function describe(
  row: Row,
  tried: Partial<Record<Field, Outcome>>,
  applies: boolean,
  isDeciding: boolean,
): ExplainedRow {
  const { id: rule, subject, action, condition, effect, note, owner } = row
  const { domain, resource } = row.written ?? row
  const outcomes = fields.map(field => [field, tried[field] ?? 'not-tried'] as const)
  return {
    rule,
    subject,
    domain,
    resource,
    action,
    condition,
    effect,
    ...(note !== undefined && { note }),
    ...(owner !== undefined && { owner }),
    fields: Object.fromEntries(outcomes) as ExplainedRow['fields'],
    applies,
    isDeciding,
  }
}
