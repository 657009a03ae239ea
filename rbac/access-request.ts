/**
 * What the client asked the upstream for, in the one canonical form that policy is matched against.
 *
 * Every front calls `canonicalise` before anything else. The rules are those of docs/wire-contract.md section 3.
 */

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

/** Which part of the original request is malformed. */
export type MalformedPart = 'method' | 'scheme' | 'host' | 'path' | 'length'

/** Thrown by `canonicalise`; `part === 'length'` is answered with 414, the rest with 400. */
export class MalformedRequestError extends Error {
  readonly part: MalformedPart
  constructor(part: MalformedPart, message: string) {
    super(message)
    this.name = 'MalformedRequestError'
    this.part = part
  }
}

export declare function canonicalise(original: OriginalRequest, options?: CanonicalOptions): AccessRequest
