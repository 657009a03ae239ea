/** Rows that ask for the client's certificate, which has to reach the decision (docs/policy.md, "Conditions"). */
import type { Condition } from '../conditions/condition.ts'
import type { PolicySnapshot } from '../policy.ts'
import type { Row } from '../row.ts'

/** In order of load. One pass, for it runs at each load. */
export function certificateRows({ rows }: Pick<PolicySnapshot, 'rows'>): readonly Row[] {
  // Rows with an equal condition share its compiled form.
  const known = new Map<Condition, boolean>()
  return rows.filter(({ when }) => {
    const asks = known.get(when) ?? asksFor(when)
    known.set(when, asks)
    return asks
  })
}

export const isCertificateAsked = (policy: Pick<PolicySnapshot, 'rows'>): boolean => certificateRows(policy).length > 0

function asksFor(condition: Condition): boolean {
  switch (condition.kind) {
    case 'criterion':
      return condition.type === 'client-certificate'
    case 'not':
      return asksFor(condition.of)
    case 'all':
    case 'any':
      return condition.of.some(asksFor)
  }
}

/** What is wrong with such a row where no proxy is known to pass certificates, and what to do about it. */
export const describeNoCertificate = ({ condition, isDeny }: Row) => ({
  message: `"${condition}" asks for the client certificate, which no proxy is said to pass: the row ${isDeny ? 'denies whether there is one or not' : 'never allows by it'}`,
  advice: 'name the header in server.clientCertificateHeader, or take client-certificate out of the condition',
})
