/** What a provider says about a person, for a token of that person: at a login, and whenever it is asked again. */
import { type Configuration, fetchUserInfo } from 'openid-client'
import type { ClaimSources, Claims } from '../claims/identity-of-claims.ts'
import { callEndpoint } from './endpoint-call.ts'
import { type OverageCall, type OveragePolicy, resolveOverage } from './group-overage.ts'
import { requireSignature } from './id-token-signature.ts'
import type { ProviderKeys } from './provider-keys.ts'
import { explainExchangeFailure } from './refusal.ts'
import { withSignedUserinfo } from './token-answers.ts'

export interface PersonTokens {
  /** Claims of an ID token that has been checked; `sub` has to be in them. */
  readonly idToken: Claims
  readonly accessToken: string
}

/**
 * ID token and userinfo, with groups that did not fit into the token. Rejects with `ERR_PROVIDER_UNAVAILABLE`,
 * `ERR_LOGIN_RESPONSE_INVALID` or `ERR_LOGIN_CLAIMS_INVALID`.
 */
export type ReadClaims = (tokens: PersonTokens) => Promise<ClaimSources>

export function createClaimsReader(
  configuration: Configuration,
  policy: OveragePolicy & { readonly userinfo?: boolean },
  call: Pick<OverageCall, 'fetch' | 'timeoutSeconds'> & { readonly keys: ProviderKeys },
): ReadClaims {
  return async ({ idToken, accessToken }) => {
    const userinfo =
      policy.userinfo === false ? undefined : await readUserinfo(configuration, call.keys, idToken, accessToken)
    const sources = { idToken, ...(userinfo !== undefined && { userinfo }) }
    return resolveOverage(sources, policy, { ...call, accessToken })
  }
}

/** `undefined` where the provider has none. Of another `sub` it would be about somebody else, and is refused. */
async function readUserinfo(
  configuration: Configuration,
  keys: ProviderKeys,
  idToken: Claims,
  accessToken: string,
): Promise<Claims | undefined> {
  if (configuration.serverMetadata().userinfo_endpoint === undefined) return undefined
  try {
    return await withSignedUserinfo(
      configuration,
      token => requireSignature(token, { configuration, keys, origin: 'provider', what: 'userinfo' }),
      () => callEndpoint('the userinfo endpoint', () => fetchUserInfo(configuration, accessToken, String(idToken.sub))),
    )
  } catch (error) {
    throw explainExchangeFailure(error)
  }
}
