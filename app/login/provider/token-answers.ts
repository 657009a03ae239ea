/**
 * A look at what an endpoint of a provider has answered before openid-client judges it.
 *
 * A refresh token that works once is used up by asking, whatever becomes of the answer: its successor has to be kept even
 * if the ID token beside it turns out to be wrong, or the answer breaks off behind it (RFC 9700 section 4.14.2). And
 * userinfo that is signed (OpenID Connect Core 1.0 section 5.3.2) is looked at with the keys that ID tokens are.
 */
import type { Configuration } from 'openid-client'
import { createCallContext } from './call-context.ts'
import type { OutboundFetch } from './outbound.ts'

/** The part of a token response that is looked at (RFC 6749 section 5.1). */
export interface TokenAnswer {
  readonly refresh_token?: string
}

interface Looking {
  /** With the one for clients that show a certificate (RFC 8705 section 5). */
  readonly addresses: readonly string[]
  /** Of an answer that broke off: what has come of it. */
  readonly look: (body: string, headers: Headers) => Promise<void>
}

const looking = createCallContext<Looking>()

/**
 * Runs `call`, and `look` with what the token endpoint answers to it, before anybody else sees that. What `look` rejects
 * with is a cause of what `call` then rejects with. The provider's `fetch` has to be a `lookingFetch`.
 */
export function withTokenAnswer<T>(
  configuration: Configuration,
  look: (answer: TokenAnswer) => Promise<void>,
  call: () => Promise<T>,
): Promise<T> {
  const addresses = addressesOf(configuration, 'token_endpoint')
  return looking.run({ addresses, look: body => look(readAnswer(body)) }, call)
}

/** The same for userinfo that is a token: `look` gets it. */
export function withSignedUserinfo<T>(
  configuration: Configuration,
  look: (token: string) => Promise<void>,
  call: () => Promise<T>,
): Promise<T> {
  const addresses = addressesOf(configuration, 'userinfo_endpoint')
  const isToken = (headers: Headers) => /^\s*application\/jwt\s*(?:;|$)/i.test(headers.get('content-type') ?? '')
  return looking.run({ addresses, look: async (body, headers) => (isToken(headers) ? look(body) : undefined) }, call)
}

/** The same `fetch`, through which these can look. */
export function lookingFetch(fetch: OutboundFetch): OutboundFetch {
  return async (url, init) => {
    const response = await fetch(url, init)
    const asked = looking.get()
    if (asked === undefined || response.body === null || !asked.addresses.includes(normal(url))) return response
    const { text, failure } = await readAll(response)
    const { status, headers } = response
    await asked.look(text, headers)
    if (failure !== undefined) throw failure
    return new Response(text, { status, headers })
  }
}

/** As much of the text as comes, and why there is no more. */
async function readAll(response: Response): Promise<{ text: string; failure?: Error }> {
  const chunks: Uint8Array[] = []
  const textOf = () => new TextDecoder().decode(Buffer.concat(chunks))
  try {
    for await (const chunk of response.body ?? []) chunks.push(chunk)
    return { text: textOf() }
  } catch (error) {
    return { text: textOf(), failure: error instanceof Error ? error : new Error('the answer broke off') }
  }
}

function addressesOf(configuration: Configuration, name: 'token_endpoint' | 'userinfo_endpoint'): readonly string[] {
  const { [name]: address, mtls_endpoint_aliases: aliases } = configuration.serverMetadata()
  return [address, aliases?.[name]].filter(known => known !== undefined).map(normal)
}

const normal = (address: string): string => new URL(address).href

/** A whole member of an answer that broke off, or of one that is no JSON for another reason; escapes are left alone. */
const wholeMember = /^\s*\{[\s\S]*?"refresh_token"\s*:\s*"([\x20\x21\x23-\x5b\x5d-\x7e]+)"\s*[,}]/

/** What is no JSON object holds no token; openid-client will say so. */
function readAnswer(text: string): TokenAnswer {
  try {
    const answer: unknown = JSON.parse(text)
    if (typeof answer !== 'object' || answer === null || !('refresh_token' in answer)) return {}
    const { refresh_token: token } = answer
    return typeof token === 'string' && token !== '' ? { refresh_token: token } : {}
  } catch {
    const [, token] = wholeMember.exec(text) ?? []
    return token === undefined ? {} : { refresh_token: token }
  }
}
