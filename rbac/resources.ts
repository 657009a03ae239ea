/**
 * Which paths a row speaks of (docs/policy.md, "Rows"): literal segments, `*` within one, `**` as the last, or `re:`.
 *
 * Anchored at both ends and linear in the length of the path: `/public` never fits `/x/public`, and no pattern can be
 * made slow by a path.
 */
import { RE2JS } from 're2js'
import { tokensDomain } from './domains.ts'
import { decodeForMatching, type Readings } from './matchable-path.ts'
import { ValueError } from './policy-error.ts'
import { canonicaliseSegment } from './request/canonical-path.ts'
import { unknownName } from './unknown-name.ts'

/** Gets the path in the form of `matchablePath`. */
export type ResourceMatcher = (path: string) => boolean

export interface Resource {
  readonly fits: ResourceMatcher
  /** What a path can cost it, in steps for each of its characters: one is about a nanosecond. */
  readonly steps: number
  /** The only path that fits; or, with a slash at its end, the folder that every path that fits is in, or is. */
  readonly anchor: string
  /** With exceptions: the pattern without them, and theirs. */
  readonly base?: string
  readonly except?: readonly string[]
}

const maxPatternLength = 2048
/** Measured with the worst patterns that were found: `/*a*a*b*x`, `re:(/[^/]+)*\/x[0-9]+`. */
const stepsOfStars = 2
const stepsOfExpressions = 20
/**
 * Whether a row speaks of a path, whatever an upstream reads it as: a row that denies where one reading fits, a row that
 * allows where all of them do.
 */
export function fitsReadings(
  row: { readonly isDeny: boolean; readonly fitsResource: ResourceMatcher },
  readings: Readings,
): boolean {
  if (readings.length === 1) return row.fitsResource(readings[0])
  return row.isDeny ? readings.some(row.fitsResource) : readings.every(row.fitsResource)
}

/**
 * Of the domain `tokens`: `/<host>` or `/kube:<cluster>`, with `*` within it, or `/**` for every one. Throws `ValueError`.
 *
 * Threat: a row denies `/Wiki.example.com` or `/wiki.example.com/deploy`, and no token is ever for such a host. Threat: a row
 * that gave tokens for every host gives them for clusters as well, once there are some, and whatever `authenticated` may do
 * there is for machines then. So a row that allows speaks of clusters where it names them, and one that denies does always.
 */
export function parseTokenResource(text: string, isDeny: boolean): Resource {
  if (text !== '/**' && !/^\/(?!\.)[a-z0-9.*_:[\]-]{1,253}(?<!\.)$/.test(text)) {
    throw new ValueError('the domain tokens takes hosts in lower case: /wiki.example.com, /*.example.com or /**')
  }
  const resource = parseResource(text)
  if (isDeny || namesClusters(text)) return resource
  return { ...resource, fits: path => !namesClusters(path) && resource.fits(path) }
}

/**
 * Of the domain `authzen`: `/<host>` or `/app:<application>`, with `*` within it, or `/**` for every one. Throws `ValueError`.
 *
 * Threat: a row denies questions about `/Wiki.example.com`, and no question is ever about such a host.
 */
export function parseQuestionResource(text: string): Resource {
  if (text !== '/**' && !/^\/(?!\.)[a-z0-9.*_:[\]-]{1,253}(?<!\.)$/.test(text)) {
    throw new ValueError(
      'the domain authzen takes what is asked about: /wiki.example.com, /*.example.com, /app:todo or /**',
    )
  }
  return parseResource(text)
}

/**
 * Of an application: `/<type>/<id>`, with `*` within each, `/<type>/**` or `/**`. Throws `ValueError`.
 *
 * Threat: a row denies `/tdo/1`, or `/todo/a/b`, and no object is ever called so.
 *
 * @param types of the application, where they are known
 */
export function parseObjectResource(text: string, types: readonly string[] | undefined): Resource {
  const resource = parseResource(text)
  if (text === '/**' || text.startsWith('re:')) return resource
  const [type = '', id, ...more] = text.slice(1).split('/')
  if (id === undefined || id === '' || more.length > 0)
    throw new ValueError('an object is written /<type>/<id>, /<type>/* for all of a type; "/" in an id is %252F')
  if (types !== undefined && !type.includes('*') && !types.includes(type))
    throw new ValueError(unknownName('type of object', type, types))
  return resource
}

const namesClusters = (text: string): boolean => text.startsWith('/kube:')

/** Whether a row speaks of tokens for hosts alone. */
export const isOfHostTokens = ({ domain, resource, isDeny }: OfTokens): boolean =>
  domain === tokensDomain && !isDeny && !namesClusters(resource)

/** Whether some token that a row speaks of may be for a cluster. */
export const mayBeOfClusterTokens = ({ domain, resource, isDeny }: OfTokens): boolean =>
  domain === tokensDomain && (namesClusters(resource) || (isDeny && resource.includes('*')))

interface OfTokens {
  readonly domain: string
  readonly resource: string
  readonly isDeny: boolean
}

