/**
 * `header: {name: x-device, in: [managed]}`: a request header has exactly one of the values; `prefix: [corp-]`: it begins with
 * one of them; `present: true` or `false`: it is there, or is not. An absent header is in no list; unknown where nobody
 * vouches for any header of the request, where it comes more than once, and where one of several values is meant, as proxies
 * make one line of several, with commas between them (RFC 9110 section 5.3).
 *
 * Threat: a client writes its own headers. Use this for headers that the proxy sets or removes. A proxy that adds one leaves the
 * client's in front of its own: neither counts.
 */
import { ValueError } from '../policy-error.ts'
import { parseMapping, parseText, parseTexts } from './arguments.ts'
import type { Criterion } from './condition.ts'

const fieldName = /^[a-z0-9!#$%&'*+.^_`|~-]+$/

export function header(value: unknown): Criterion {
  const mapping = parseMapping(value, ['name', ...tests])
  const name = parseText(mapping.name, 'the name of a header').toLowerCase()
  if (!fieldName.test(name)) throw new ValueError(`"${name}" is not the name of a header`)
  const judge = parseTest(mapping)
  return {
    type: 'header',
    test: ({ context }) => {
      const actual = context.header === undefined ? null : context.header(name)
      return actual === null ? undefined : judge(actual)
    },
  }
}

const tests = ['in', 'prefix', 'present'] as const

function parseTest(mapping: Readonly<Record<string, unknown>>): (actual: string | undefined) => boolean | undefined {
  const given = tests.filter(key => Object.hasOwn(mapping, key))
  const [kind] = given
  if (kind === undefined || given.length > 1) throw new ValueError('expected exactly one of in, prefix, present')
  if (kind === 'present') {
    if (typeof mapping.present !== 'boolean') throw new ValueError('present: expected true or false')
    return actual => (actual !== undefined) === mapping.present
  }
  const values = [...new Set(parseTexts(mapping[kind], 'values').flatMap(text => [text, asRead(text)]))]
  if (kind === 'prefix') return actual => actual !== undefined && judgePrefixes(actual, values)
  const wanted = new Set(values)
  return actual => actual !== undefined && (wanted.has(actual) || judgeParts(actual, values))
}

/** More values in a line are not looked through: whoever sends 16,000 commas would have each check take milliseconds. */
const mostCommas = 64

/** The line itself, and what stands behind each comma of it; `undefined` where there are too many. */
function tailsOf(line: string): readonly string[] | undefined {
  const tails = [line]
  for (let at = line.indexOf(','); at >= 0; at = line.indexOf(',', at + 1)) {
    if (tails.length > mostCommas) return undefined
    tails.push(line.slice(at + 1).trimStart())
  }
  return tails
}

/** Of a line that is not meant as a whole: whether one of several values in it is, which may hold commas of its own. */
function judgeParts(line: string, values: readonly string[]): false | undefined {
  if (!line.includes(',')) return false
  const isMeant = (tail: string): boolean =>
    values.some(text => tail.startsWith(text) && /^[ \t]*(?:,|$)/.test(tail.slice(text.length)))
  const tails = tailsOf(line)
  return tails === undefined || tails.some(isMeant) ? undefined : false
}

/**
 * A line that begins as it should, and goes on with commas, is one value or several: it is meant where each of several would
 * be, and unknown where only some are. Whoever lists a beginning with a comma in it means one value.
 */
function judgePrefixes(line: string, values: readonly string[]): boolean | undefined {
  const isMeant = (text: string): boolean => values.some(start => text.startsWith(start))
  if (!line.includes(',')) return isMeant(line)
  if (values.some(start => start.includes(',') && line.startsWith(start))) return true
  const tails = tailsOf(line)
  if (tails === undefined) return undefined
  // What begins behind a comma begins a value, unless a value that is meant goes on there.
  return tails.every(isMeant) || (tails.some(isMeant) ? undefined : false)
}

/**
 * Threat: a row that denies by a value beyond ASCII, which never applies. Headers are read as bytes, one for each character, and
 * most of those who write such a value write UTF-8.
 */
export const asRead = (text: string): string => String.fromCharCode(...new TextEncoder().encode(text))
