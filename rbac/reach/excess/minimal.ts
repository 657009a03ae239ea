/**
 * The rules that still allow everything that was used, and nothing that the old ones did not. Property tests hold both halves
 * (tests/reach/minimal.test.ts).
 */
import type { Rule } from '../../kubernetes/rule.ts'
import type { UsedKind } from '../usage/usage.ts'
import type { Use } from './attribution.ts'
import { compress, type Need } from './compress.ts'
import type { ResourceRight } from './hidden-rights.ts'
import { resourceOf } from './rights.ts'

export interface MinimalChoice {
  /**
   * When a rule names the objects that were used: `stable` where people choose their names and they are few, `always` where all of
   * them are known, `never`.
   */
  readonly names: 'stable' | 'always' | 'never'
  /** A wildcard that was used stays one. */
  readonly isWide: boolean
}

export const defaultChoice: MinimalChoice = { names: 'stable', isWide: false }

/** A rule that is in force now, and what it was used for. */
export interface UsedRule {
  readonly rule: Rule
  readonly uses: readonly Use[]
  /** Of its rights those that no log can show, where what asks for them was done. */
  readonly hidden: readonly ResourceRight[]
}

export interface MinimalRules {
  readonly rules: readonly Rule[]
  /** Of these, what stays because no log could show that it was used: verbs on kinds, in words. */
  readonly unseen: readonly string[]
}

export function minimalRules(used: readonly UsedRule[], choice: MinimalChoice): MinimalRules {
  const needs = new Map<string, Gathered>()
  for (const { rule, uses } of used) for (const use of uses) gather(needs, use, { rule, isAlone: choice.isWide })
  const hidden = used.flatMap(one => one.hidden)
  const kept: Need[] = hidden.map(({ verb, group, resource, name }) => ({
    verb,
    group,
    resource,
    ...(name !== undefined && { names: [name] }),
  }))
  const rules = compress([...[...needs.values()].map(one => needOf(one, choice)), ...kept])
  return {
    rules,
    unseen: [...new Set(hidden.map(({ verb, group, resource }) => `${verb} ${resource}${inGroup(group)}`))],
  }
}

const inGroup = (group: string): string => (group === '' ? '' : `.${group}`)

/** All uses of one kind of call, by whatever rule and in whatever namespace. */
interface Gathered {
  readonly kind: UsedKind
  readonly rules: Set<Rule>
  readonly names: Set<string>
  /** Somebody used it without a name, or with more names than are known. */
  isUnnamed: boolean
}

/** What is to keep a wildcard is kept for each rule alone: names of one and wildcards of another would be more than both. */
function gather(
  needs: Map<string, Gathered>,
  { right, names }: Use,
  { rule, isAlone }: { readonly rule: Rule; readonly isAlone: boolean },
): void {
  const { kind } = right
  const what = 'path' in kind ? [kind.verb, kind.path] : [kind.verb, kind.group, resourceOf(kind)]
  const key = JSON.stringify([...what, isAlone ? rule : ''])
  const one = needs.get(key) ?? { kind, rules: new Set(), names: new Set(), isUnnamed: false }
  needs.set(key, one)
  one.rules.add(rule)
  for (const name of names ?? right.names.keys()) one.names.add(name)
  if (right.moreNames > 0 || (names === undefined && right.unnamed > 0)) one.isUnnamed = true
}

function needOf({ kind, rules, names, isUnnamed }: Gathered, choice: MinimalChoice): Need {
  const all = [...rules]
  if ('path' in kind) return { verb: kind.verb, path: choice.isWide ? widePath(kind.path, all) : kind.path }
  const need = { verb: kind.verb, group: kind.group, resource: resourceOf(kind) }
  const wide = choice.isWide ? widen(need, all) : need
  const open = all.some(({ resourceNames = [] }) => resourceNames.length === 0)
  const isNarrow = !isUnnamed && names.size > 0 && mayName(need, names, choice)
  if (isNarrow) return { ...wide, names: [...names] }
  if (open) return wide
  // Nothing but rules with names allowed it: as many of their names as they had, and no more.
  return { ...wide, names: isUnnamed || choice.names === 'never' ? oldNames(all) : [...names] }
}

const oldNames = (rules: readonly Rule[]): readonly string[] => [
  ...new Set(rules.flatMap(({ resourceNames = [] }) => resourceNames)),
]

type ResourceNeed = Exclude<Need, { readonly path: string }>

/** A rule with names never lets a create pass, nor a deletion of many: those are never narrowed. */
function mayName(
  { verb, resource }: ResourceNeed,
  names: ReadonlySet<string>,
  { names: choice }: MinimalChoice,
): boolean {
  if (choice === 'never' || (verb === 'create' && !resource.includes('/')) || verb === 'deletecollection') return false
  if (choice === 'always') return true
  const [kind = ''] = resource.split('/')
  return names.size <= mostNames && !namedByControllers.has(kind) && ![...names].some(isGenerated)
}

/** More of them are no list that somebody keeps. */
const mostNames = 10

/** Their next name is another one. */
const namedByControllers: ReadonlySet<string> = new Set([
  'certificatesigningrequests',
  'controllerrevisions',
  'csinodes',
  'endpointslices',
  'events',
  'jobs',
  'nodes',
  'persistentvolumes',
  'pods',
  'replicasets',
  'volumeattachments',
])

/** `generateName` ends in five letters and digits of these (k8s.io/apimachinery, util/rand). */
const isGenerated = (name: string): boolean => /-[bcdfghjklmnpqrstvwxz2456789]{5}$/.test(name)

/** Words of the rule that gave it, where it gave it by a wildcard. */
function widen(need: ResourceNeed, rules: readonly Rule[]): ResourceNeed {
  const [rule] = rules
  if (rule === undefined) return need
  const { apiGroups = [], resources = [], verbs } = rule
  const [, subresource] = need.resource.split('/')
  const part = subresource === undefined ? undefined : `*/${subresource}`
  const resource = resources.includes(need.resource)
    ? need.resource
    : part !== undefined && resources.includes(part)
      ? part
      : '*'
  return {
    verb: verbs.includes(need.verb) ? need.verb : '*',
    group: apiGroups.includes(need.group) ? need.group : '*',
    resource,
  }
}

function widePath(path: string, rules: readonly Rule[]): string {
  const urls = rules.flatMap(({ nonResourceURLs = [] }) => nonResourceURLs)
  const covering = urls.filter(url => url.endsWith('*') && path.startsWith(url.replace(/\*+$/, '')))
  return urls.includes(path) ? path : (covering[0] ?? path)
}
