/** Which granted rights were used, by whom and through which binding; and which were not. */
import type { Grant, Grants } from '../grant.ts'
import type { BindingObject, ClusterObjects } from '../objects.ts'
import type { SubjectId } from '../subject.ts'
import { bindingKey } from '../usage/reason.ts'
import type { Usage, UsedKind } from '../usage/usage.ts'
import { type Attribution, attribute, type ReasonCheck, type Unexplained, type Use } from './attribution.ts'
import { within } from './done.ts'
import { mayBeHidden } from './hidden-rights.ts'
import { createRightsOfRules, type Right, type RightsOfRules, resourceOf, rightKey } from './rights.ts'

/** Each granted right is one of three. */
export interface RightCounts {
  readonly granted: number
  readonly used: number
  /** No log can show whether it was used (`bind`, `escalate`, finalizers …), and what asks for it was done. */
  readonly unseen: number
}

export interface RuleExcess extends RightCounts {
  readonly grant: Grant
  readonly uses: readonly Use[]
}

/** What one binding gives one subject. */
export interface BindingExcess extends RightCounts {
  readonly binding: BindingObject
  readonly rules: readonly RuleExcess[]
  /** Who used it: for a group several. */
  readonly by: readonly SubjectId[]
  /** Seconds since the epoch; absent where it never was. */
  readonly lastUsed?: number
}

export interface IdentityExcess extends RightCounts {
  readonly subject: SubjectId
  readonly bindings: readonly BindingExcess[]
  /** Calls as this subject, through groups as well. */
  readonly calls: number
  /** Of these, as impersonated by somebody else. */
  readonly impersonated: number
  readonly denied: number
  readonly lastSeen?: number
}

export interface Excess {
  /** Everybody whom a binding names. */
  readonly identities: readonly IdentityExcess[]
  readonly unexplained: readonly Unexplained[]
  readonly reasons: ReasonCheck
  readonly attribution: Attribution
}

/** Of all that was granted, from 0 to 1; 0 where nothing was. */
export const unusedShare = ({ granted, used, unseen }: RightCounts): number =>
  granted === 0 ? 0 : (granted - used - unseen) / granted

export function excessOf(objects: ClusterObjects, grants: Grants, usage: Usage): Excess {
  const attribution = attribute(grants, usage, new Set(objects.bindings.map(bindingKey)))
  const context: Context = {
    attribution,
    rights: createRightsOfRules(objects.roles, usage),
    activity: activityOf(usage),
  }
  const identities = grants.subjects
    .map(subject => identityExcess(subject, grants.of(subject), context))
    .filter(({ bindings, calls }) => bindings.length > 0 || calls > 0)
  return { identities, unexplained: attribution.unexplained, reasons: attribution.reasons, attribution }
}

interface Activity {
  readonly calls: number
  readonly impersonated: number
  readonly denied: number
  readonly lastSeen?: number
}

interface Context {
  readonly attribution: Attribution
  readonly rights: RightsOfRules
  readonly activity: ReadonlyMap<SubjectId, Activity>
}

/** Of a subject, and of all members of a group together. */
function activityOf(usage: Usage): ReadonlyMap<SubjectId, Activity> {
  const all = new Map<SubjectId, Activity>()
  for (const { asker, calls, impersonated, denied, last } of usage.askers) {
    const refused = denied.reduce((sum, { count }) => sum + count, 0)
    for (const id of new Set([asker.id, ...asker.groups.map(group => `group:${group}`)])) {
      const known = all.get(id) ?? { calls: 0, impersonated: 0, denied: 0 }
      all.set(id, {
        calls: known.calls + calls,
        impersonated: known.impersonated + impersonated,
        denied: known.denied + refused,
        lastSeen: Math.max(known.lastSeen ?? last, last),
      })
    }
  }
  return all
}

function identityExcess(subject: SubjectId, grants: readonly Grant[], context: Context): IdentityExcess {
  const activity = context.activity.get(subject) ?? { calls: 0, impersonated: 0, denied: 0 }
  const done = context.attribution.doneBy(subject)
  const byBinding = new Map<string, Grant[]>()
  for (const grant of grants) {
    const list = byBinding.get(bindingKey(grant.binding)) ?? []
    byBinding.set(bindingKey(grant.binding), list)
    list.push(grant)
  }
  const tally = createTally()
  const bindings = [...byBinding.values()].map(list => bindingExcess(list, { ...context, done, tally }))
  return { subject, ...tally.counts(), bindings, ...activity }
}

interface BindingContext extends Context {
  readonly done: readonly UsedKind[]
  readonly tally: Tally
}

function bindingExcess(grants: readonly Grant[], context: BindingContext): BindingExcess {
  const own = createTally()
  const rules = grants.map(grant => {
    const uses = context.attribution.usesOf(grant)
    const rights = context.rights.of(grant.rule)
    const used = usedKeys(rights, uses)
    const done = within(context.done, grant.namespace)
    const tallies = [createTally(), own, context.tally]
    for (const right of rights) {
      const key = rightKey(right)
      const state = used.has(key) ? 'used' : mayBeHidden(right, done) ? 'unseen' : 'unused'
      for (const tally of tallies) tally.note(`${grant.namespace ?? ''} ${key}`, state)
    }
    return { grant, uses, ...(tallies[0] as Tally).counts() }
  })
  const uses = rules.flatMap(rule => rule.uses)
  const last = uses.reduce<number | undefined>((most, { right }) => Math.max(most ?? right.last, right.last), undefined)
  return {
    binding: (grants[0] as Grant).binding,
    rules,
    ...own.counts(),
    by: [...new Set(uses.map(({ asker }) => asker.id))].sort(),
    ...(last !== undefined && { lastUsed: last }),
  }
}

/** Which of a rule's rights its uses took. */
function usedKeys(rights: readonly Right[], uses: readonly Use[]): ReadonlySet<string> {
  const used = new Set<string>()
  for (const { right, names } of uses) {
    const { kind } = right
    if ('path' in kind) for (const one of rights) if ('path' in one && coversPath(one, kind)) used.add(rightKey(one))
    if ('path' in kind) continue
    const parts = { verb: kind.verb, group: kind.group, resource: resourceOf(kind) }
    if (names === undefined) used.add(rightKey(parts))
    else for (const name of names) used.add(rightKey({ ...parts, name }))
  }
  return used
}

const coversPath = (right: { verb: string; path: string }, kind: { verb: string; path: string }): boolean =>
  (right.verb === '*' || right.verb === kind.verb) &&
  (right.path === kind.path || (right.path.endsWith('*') && kind.path.startsWith(right.path.replace(/\*+$/, ''))))

interface Tally {
  readonly note: (key: string, state: 'used' | 'unseen' | 'unused') => void
  readonly counts: () => RightCounts
}

/** The same right by two bindings is one right, used if it was used at all. */
function createTally(): Tally {
  const states = new Map<string, 'used' | 'unseen' | 'unused'>()
  return {
    note: (key, state) => {
      if (state === 'used' || !states.has(key) || (state === 'unseen' && states.get(key) === 'unused'))
        states.set(key, state)
    },
    counts: () => {
      const all = [...states.values()]
      const count = (state: string): number => all.filter(one => one === state).length
      return { granted: all.length, used: count('used'), unseen: count('unseen') }
    },
  }
}
