/**
 * Reads the headers of a subrequest out of Node's `rawHeaders`, where a repeated header is still seen as two.
 *
 * `IncomingMessage.headers` joins or drops repeats; for a header that decides who gets in, a repeat is an attack. One
 * pass collects the few that any dialect reads; a browser's other headers are looked at only when a condition of the
 * policy names one.
 */
import { OperationalError } from '../errors.ts'

/** Every header that a front reads, in lower case. */
const readNames = [
  'accept',
  'connection',
  'cookie',
  'origin',
  'sec-fetch-mode',
  'sec-websocket-key',
  'sec-websocket-version',
  'upgrade',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-method',
  'x-forwarded-proto',
  'x-forwarded-uri',
  'x-original-method',
  'x-original-url',
  'x-requested-with',
  'x-sallyport-request-id',
] as const

export type HeaderName = (typeof readNames)[number]

const placeOf = Object.fromEntries(readNames.map((name, place) => [name, place])) as Readonly<
  Record<HeaderName, number>
>

interface Wanted {
  readonly lower: HeaderName
  /** As proxies and browsers write it; to compare with it makes no second string. */
  readonly usual: string
  readonly place: number
}

const usualOf = (name: string): string => name.replace(/(?:^|-)[a-z]/g, start => start.toUpperCase())

/** By length and first letter: hardly any other header of a browser has both of one of ours. */
const byShape: (readonly Wanted[] | undefined)[] = []
const letters = 32
const shapeOf = (name: string): number => name.length * letters + (name.charCodeAt(0) % letters)
for (const [place, lower] of readNames.entries()) {
  const shape = shapeOf(lower)
  byShape[shape] = [...(byShape[shape] ?? []), { lower, usual: usualOf(lower), place }]
}

/** Some servers read `X_Forwarded_Host` as its dashed twin. */
const [x, r, f] = [0x78, 0x72, 0x66]
const alias = /^(x_|remote_|forwarded_)|^x-.*_/i

export interface SubrequestHeaders {
  /** The first value; for facts that decide nothing by themselves. */
  readonly first: (name: HeaderName) => string | undefined
  /** The header came once, with this value. */
  readonly isOnly: (name: HeaderName, value: string) => boolean
  /** All values, in order. */
  readonly all: (name: HeaderName) => readonly string[]
  /** All values, in order, with a separator between two; empty when there is none. */
  readonly joined: (name: HeaderName, separator: string) => string
  /** The one value of a header that the dialect requires. Throws `ERR_REQUEST_MALFORMED` when missing, repeated or empty. */
  readonly required: (name: HeaderName) => string
  /** The first value of any header, by its lower-case name; for conditions of the policy. */
  readonly any: (name: string) => string | undefined
  /** The value of any header that came exactly once, by its lower-case name: of two, one may be the client's own. */
  readonly only: (name: string) => string | undefined
  /** Headers such as `X_Forwarded_Host`. We never read them; we count them. */
  readonly aliasCount: number
}

const blank: (string | undefined)[] = readNames.map(() => undefined)

export function readHeaders(rawHeaders: readonly string[]): SubrequestHeaders {
  return new CollectedHeaders(rawHeaders)
}

/** A class, so that the functions are made once and not for every request. */
class CollectedHeaders implements SubrequestHeaders {
  readonly #rawHeaders: readonly string[]
  readonly #firsts: (string | undefined)[]
  /** Bit by place: came more than once. */
  readonly #repeated: number
  readonly aliasCount: number

  constructor(rawHeaders: readonly string[]) {
    const firsts = blank.slice()
    let repeated = 0
    let aliasCount = 0
    for (let index = 0; index < rawHeaders.length; index += 2) {
      const name = rawHeaders[index] as string
      if (isAlias(name)) aliasCount += 1
      const place = findPlace(name)
      if (place === -1) continue
      if (firsts[place] === undefined) firsts[place] = rawHeaders[index + 1] as string
      else repeated |= 1 << place
    }
    this.#rawHeaders = rawHeaders
    this.#firsts = firsts
    this.#repeated = repeated
    this.aliasCount = aliasCount
  }

  first(name: HeaderName): string | undefined {
    return this.#firsts[placeOf[name]]
  }

  isOnly(name: HeaderName, value: string): boolean {
    return this.#firsts[placeOf[name]] === value && !isRepeated(this.#repeated, name)
  }

  all(name: HeaderName): readonly string[] {
    const first = this.#firsts[placeOf[name]]
    if (first === undefined) return none
    return isRepeated(this.#repeated, name) ? valuesOf(this.#rawHeaders, name) : [first]
  }

  joined(name: HeaderName, separator: string): string {
    const first = this.#firsts[placeOf[name]] ?? ''
    return isRepeated(this.#repeated, name) ? valuesOf(this.#rawHeaders, name).join(separator) : first
  }

  required(name: HeaderName): string {
    const value = this.#firsts[placeOf[name]]
    if (value === undefined || value === '') throw new OperationalError('ERR_REQUEST_MALFORMED', `${name} is missing`)
    if (isRepeated(this.#repeated, name)) throw new OperationalError('ERR_REQUEST_MALFORMED', `${name} is repeated`)
    return value
  }

  any(name: string): string | undefined {
    return valuesOf(this.#rawHeaders, name)[0]
  }

  only(name: string): string | undefined {
    const values = valuesOf(this.#rawHeaders, name)
    return values.length === 1 ? values[0] : undefined
  }
}

const isRepeated = (repeated: number, name: HeaderName): boolean => (repeated & (1 << placeOf[name])) !== 0

const none: readonly string[] = Object.freeze([])

/** Most headers begin with another letter and have no underscore; only the others are worth the pattern. */
function isAlias(name: string): boolean {
  const initial = name.charCodeAt(0) | 0x20
  return (initial === x || initial === r || initial === f) && name.includes('_') && alias.test(name)
}

function findPlace(name: string): number {
  const candidates = byShape[shapeOf(name)]
  if (candidates === undefined) return -1
  for (let at = 0; at < candidates.length; at += 1) {
    const candidate = candidates[at] as Wanted
    if (isSame(name, candidate)) return candidate.place
  }
  return -1
}

/** Names of headers are compared without regard to case (RFC 9110 section 5.1). All three have the same length. */
function isSame(name: string, { lower, usual }: Wanted): boolean {
  if (name === usual || name === lower) return true
  // Ends differ for most pairs, and comparing them makes no second string.
  const last = lower.length - 1
  return name.charCodeAt(last) % letters === lower.charCodeAt(last) % letters && name.toLowerCase() === lower
}

function valuesOf(rawHeaders: readonly string[], name: string): string[] {
  const values: string[] = []
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const candidate = rawHeaders[index] as string
    if (candidate.length === name.length && candidate.toLowerCase() === name)
      values.push(rawHeaders[index + 1] as string)
  }
  return values
}
