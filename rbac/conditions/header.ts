/**
 * `header: {name: x-device, in: [managed]}`: a request header has exactly one of the values; `prefix: [corp-]`: it begins with
 * one of them; `present: true` or `false`: it is there, or is not. An absent header is in no list; unknown where nobody
 * vouches for any header of the request, and where it comes more than once.
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

function parseTest(mapping: Readonly<Record<string, unknown>>): (actual: string | undefined) => boolean {
  const given = tests.filter(key => Object.hasOwn(mapping, key))
  const [kind] = given
  if (kind === undefined || given.length > 1) throw new ValueError('expected exactly one of in, prefix, present')
  if (kind === 'present') {
    if (typeof mapping.present !== 'boolean') throw new ValueError('present: expected true or false')
    return actual => (actual !== undefined) === mapping.present
  }
  const values = [...new Set(parseTexts(mapping[kind], 'values').flatMap(text => [text, asRead(text)]))]
  if (kind === 'prefix') return actual => actual !== undefined && values.some(text => actual.startsWith(text))
  const wanted = new Set(values)
  return actual => actual !== undefined && wanted.has(actual)
}

/**
 * Threat: a row that denies by a value beyond ASCII, which never applies. Headers are read as bytes, one for each character, and
 * most of those who write such a value write UTF-8.
 */
export const asRead = (text: string): string => String.fromCharCode(...new TextEncoder().encode(text))
