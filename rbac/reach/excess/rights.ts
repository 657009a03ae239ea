/**
 * A rule taken apart into single rights, so that what is granted and what is used can be counted. A wildcard is as many rights as
 * there are kinds and verbs that the cluster's roles or its audit log name: else whoever may do everything would have one right, and
 * would have used it.
 */
import type { Rule } from '../../kubernetes/rule.ts'
import type { RoleObject } from '../objects.ts'
import type { Usage, UsedKind } from '../usage/usage.ts'
import { knownKinds, usualVerbs } from './known-kinds.ts'

/** One verb on one kind (and one name where the rule names them), or on one non-resource URL. */
export type Right =
  | {
      readonly verb: string
      readonly group: string /** With its subresource. */
      readonly resource: string
      readonly name?: string
    }
  | { readonly verb: string; readonly path: string }

export const rightKey = (right: Right): string =>
  'path' in right
    ? `${right.verb} ${right.path}`
    : `${right.verb} ${right.group}/${right.resource}${right.name === undefined ? '' : ` ${right.name}`}`

export interface RightsOfRules {
  /** Each once. Remembered for each rule. */
  readonly of: (rule: Rule) => readonly Right[]
}

interface Kind {
  readonly group: string
  readonly resource: string
  readonly verbs: Set<string>
}

export function createRightsOfRules(roles: readonly RoleObject[], usage: Usage): RightsOfRules {
  const kinds = kindsOf(roles, usage)
  const remembered = new WeakMap<Rule, readonly Right[]>()
  return {
    of: rule => {
      const known = remembered.get(rule) ?? distinct([...resourceRights(rule, kinds), ...urlRights(rule)])
      remembered.set(rule, known)
      return known
    },
  }
}

const distinct = (rights: readonly Right[]): readonly Right[] => [
  ...new Map(rights.map(right => [rightKey(right), right])).values(),
]

const urlRights = ({ nonResourceURLs = [], verbs }: Rule): Right[] =>
  nonResourceURLs.flatMap(path => verbs.map(verb => ({ verb, path })))

function resourceRights(rule: Rule, kinds: ReadonlyMap<string, Kind>): Right[] {
  const { apiGroups = [], resources = [], verbs, resourceNames = [] } = rule
  const names = resourceNames.length === 0 ? [undefined] : resourceNames
  return apiGroups.flatMap(group =>
    resources.flatMap(resource =>
      matching(group, resource, kinds).flatMap(kind => {
        const each = verbs.flatMap(verb => (verb === '*' ? [...kind.verbs] : [verb]))
        return each.flatMap(verb =>
          names.map(name => ({
            verb,
            group: kind.group,
            resource: kind.resource,
            ...(name !== undefined && { name }),
          })),
        )
      }),
    ),
  )
}

/** Where no kind is known the words of the rule stand for one. */
function matching(group: string, resource: string, kinds: ReadonlyMap<string, Kind>): readonly Kind[] {
  if (group !== '*' && !resource.startsWith('*')) {
    const known = kinds.get(`${group}/${resource}`)
    return [known ?? { group, resource, verbs: new Set(usualVerbs) }]
  }
  const subresource = resource.startsWith('*/') ? resource.slice(1) : undefined
  const found = [...kinds.values()].filter(
    kind =>
      (group === '*' || kind.group === group) &&
      (resource === '*' ||
        kind.resource === resource ||
        (subresource !== undefined && kind.resource.endsWith(subresource))),
  )
  return found.length === 0 ? [{ group, resource, verbs: new Set(usualVerbs) }] : found
}

function kindsOf(roles: readonly RoleObject[], usage: Usage): ReadonlyMap<string, Kind> {
  const kinds = new Map<string, Kind>()
  const add = (group: string, resource: string, verbs: readonly string[]): void => {
    const key = `${group}/${resource}`
    const usual = resource.includes('/') ? [] : usualVerbs
    const kind = kinds.get(key) ?? { group, resource, verbs: new Set(usual) }
    for (const verb of verbs) kind.verbs.add(verb)
    kinds.set(key, kind)
  }
  for (const [group, resource, ...verbs] of knownKinds) add(group, resource, verbs)
  for (const { rules } of roles)
    for (const rule of rules) for (const [group, resource, verbs] of kindsIn(rule)) add(group, resource, verbs)
  for (const { used } of usage.askers)
    for (const { kind } of used) if (!('path' in kind)) add(kind.group, resourceOf(kind), [kind.verb])
  // A subresource of which no verb is known can be read and written.
  for (const { verbs } of kinds.values())
    if (verbs.size === 0) for (const verb of ['get', 'patch', 'update']) verbs.add(verb)
  return kinds
}

/** Those that a rule names without a wildcard. */
function kindsIn({ apiGroups = [], resources = [], verbs }: Rule): (readonly [string, string, readonly string[]])[] {
  const named = resources.filter(resource => !resource.startsWith('*'))
  const own = verbs.filter(verb => verb !== '*')
  return apiGroups
    .filter(group => group !== '*')
    .flatMap(group => named.map(resource => [group, resource, own] as const))
}

/** `pods/exec`, as rules write it. */
export const resourceOf = ({ resource, subresource }: Exclude<UsedKind, { readonly path: string }>): string =>
  subresource === undefined ? resource : `${resource}/${subresource}`
