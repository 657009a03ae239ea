/** What a login leaves behind: the session, and what its provider can be asked with again. */
import type { User } from '../../rbac/identity.ts'

/** What a login leaves behind; the payload of a session. */
export interface LoginSession {
  readonly identity: User
  /** When the person logged in here, seconds since the epoch. The absolute lifetime counts from it. */
  readonly startedAt: number
  /** The same moment in milliseconds: a cut tells by it. Absent in sessions of earlier versions. */
  readonly startedAtMs?: number
  /** When the provider last confirmed the login, seconds since the epoch; absent: at `startedAt`. */
  readonly verifiedAt?: number
  /**
   * The provider could not be asked: since when, and when it is asked again, in seconds since the epoch. `isDoubted`: it
   * said no the last time, in words that need not be about the person.
   */
  readonly unverified?: { readonly since: number; readonly retryAt: number; readonly isDoubted?: boolean }
  /** How the provider can be asked without the person; absent: it cannot. */
  readonly verifyBy?: 'refresh-token' | 'access-token'
  /** `sid` of the ID token (OpenID Connect Front-Channel Logout 1.0 section 3): the provider's name for its session. */
  readonly providerSession?: string
  /** Where the login came from, for the person to recognise it by. */
  readonly startedFrom?: { readonly clientAddress?: string; readonly userAgent?: string }
  /** The person asked to stay logged in. */
  readonly isRemembered?: true
  /** What has to come along with the cookie. */
  readonly boundTo?: { readonly kind: 'client-certificate'; readonly thumbprint: string }
  /** The ID token as received, for `id_token_hint` at log-out. */
  readonly idToken?: string
}

/**
 * What a provider can be asked with again, without the person: the refresh token, or else the access token. Sealed like
 * the session and ended with it; never read on the way of a check that need not wait.
 */
export interface ProviderTokens {
  readonly refreshToken?: string
  readonly accessToken?: string
  /** Seconds since the epoch; absent where the provider did not say. */
  readonly accessTokenExpiresAt?: number
  /** The ID token stated what userinfo does not, so userinfo alone cannot confirm the login. */
  readonly needsIdToken?: true
  /** Of the ID token of the login: a later one that has one has the same (OpenID Connect Core 1.0 section 12.2). */
  readonly nonce?: string
}
