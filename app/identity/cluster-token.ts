/**
 * A token that this service made for one cluster (`aud: kube:<cluster>`) -> the workload that it stands for.
 *
 * Threat: a token that says less than its record, of a binding or of somebody who acts, and is taken by who looks at neither. None
 * is made like that for a cluster; one that is there all the same counts for nothing.
 */
import type { Machine } from '../../rbac/identity.ts'
import type { CredentialFacts } from '../audit/access-event.ts'
import type { ExchangedTokens } from '../sessions/exchanged-tokens.ts'
import type { ValueOrPromise } from '../sessions/record-store.ts'
import { readToken } from './token/read-token.ts'
import { TokenRefused } from './token/refusal.ts'
import { type TrustedIssuer, verifySigned } from './token/verify-token.ts'

export interface ClusterTokenOptions {
  readonly own: TrustedIssuer
  readonly tokens: Pick<ExchangedTokens, 'open'>
  readonly clock: { readonly now: () => number }
}

export interface ClusterTokenBearer {
  readonly workload: Machine
  readonly tokenId: string
  readonly credential: CredentialFacts
  /** Milliseconds since the epoch. */
  readonly expiresAtMs: number
  readonly stands: () => ValueOrPromise<boolean>
}

export function createClusterTokenLogin({ own, tokens, clock }: ClusterTokenOptions) {
  /** `jti` of a token that we have signed for this cluster. */
  async function idOf(token: string, audience: string): Promise<string | undefined> {
    try {
      const { read } = await verifySigned(token, { issuers: [own], audience }, clock.now())
      const { jti } = read.claims
      return typeof jti === 'string' ? jti : undefined
    } catch (error) {
      if (error instanceof TokenRefused) return undefined
      throw error
    }
  }

  return {
    /** Whether it seems to be ours: says who is asked about it, and nothing more. */
    isOurs(token: string): boolean {
      try {
        return readToken(token).claims.iss === own.issuer
      } catch {
        return false
      }
    },
    /** `undefined` for a token that is worth nothing at this cluster. Rejects when nobody can tell. */
    async identify(token: string, cluster: string): Promise<ClusterTokenBearer | undefined> {
      const audience = `kube:${cluster}`
      const tokenId = await idOf(token, audience)
      const opened = tokenId === undefined ? undefined : await tokens.open(tokenId)
      if (tokenId === undefined || opened === undefined) return undefined
      const { identity, host, confirmation, scope, actors, chain, expiresAt } = opened.token
      const isWhole = confirmation === undefined && scope === undefined && actors.length === 0
      if (host !== audience || identity.kind !== 'machine' || !isWhole) return undefined
      const credential: CredentialFacts = {
        credential: 'exchanged-token',
        credentialIssuer: 'sallyport',
        credentialId: tokenId,
        credentialChain: chain.map(link => `${link.issuer}/${link.id ?? '-'}`),
      }
      return { workload: identity, tokenId, credential, expiresAtMs: expiresAt * 1000, stands: opened.stands }
    },
  }
}
