/**
 * Tokens whose `sub`, or another claim, names the client: of jobs of GitHub Actions and GitLab CI, SPIFFE JWT-SVIDs, identity
 * tokens of Google and AWS. The name is taken whole: rows compare it whole, and none can hold a pattern.
 */
import type { Machine } from '../../../rbac/identity.ts'
import { textIn } from './check-claims.ts'
import type { Claims, ReadToken } from './read-token.ts'
import { TokenRefused } from './refusal.ts'

export type WorkloadKind = 'github-actions' | 'gitlab-ci' | 'generic'

/** Names of the numbers by which a repository stays the same under another name, and of the run. */
const required: Readonly<Record<WorkloadKind, readonly string[]>> = {
  'github-actions': ['repository', 'repository_id', 'repository_owner_id', 'run_id'],
  'gitlab-ci': ['project_path', 'project_id', 'namespace_id', 'pipeline_id'],
  generic: [],
}

/** `JOSE` may stand in JWT-SVIDs (section 3 of their specification). Throws `TokenRefused`. */
export function checkWorkloadType({ type }: ReadToken): void {
  if (type !== undefined && type !== 'jwt' && type !== 'jose') throw new TokenRefused('type')
}

/** Throws `TokenRefused`. */
export function workloadOf(
  claims: Claims,
  issuer: { readonly name: string; readonly kind: WorkloadKind; readonly clientClaim?: string | undefined },
): Machine {
  for (const name of required[issuer.kind]) textIn(claims, name)
  return clientOf(claims, issuer.name, textIn(claims, issuer.clientClaim ?? 'sub'))
}

/** About this token, not about its bearer. */
const protocolClaims = new Set(['exp', 'iat', 'nbf', 'jti', 'aud'])

export function clientOf(claims: Claims, issuer: string, client: string): Machine {
  return {
    kind: 'machine',
    subject: `${String(claims.iss)}#${textIn(claims, 'sub')}`,
    provider: issuer,
    groups: [],
    claims: Object.fromEntries(Object.entries(claims).filter(([name]) => !protocolClaims.has(name))),
    client: `${issuer}/${client}`,
  }
}
