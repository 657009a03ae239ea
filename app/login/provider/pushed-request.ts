/**
 * Pushed authorization requests (RFC 9126): the parameters go to the provider from here, and the browser carries only a
 * reference to them, so that nobody on the way reads or changes them.
 */
import { buildAuthorizationUrlWithPAR, type Configuration, type ServerMetadata } from 'openid-client'
import { callEndpoint } from './endpoint-call.ts'
import { explainExchangeFailure } from './refusal.ts'

/** `auto`: where the provider insists on it. */
export type PushedRequests = 'auto' | 'always' | 'never'

/** Throws when the setting and the provider contradict each other. */
export function mustPushRequests(setting: PushedRequests, metadata: ServerMetadata): boolean {
  const isRequired = metadata.require_pushed_authorization_requests === true
  if (setting === 'never' && isRequired) throw new Error('the provider insists on pushed authorization requests')
  const isPushed = setting === 'always' || (setting === 'auto' && isRequired)
  if (isPushed && metadata.pushed_authorization_request_endpoint === undefined) {
    throw new Error("the provider's metadata has no pushed_authorization_request_endpoint")
  }
  return isPushed
}

/**
 * The address to send the browser to in place of `authorizationUrl`. Rejects with `ERR_PROVIDER_UNAVAILABLE` or
 * `ERR_LOGIN_RESPONSE_INVALID`; never falls back to the plain address, which would show what was to be kept from view.
 */
export async function pushRequest(configuration: Configuration, authorizationUrl: string): Promise<string> {
  const parameters = ownParameters(authorizationUrl, configuration.serverMetadata().authorization_endpoint)
  try {
    const push = () => buildAuthorizationUrlWithPAR(configuration, parameters)
    return (await callEndpoint('the pushed authorization request endpoint', push)).href
  } catch (error) {
    throw explainExchangeFailure(error)
  }
}

/** Without those that stand in the endpoint's own address: they are added again. */
function ownParameters(authorizationUrl: string, endpoint: string | undefined): URLSearchParams {
  const { searchParams } = new URL(authorizationUrl)
  const parameters = new URLSearchParams(searchParams)
  if (endpoint === undefined) return parameters
  for (const [name, value] of new URL(endpoint).searchParams) {
    if (parameters.get(name) === value) parameters.delete(name)
  }
  return parameters
}
