/**
 * `header: {name: x-device, in: [managed]}`: a request header has exactly one of the values. An absent header is
 * in no list; unknown only where nobody vouches for any header of the request.
 *
 * Threat: a client writes its own headers. Use this for headers that the proxy sets or removes.
 */
import { ValueError } from '../policy-error.ts'
import { parseComplete, parseText, parseTexts } from './arguments.ts'
import type { Criterion } from './condition.ts'

const fieldName = /^[a-z0-9!#$%&'*+.^_`|~-]+$/

export function header(value: unknown): Criterion {
  const mapping = parseComplete(value, ['name', 'in'])
  const name = parseText(mapping.name, 'the name of a header').toLowerCase()
  if (!fieldName.test(name)) throw new ValueError(`"${name}" is not the name of a header`)
  const values = new Set(parseTexts(mapping.in, 'values').flatMap(text => [text, asRead(text)]))
  return {
    type: 'header',
    test: ({ context }) => {
      if (context.header === undefined) return undefined
      const actual = context.header(name)
      return actual !== undefined && values.has(actual)
    },
  }
}

/**
 * Threat: a row that denies by a value beyond ASCII, which never applies. Headers are read as bytes, one for each character, and
 * most of those who write such a value write UTF-8.
 */
const asRead = (text: string): string => String.fromCharCode(...new TextEncoder().encode(text))
