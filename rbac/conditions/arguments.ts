/** Reading the arguments of a criterion: plain values of YAML in, checked values out, `ValueError` otherwise. */

import { ValueError } from '../policy-error.ts'
import { unknownName } from '../unknown-name.ts'

/** A non-empty list of non-empty texts; one text alone is a list of one. */
export function parseTexts(value: unknown, what: string): readonly string[] {
  const list = typeof value === 'string' ? [value] : value
  if (!Array.isArray(list) || list.length === 0 || !list.every(item => typeof item === 'string' && item !== '')) {
    throw new ValueError(`expected a list of ${what}`)
  }
  return list
}

export function parseText(value: unknown, what: string): string {
  if (typeof value !== 'string' || value === '') throw new ValueError(`expected ${what}`)
  return value
}

/** A mapping with known keys only. */
export function parseMapping(value: unknown, keys: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ValueError(`expected a mapping with ${keys.join(', ')}`)
  }
  for (const key of Object.keys(value)) {
    if (!keys.includes(key)) throw new ValueError(unknownName('key', key, keys), key)
  }
  return value as Readonly<Record<string, unknown>>
}

/** The same, every key present. */
export function parseComplete(value: unknown, keys: readonly string[]): Readonly<Record<string, unknown>> {
  const mapping = parseMapping(value, keys)
  for (const key of keys) {
    if (!Object.hasOwn(mapping, key)) throw new ValueError(`the key "${key}" is missing`)
  }
  return mapping
}
