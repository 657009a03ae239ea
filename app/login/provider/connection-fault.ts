/** Why an exchange with a provider came to no end: the connection, TLS, time or size, and not what was said. */
import { causes } from './causes.ts'

export interface ConnectionFault {
  /** As it reads after the name of the endpoint: `refused the connection`. */
  readonly what: string
  /** `ECONNREFUSED` and the like. */
  readonly code: string
  /** What to do, where that is known. */
  readonly hint?: string
}

/** RFC 7301 section 3.2: the server has looked through what was offered, which is HTTP/1.1. */
const noCommonProtocol =
  'speaks no HTTP/1.1, probably HTTP/2 alone, which is not supported: switch on HTTP/1.1 at the provider, ' +
  'or put a reverse proxy in front of it that speaks both'

const isOfUnknownAuthority = (code: string): boolean => /^(?:SELF_SIGNED_|DEPTH_ZERO_|UNABLE_TO_)\w+$/.test(code)
const nameAuthority =
  'who signed its certificate is not known here; name that authority in providers[].caFile, or in NODE_EXTRA_CA_CERTS'

/** The first that fits counts. */
const kinds: readonly (readonly [RegExp, string])[] = [
  [/^(?:OAUTH_TIMEOUT|TimeoutError|ETIMEDOUT|UND_ERR_(?:CONNECT|HEADERS|BODY)_TIMEOUT)$/, 'timed out'],
  [/^ECONNREFUSED$/, 'refused the connection'],
  [/^(?:ENOTFOUND|EAI_\w+)$/, 'has a name that cannot be resolved'],
  [/^(?:EHOST|ENET)\w+$/, 'cannot be reached'],
  [/^UND_ERR_RES_EXCEEDED_MAX_SIZE$/, 'sent a body that is too large'],
  [/^UND_ERR_HEADERS_OVERFLOW$/, 'sent headers that are too large'],
  [/^ERR_SSL_\w*NO_APPLICATION_PROTOCOL$/, noCommonProtocol],
  // What comes of frames of HTTP/2 from a server that does not ask what is understood.
  [/^(?:HPE_\w+|HTTPParserError)$/, 'sent what is no HTTP/1.1; if it speaks HTTP/2 alone, that is not supported'],
  [
    /^(?:ERR_TLS_|ERR_SSL_|CERT_|CRL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH|INVALID_CA|EPROTO)\w*$/,
    'failed at TLS',
  ],
  [/^(?:ECONNRESET|ECONNABORTED|EPIPE|OAUTH_ABORT|AbortError|UND_ERR_\w+)$/, 'broke off the connection'],
]

/** The one among the causes of an error; `undefined` for an error that is about an answer. */
export function connectionFaultIn(error: unknown): ConnectionFault | undefined {
  for (const cause of causes(error)) {
    if (!(cause instanceof Error)) return undefined
    const code = codeOf(cause)
    const [, what] = kinds.find(([pattern]) => pattern.test(code)) ?? []
    if (what !== undefined) return { what, code, ...(isOfUnknownAuthority(code) && { hint: nameAuthority }) }
  }
  return undefined
}

/** What ends a call by its signal has a name in place of a code. */
const codeOf = (error: Error): string => ('code' in error && typeof error.code === 'string' ? error.code : error.name)
