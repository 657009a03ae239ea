/**
 * A token that this service made for one cluster (`aud: kube:<cluster>`) -> the workload that it stands for.
 *
 * Threat: a token that says less than its record, of a binding or of somebody who acts, and is taken by who looks at neither. None
 * is made like that for a cluster; one that is there all the same counts for nothing.
 */
import { hash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Machine } from '../../rbac/identity.ts'
import type { CredentialFacts } from '../audit/access-event.ts'
import type { ExchangedTokens } from '../sessions/exchanged-tokens.ts'
import type { ValueOrPromise } from '../sessions/record-store.ts'
import type { KeySet } from './token/issuer-keys.ts'
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

interface Remembered {
  readonly bearer: ClusterTokenBearer
  readonly keySet: KeySet
}

/** Of what is kept, in bytes: some 2,000 tokens. */
const rememberedBytes = 4 * 1024 * 1024
const bytesOfOne = 2_048

/**
 * A token that was seen costs no signature check, and stands for the same object as before, by which decisions are remembered.
 * Whether it still stands is asked of the store with each call.
 */
export function createClusterTokenLogin({ own, tokens, clock }: ClusterTokenOptions) {
  const remembered = new LRUCache<string, Remembered>({
    maxSize: rememberedBytes,
    sizeCalculation: ({ bearer: { workload } }) => bytesOfOne + JSON.stringify(workload).length * 2,
  })

  async function identifyKnown(key: string, { bearer }: Remembered): Promise<ClusterTokenBearer | undefined> {
    if (await bearer.stands()) return bearer
    remembered.delete(key)
    return undefined
  }

  /** What we have signed for this cluster. */
  async function readOwn(token: string, audience: string) {
    try {
      const { read, keySet } = await verifySigned(token, { issuers: [own], audience }, clock.now())
      const { jti } = read.claims
      return typeof jti === 'string' ? { tokenId: jti, keySet } : undefined
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
      const key = `${audience} ${hash('sha256', token, 'base64url')}`
      const known = remembered.get(key)
      if (known !== undefined && known.keySet === own.keys.current()) return identifyKnown(key, known)
      const signed = await readOwn(token, audience)
      const opened = signed === undefined ? undefined : await tokens.open(signed.tokenId)
      if (signed === undefined || opened === undefined) return undefined
      const { tokenId, keySet } = signed
      const { identity, host, confirmation, scope, actors, chain, expiresAt } = opened.token
      const isWhole = confirmation === undefined && scope === undefined && actors.length === 0
      if (host !== audience || identity.kind !== 'machine' || !isWhole) return undefined
      const credential: CredentialFacts = {
        credential: 'exchanged-token',
        credentialIssuer: 'sallyport',
        credentialId: tokenId,
        credentialChain: chain.map(link => `${link.issuer}/${link.id ?? '-'}`),
      }
      const { stands } = opened
      const bearer = { workload: identity, tokenId, credential, expiresAtMs: expiresAt * 1000, stands }
      remembered.set(key, { bearer, keySet })
      return bearer
    },
  }
}