/** Throws `ValueError`. */
export function parseResource(text: string): Resource {
  if (text.length > maxPatternLength) throw new ValueError('a pattern is at most 2,048 characters long')
  if (text.startsWith('re:')) return parseRegularExpression(text.slice(3))
  if (!text.startsWith('/')) throw new ValueError('a resource starts with "/" or "re:"')
  if (/\sexcept(?:\s|$)/.test(text)) throw new ValueError('exceptions stand in rows of hosts; a space in a path is %20')
  if (/[?#]/.test(text)) throw new ValueError('query and fragment never take part in matching')
  const segments = text.slice(1).replace(/\/$/, '').split('/')
  const isOpen = segments.at(-1) === '**'
  const fixed = segments.slice(0, isOpen ? -1 : undefined)
  if (text === '/') return { fits: path => path === '/', steps: 0, anchor: '/' }
  const parts = fixed.map(parseSegment)
  if (parts.every(part => typeof part === 'string')) return literal(parts, isOpen)
  return bySegment(parts, isOpen)
}

/** Text, or the pieces between the stars of a segment that has some. */
type Part = string | readonly string[]

function parseSegment(segment: string): Part {
  if (segment === '') throw new ValueError('"//" never matches: request paths are collapsed')
  if (segment === '.' || segment === '..')
    throw new ValueError('dot segments never match: requests that hold one are refused')
  if (segment.includes('**')) throw new ValueError('"**" stands only as the last segment')
  const pieces = segment.split('*').map(parseLiteral)
  return pieces.length === 1 ? (pieces[0] ?? '') : pieces
}

function parseLiteral(text: string): string {
  try {
    const escaped = text.replace(/[^\x21-\x7e]+/g, encodeURIComponent)
    return decodeForMatching(canonicaliseSegment(escaped, { allowEncodedSlash: true, allowSemicolon: true }))
  } catch (error) {
    throw new ValueError(`never matches: ${error instanceof Error ? error.message : 'unreadable'}`)
  }
}

function literal(segments: readonly string[], isOpen: boolean): Resource {
  const text = `/${segments.join('/')}`
  if (!isOpen) return { fits: path => path === text, steps: 0, anchor: text }
  if (text === '/') return { fits: () => true, steps: 0, anchor: text }
  const below = `${text}/`
  const fits = (path: string) => path.startsWith(below) || (path.length === text.length && path === text)
  return { fits, steps: 0, anchor: below }
}

function bySegment(parts: readonly Part[], isOpen: boolean): Resource {
  // Threat: a path of four thousand segments, split anew for each of two thousand rows. No row looks past its own parts.
  const fits = (path: string): boolean => {
    if (path === '/') return false
    let slash = 0
    for (const part of parts) {
      if (slash === -1) return false
      const next = path.indexOf('/', slash + 1)
      if (!fitsSegment(part, path.slice(slash + 1, next === -1 ? path.length : next))) return false
      slash = next
    }
    return isOpen || slash === -1
  }
  const fixed = parts.slice(
    0,
    parts.findIndex(part => typeof part !== 'string'),
  )
  return { fits, steps: stepsOfStars, anchor: ['', ...fixed, ''].join('/') }
}

/** Each star takes at least one character; the leftmost fit of each piece leaves the most to the next. */
function fitsSegment(part: Part, segment: string): boolean {
  if (typeof part === 'string') return part === segment
  const first = part[0] ?? ''
  const last = part.at(-1) ?? ''
  if (!segment.startsWith(first)) return false
  let from = first.length
  for (const piece of part.slice(1, -1)) {
    const found = segment.indexOf(piece, from + 1)
    if (found === -1) return false
    from = found + piece.length
  }
  return segment.endsWith(last) && segment.length - last.length >= from + 1
}

function parseRegularExpression(text: string): Resource {
  const pattern = decodePattern(text)
  try {
    const compiled = RE2JS.compile(pattern)
    const end = endOf(pattern)
    // To run an expression over 8 KB costs a hundred times what a look at the end of it does.
    const fits = (path: string) => path.endsWith(end) && compiled.testExact(path)
    return { fits, steps: stepsOfExpressions, anchor: folderOf(pattern) }
  } catch (error) {
    throw new ValueError(`not a pattern of RE2 syntax: ${error instanceof Error ? error.message : 'unreadable'}`)
  }
}

const classOrEscapes = /\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|(?:%[0-9A-Fa-f]{2})+|%/gs

/**
 * Escapes in a pattern mean what they encode, as in a plain row; so `re:/my%20docs/.*` and `re:/my docs/.*` are the same.
 * Threat: a pattern for the escaped form, which no path has any more when it is matched.
 */
function decodePattern(pattern: string): string {
  return pattern.replace(classOrEscapes, found => {
    if (!found.includes('%') && found !== '\\Q') return found
    if (!found.startsWith('%')) {
      if (!pattern.includes('%')) return found
      throw new ValueError('"%" stands for an escape, so it stands neither in a class nor beside \\Q')
    }
    try {
      const canonical = canonicaliseSegment(found, { allowEncodedSlash: true, allowSemicolon: true })
      return decodeForMatching(canonical).replace(/[^\w\s\u0080-\uffff%/-]/g, character => `\\${character}`)
    } catch {
      throw new ValueError(
        'paths are matched decoded: write the character itself, %25 for "%" and %2F for an encoded "/"',
      )
    }
  })
}

/** The plain text that whatever fits a regular expression ends with; empty when that is not certain. */
function endOf(pattern: string): string {
  // With an alternative or a flag anywhere, what stands last need not be there as it is written.
  if (pattern.includes('|') || pattern.includes('(?')) return ''
  const [, before = '', plain = ''] = /(^|.)((?:\\[./-]|[\w/-])+)\$?$/s.exec(pattern) ?? []
  // `\d` is no "d", and `\\.` no dot.
  return before === '\\' ? '' : plain.replaceAll('\\', '')
}

/** The folders that a regular expression starts with as plain text; `/` when it may fit elsewhere. */
function folderOf(pattern: string): string {
  // With an alternative anywhere, what stands first need not be there.
  if (pattern.includes('|')) return '/'
  const [, plain = '', next = ''] = /^\^?([\w/~%-]*)(.?)/s.exec(pattern) ?? []
  // A quantifier takes the character before it.
  const certain = '?*+{'.includes(next) ? plain.slice(0, -1) : plain
  return certain.startsWith('/') ? certain.slice(0, certain.lastIndexOf('/') + 1) : '/'
}
