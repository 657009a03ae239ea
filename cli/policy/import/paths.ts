/**
 * Paths of other programs as resources of ours: an inner form that fits no more than the original, for rows that allow,
 * and an outer form that fits no less, for what has to stay shut.
 *
 * Theirs often see the query and the trailing slash. Ours see neither, so a pattern that depends on one of the two has
 * no inner form.
 */
import { ValueError } from '../../../rbac/policy-error.ts'
import { parseResource } from '../../../rbac/resources.ts'

/** `prefix`: starts with the text; `below`: is the text, or starts with it and a slash; `exact`: is the text. */
export interface Shape {
  readonly kind: 'prefix' | 'below' | 'exact'
  readonly text: string
}

/** What a row may allow: a shape out of which pieces can be cut, or a finished resource. */
export type Inner =
  | Shape
  | { readonly kind: 'beneath'; readonly text: string }
  | { readonly kind: 'resource'; readonly text: string }

export interface PathSet {
  readonly inner: readonly Inner[]
  readonly outer: readonly Shape[]
  /** The original and both forms are the same. */
  readonly isExact: boolean
}

export const everyPath: Shape = { kind: 'prefix', text: '/' }
export const allPaths: PathSet = { inner: [everyPath], outer: [everyPath], isExact: true }
const unknownPaths: PathSet = { inner: [], outer: [everyPath], isExact: false }

/** Characters that no server escapes or reads in two ways. */
const plainPath = /^\/[A-Za-z0-9._~/-]*$/

export interface PathOptions {
  /** What fits one path may fit it with a slash at its end, or without it, and with any query. Default no. */
  readonly isSlashSame?: boolean | undefined
}

/** All paths that start with a text. */
export function pathsWithPrefix(text: string, options: PathOptions = {}): PathSet {
  if (text === '/' || text === '') return allPaths
  if (!isPlain(text)) return unknownPaths
  return text.endsWith('/') ? pathsBeneath(text.slice(0, -1), options) : exactly({ kind: 'prefix', text })
}

/** One path; a slash at its end makes another path of it there, but not here, so nothing may be allowed by it. */
export function onePath(text: string, { isSlashSame = false }: PathOptions = {}): PathSet {
  if (!isPlain(text)) return unknownPaths
  const path = text.length > 1 && text.endsWith('/') ? text.slice(0, -1) : text
  // The root is the one path that has no second spelling.
  const isExact = isSlashSame || text === '/'
  const shape: Shape = { kind: 'exact', text: path }
  return { inner: isExact ? [shape] : [], outer: [shape], isExact }
}

/** A pattern sees the query as well, so that even the root has more than one spelling. */
const closedPath = (path: string, { isSlashSame = false }: PathOptions): PathSet => ({
  ...onePath(path, { isSlashSame }),
  ...(isSlashSame ? {} : { inner: [], isExact: false }),
})

function pathsBeneath(base: string, { isSlashSame = false }: PathOptions): PathSet {
  const outer: Shape = { kind: 'below', text: base }
  return isSlashSame ? exactly(outer) : { inner: [{ kind: 'beneath', text: base }], outer: [outer], isExact: false }
}

const exactly = (shape: Shape): PathSet => ({ inner: [shape], outer: [shape], isExact: true })

const isPlain = (text: string): boolean => plainPath.test(text) && !/\/\/|\/\.\.?(?:\/|$)/.test(text)

/** A regular expression that is searched for anywhere in the path and its query. */
export function pathsByPattern(pattern: string, options: PathOptions = {}): PathSet {
  if (!pattern.startsWith('^') || hasTopLevelBar(pattern)) return unknownPaths
  const { body, tail } = splitTail(pattern.slice(1))
  const literal = literalOf(body)
  if (literal === undefined) return byExpression(body, tail, options)
  if (tail === 'open') return pathsWithPrefix(literal, options)
  if (!isPlain(literal)) return unknownPaths
  const base = literal.endsWith('/') ? literal.slice(0, -1) : literal
  if (tail === 'segment' && base === literal && base !== '') return exactly({ kind: 'below', text: base })
  if (tail === 'children' && base !== '') return pathsBeneath(base, options)
  if (tail === 'closed') return closedPath(base === '' ? '/' : base, options)
  return { inner: [], outer: [base === '' ? everyPath : { kind: 'below', text: base }], isExact: false }
}

