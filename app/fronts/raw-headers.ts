/**
 * Reads the headers of a subrequest out of Node's `rawHeaders`, where a repeated header is still seen as two.
 *
 * `IncomingMessage.headers` joins or drops repeats; for a header that decides who gets in, a repeat is an attack. One
 * pass collects the few that a dialect reads; a browser's other headers are looked at only when a condition of the
 * policy names one.
 */
import { OperationalError } from '../errors.ts'

interface Wanted {
  readonly lower: string
  /** As proxies and browsers write it; to compare with it makes no second string. */
  readonly usual: string
  readonly place: number
}

const usualOf = (name: string): string => name.replace(/(?:^|-)[a-z]/g, start => start.toUpperCase())

const letters = 32
const shapeOf = (name: string): number => name.length * letters + (name.charCodeAt(0) % letters)

/** Some servers read `X_Forwarded_Host` as its dashed twin. */
const [x, r, f] = [0x78, 0x72, 0x66]
const alias = /^(x_|remote_|forwarded_)|^x-.*_/i

/** `Name`: the names that are collected, in lower case; nothing else can be asked for but by `any` and `only`. */
export interface SubrequestHeaders<Name extends string = never> {
  /** The first value; for facts that decide nothing by themselves. */
  readonly first: (name: Name) => string | undefined
  /** The header came once, with this value. */
  readonly isOnly: (name: Name, value: string) => boolean
  /** All values, in order. */
  readonly all: (name: Name) => readonly string[]
  /** All values, in order, with a separator between two; empty when there is none. */
  readonly joined: (name: Name, separator: string) => string
  /** The one value of a header that the dialect requires. Throws `ERR_REQUEST_MALFORMED` when missing, repeated or empty. */
  readonly required: (name: Name) => string
  /** The first value of any header, by its lower-case name; for conditions of the policy. */
  readonly any: (name: string) => string | undefined
  /** The value of any header that came exactly once, by its lower-case name: of two, one may be the client's own. */
  readonly only: (name: string) => string | undefined
  /** Headers such as `X_Forwarded_Host`. We never read them; we count them. */
  readonly aliasCount: number
}

export type HeaderReader<Name extends string> = (rawHeaders: readonly string[]) => SubrequestHeaders<Name>

/** The bits of the places that a mask has room for. */
const mostNames = 31

/** Names that are collected, by place. */
interface Places {
  readonly placeOf: Readonly<Record<string, number>>
  /** By length and first letter: hardly any other header of a browser has both of one of ours. */
  readonly byShape: readonly (readonly Wanted[] | undefined)[]
  readonly blank: readonly undefined[]
}

/**
 * `names`: all that are collected, in lower case, each once. Throws `RangeError` for more than 31: the next one would
 * share its bit with the first, and a repeat of one would be taken for a repeat of the other.
 */
export function createHeaderReader<Name extends string>(names: readonly Name[]): HeaderReader<Name> {
  if (names.length > mostNames) throw new RangeError(`at most ${mostNames} headers can be collected: ${names.length}`)
  const odd = names.find((name, place) => name !== name.toLowerCase() || names.indexOf(name) !== place)
  if (odd !== undefined) throw new RangeError(`expected names in lower case, each once: ${odd}`)
  const byShape: (readonly Wanted[] | undefined)[] = []
  for (const [place, lower] of names.entries()) {
    const shape = shapeOf(lower)
    byShape[shape] = [...(byShape[shape] ?? []), { lower, usual: usualOf(lower), place }]
  }
  const placeOf = Object.fromEntries(names.map((name, place) => [name, place]))
  const places: Places = { placeOf, byShape, blank: names.map(() => undefined) }
  return rawHeaders => new CollectedHeaders(rawHeaders, places)
}

/** Collects none: for whoever asks by `any` and `only` alone. */
export const readHeaders: HeaderReader<never> = createHeaderReader([])

/** A class, so that the functions are made once and not for every request. */
class CollectedHeaders<Name extends string> implements SubrequestHeaders<Name> {
  readonly #places: Places
  readonly #rawHeaders: readonly string[]
  readonly #firsts: (string | undefined)[]
  /** Bit by place: came more than once. */
  readonly #repeated: number
  readonly aliasCount: number

  constructor(rawHeaders: readonly string[], places: Places) {
    const { byShape } = places
    const firsts: (string | undefined)[] = places.blank.slice()
    let repeated = 0
    let aliasCount = 0
    for (let index = 0; index < rawHeaders.length; index += 2) {
      const name = rawHeaders[index] as string
      if (isAlias(name)) aliasCount += 1
      const place = findPlace(name, byShape)
      if (place === -1) continue
      if (firsts[place] === undefined) firsts[place] = rawHeaders[index + 1] as string
      else repeated |= 1 << place
    }
    this.#places = places
    this.#rawHeaders = rawHeaders
    this.#firsts = firsts
    this.#repeated = repeated
    this.aliasCount = aliasCount
  }

  first(name: Name): string | undefined {
    return this.#firsts[this.#placeOf(name)]
  }

  isOnly(name: Name, value: string): boolean {
    return this.first(name) === value && !this.#isRepeated(name)
  }

  all(name: Name): readonly string[] {
    const first = this.first(name)
    if (first === undefined) return none
    return this.#isRepeated(name) ? valuesOf(this.#rawHeaders, name) : [first]
  }

  joined(name: Name, separator: string): string {
    const first = this.first(name) ?? ''
    return this.#isRepeated(name) ? valuesOf(this.#rawHeaders, name).join(separator) : first
  }

  required(name: Name): string {
    const value = this.first(name)
    if (value === undefined || value === '') throw new OperationalError('ERR_REQUEST_MALFORMED', `${name} is missing`)
    if (this.#isRepeated(name)) throw new OperationalError('ERR_REQUEST_MALFORMED', `${name} is repeated`)
    return value
  }

  any(name: string): string | undefined {
    const place = this.#places.placeOf[name]
    // Not every property of an object is a place: `constructor` is none.
    return typeof place === 'number' ? this.#firsts[place] : valuesOf(this.#rawHeaders, name)[0]
  }

  only(name: string): string | undefined {
    const values = valuesOf(this.#rawHeaders, name)
    return values.length === 1 ? values[0] : undefined
  }

  #placeOf(name: Name): number {
    return this.#places.placeOf[name] as number
  }

  #isRepeated(name: Name): boolean {
    return (this.#repeated & (1 << this.#placeOf(name))) !== 0
  }
}

const none: readonly string[] = Object.freeze([])

/** Most headers begin with another letter and have no underscore; only the others are worth the pattern. */
function isAlias(name: string): boolean {
  const initial = name.charCodeAt(0) | 0x20
  return (initial === x || initial === r || initial === f) && name.includes('_') && alias.test(name)
}

function findPlace(name: string, byShape: Places['byShape']): number {
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
