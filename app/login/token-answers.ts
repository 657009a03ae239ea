/**
 * A look at what a token endpoint has answered before openid-client judges it.
 *
 * A refresh token that works once is used up by asking, whatever becomes of the answer: its successor has to be kept even
 * if the ID token beside it turns out to be wrong (RFC 9700 section 4.14.2).
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Configuration } from 'openid-client'
import type { OutboundFetch } from './outbound.ts'

/** The part of a token response that is looked at (RFC 6749 section 5.1). */
export interface TokenAnswer {
  readonly refresh_token?: string
}

interface Looking {
  /** With the one for clients that show a certificate (RFC 8705 section 5). */
  readonly addresses: readonly string[]
  readonly look: (answer: TokenAnswer) => Promise<void>
}

const looking = new AsyncLocalStorage<Looking>()

/**
 * Runs `call`, and `look` with what the token endpoint answers to it, before anybody else sees that. What `look` rejects
 * with is a cause of what `call` then rejects with. The provider's `fetch` has to be a `lookingFetch`.
 */
export function withTokenAnswer<T>(
  configuration: Configuration,
  look: Looking['look'],
  call: () => Promise<T>,
): Promise<T> {
  const { token_endpoint: address, mtls_endpoint_aliases: aliases } = configuration.serverMetadata()
  const addresses = [address, aliases?.token_endpoint].filter(known => known !== undefined).map(normal)
  return looking.run({ addresses, look }, call)
}

/** The same `fetch`, through which `withTokenAnswer` can look. */
export function lookingFetch(fetch: OutboundFetch): OutboundFetch {
  return async (url, init) => {
    const response = await fetch(url, init)
    const asked = looking.getStore()
    if (asked === undefined || response.status !== 200 || !asked.addresses.includes(normal(url))) return response
    const text = await response.text()
    await asked.look(readAnswer(text))
    return new Response(text, { status: response.status, headers: response.headers })
  }
}

const normal = (address: string): string => new URL(address).href

/** What is no JSON object holds no token; openid-client will say so. */
function readAnswer(text: string): TokenAnswer {
  try {
    const answer: unknown = JSON.parse(text)
    if (typeof answer !== 'object' || answer === null || !('refresh_token' in answer)) return {}
    const { refresh_token: token } = answer
    return typeof token === 'string' && token !== '' ? { refresh_token: token } : {}
  } catch {
    return {}
  }
}
