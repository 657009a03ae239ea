/** The refusal of a request that has no canonical form. */

/** Which part of the original request is malformed. */
export type MalformedPart = 'method' | 'scheme' | 'host' | 'path' | 'length'

/** Thrown by `canonicalise`; `part === 'length'` is answered with 414, the rest with 400. Never quotes the input. */
export class MalformedRequestError extends Error {
  readonly part: MalformedPart
  constructor(part: MalformedPart, message: string) {
    super(message)
    this.name = 'MalformedRequestError'
    this.part = part
  }
}
