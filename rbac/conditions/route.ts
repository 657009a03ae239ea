/**
 * `route: {name: tier, in: [internal]}`: what the proxy's own configuration says of the route that the request took (Envoy:
 * context extensions by their name, metadata of the route as `<namespace>/<key>`). No client writes it. Unknown where the
 * proxy says nothing under this name, so that a deny by it holds on a route that somebody forgot to mark.
 */
import { ValueError } from '../policy-error.ts'
import { parseComplete, parseText, parseTexts } from './arguments.ts'
import type { Criterion } from './condition.ts'

/** Fronts hand such facts on among the headers; no header begins with a colon. */
const prefix = ':route/'

export function route(value: unknown): Criterion {
  const mapping = parseComplete(value, ['name', 'in'])
  const name = parseText(mapping.name, 'the name of what is said of a route').toLowerCase()
  if (name === '') throw new ValueError('expected a name')
  const asked = routeFactName(name)
  const values = new Set(parseTexts(mapping.in, 'values'))
  return {
    type: 'route',
    test: ({ context }) => {
      const actual = context.header?.(asked)
      return actual === undefined || actual === null ? undefined : values.has(actual)
    },
  }
}

/** Under which name the condition asks for it among the headers. */
export const routeFactName = (name: string): string => prefix + name.toLowerCase()
