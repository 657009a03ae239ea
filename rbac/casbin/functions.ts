/**
 * Casbin's own functions for matchers, bounded: what they answer is what stock Casbin answers, in linear time.
 *
 * Threat: Casbin makes a JavaScript expression of a row's field, for which one long path can take hours, and looks for a
 * placeholder in a loop that `/:` alone never ends. Here expressions are RE2's, globs have few stars, and a pattern that
 * cannot be read is a problem of its row.
 */
import { Util } from 'casbin'
import { RE2JS } from 're2js'
import { PathTooCostlyError } from '../row-index.ts'

export type MatchFunction = (...values: readonly unknown[]) => boolean | string

const text = (value: unknown): string => String(value ?? '')

/** The expression of a pattern, as Casbin makes it; absent for functions that make none. */
const expressions: Readonly<Record<string, (pattern: string) => string>> = {
  regexMatch: pattern => pattern,
  keyMatch2: pattern => {
    const filled = fill(pattern, /(.*):[^/]+(.*)/g, '/:', '$1[^/]+$2')
    return `^${filled === '*' ? '(.*)' : filled}$`
  },
  keyGet2: pattern => expressionOf('keyMatch2', pattern),
  keyMatch3: pattern => `^${fill(pattern, /(.*)\{[^/]+\}(.*)/g, '/{', '$1[^/]+$2')}$`,
  keyMatch4: pattern => `^${fill(pattern, /(.*)\{[^/]+\}(.*)/g, '/{', '$1([^/]+)$2')}$`,
  keyMatch5: pattern => `^${fill(pattern, /(.*)\{[^/]+\}(.*)/g, '/{', '$1[^/]+$2')}$`,
}

function expressionOf(name: string, pattern: string): string {
  const make = expressions[name]
  if (make === undefined) throw new Error(`${name} makes no expression`)
  return make(pattern)
}

function fill(pattern: string, placeholder: RegExp, mark: string, filling: string): string {
  let filled = pattern.replace(/\/\*/g, '/.*')
  while (filled.includes(mark)) {
    const next = filled.replace(placeholder, filling)
    if (next === filled) throw new Error(`"${mark}" begins a placeholder that has no name`)
    filled = next
  }
  return filled
}

/** Functions whose second argument is a pattern, which has to come from a row or from the matcher. */
export const patternFunctions: ReadonlySet<string> = new Set([
  ...Object.keys(expressions),
  'keyMatch',
  'keyGet',
  'globMatch',
])

export const functionNames: readonly string[] = [...patternFunctions, 'ipMatch']

/** Throws for a pattern that the function could not be asked about. */
export function checkPattern(name: string, pattern: string): void {
  if (name === 'globMatch') checkGlob(pattern)
  else if (Object.hasOwn(expressions, name)) RE2JS.compile(expressionOf(name, pattern))
}

/** Characters. Beyond them a glob, whose cost grows with their square, is not asked. */
const longestForGlobs = 2_048
const longestSegmentForGlobs = 256

/** minimatch goes back and forth: what it costs grows with a power that is the number of stars in a segment. */
function checkGlob(pattern: string): void {
  if (/[(){}]/.test(pattern)) throw new Error('a glob here has neither groups nor braces; write a row for each')
  if (/^[!#]/.test(pattern)) throw new Error('a glob that begins with "!" or "#" is the contrary of a pattern, or none')
  const segments = pattern.split('/')
  if (segments.filter(segment => segment === '**').length > 2) throw new Error('a glob here has at most two "**"')
  if (segments.some(segment => segment !== '**' && (segment.match(/\*/g)?.length ?? 0) > 2)) {
    throw new Error('a glob here has at most two "*" in a segment')
  }
}

/** Compiled expressions; a pattern comes from a row or the matcher, so that there are no more of them than the policy has. */
function createExpressions() {
  const known = new Map<string, RE2JS>()
  return (name: string, pattern: string): RE2JS => {
    const key = `${name} ${pattern}`
    const compiled = known.get(key) ?? RE2JS.compile(expressionOf(name, pattern))
    known.set(key, compiled)
    return compiled
  }
}

export function createMatchFunctions(): Readonly<Record<string, MatchFunction>> {
  const compile = createExpressions()
  const found = (name: string) => (value: unknown, pattern: unknown) =>
    compile(name, text(pattern)).matcher(text(value)).find()
  return {
    keyMatch: (...values) => Util.keyMatchFunc(...values),
    keyGet: (...values) => Util.keyGetFunc(...values),
    ipMatch: (...values) => Util.ipMatchFunc(...values),
    regexMatch: found('regexMatch'),
    keyMatch2: found('keyMatch2'),
    keyMatch3: found('keyMatch3'),
    keyMatch4: (value, pattern) => keyMatch4(compile('keyMatch4', text(pattern)), text(value), text(pattern)),
    keyMatch5: (value, pattern) => found('keyMatch5')(text(value).replace(/\?.*/s, ''), pattern),
    keyGet2: (value, pattern, name) =>
      found('keyMatch2')(value, pattern) ? valueIn(text(value), text(pattern), text(name)) : '',
    globMatch: (value, pattern) => globMatch(text(value), text(pattern)),
  }
}

function globMatch(value: string, pattern: string): boolean {
  const isLong =
    value.length > longestForGlobs || value.split('/').some(({ length }) => length > longestSegmentForGlobs)
  if (isLong) throw new PathTooCostlyError('the path is too long for a glob')
  return Util.globMatch(value, pattern)
}

/** Casbin compares all values with each other once any name is repeated; so does this. */
function keyMatch4(expression: RE2JS, value: string, pattern: string): boolean {
  const matcher = expression.matcher(value)
  if (!matcher.find()) return false
  const names: readonly string[] = pattern.match(/\{[^}]*\}/g) ?? []
  if (names.length !== matcher.groupCount()) throw new Error('keyMatch4: as many values as names were expected')
  const values = names.map((_, index) => matcher.group(index + 1))
  return new Set(names).size === names.length || new Set(values).size <= 1
}

function valueIn(value: string, pattern: string, name: string): string {
  const index = Array.from(pattern.matchAll(/[^/]+/g), ([part]) => part).indexOf(`:${name}`)
  return index === -1 ? '' : ((value.match(/[^/]+/g) ?? [])[index] ?? '')
}
