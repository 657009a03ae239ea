/** Which tokens of a login are kept, so that the provider can be asked about it again (RFC 6749 sections 5.1 and 6). */
import type { LoginSession, ProviderTokens } from '../../sessions/login-session.ts'
import type { ClaimSources, Claims } from './identity-of-claims.ts'

/** A login that has passed every check, and what its provider can be asked with again. */
export interface NewLogin {
  readonly login: LoginSession
  readonly tokens: ProviderTokens
  /** All that the provider has stated. */
  readonly sources: ClaimSources
}

/** The part of a token response that is looked at. */
export interface TokenResponse {
  readonly access_token: string
  readonly refresh_token?: string | undefined
  /** In seconds. */
  readonly expires_in?: number | undefined
}

/** A longer one is not kept; the provider is then asked in the person's browser. */
const longestToken = 16 * 1024

/** About the token or the login itself: userinfo never states it, and no decision rests on its being stated again. */
const aboutToken = new Set([
  ...['iss', 'sub', 'aud', 'exp', 'iat', 'nbf', 'jti', 'azp', 'nonce', 'typ', 'ver'],
  ...['at_hash', 'c_hash', 's_hash', 'rt_hash', 'sid', 'session_state', 'auth_time', 'amr', 'acr'],
])

/**
 * The refresh token alone where there is one: whoever gets hold of what is stored should find as little as possible. The
 * access token only where userinfo says all that the login rests on.
 */
export function tokensToKeep(
  response: TokenResponse,
  claims: Claims,
  userinfo: Claims | undefined,
  nowSeconds: number,
): ProviderTokens {
  const { access_token: accessToken, refresh_token: refreshToken, expires_in: lifetime } = response
  const needsIdToken = userinfo === undefined || Object.keys(claims).some(name => !isRepeated(name, userinfo))
  if (refreshToken !== undefined && refreshToken.length <= longestToken) {
    const nonce = typeof claims.nonce === 'string' ? { nonce: claims.nonce } : {}
    return { refreshToken, ...nonce, ...(needsIdToken && { needsIdToken }) }
  }
  if (needsIdToken || accessToken.length > longestToken) return {}
  return { accessToken, ...(lifetime !== undefined && { accessTokenExpiresAt: nowSeconds + lifetime }) }
}

/** Whether a claim is about the token or the login, and not about the person. */
export const isAboutToken = (name: string): boolean => aboutToken.has(name)

const isRepeated = (name: string, userinfo: Claims) => isAboutToken(name) || Object.hasOwn(userinfo, name)

/** How the provider can be asked with these; absent when it cannot. */
export function verifyByOf({ refreshToken, accessToken }: ProviderTokens): Pick<LoginSession, 'verifyBy'> {
  if (refreshToken !== undefined) return { verifyBy: 'refresh-token' }
  return accessToken === undefined ? {} : { verifyBy: 'access-token' }
}
