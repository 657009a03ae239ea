/** How a provider's answer to a login reaches us (OAuth 2.0 Multiple Response Type Encoding Practices section 2.1). */
import type { ServerMetadata } from 'openid-client'

/** `query`: in the address that the provider redirects to; `form_post`: in a form that its page posts. */
export type ResponseMode = 'query' | 'form_post'

/** Throws when the provider says how it answers, and this is not among it. */
export function requireResponseMode(mode: ResponseMode, metadata: ServerMetadata): void {
  const { response_modes_supported: offered } = metadata
  // `query` needs no word of the provider: it is what the code flow has without any.
  if (mode === 'query' || offered === undefined) return
  if (Array.isArray(offered) && offered.includes(mode)) return
  throw new Error(`responseMode is ${mode}, which the provider's response_modes_supported does not list`)
}

/** What the authorization request says of it. */
export const askForMode = (mode: ResponseMode): { readonly response_mode?: ResponseMode } =>
  mode === 'query' ? {} : { response_mode: mode }
