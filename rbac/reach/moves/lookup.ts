/** Which of the rights that somebody holds count in one scope, and how near they are. */
import type { SubjectId } from '../subject.ts'
import type { Holdings } from './holdings.ts'
import type { Lookup, Use } from './need.ts'
import type { Right } from './right.ts'

/** @param only what these are given: as if the subject had nothing else. Default: all that it holds */
export function lookupIn(
  { subject, of }: Holdings,
  scope: string | undefined,
  only?: ReadonlySet<SubjectId>,
): Lookup & { readonly isHere: (use: Use) => boolean } {
  const isHere = ({ grant }: Use) => grant.namespace === scope
  const isMine = ({ grant }: Use) => grant.subject === subject
  const isEither = (use: Use, is: (one: Use) => boolean) => is(use) || (use.beside !== undefined && is(use.beside))
  const nearness = (use: Use) => (isEither(use, isHere) ? 2 : 0) + (isEither(use, isMine) ? 1 : 0)
  const isEverywhere = (right: Right) => right.isAnywhere === true && scope !== undefined
  const countedOf = (right: Right): readonly Use[] =>
    (of.get(right) ?? []).filter(
      use =>
        (only?.has(use.grant.subject) ?? true) &&
        (isEverywhere(right) || use.grant.namespace === undefined || isHere(use)),
    )
  const applicable = (right: Right): readonly Use[] => {
    const counted = countedOf(right)
    if (!counted.some(isByApply)) return counted
    const patches = right.applied === undefined ? [] : countedOf(right.applied)
    return counted.flatMap(use => (isByApply(use) ? patches.flatMap(patch => applied(use, patch)) : [use]))
  }
  return {
    isHere,
    isNear: use => isHere(use) && (scope !== undefined || isMine(use)),
    usesOf: (right, isPart) => {
      const counted = applicable(right)
      if (isEverywhere(right)) return counted
      const best = Math.max(0, ...counted.map(nearness))
      const near = counted.filter(use => nearness(use) === best)
      return isPart ? [...near, ...furtherOf(counted, near)] : near
    },
  }
}

export const isByApply = ({ isByApply: isSo = false }: Use): boolean => isSo

/** Both grants: what may be created, as far as it may be patched. */
function applied(create: Use, patch: Use): readonly Use[] {
  const names = (create.names ?? []).filter(name => patch.names?.includes(name) ?? true)
  return names.length === 0
    ? []
    : [
        { ...create, names, beside: patch },
        { ...patch, right: create.right, names, beside: create },
      ]
}

/** Those that are good for names which the near ones do not have. */
function furtherOf(counted: readonly Use[], near: readonly Use[]): readonly Use[] {
  if (near.length === counted.length || near.some(({ names }) => names === undefined)) return []
  const known = new Set(near.flatMap(({ names = [] }) => names))
  return counted.filter(use => !near.includes(use) && (use.names?.some(name => !known.has(name)) ?? true))
}
