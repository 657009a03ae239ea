/**
 * Why a bearer token lets nobody in: a closed list, with the sentence that its bearer is told.
 *
 * Threat: an answer that repeats what came. No sentence holds a part of a token; what stands behind one is out of the
 * configuration or of this program.
 */

export const tokenRefusals = {
  size: 'the token is too long',
  form: 'the token is no signed JWT in its compact form',
  duplicate: 'a name stands twice in the token',
  issuer: 'the token was made by no issuer that this host believes',
  legacy: 'the token is a legacy one of a service account, which never expires and is for anybody',
  algorithm: 'the token is signed with an algorithm that its issuer may not use here',
  type: 'the token is of another type',
  bound: 'the token is bound to a key of its bearer, and no proof of that key is looked at here',
  certificate:
    'the token counts together with its client certificate alone, and the connection has another one, or none that is known (RFC 8705)',
  'identity-token': 'the token is an ID token, which tells a client of a login; an access token is needed',
  audience: 'the token is for another audience',
  'other-audience': 'the token is for another audience as well',
  claim: 'a claim is missing or has another form',
  expired: 'the token has expired',
  'not-yet': 'the token is from the future',
  lifetime: 'the token was made for too long a time',
  key: 'the issuer has no such key',
  signature: 'the signature does not fit',
  client: 'the token names no client, or two',
  person: 'the token is that of a person, and this issuer lets in none',
  groups: 'the token does not say which groups the person is in',
  session: 'the login that the token was made from has ended',
  logins: 'tokens that are made from a login do not count here, or no longer',
  revoked: 'the token was revoked, or one that it was made from',
  proof: 'the proof of the key does not fit this request, was used before, or is missing (RFC 9449)',
  inactive: 'its issuer says that the token does not count, or no longer',
  provider: 'this host takes people of other providers',
  idle: 'this host ends logins that are not used for a while, and takes no tokens of people',
} as const

export type TokenRefusalReason = keyof typeof tokenRefusals

/** A token that counts for nothing. `message` may be shown to whoever sent it. */
export class TokenRefused extends Error {
  readonly reason: TokenRefusalReason
  /** `advice`: how to get one that counts. */
  constructor(reason: TokenRefusalReason, advice?: string, options?: { readonly cause?: unknown }) {
    super(advice === undefined ? tokenRefusals[reason] : `${tokenRefusals[reason]}: ${advice}`, options)
    this.name = 'TokenRefused'
    this.reason = reason
  }
}
