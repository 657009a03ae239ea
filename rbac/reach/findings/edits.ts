/**
 * The exact change that takes a move away: the role without what makes it, or the binding without the subject where the role
 * cannot be changed (Kubernetes writes its own roles back; a wildcard cannot be taken from without saying what shall remain).
 */
import type { Rule } from '../../kubernetes/rule.ts'
import type { Edit } from '../finding.ts'
import type { Grant } from '../grant.ts'
import type { DirectMove } from '../moves/direct.ts'
import { grouped, objectText } from '../moves/facts.ts'
import type { Move } from '../moves/move.ts'
import type { Use } from '../moves/need.ts'
import { resourceText } from '../moves/right.ts'
import type { RoleObject } from '../objects.ts'
import { idOf, userSubject } from '../subject.ts'
import { bindingYaml, roleYaml } from './role-yaml.ts'

const everyVerb = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection']

export function editsFor(found: DirectMove, move: Move): readonly Edit[] {
  if (found.seen !== undefined) return [{ object: found.seen.object, sentence: move.close }]
  const byRole = grouped(neededUses(found.uses), ({ grant }) => grant.role)
  return [...byRole].flatMap(([role, uses]) => (canBeChanged(role, uses) ? [roleEdit(role, uses, move)] : unbind(uses)))
}

/**
 * Of rights that belong together, taking one away is enough: the last part, which is what is granted for this (approve, bind,
 * sign), or all of them where they are alternatives.
 */
function neededUses(uses: readonly Use[]): readonly Use[] {
  const telling = uses.filter(({ right }) =>
    right.verbs.some(verb => ['approve', 'sign', 'bind', 'escalate'].includes(verb)),
  )
  return telling.length > 0 ? telling : uses
}

/** Threat: an edit that the API server reverts looks done and is not. */
function canBeChanged(role: RoleObject, uses: readonly Use[]): boolean {
  if (isBootstrap(role) || role.aggregation !== undefined) return false
  return uses.every(
    ({ grant: { rule }, right }) => right.matches === undefined && !(rule.resources ?? []).includes('*'),
  )
}

export const isBootstrap = ({ labels }: { readonly labels: Readonly<Record<string, string>> }): boolean =>
  labels['kubernetes.io/bootstrapping'] === 'rbac-defaults'

/** By all that an edit of a role depends on: of a role that is bound a hundred times it is written once. */
const edits = new WeakMap<RoleObject, Map<string, Edit>>()

function roleEdit(role: RoleObject, uses: readonly Use[], { narrow }: Move & { readonly narrow?: string }): Edit {
  const known = edits.get(role) ?? new Map<string, Edit>()
  edits.set(role, known)
  const key = JSON.stringify([
    narrow,
    ...uses.map(({ grant, right, verbs, names }) => [grant.ruleIndex, numberOf(right), verbs, names !== undefined]),
  ])
  const edit = known.get(key) ?? roleEditOf(role, uses, narrow)
  known.set(key, edit)
  return edit
}

const numbers = new WeakMap<Use['right'], number>()
let rightsSeen = 0

function numberOf(right: Use['right']): number {
  const number = numbers.get(right) ?? ++rightsSeen
  numbers.set(right, number)
  return number
}

function roleEditOf(role: RoleObject, uses: readonly Use[], narrow: string | undefined): Edit {
  const byRule = grouped(uses, ({ grant }) => grant.ruleIndex)
  const rules = role.rules.flatMap((rule, at) => without(rule, byRule.get(at) ?? []))
  const what = [...byRule].map(([at, list]) => `rule ${at + 1}: ${takenText(list)}`).join('; ')
  const isNamed = uses.every(({ names }) => names !== undefined)
  const hint = narrow === undefined || isNamed ? '' : `, or list ${narrow} that it needs in resourceNames`
  return { object: objectText(role), sentence: `take out of ${what}${hint}`, patch: roleYaml(role, rules) }
}

const takenText = (uses: readonly Use[]): string =>
  [...new Set(uses.map(({ verbs, right }) => `${verbs.join(', ')} on ${resourceText(right)}`))].join(' and ')

/** The rule without the rights: what else it gives stays, resource by resource. */
function without(rule: Rule, uses: readonly Use[]): readonly Rule[] {
  if (uses.length === 0) return [rule]
  if (rule.nonResourceURLs !== undefined && rule.nonResourceURLs.length > 0) return []
  const kept: Rule[] = []
  for (const resource of rule.resources ?? []) {
    const taken = new Set(uses.filter(({ right }) => isWrittenAs(resource, right)).flatMap(({ right }) => right.verbs))
    const written = rule.verbs.includes('*') && taken.size > 0 ? everyVerb : rule.verbs
    const verbs = written.filter(verb => !taken.has(verb))
    if (verbs.length > 0) kept.push({ ...rule, resources: [resource], verbs })
  }
  return [...grouped(kept, ({ verbs }) => verbs.join())].map(([, same]) => ({
    ...rule,
    verbs: same[0]?.verbs ?? [],
    resources: same.flatMap(({ resources = [] }) => resources),
  }))
}

function isWrittenAs(text: string, { resource, subresource }: Use['right']): boolean {
  const [whole, sub] = text.split('/', 2)
  if (sub === undefined) return whole === resource && subresource === undefined
  return (
    (whole === resource || whole === '*') && subresource !== undefined && (sub === subresource || whole === resource)
  )
}

/** @returns one for each binding, without the subject */
function unbind(uses: readonly Use[]): readonly Edit[] {
  const grants = [...new Map(uses.map(({ grant }) => [grant.binding, grant])).values()]
  return grants.map(grant => unbound([grant]))
}

/** @param grants of one binding: each of their subjects goes */
export function unbound(grants: readonly [Grant, ...Grant[]]): Edit {
  const [{ binding, role }] = grants
  const gone = new Set(grants.map(({ subject }) => subject))
  return {
    object: objectText(binding),
    sentence: `${reasonOf(role)}: bind a role of your own that names what is used, and take ${[...gone].join(', ')} out of here`,
    patch: bindingYaml(
      binding,
      binding.subjects.filter(one => !gone.has(bindingSubjectId(binding.namespace, one))),
    ),
  }
}

function reasonOf(role: RoleObject): string {
  if (isBootstrap(role)) return `Kubernetes writes ${objectText(role)} back`
  if (role.aggregation !== undefined) return `${objectText(role)} is filled by aggregation`
  return `${objectText(role)} has a wildcard, of which nobody can say what shall remain`
}

function bindingSubjectId(
  own: string | undefined,
  { kind, name, namespace }: Grant['binding']['subjects'][number],
): string {
  if (kind === 'User') return idOf(userSubject(name))
  if (kind === 'Group') return idOf({ kind: 'group', name })
  return idOf({ kind: 'service-account', namespace: namespace ?? own ?? '', name })
}