type Tail = 'open' | 'segment' | 'children' | 'closed'
const tails: readonly (readonly [ending: string, tail: Tail])[] = [
  ['([/?].*)?$', 'segment'],
  ['([\\/?].*)?$', 'segment'],
  ['(?:[/?].*)?$', 'segment'],
  ['([/?]|$)', 'segment'],
  ['(/.*)?$', 'children'],
  ['(?:/.*)?$', 'children'],
  ['(/|$)', 'children'],
  ['.*$', 'open'],
  ['.*', 'open'],
  ['$', 'closed'],
  ['', 'open'],
]

function splitTail(text: string): { body: string; tail: Tail } {
  const [ending, tail] = tails.find(([end]) => text.endsWith(end) && !isEscaped(text, text.length - end.length)) ?? [
    '',
    'open',
  ]
  return { body: text.slice(0, text.length - ending.length), tail }
}

/** Does the character at this place follow an odd number of backslashes? */
const isEscaped = (text: string, at: number): boolean => (/\\*$/.exec(text.slice(0, at))?.[0].length ?? 0) % 2 === 1

/** The text that a pattern without any operator fits. */
const literalOf = (body: string): string | undefined =>
  /^(?:[A-Za-z0-9_~/-]|\\[./-])*$/.test(body) ? body.replace(/\\(.)/g, '$1') : undefined

/** Operators whose meaning is the same in every dialect, over characters that nothing escapes. */
const safePattern =
  /^(?:[A-Za-z0-9_~/-]|\\[.d/-]|\[(?:[A-Za-z0-9_]|[a-z]-[a-z]|[A-Z]-[A-Z]|[0-9]-[0-9])+\]|\((?:\?:)?|[)|+*?]|\{\d{1,2}(?:,\d{0,2})?\})+$/

/** What follows the body, where a trailing slash or a query can never make the original fit less. */
const endings: Readonly<Record<Tail, string>> = { open: '.*', segment: '(?:/.*)?', children: '(?:/.*)?', closed: '' }

function byExpression(body: string, tail: Tail, { isSlashSame = false }: PathOptions): PathSet {
  const outer = [outerOf(body)]
  const isFree = tail === 'open' || tail === 'segment' || isSlashSame
  if (!isFree) return { ...unknownPaths, outer }
  const resource = `re:${body.replaceAll('\\/', '/')}${endings[tail]}`
  const isUsable = safePattern.test(body) && body.startsWith('/') && isResource(resource)
  return { inner: isUsable ? [{ kind: 'resource', text: resource }] : [], outer, isExact: false }
}

