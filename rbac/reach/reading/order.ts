/**
 * One order for the same objects, however they were read: of two ways that are equally short, and of two bindings that give
 * the same, the first counts, and it has to be the same one in each review.
 */
import type { Metadata, Place } from '../objects.ts'

type Named = Pick<Metadata, 'name' | 'namespace'> & { readonly kind?: string; readonly apiVersion?: string }

const compare = (one: string, other: string): number => (one === other ? 0 : one < other ? -1 : 1)

/** By kind, namespace and name; by code units, which no locale changes. */
export const byName = (one: Named, other: Named): number =>
  compare(one.kind ?? '', other.kind ?? '') ||
  compare(one.namespace ?? '', other.namespace ?? '') ||
  compare(one.name, other.name) ||
  compare(one.apiVersion ?? '', other.apiVersion ?? '')

export const byPlace = (one: Place, other: Place): number =>
  compare(one.source, other.source) || (one.line ?? 0) - (other.line ?? 0)
