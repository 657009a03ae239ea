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
  const wanted = new Set(values)
  const isMeant =
    kind === 'prefix'
      ? (text: string) => values.some(start => text.startsWith(start))
      : (text: string) => wanted.has(text)
  return actual => actual !== undefined && (isMeant(actual) || judgeParts(actual, isMeant))
}

/** Of a line that is not meant as a whole. */
const judgeParts = (line: string, isMeant: (text: string) => boolean): false | undefined =>
  line.includes(',') && line.split(',').some(part => isMeant(part.trim())) ? undefined : false

/**
 * Threat: a row that denies by a value beyond ASCII, which never applies. Headers are read as bytes, one for each character, and
 * most of those who write such a value write UTF-8.
 */
export const asRead = (text: string): string => String.fromCharCode(...new TextEncoder().encode(text))
