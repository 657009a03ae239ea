/**
 * Tokens of Kubernetes service accounts: projected into a pod, or by TokenRequest (Kubernetes 1.22 and later).
 *
 * Threat: the token with which a pod speaks to its API server. An application that got one from us could speak to that
 * server as the pod; so it counts for nothing here, and its bearer is told how to get another one.
 */
import type { Machine } from '../../../rbac/identity.ts'
import type { Claims, ReadToken } from './read-token.ts'
import { TokenRefused } from './refusal.ts'

const namespacePattern = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/
const namePattern = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/

/** `iss` of tokens that stand in secrets, from before there was an expiry. */
export const legacyIssuer = 'kubernetes/serviceaccount'

export const adviceForWorkloads = (audience: string): string =>
  `project a token with audience ${audience} into the pod (volumes, projected, serviceAccountToken), or use kubectl create token --audience=${audience}`

/** API servers write no `typ`. Throws `TokenRefused`. */
export function checkServiceAccountType({ type }: ReadToken): void {
  if (type !== undefined && type !== 'jwt') throw new TokenRefused('type')
}

/** Throws `TokenRefused`. */
export function serviceAccountOf(claims: Claims, issuer: { readonly name: string; readonly cluster: string }): Machine {
  const { iss, sub } = claims
  const own = objectIn(claims, 'kubernetes.io')
  const { namespace } = own
  const account = referenceIn(own, 'serviceaccount')
  if (typeof namespace !== 'string' || !namespacePattern.test(namespace) || account === undefined) {
    throw new TokenRefused('claim', 'kubernetes.io')
  }
  if (sub !== `system:serviceaccount:${namespace}:${account.name}`) throw new TokenRefused('claim', 'sub')
  const [pod, node] = [referenceIn(own, 'pod'), referenceIn(own, 'node')]
  const bound = { namespace, serviceaccount: account, ...(pod && { pod }), ...(node && { node }) }
  return {
    kind: 'machine',
    subject: `${String(iss)}#${sub}`,
    provider: issuer.name,
    groups: [],
    claims: { 'kubernetes.io': bound },
    serviceAccount: `${issuer.cluster}/${namespace}/${account.name}`,
  }
}

interface Reference {
  readonly name: string
  readonly uid: string
}

function referenceIn(own: Claims, name: string): Reference | undefined {
  if (!Object.hasOwn(own, name)) return undefined
  const { name: named, uid } = objectIn(own, name)
  const isRight = typeof named === 'string' && namePattern.test(named) && typeof uid === 'string' && uid.length <= 128
  if (!isRight || uid === '') throw new TokenRefused('claim', `kubernetes.io ${name}`)
  return { name: named, uid }
}

function objectIn(claims: Claims, name: string): Claims {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TokenRefused('claim', name)
  return value as Claims
}
