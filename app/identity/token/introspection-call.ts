/** The call of token introspection (RFC 7662 section 2), by a client that proves itself. */
import { allowInsecureRequests, type ClientAuth, Configuration, customFetch, tokenIntrospection } from 'openid-client'
import type { OutboundFetch } from '../../login/provider/outbound.ts'
import { faultOf } from './issuer-fault.ts'

export interface IntrospectionCallOptions {
  readonly issuer: string
  readonly clientId: string
  readonly authentication: ClientAuth
  /** Where it is asked; rejects when that is not known. Asked again after a rejection. */
  readonly findEndpoint: () => Promise<string>
  readonly fetch: () => Promise<OutboundFetch>
  /** Of each call. */
  readonly timeoutSeconds: number
}

/** @returns asks about one token; rejects, without a text of the provider, when there is no answer of the form that the RFC has */
export function createIntrospectionCall(options: IntrospectionCallOptions): (token: string) => Promise<unknown> {
  const { issuer, clientId, authentication, findEndpoint, timeoutSeconds } = options
  let endpoint: string | undefined
  return async token => {
    endpoint ??= await findEndpoint()
    const server = { issuer, introspection_endpoint: endpoint }
    const configuration = new Configuration(server, clientId, undefined, authentication)
    const fetch = await options.fetch()
    let status: number | undefined
    configuration[customFetch] = async (url, init) => {
      const response = await fetch(url, init)
      // An answer that breaks off is none.
      const body = await response.arrayBuffer()
      status = response.status
      return new Response(body.byteLength === 0 ? null : body, { status, headers: response.headers })
    }
    configuration.timeout = timeoutSeconds
    // The gate against insecure settings has decided about this address.
    if (new URL(endpoint).protocol === 'http:') allowInsecureRequests(configuration)
    try {
      return await tokenIntrospection(configuration, token, { token_type_hint: 'access_token' })
    } catch (error) {
      throw faultOf(error, status)
    }
  }
}
