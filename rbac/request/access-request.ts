/**
 * What the client asked the upstream for, in the one canonical form that policy is matched against.
 *
 * Every front calls `canonicalise` before anything else. The rules are those of docs/wire-contract.md section 3.
 */
import { canonicaliseAuthority, type Scheme } from './canonical-host.ts'
import { canonicaliseTarget } from './canonical-path.ts'
import { MalformedRequestError } from './malformed-request.ts'
import { isMethod, methodsWithoutPath } from './methods.ts'

export { MalformedRequestError } from './malformed-request.ts'

/** Canonical; built once per request and never changed. */
export interface AccessRequest {
  /** Lower-case host without port and trailing dot. */
  readonly domain: string
  /** Path with unreserved characters decoded, other escapes in upper-case hexadecimal, no dot segments, no `//`. */
  readonly resource: string
  /** HTTP method in capitals, or a Kubernetes verb. */
  readonly action: string
  /** `scheme://host[:port]path[?query]`, for return-to and audit; policy never reads it. */
  readonly url: string
}

/** The parts of the original request as a proxy states them; nothing has been checked yet. */
export interface OriginalRequest {
  readonly method: string
  /** `http` or `https`. */
  readonly scheme: string
  /** Host with an optional port. */
  readonly host: string
  /** Request target in origin form: path and query. */
  readonly target: string
}

/** What an operator may relax for applications that need it. All off by default. */
export interface CanonicalOptions {
  /** Hosts (canonical form) whose applications need `%2F` inside a segment. */
  readonly allowEncodedSlash?: (domain: string) => boolean
  /** Hosts whose applications need `;` in a path. */
  readonly allowSemicolon?: (domain: string) => boolean
  /** Hosts whose names hold an underscore. */
  readonly allowUnderscore?: (domain: string) => boolean
}

/** Longest target, in characters, before and after canonicalisation. */
const maxTargetLength = 8192
/** Longest `scheme://authority` of a URL: `https://`, 253 for the host, a trailing dot, a port. */
const maxOriginLength = 8 + 253 + 1 + 6

/** Throws `MalformedRequestError`: bad input has no canonical form, and none is guessed. Idempotent. */
export function canonicalise(original: OriginalRequest, options: CanonicalOptions = {}): AccessRequest {
  const { method, host, target } = original
  if (target.length > maxTargetLength) throw new MalformedRequestError('length', 'the target is longer than 8 KB')
  if (!isMethod(method)) throw new MalformedRequestError('method', 'the method is not a token of A to Z and dashes')
  // Threat: the one method whose target is no path (RFC 9110 section 9.3.6). A proxy that states `/` for it sends the
  // application `CONNECT wiki:22`; whatever the policy says of `/`, nothing was said of that.
  if (methodsWithoutPath.has(method)) throw new MalformedRequestError('method', `${method} names no path`)
  const scheme = parseScheme(original.scheme)
  const { domain, port } = canonicaliseAuthority(host, scheme, options.allowUnderscore)
  const { path, query } = canonicaliseTarget(target, {
    allowEncodedSlash: options.allowEncodedSlash?.(domain) ?? false,
    allowSemicolon: options.allowSemicolon?.(domain) ?? false,
  })
  // Escaping lengthens: without this the canonical form itself could be refused the second time.
  if (path.length + query.length > maxTargetLength) {
    throw new MalformedRequestError('length', 'the target is longer than 8 KB')
  }
  const authority = port === undefined ? domain : `${domain}:${port}`
  return { domain, resource: path, action: method, url: `${scheme}://${authority}${path}${query}` }
}

/** The same for `scheme://authority/target`, as NGINX states it in one header. A URL without a path is malformed. */
export function canonicaliseUrl(method: string, url: string, options: CanonicalOptions = {}): AccessRequest {
  if (url.length > maxOriginLength + maxTargetLength) {
    throw new MalformedRequestError('length', 'the address is longer than 8 KB')
  }
  const authorityStart = url.indexOf('://') + 3
  if (authorityStart === 2) throw new MalformedRequestError('scheme', 'the address has no scheme')
  const pathStart = url.indexOf('/', authorityStart)
  if (pathStart === -1) throw new MalformedRequestError('path', 'the address has no path')
  return canonicalise(
    {
      method,
      scheme: url.slice(0, authorityStart - 3),
      // Userinfo, a query or a fragment before the first slash stays in here, where no host can hold it.
      host: url.slice(authorityStart, pathStart),
      target: url.slice(pathStart),
    },
    options,
  )
}

function parseScheme(scheme: string): Scheme {
  if (scheme === 'http' || scheme === 'https') return scheme
  throw new MalformedRequestError('scheme', 'the scheme is neither http nor https')
}

/** Scheme, host and port of a canonical URL, without a trailing slash: as a browser writes `Origin`. */
export const originOf = (url: string): string => url.slice(0, url.indexOf('/', url.indexOf('//') + 2))
