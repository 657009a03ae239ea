/**
 * What a rule of Traefik 2 speaks of at one host, from two sides: `inner` regions fit no more than the rule, `outer` ones
 * no less. At one host whatever is said of hosts is simply true or false.
 */
import { RE2JS } from 're2js'
import type { Expression } from './matcher-expression.ts'
import { everyPath, type Inner, onePath, type PathSet, pathsWithPrefix, type Shape } from './paths.ts'

/** Paths of one of the kinds, without some, by some methods. */
export interface InnerRegion {
  readonly paths: readonly Inner[]
  readonly without: readonly Shape[]
  /** `undefined`: every one. */
  readonly methods: readonly string[] | undefined
}

export interface OuterRegion {
  readonly paths: readonly Shape[]
  readonly methods: readonly string[] | undefined
}

export interface Regions {
  readonly inner: readonly InnerRegion[]
  readonly outer: readonly OuterRegion[]
}

export const allOuter: OuterRegion = { paths: [everyPath], methods: undefined }
export const allInner: InnerRegion = { paths: [everyPath], without: [], methods: undefined }
const nothing: Regions = { inner: [], outer: [] }
const everything: Regions = { inner: [allInner], outer: [allOuter] }
/** It may be true or not. */
const unknown: Regions = { inner: [], outer: [allOuter] }

export interface RegionOptions {
  readonly host: string
  /** A path and the same with a slash at its end may count as one. */
  readonly isSlashSame: boolean
}

export const regionsOf = (rule: Expression, options: RegionOptions): Regions => read(rule, true, options)

/** `isWanted`: whether the expression has to be true, or false. */
function read(expression: Expression, isWanted: boolean, options: RegionOptions): Regions {
  if (expression.kind === 'not') return read(expression.part, !isWanted, options)
  if (expression.kind === 'matcher') return readMatcher(expression.name, expression.values, { ...options, isWanted })
  const [left, right] = expression.parts.map(part => read(part, isWanted, options)) as [Regions, Regions]
  const isBoth = (expression.kind === 'and') === isWanted
  return isBoth ? both(left, right) : { inner: [...left.inner, ...right.inner], outer: [...left.outer, ...right.outer] }
}

interface MatcherOptions extends RegionOptions {
  readonly isWanted: boolean
}

function readMatcher(name: string, values: readonly string[], options: MatcherOptions): Regions {
  // An empty value is an error there, and the rule is none.
  if (values.includes('')) return unknown
  if (name === 'Host' || name === 'HostRegexp') return hostRegions(values, options)
  if (name === 'Path')
    return pathRegions(
      values.map(text => pathsOf(text, one => onePath(one, options))),
      options,
    )
  if (name === 'PathPrefix')
    return pathRegions(
      values.map(text => pathsOf(text, one => pathsWithPrefix(one, options))),
      options,
    )
  if (name !== 'Method' || !options.isWanted) return unknown
  const methods = values.map(value => value.toUpperCase())
  if (!methods.every(method => /^[A-Z-]{1,20}$/.test(method))) return unknown
  return { inner: [{ ...allInner, methods }], outer: [{ ...allOuter, methods }] }
}

/** `Host` is turned into `HostRegexp` there, so that braces are patterns in both. */
function hostRegions(values: readonly string[], { host, isWanted }: MatcherOptions): Regions {
  const answers = values.map(value => fitsHost(value, host))
  if (answers.includes(true)) return isWanted ? everything : nothing
  if (answers.includes(undefined)) return unknown
  return isWanted ? nothing : everything
}

/** `undefined` where it depends on how upper and lower case are read, or on what a pattern means. */
function fitsHost(template: string, host: string): boolean | undefined {
  const pattern = patternOf(template, '[^.]+')
  if (pattern === undefined) return undefined
  try {
    const [exact, folded] = ['', '(?i)'].map(flags => RE2JS.compile(`${flags}^${pattern}$`).matches(host))
    return exact === folded ? exact : undefined
  } catch {
    return undefined
  }
}

/** `{name}` and `{name:pattern}` in a text; `undefined` when the braces do not match. */
function patternOf(template: string, byDefault: string): string | undefined {
  let depth = 0
  let pattern = ''
  let start = 0
  // A template with a colon is compared with the port, which rows do not see.
  if (/:.*:|^[^{]*:/.test(template)) return undefined
  for (const [index, character] of [...template].entries()) {
    if (character === '{' && depth++ === 0) start = index + 1
    else if (character === '}' && --depth === 0) {
      const inside = template.slice(start, index)
      const colon = inside.indexOf(':')
      pattern += `(?:${colon === -1 ? byDefault : inside.slice(colon + 1)})`
    } else if (depth === 0) pattern += RE2JS.quote(character)
    if (depth < 0) return undefined
  }
  return depth === 0 ? pattern : undefined
}

/** Of a text with braces only what it starts with is certain. */
function pathsOf(text: string, literal: (text: string) => PathSet): PathSet {
  if (!text.startsWith('/')) return { inner: [], outer: [everyPath], isExact: false }
  if (!/[{}]/.test(text)) return literal(text)
  const start = text.slice(0, text.search(/[{}]/)).replace(/\/+$/, '')
  return { ...pathsWithPrefix(start), inner: [], isExact: false }
}

function pathRegions(sets: readonly PathSet[], { isWanted }: MatcherOptions): Regions {
  const outer = sets.flatMap(set => set.outer)
  if (!isWanted) return { inner: [{ ...allInner, without: outer }], outer: [allOuter] }
  const inner = sets.flatMap(set => set.inner)
  return {
    inner: inner.length === 0 ? [] : [{ ...allInner, paths: inner }],
    outer: [{ ...allOuter, paths: outer }],
  }
}

const isAll = (paths: readonly Inner[]): boolean => paths.length === 1 && paths[0] === everyPath

/** Both at once. Of two sets of paths, nothing (inner) or the first (outer). */
function both(left: Regions, right: Regions): Regions {
  const inner = left.inner.flatMap(one =>
    right.inner.flatMap(two => {
      const methods = commonMethods(one.methods, two.methods)
      if (methods?.length === 0 || (!isAll(one.paths) && !isAll(two.paths))) return []
      const paths = isAll(one.paths) ? two.paths : one.paths
      return [{ paths, methods, without: [...one.without, ...two.without] }]
    }),
  )
  const outer = left.outer.flatMap(one =>
    right.outer.flatMap(two => {
      const methods = commonMethods(one.methods, two.methods)
      return methods?.length === 0 ? [] : [{ paths: isAll(one.paths) ? two.paths : one.paths, methods }]
    }),
  )
  return { inner, outer }
}

/** `undefined`: every one. */
export function commonMethods(
  left: readonly string[] | undefined,
  right: readonly string[] | undefined,
): readonly string[] | undefined {
  return left === undefined || right === undefined ? (left ?? right) : left.filter(name => right.includes(name))
}

/** Hosts that a rule names as they are. */
export function hostsNamed(expression: Expression): readonly string[] {
  if (expression.kind === 'not') return hostsNamed(expression.part)
  if (expression.kind !== 'matcher') return expression.parts.flatMap(hostsNamed)
  if (expression.name !== 'Host' && expression.name !== 'HostRegexp') return []
  return expression.values.filter(value => !/[{}*]/.test(value))
}
