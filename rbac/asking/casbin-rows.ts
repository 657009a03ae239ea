/** The rows of a host that a Casbin model decides about, as an explanation shows them. */
import type { Decision } from '../decision.ts'
import type { Field } from '../evaluation.ts'
import type { PolicySnapshot } from '../policy.ts'
import { ValueError } from '../policy-error.ts'
import type { Situation } from '../situation.ts'
import type { ExplainedOutcome, ExplainedRow } from './explained-row.ts'

/**
 * A matcher is one expression, so that of a row that does not match no field can be named; one that matches does so as a
 * whole, by the request as it was asked.
 */
export function explainCasbinRows(
  decision: Decision,
  { request, identity }: Situation,
  { casbin, addRoles }: PolicySnapshot,
): readonly ExplainedRow[] {
  const hasFailed = decision.effect === 'deny' && ['evaluation-failed', 'path-too-costly'].includes(decision.reason)
  return (casbin?.rowsOf(request.domain) ?? []).map(row => {
    const applies = !hasFailed && casbin?.matches(row, { request, identity, addRoles }) === true
    return {
      rule: row.id,
      subject: row.subject,
      domain: row.domain,
      resource: row.resource,
      action: row.action,
      condition: '-',
      effect: row.effect,
      fields: outcomes(applies ? 'hit' : 'not-tried'),
      applies,
      isDeciding: row.id === ('rule' in decision ? decision.rule : undefined),
    }
  })
}

const outcomes = (outcome: ExplainedOutcome): Readonly<Record<Field, ExplainedOutcome>> => ({
  resource: outcome,
  action: outcome,
  subject: outcome,
  condition: outcome,
})

/** Which names a matcher would let in can only be tried, name by name, and no list of all names would be exact. */
export function refuseCasbin({ casbin }: PolicySnapshot, domain: string): void {
  if (casbin?.covers(domain) !== true) return
  throw new ValueError(
    `a Casbin model decides about ${domain}, of which nobody can list who may; ask for one identity: policy explain`,
  )
}
