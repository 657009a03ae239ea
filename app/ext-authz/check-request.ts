/**
 * `envoy.service.auth.v3.CheckRequest`, the fields that a check needs (ext-authz.proto beside this file names them), as
 * a subrequest for the fronts.
 *
 * What only Envoy can have said stands in it under names that no header has: `:authority` and `:scheme`, `:source` for the
 * client's address, and `:route/…` for what the route says of itself. Texts are read byte for byte (Latin-1, as Node reads
 * headers), so that what is no ASCII is seen as such.
 */
import type { Subrequest } from '../fronts/front.ts'
import { MalformedMessageError, type Part, readFields, readOnce, wholeOf } from './proto-reader.ts'
import { readMetadata, textOf } from './route-facts.ts'

/** What is read of one message. */
export interface CheckLimits {
  /** Lines of headers. */
  readonly maxHeaderLines: number
  /** Of the names and values of all headers. */
  readonly maxHeaderBytes: number
}

/** More headers than are read: all of them or none, because a condition may look at the one that is left out. */
export class TooManyHeadersError extends Error {
  override name = 'TooManyHeadersError'
}

/** What `readCheckRequest` gives: everything of a subrequest but the peer. */
export type Question = Omit<Subrequest, 'peerAddress'>

/** Throws `MalformedMessageError` for what is no such message or contradicts itself, `TooManyHeadersError` beyond the limits. */
export function readCheckRequest(message: Buffer, limits: CheckLimits): Question {
  const attributes = required(readOnce(wholeOf(message), [1])[0], 'attributes')
  const [source, request, metadata] = readOnce(attributes, [1, 4, 13])
  const http = required(readOnce(required(request, 'request'), [2])[0], 'http')
  const [method, headers, path, host, scheme, query, fragment] = readHttp(http, limits)
  const target = targetOf(text(path), text(query), text(fragment))
  const stated = { ':method': text(method), ':path': target, ':authority': text(host), ':scheme': text(scheme) }
  const own = [':authority', stated[':authority'], ':scheme', stated[':scheme'], ...sourceOf(source)]
  const facts = routeFacts(attributes, metadata)
  return {
    method: stated[':method'],
    target,
    rawHeaders: [...withoutPseudo(headers, stated), ...own, ...facts],
  }
}

type Http = readonly [
  method: Part | undefined,
  headers: Headers,
  path: Part | undefined,
  host: Part | undefined,
  scheme: Part | undefined,
  query: Part | undefined,
  fragment: Part | undefined,
]

interface Headers {
  /** Names and values alternating. */
  readonly lines: readonly string[]
  /** They are the bytes that came. In the other form Envoy has written `!` for what is no UTF-8. */
  readonly areExact: boolean
}

function readHttp(http: Part, limits: CheckLimits): Http {
  const [method, path, host, scheme, query, fragment, list] = readOnce(http, [2, 4, 5, 6, 7, 8, 13])
  const joined: Part[] = []
  readFields(http, ({ number, part }) => {
    if (number === 3) joined.push(part)
  })
  const single: Part[] = []
  if (list !== undefined) {
    readFields(list, ({ number, part }) => {
      if (number === 1) single.push(part)
    })
  }
  // Threat: two lists, of which we would believe one and the proxy means the other.
  if (joined.length > 0 && single.length > 0) throw new MalformedMessageError('headers are stated in both forms')
  const areExact = single.length > 0
  const entries = areExact ? single : joined
  // Pseudo-headers are among them.
  if (entries.length > limits.maxHeaderLines + 4) throw new TooManyHeadersError(`${entries.length} headers`)
  const lines: string[] = []
  let length = 0
  for (const entry of entries) {
    const [name, value] = areExact ? readHeaderValue(entry) : readMapEntry(entry)
    lines.push(name, value)
    length += name.length + value.length
  }
  if (length > limits.maxHeaderBytes) throw new TooManyHeadersError(`${length} bytes of headers`)
  return [method, { lines, areExact }, path, host, scheme, query, fragment]
}

/** `envoy.config.core.v3.HeaderValue`: Envoy writes `raw_value`, others may write `value`. */
function readHeaderValue(entry: Part): [string, string] {
  const [key, value, raw] = readOnce(entry, [1, 2, 3])
  if (value !== undefined && raw !== undefined && text(value) !== text(raw)) {
    throw new MalformedMessageError('a header has two values')
  }
  return [text(key), text(raw ?? value)]
}

function readMapEntry(entry: Part): [string, string] {
  const [key, value] = readOnce(entry, [1, 2])
  return [text(key), text(value)]
}

/** Envoy states both in `path`; the message has room for either way. */
function targetOf(path: string, query: string, fragment: string): string {
  if (fragment !== '') throw new MalformedMessageError('the path has a fragment')
  if (query === '') return path
  if (path.includes('?')) throw new MalformedMessageError('the query is stated twice')
  return `${path}?${query}`
}

/**
 * Pseudo-headers are Envoy's to write, and no header begins with a colon. Threat: a path that was judged is not the one
 * that is sent on. What Envoy says twice has to be the same, byte for byte.
 */
function withoutPseudo({ lines, areExact }: Headers, stated: Readonly<Record<string, string>>): readonly string[] {
  const kept: string[] = []
  for (let at = 0; at < lines.length; at += 2) {
    const [name, value] = [lines[at] as string, lines[at + 1] as string]
    // Applications look at both; what judged one of them has judged the other.
    if (name.toLowerCase() === 'host' && value !== stated[':authority']) {
      throw new MalformedMessageError('the host is stated in two ways')
    }
    if (!name.startsWith(':')) kept.push(name, value)
    else if (Object.hasOwn(stated, name) && stated[name] !== value) {
      throw new MalformedMessageError(`${name} is stated in two ways`)
    }
  }
  if (!areExact && stated[':path']?.split('?', 1)[0]?.includes('!')) {
    throw new MalformedMessageError('the path may have held other bytes: encode_raw_headers tells them')
  }
  return kept
}

/** `envoy.config.core.v3.Address`, if it is one of the network. */
function sourceOf(source: Part | undefined): string[] {
  const [address] = source === undefined ? [] : readOnce(source, [1])
  const [socket] = address === undefined ? [] : readOnce(address, [1])
  const [ip] = socket === undefined ? [] : readOnce(socket, [2])
  return ip === undefined ? [] : [':source', text(ip)]
}

/**
 * Context extensions by their name, the route's metadata by namespace and name; one name twice is nobody's. Not
 * `metadata_context`, which earlier filters may have made of the request itself.
 */
function routeFacts(attributes: Part, metadata: Part | undefined): string[] {
  const facts: string[] = []
  const names = new Set<string>()
  const add = (name: string, value: string): void => {
    const key = `:route/${name.toLowerCase()}`
    if (names.has(key)) throw new MalformedMessageError('the route says two things under one name')
    names.add(key)
    facts.push(key, value)
  }
  readFields(attributes, ({ number, part }) => {
    if (number !== 10) return
    const [name, value] = readOnce(part, [1, 2])
    add(textOf(name), textOf(value))
  })
  if (metadata !== undefined) readMetadata(metadata, add)
  return facts
}

const text = (part: Part | undefined): string => part?.latin1() ?? ''

function required(part: Part | undefined, name: string): Part {
  if (part === undefined) throw new MalformedMessageError(`${name} is missing`)
  return part
}
