/** What a demo application tells about the request that reached it. */

/** What an application answers to programs. */
export interface Echo {
  readonly app: string
  readonly method: string
  readonly url: string
  /** As received, in order, repeats kept. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly bodyLength: number
  /** Behind the body (RFC 9110 section 6.5); no server may take them for headers. */
  readonly trailers: readonly (readonly [name: string, value: string])[]
  /** SHA-256 in hexadecimal. */
  readonly bodyDigest: string
}
