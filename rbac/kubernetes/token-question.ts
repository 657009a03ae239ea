/**
 * What the policy is asked where a cluster judges calls by itself and trusts our tokens (docs/policy.md, "Kubernetes").
 *
 * It is one question, at each token: whether this person may have one. No other row of that cluster's domain is ever asked.
 */
import type { Row } from '../row.ts'
import type { KubernetesQuestion } from './questions.ts'

/** In the form of a resource, of a group that is ours. */
export const tokenQuestion: KubernetesQuestion = {
  action: 'create',
  resource: '/-/sallyport.dev/tokens',
  need: 'allow',
}

/** Whether it can ever apply in the domain of such a cluster. */
export const speaksOfTokens = ({ fitsResource, fitsAction }: Pick<Row, 'fitsResource' | 'fitsAction'>): boolean =>
  fitsAction(tokenQuestion.action) && fitsResource(tokenQuestion.resource)

/** In order of load. @param clusters names of those that judge calls by themselves */
export function unusedTokenRows(rows: readonly Row[], clusters: readonly string[]): readonly Row[] {
  const domains = new Set(clusters.map(name => `kube:${name}`))
  return rows.filter(row => domains.has(row.domain) && !speaksOfTokens(row))
}

const fact = 'never applies: this cluster judges calls by itself (access: direct)'
const instead = `${tokenQuestion.action} of ${tokenQuestion.resource}`

export const unusedRow = {
  problem: `${fact}, and the policy says who gets a token: ${instead}; say the rest in the roles of the cluster, or unusedRows: accept`,
  message: fact,
  advice: `say it in the roles of the cluster; who gets a token is ${instead}`,
}
