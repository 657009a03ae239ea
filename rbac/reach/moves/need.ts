/** What a move needs: rights, any of some, or all of some. Data, so that pages and tests can be made of it. */
import type { Grant } from '../grant.ts'
import { type Hit, type Right, right } from './right.ts'

export type Need = { readonly right: Right } | { readonly any: readonly Need[] } | { readonly all: readonly Need[] }

/** A right that somebody holds, by a grant. */
export interface Use extends Hit {
  readonly right: Right
  readonly grant: Grant
  /** Without which it is worth nothing: a create that is limited to names, and the patch of the same. */
  readonly beside?: Use
}

export const can = (...[verbs, resource, more]: Parameters<typeof right>): Need => ({
  right: right(verbs, resource, more),
})

/** The same verbs on any of several resources. */
export const canAny = (verbs: string, ...resources: readonly string[]): Need => ({
  any: resources.map(resource => can(verbs, resource)),
})
export const any = (...needs: readonly Need[]): Need => ({ any: needs })
export const all = (...needs: readonly Need[]): Need => ({ all: needs })

export function rightsIn(need: Need): readonly Right[] {
  if ('right' in need) return [need.right]
  return ('any' in need ? need.any : need.all).flatMap(rightsIn)
}

/** Whether a use counts where it is asked, and how near it is: those of the very subject and place before what is general. */
export interface Lookup {
  /**
   * The uses of a right that count: the nearest alone. Threat: of a part of something the others as well, where they are good for
   * more names; nobody else has the whole, so nothing else would say it.
   */
  readonly usesOf: (right: Right, isPart: boolean) => readonly Use[]
  /** True for a use that makes the whole thing something of this very scope. */
  readonly isNear: (use: Use) => boolean
}

/** @returns the rights that satisfy it, undefined where it is not satisfied. @param isPart other rights are needed with it */
export function satisfied(need: Need, lookup: Lookup, isPart = false): readonly Use[] | undefined {
  if ('right' in need) {
    const uses = lookup.usesOf(need.right, isPart)
    return uses.length === 0 ? undefined : uses
  }
  if ('all' in need) {
    const parts = need.all.map(part => satisfied(part, lookup, true))
    return parts.some(part => part === undefined) ? undefined : parts.flatMap(part => part ?? [])
  }
  const parts = need.any.flatMap(part => {
    const uses = satisfied(part, lookup, isPart)
    return uses === undefined ? [] : [uses]
  })
  if (parts.length === 0) return undefined
  const near = isPart ? [] : parts.filter(uses => uses.some(lookup.isNear))
  return (near.length > 0 ? near : parts).flat()
}

/** Whether rights of different bindings can make it together. */
export const isCompound = (need: Need): boolean =>
  'any' in need ? need.any.some(isCompound) : 'all' in need && need.all.length > 1
