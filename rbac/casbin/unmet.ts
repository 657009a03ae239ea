/**
 * Fields of rows that no request of ours could meet.
 *
 * Threat: `p, bob, /pages, read, deny`, `get`, `/caf%C3%A9` or `admin/*`. Casbin takes any text, and compares it with what a
 * request has: a method in capitals, a decoded path that begins with a slash. Such a row applies to nobody, and a deny is
 * believed to be in force. Where the matcher leaves no other way it is a problem of its row.
 */
import { isMethod, knownMethods } from '../request/methods.ts'
import { choicesOf, termsOf } from './alternatives.ts'
import { type MatchFunction, patternFunctions } from './functions.ts'

/** How a field of a request is compared with that of a row. */
export interface Comparison {
  /** `==`, or names of functions. */
  readonly by: ReadonlySet<string>
  /** What a row may say besides, such as `*`, where the matcher asks for that text. */
  readonly texts: ReadonlySet<string>
}

/** Absent where some alternative does not ask for it. */
export function comparisonOf(field: string, alternatives: readonly string[]): Comparison | undefined {
  const by = new Set<string>()
  const texts = new Set<string>()
  for (const alternative of alternatives) {
    const found = termsOf(alternative)
      .map(term => readChoices(field, choicesOf(term)))
      .find(one => one !== undefined)
    if (found === undefined) return undefined
    for (const { kind, value } of found) (kind === 'by' ? by : texts).add(value)
  }
  return { by, texts }
}

interface Choice {
  readonly kind: 'by' | 'text'
  readonly value: string
}

function readChoices(field: string, choices: readonly string[]): readonly Choice[] | undefined {
  const found = choices.flatMap(choice => readChoice(field, choice) ?? [])
  return found.length === choices.length && found.some(({ kind }) => kind === 'by') ? found : undefined
}

function readChoice(field: string, choice: string): Choice | undefined {
  const [request, row] = [`r_${field}`, `p_${field}`]
  const [, one, other] = /^(\S+)\s*===?\s*(\S+)$/.exec(choice) ?? []
  const sides = new Set([one, other])
  if (sides.has(request) && sides.has(row)) return { kind: 'by', value: '==' }
  const text = [one, other].find(side => side !== undefined && /^(["']).*\1$/.test(side))
  if (sides.has(row) && text !== undefined) return { kind: 'text', value: text.slice(1, -1) }
  const [, name, first, second] = /^(\w+)\(\s*(\w+)\s*,\s*(\w+)\s*\)$/.exec(choice) ?? []
  const isKnown = name !== undefined && patternFunctions.has(name)
  return isKnown && first === request && second === row ? { kind: 'by', value: name } : undefined
}

/** What is wrong with a method of a row. */
export function methodProblem(
  text: string,
  { by, texts }: Comparison,
  functions: Readonly<Record<string, MatchFunction>>,
): string | undefined {
  if (texts.has(text)) return undefined
  const meets = (name: string): boolean => {
    if (name === '==') return isMethod(text)
    // A method that nobody has heard of may be meant, as long as it is one.
    return !/[a-z]/.test(text) || text.startsWith('(?') || knownMethods.some(known => functions[name]?.(known, text))
  }
  if ([...by].some(meets)) return undefined
  return 'no request has this method: they are compared in capitals, and neither "*" nor "read" is one'
}

/** Which functions take signs of a path as they are. */
const literal: ReadonlySet<string> = new Set(['==', 'keyMatch', 'globMatch'])

/** What is wrong with a path of a row. */
export function pathProblem(text: string, { by, texts }: Comparison): string | undefined {
  if (texts.has(text)) return undefined
  const problems = [...by].map(name => pathProblemBy(name, text))
  return problems.includes(undefined) ? undefined : problems[0]
}

function pathProblemBy(name: string, text: string): string | undefined {
  // keyMatch looks at nothing behind its star.
  const compared = name === 'keyMatch' ? text.replace(/\*.*/s, '') : text
  if (/%(?!2F|25)[0-9A-Fa-f]{2}/.test(compared))
    return 'no request has this path: they are compared decoded, all but %2F and %25'
  const isExpression = !literal.has(name)
  // regexMatch looks anywhere, unless it is told where to begin.
  const begins = name === 'regexMatch' ? /^\^[\w-]+(?:\/|\$?$)/ : /^[\w-]+(?:\/|$)/
  if (isExpression ? begins.test(text) && !text.includes('|') : compared !== '' && !/^[/*?[\\]/.test(compared))
    return 'no request has this path: they begin with "/"'
  if (isExpression) return undefined
  if (/\/\/|\/\.{1,2}(?:\/|$)/.test(compared)) return 'no request has this path: "//" and dot segments are resolved'
  return undefined
}
