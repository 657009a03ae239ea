/**
 * `property: {of: resource, name: status, in: [archived]}`: what an application that asks (docs/authzen.md) says of the object, of
 * what is to be done with it, or of the circumstances. Unknown when it says nothing under this name, or may not say so; and for
 * whatever a proxy asks, so that a deny by it holds there.
 */
import { ValueError } from '../policy-error.ts'
import { parseComplete, parseText } from './arguments.ts'
import type { Criterion } from './condition.ts'
import { parseSaidIn } from './said-in.ts'

const places = ['resource', 'action', 'context'] as const

export function property(value: unknown): Criterion {
  const mapping = parseComplete(value, ['of', 'name', 'in'])
  const place = places.find(known => known === mapping.of)
  if (place === undefined) throw new ValueError(`of: expected ${places.join(', ')}`)
  const name = parseText(mapping.name, 'the name of a property')
  const judge = parseSaidIn(mapping.in)
  return { type: 'property', test: ({ context }) => judge(context.property?.(place, name)) }
}
