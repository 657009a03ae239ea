/**
 * The canonical form of a request target (docs/wire-contract.md section 3; RFC 3986 sections 5.2.4 and 6.2.2).
 *
 * A path that two servers could read differently has no canonical form and is refused: what we judge must be what the
 * upstream serves. `new URL` is no help, it maps `\` to `/` and drops tabs.
 */
import { MalformedRequestError } from './malformed-request.ts'

export interface PathOptions {
  readonly allowEncodedSlash?: boolean
  readonly allowSemicolon?: boolean
}

const plainSegment = /^[A-Za-z0-9\-._~!$&'()*+,=:@]*$/
/** Plain segments, none of them empty or of dots alone: what most requests ask for is canonical as it came. */
const plainPath = /^(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9\-._~!$&'()*+,=:@]+)+\/?$|^\/$/
const unreserved = /^[A-Za-z0-9\-._~]$/
/** Visible ASCII that RFC 3986 wants escaped and browsers send as it is; escaped, it has one spelling. */
const needsEscape = /["<>[\]^`{|}]/g
const visible = /^[\x21-\x7e]*$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const control = /[\x00-\x1f\x7f-\x9f]/
const percentEscape = /%([0-9A-Fa-f]{2})/g

function refuse(message: string): never {
  throw new MalformedRequestError('path', message)
}

/** Splits a target into its canonical path and its query (with `?`, or empty). Throws with part `path`. */
export function canonicaliseTarget(target: string, options: PathOptions): { path: string; query: string } {
  if (!visible.test(target)) refuse('the target holds a space, a control character or a character beyond ASCII')
  // A fragment never leaves a browser; one that arrives is meant to cut the path somewhere else than we do.
  if (target.includes('#')) refuse('the target holds a fragment')
  const mark = target.indexOf('?')
  const path = mark === -1 ? target : target.slice(0, mark)
  // `//evil.example/x` is a host to some parsers and a path to others (RFC 3986 section 4.2).
  if (/^\/\/[^/]*[.:@]/.test(path)) refuse('the target names a host')
  return { path: canonicalisePath(path, options), query: mark === -1 ? '' : target.slice(mark) }
}

export function canonicalisePath(path: string, options: PathOptions): string {
  if (plainPath.test(path)) return path
  if (!path.startsWith('/')) refuse('the path does not start with a slash')
  const segments = path
    .slice(1)
    .split('/')
    .map(segment => canonicaliseSegment(segment, options))
  return join(segments)
}

export function canonicaliseSegment(segment: string, options: PathOptions): string {
  if (plainSegment.test(segment)) return segment
  if (segment.includes('\\')) refuse('the path holds a backslash')
  const decoded = segment
    .replace(needsEscape, character => `%${hexadecimal(character.charCodeAt(0))}`)
    .replace(percentEscape, (_, hex: string) => canonicaliseEscape(hex))
  checkText(segment, decoded)
  checkSeparators(decoded, options)
  return decoded
}

function hexadecimal(code: number): string {
  return code.toString(16).toUpperCase().padStart(2, '0')
}

/** Decodes once and unreserved characters only: a decoded `%25` would make a second escape out of what follows it. */
function canonicaliseEscape(hex: string): string {
  const code = Number.parseInt(hex, 16)
  if (code === 0x5c) refuse('the path holds an encoded backslash')
  const character = String.fromCharCode(code)
  return unreserved.test(character) ? character : `%${hex.toUpperCase()}`
}

function checkText(original: string, decoded: string): void {
  if (/%(?![0-9A-Fa-f]{2})/.test(original)) refuse('the path holds a percent sign that encodes nothing')
  if (control.test(decodeUtf8(decoded))) refuse('the path holds a control character')
}

function decodeUtf8(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    // Overlong forms, lone surrogates and Latin-1: servers disagree about what they are.
    return refuse('the path is not valid UTF-8')
  }
}

/** Tomcat cuts at `;`, others decode `%2F`: where either is allowed, neither may hide a dot segment. */
function checkSeparators(segment: string, options: PathOptions): void {
  if (/%2F/.test(segment) && options.allowEncodedSlash !== true) refuse('the path holds an encoded slash')
  if (/;|%3B/.test(segment) && options.allowSemicolon !== true) refuse('the path holds a matrix parameter')
  const parts = segment.split(/%2F|;|%3B/)
  if (parts.length > 1 && parts.some(isDots)) refuse('the path hides a dot segment')
}

const isDots = (part: string): boolean => part === '.' || part === '..'

/**
 * Dot segments are refused, not resolved (RFC 3986 section 5.2.4 lets every browser and client resolve them before they
 * send). Threat: `/admin/../public` judged as `/public`, by an upstream that routes by its first segment served as
 * `/admin`. Doubled slashes are collapsed: that changes no segment.
 */
function join(segments: readonly string[]): string {
  if (segments.some(isDots)) refuse('the path holds a dot segment')
  const names = segments.filter(name => name !== '')
  return names.length === 0 ? '/' : `/${names.join('/')}${segments.at(-1) === '' ? '/' : ''}`
}
