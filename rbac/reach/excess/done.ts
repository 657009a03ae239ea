/**
 * What a subject has written, by whatever right. What is asked for within a call may be held by another binding than the one that lets
 * the call in: who makes a role binding by one role may need `bind` of another.
 */
import type { SubjectId } from '../subject.ts'
import type { Usage, UsedKind } from '../usage/usage.ts'

/** Verbs of calls within which the API server asks for more. */
export const writingVerbs: ReadonlySet<string> = new Set(['create', 'update', 'patch'])

/** Kinds of calls that write, of a subject; of a group those of all of its members. Remembered. */
export type DoneBy = (subject: SubjectId) => readonly UsedKind[]

export function doneIn({ askers }: Usage): DoneBy {
  const remembered = new Map<SubjectId, readonly UsedKind[]>()
  return subject => {
    const known = remembered.get(subject) ?? writtenBy(subject, askers)
    remembered.set(subject, known)
    return known
  }
}

function writtenBy(subject: SubjectId, askers: Usage['askers']): readonly UsedKind[] {
  const kinds = new Map<string, UsedKind>()
  for (const { asker, used } of askers) {
    if (asker.id !== subject && !asker.groups.some(group => `group:${group}` === subject)) continue
    for (const { kind } of used)
      if (!('path' in kind) && writingVerbs.has(kind.verb)) kinds.set(JSON.stringify(kind), kind)
  }
  return [...kinds.values()]
}

/** Those that rights of one namespace can have been asked for; without one, all. */
export const within = (done: readonly UsedKind[], namespace: string | undefined): readonly UsedKind[] =>
  namespace === undefined ? done : done.filter(kind => 'namespace' in kind && kind.namespace === namespace)
