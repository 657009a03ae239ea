/**
 * What a token may do at its host, as actions of rows that allow have it: `read`, `write`, methods, of which GET brings HEAD
 * and `only:GET` does not, with blanks between them (RFC 6749 section 3.3). It lets nobody do anything: what a row does not allow stays refused.
 */
import { namesIn, parseAction } from '../actions.ts'
import { ValueError } from '../policy-error.ts'
import { readMethods } from '../request/methods.ts'

const mostTokens = 16
const longest = 256

/** Each once, in order. Throws `ValueError`. */
export function parseScope(text: string): string {
  if (text.length > longest) throw new ValueError(`a scope is at most ${longest} characters long`)
  const tokens = [...new Set(text.split(' ').filter(token => token !== ''))]
  if (tokens.length === 0 || tokens.length > mostTokens) throw new ValueError(`a scope is 1 to ${mostTokens} words`)
  for (const token of tokens) {
    if (token === '*' || /[|\s]/.test(token)) throw new ValueError('a scope is read, write and methods, such as GET')
    parseAction(token, '*', false)
  }
  return tokens.sort().join(' ')
}

const matchers = new Map<string, (action: string) => boolean>()
const mostMatchers = 1_000

/** @param scope as {@link parseScope} has it */
function matcherOf(scope: string): (action: string) => boolean {
  const known = matchers.get(scope)
  if (known !== undefined) return known
  const matcher = parseAction(scope.replaceAll(' ', '|'), '*', false)
  if (matchers.size >= mostMatchers) matchers.clear()
  matchers.set(scope, matcher)
  return matcher
}

/** A request, as far as scopes look at it. */
export interface ScopedRequest {
  readonly method: string
  /** Default false. */
  readonly isUpgrade?: boolean
}

/**
 * Threat: a WebSocket begins with GET, and nobody is asked about what is written in it later. So an upgrade needs `write`
 * as well as its method.
 *
 * @param scope as {@link parseScope} has it; `undefined`: no limit
 */
export function permits(scope: string | undefined, { method, isUpgrade = false }: ScopedRequest): boolean {
  if (scope === undefined) return true
  return matcherOf(scope)(method) && (!isUpgrade || scope.split(' ').includes('write'))
}

/** Whether whatever `narrow` permits `wide` does. `undefined`: no limit. */
export function isWithin(narrow: string | undefined, wide: string | undefined): boolean {
  if (wide === undefined) return true
  if (narrow === undefined) return false
  const held = new Set(wide.split(' '))
  const isCovered = (token: string): boolean => {
    if (held.has(token)) return true
    if (token === 'read') return [...readMethods].every(method => permits(wide, { method }))
    // All methods that nobody has heard of, too.
    if (token === 'write') return false
    // Threat: `GET`, which brings HEAD, got out of a scope that has GET alone.
    const methods = token === 'GET' ? ['GET', 'HEAD'] : namesIn(token)
    return methods.every(method => permits(wide, { method }))
  }
  return narrow.split(' ').every(isCovered)
}
