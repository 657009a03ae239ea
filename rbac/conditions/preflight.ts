/**
 * `preflight: [GET, PUT]` or `preflight: any`: the question that a browser asks before it calls another origin (Fetch
 * standard, "CORS-preflight request"): OPTIONS with `Origin` and the method that would come. Unknown where nobody vouches for
 * the headers, or one comes more than once or holds several values. Threat: whoever writes the two headers gets what a preflight
 * gets, so let it through to what answers OPTIONS with nothing but permissions.
 */

import { ValueError } from '../policy-error.ts'
import { isMethod } from '../request/methods.ts'
import { parseTexts } from './arguments.ts'
import type { Criterion } from './condition.ts'

export const preflightHeaders = ['origin', 'access-control-request-method'] as const

export function preflight(value: unknown): Criterion {
  const listed = parseTexts(value, 'methods, or any')
  const isAny = listed.includes('any')
  if (isAny && listed.length > 1) throw new ValueError('expected any, or methods')
  if (!isAny && !listed.every(isMethod))
    throw new ValueError('expected methods in capitals, such as [GET, PUT], or any')
  return {
    type: 'preflight',
    test: ({ request, context: { header } }) => {
      if (header === undefined || request === undefined) return undefined
      const [origin, asked] = preflightHeaders.map(header)
      if (origin === null || asked === null) return undefined
      if (request.action !== 'OPTIONS' || !origin || asked === undefined) return false
      if (origin.includes(',') || asked.includes(',')) return undefined
      return isAny ? isMethod(asked) : listed.includes(asked)
    },
  }
}
