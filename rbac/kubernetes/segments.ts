/**
 * The segments of a path as the API server has them, and as they are sent to it.
 *
 * Its reading is of the decoded path, split at each slash (k8s.io/apiserver, `RequestInfoFactory`; Go's `net/url`).
 * Whatever would make that differ from the reading of the escaped path is refused.
 */
import { refuse } from './refusal.ts'

const visible = /^[\x21-\x7e]*$/
const brokenEscape = /%(?![0-9A-Fa-f]{2})/
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const forbidden = /[\x00-\x1f\x7f-\x9f/\\%;?#]/
/** A server's or an application's own reading may decode again; nobody does so more often. */
const mostDecodings = 4

export interface RawTarget {
  /** As they came, without the slash before each. */
  readonly segments: readonly string[]
  /** With its `?`, or empty. */
  readonly query: string
}

/** Throws `Refused`. */
export function splitTarget(target: string): RawTarget {
  if (!visible.test(target) || target.includes('#') || !target.startsWith('/')) refuse('target')
  const mark = target.indexOf('?')
  const path = mark === -1 ? target : target.slice(0, mark)
  if (path.startsWith('//')) refuse('target')
  return { segments: path.slice(1).split('/'), query: mark === -1 ? '' : target.slice(mark) }
}

/**
 * A name as the API server reads it. Throws `Refused`.
 *
 * Threat: `pods%2Fexec` is one name here and two after a decoding, `..` is cleaned away by a load balancer before the
 * server sees it, `a;b` is cut by another.
 */
export function decodeSegment(raw: string): string {
  if (raw === '') refuse('empty-segment')
  const text = raw.includes('%') ? decodeEscapes(raw) : raw
  checkSegment(text)
  return text
}

export function checkSegment(text: string): void {
  if (text === '.' || text === '..') refuse('dot-segment')
  if (forbidden.test(text)) refuse('character')
}

function decodeEscapes(raw: string): string {
  if (brokenEscape.test(raw)) refuse('escape')
  try {
    return decodeURIComponent(raw)
  } catch {
    return refuse('escape')
  }
}

/**
 * What stands behind the subresource is read by whoever is behind the proxy, and by nobody before. It goes on as it came.
 * Threat: `/proxy/%2e%2e/%2e%2e/secrets`, cleaned by a load balancer before the API server, is another call.
 */
export function checkRest(raw: string): void {
  if (decodeEscapes(raw).includes('\u0000')) refuse('character')
  let text = raw
  for (let decodings = 0; ; decodings += 1) {
    if (text.split(/[/\\]/).some(isDots)) refuse('dot-segment')
    const next = text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    if (next === text) return
    if (decodings === mostDecodings) refuse('escape')
    text = next
  }
}

const isDots = (segment: string): boolean => /^\.{1,2}(?:;|$)/.test(segment)

/** One spelling for each text: what needs no escape in a path (RFC 3986 section 3.3) has none. */
export function encodeSegment(text: string): string {
  return plain.test(text) ? text : encodeURIComponent(text).replace(needless, decodeURIComponent)
}

const plain = /^[A-Za-z0-9._~-]*$/
const needless = /%(?:3A|40|24|26|2B|2C|3D)/g
