/**
 * Tokens of forms that end sessions: each has to come back from a page of this site that the session's own browser got.
 *
 * Derived from the session's id, which no other site knows, and never stored: any number of pages that are open at once
 * hold the same one, and showing a page writes nothing.
 */
import { createHmac, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'
import { isSameToken } from '../attempts.ts'

export interface FormTokens {
  readonly tokenOf: (sessionId: string) => string
  /** Of whatever came with a form; never throws. */
  readonly isTokenOf: (sessionId: string, token: unknown) => boolean
}

/** `secrets`: the first makes tokens, all of them know theirs. Throws without any. */
export function createFormTokens(secrets: readonly string[]): FormTokens {
  const keys = secrets.map(deriveKey)
  const [current] = keys
  if (current === undefined) throw new Error('at least one secret is needed for the tokens of forms')
  return {
    tokenOf: sessionId => macOf(current, sessionId),
    isTokenOf: (sessionId, token) =>
      typeof token === 'string' && keys.some(key => isSameToken(token, macOf(key, sessionId))),
  }
}

const macOf = (key: KeyObject, sessionId: string): string =>
  createHmac('sha256', key).update(sessionId).digest('base64url')

/** A key of its own: what stands in a page must be of no use anywhere else. */
const deriveKey = (secret: string): KeyObject =>
  createSecretKey(Buffer.from(hkdfSync('sha256', secret, '', 'sallyport/form-token/1', 32)))
