/**
 * All that is wrong with a bearer token, for whoever has to find out why it is refused.
 *
 * It judges nothing: each reason is thrown by what verifies tokens, which stops at the first. Whether a token counts is for
 * `verifyToken` to say.
 */
import type { Machine, User } from '../../../rbac/identity.ts'
import { type ReadToken, readToken } from './read-token.ts'
import { TokenRefused } from './refusal.ts'
import { type Acceptance, checkSignature, demandsOn, holderOf, identityOf, type TrustedIssuer } from './verify-token.ts'

/** A token as one of the issuers that it may be of would see it. */
export interface InspectedIssuer {
  readonly issuer: TrustedIssuer
  /** Empty when nothing is wrong with what could be looked at. */
  readonly refusals: readonly TokenRefused[]
  /** Present when its keys could not be read, so that nobody knows who signed. */
  readonly unread?: unknown
  /** Whom it names, whether that counts or not. */
  readonly identity?: Machine | User
}

export interface InspectedToken {
  readonly read: ReadToken
  /** Those of the issuer that the token names. */
  readonly issuers: readonly InspectedIssuer[]
}

/** Rejects with `TokenRefused` for what cannot be read. */
export async function inspectToken(token: string, acceptance: Acceptance, nowMs: number): Promise<InspectedToken> {
  const read = readToken(token)
  const named = acceptance.issuers.filter(({ issuer }) => issuer === read.claims.iss)
  const inspect = (issuer: TrustedIssuer) => inspectFor(issuer, { token, read, acceptance, nowMs })
  return { read, issuers: await Promise.all(named.map(inspect)) }
}

interface Asked {
  readonly token: string
  readonly read: ReadToken
  readonly acceptance: Acceptance
  readonly nowMs: number
}

async function inspectFor(issuer: TrustedIssuer, { token, read, acceptance, nowMs }: Asked): Promise<InspectedIssuer> {
  const refusals: TokenRefused[] = []
  const ask = async <T>(question: () => T | Promise<T>): Promise<T | undefined> => {
    try {
      return await question()
    } catch (error) {
      if (!(error instanceof TokenRefused)) throw error
      if (!refusals.some(({ message }) => message === error.message)) refusals.push(error)
      return undefined
    }
  }
  for (const demand of demandsOn(read, issuer, acceptance, Math.floor(nowMs / 1000))) await ask(demand)
  const signature = async (): Promise<void> => {
    const { keySet } = await holderOf([{ issuer, expiresAt: 0 }], read.keyId)
    await checkSignature(token, read, issuer, keySet)
  }
  const unread = await ask(signature).catch((error: unknown) => ({ error }))
  const identity = await ask(() => identityOf(read, issuer))
  return {
    issuer,
    refusals,
    ...(unread !== undefined && { unread: unread.error }),
    ...(identity !== undefined && { identity }),
  }
}