/** The longest literal start; its last character may be optional, and a slash at its end is not seen by ours. */
function outerOf(body: string): Shape {
  const start = /^(?:[A-Za-z0-9_~/-]|\\[./-])*/.exec(body)?.[0] ?? ''
  const isLastCertain = !/^[*+?{]/.test(body.slice(start.length))
  const certain = isLastCertain ? start : start.replace(/\\?.$/, '')
  const text = (literalOf(certain) ?? '').replace(/\/+$/, '')
  return text === '' || !isPlain(text) ? everyPath : { kind: 'prefix', text }
}

function hasTopLevelBar(pattern: string): boolean {
  let depth = 0
  for (let index = 0; index < pattern.length; index++) {
    const character = pattern[index]
    if (character === '\\') index++
    else if (character === '[') index = Math.max(pattern.indexOf(']', index + 1), index)
    else if (character === '(') depth++
    else if (character === ')') depth--
    else if (character === '|' && depth === 0) return true
  }
  return false
}

export function isResource(text: string): boolean {
  try {
    parseResource(text)
    return true
  } catch (error) {
    if (error instanceof ValueError) return false
    throw error
  }
}

const quote = (text: string): string => text.replace(/[^A-Za-z0-9/_]/g, '\\$&')

function resourceOf(inner: Inner): string {
  switch (inner.kind) {
    case 'exact':
    case 'resource':
      return inner.text
    case 'below':
      return `${inner.text}/**`
    case 'beneath':
      return `re:${quote(inner.text)}/.+`
    case 'prefix':
      return inner.text === '/' ? '/**' : `re:${quote(inner.text)}.*`
  }
}

/** May one path be in both? */
export function canMeet(inner: Inner, outer: Shape): boolean {
  if (inner.kind === 'resource') return true
  if (inner.kind === 'exact') return contains(outer, inner.text)
  return contains(outer, inner.text) || outer.text.startsWith(inner.text)
}

export function contains({ kind, text }: Shape, path: string): boolean {
  if (path === text) return true
  if (kind === 'exact') return false
  return path.startsWith(kind === 'below' ? `${text}/` : text)
}

/** Is each path of the first one of the second, surely? */
export function isWithin(inner: Inner, other: Inner): boolean {
  if (other === inner || (other.kind === 'prefix' && other.text === '/')) return true
  if (inner.kind === 'resource' || other.kind === 'resource') return false
  const isDeeper = inner.text.startsWith(`${other.text}/`)
  switch (other.kind) {
    case 'exact':
      return inner.kind === 'exact' && inner.text === other.text
    case 'prefix':
      return inner.text.startsWith(other.text)
    case 'below':
      return isDeeper || (inner.text === other.text && inner.kind !== 'prefix')
    case 'beneath':
      return isDeeper || (inner.text === other.text && inner.kind === 'beneath')
  }
}

/** Resources for a set without some others; `undefined` when no resource can say it. Empty: nothing is left. */
export function resourcesWithout(inner: Inner, excluded: readonly Shape[]): readonly string[] | undefined {
  const inTheWay = excluded.filter(shape => canMeet(inner, shape))
  if (inTheWay.length === 0) return [resourceOf(inner)]
  if (inTheWay.some(shape => shape.text === '/' && shape.kind === 'prefix')) return []
  if (inner.kind === 'exact') return []
  if (inner.kind === 'resource') return undefined
  const isSwallowed = (shape: Shape): boolean =>
    shape.kind !== 'exact' &&
    contains(shape, inner.text) &&
    !(inner.kind === 'prefix' && shape.kind === 'below' && shape.text === inner.text)
  if (inTheWay.some(isSwallowed)) return []
  const root = inner.kind === 'prefix' ? inner.text : `${inner.text}/`
  const rests = inTheWay
    .filter(({ text }) => text.startsWith(root))
    .map(shape => ({ ...shape, text: shape.text.slice(root.length) }))
  const rest = outside(rests)
  // Everything starts with a slash, so the empty rest of "/" is the root itself.
  const below = rest === undefined ? [] : [`re:${quote(root)}${inner.kind === 'prefix' ? rest : `(?:${rest})`}`]
  const itself = inner.kind === 'below' && !inTheWay.some(shape => contains(shape, inner.text)) ? [inner.text] : []
  const resources = [...below, ...itself]
  return resources.every(isResource) ? resources : undefined
}

/** A pattern for every text that is in none of the shapes; RE2 has no lookahead, so it branches at each character. */
function outside(shapes: readonly Shape[]): string | undefined {
  const ended = shapes.filter(({ text }) => text === '')
  if (ended.some(({ kind }) => kind === 'prefix')) return undefined
  const isSlashTaken = ended.some(({ kind }) => kind === 'below')
  const heads = new Set(
    shapes.map(({ text }) => text.charAt(0)).filter(head => head !== '' && !(isSlashTaken && head === '/')),
  )
  const branches: string[] = []
  for (const head of heads) {
    const tail = outside(
      shapes.filter(({ text }) => text.startsWith(head)).map(shape => ({ ...shape, text: shape.text.slice(1) })),
    )
    if (tail !== undefined) branches.push(`${quote(head)}${tail}`)
  }
  const taken = [...heads, ...(isSlashTaken ? ['/'] : [])].map(quote).join('')
  branches.push(taken === '' ? '.+' : `[^${taken}].*`)
  return `(?:${branches.join('|')})${ended.length === 0 ? '?' : ''}`
}
