/**
 * What the API server writes back when it starts (auto-reconciliation of default roles and bindings). Threat: a right taken
 * out of a role of Kubernetes itself, or the deletion of one, looks done and is not.
 */
import { type Rule, rulesAllow } from '../../kubernetes/rule.ts'
import type { BindingObject, BindingSubject, Metadata, RoleObject } from '../objects.ts'
import { shippedRoles } from '../reading/shipped-roles.ts'

const label = 'kubernetes.io/bootstrapping'
const autoUpdate = 'rbac.authorization.kubernetes.io/autoupdate'

/** The annotation counts as the change leaves it; what is deleted comes back with its own. */
const isReconciled = (now: Metadata, then: Metadata | undefined): boolean =>
  now.labels[label] === 'rbac-defaults' && (then ?? now).annotations[autoUpdate] !== 'false'

/** @returns the role as it will be again; undefined where nothing of it comes back */
export function roleWrittenBack(now: RoleObject, then: RoleObject | undefined): RoleObject | undefined {
  // What aggregation brings is made by the controller, not at the start.
  if (!isReconciled(now, then) || (then !== undefined && now.aggregation !== undefined)) return undefined
  if (then === undefined) return now
  const shipped = shippedRoles.get(now.name)?.rules
  const lost = now.rules.filter(
    rule => !isWithin(rule, then.rules) && (shipped === undefined || isWithin(rule, shipped)),
  )
  return lost.length === 0 ? undefined : { ...then, rules: [...then.rules, ...lost] }
}

/** Subjects that Kubernetes ships bindings of; that of others is not written back. */
const isShipped = ({ kind, name, namespace }: BindingSubject): boolean =>
  kind === 'ServiceAccount' ? namespace === 'kube-system' : name.startsWith('system:')

export function bindingWrittenBack(now: BindingObject, then: BindingObject | undefined): BindingObject | undefined {
  if (!isReconciled(now, then)) return undefined
  const subjects = then?.subjects ?? []
  const left = new Set(subjects.map(keyOf))
  const lost = now.subjects.filter(one => isShipped(one) && !left.has(keyOf(one)))
  return lost.length === 0 ? undefined : { ...(then ?? now), subjects: [...subjects, ...lost] }
}

const keyOf = ({ kind, name, namespace = '' }: BindingSubject): string => `${kind} ${namespace} ${name}`

/** Whether the others allow all of a rule, verb by verb. */
function isWithin(rule: Rule, others: readonly Rule[]): boolean {
  const { apiGroups = [], resources = [], nonResourceURLs = [], resourceNames = [], verbs } = rule
  const names = resourceNames.length === 0 ? [undefined] : resourceNames
  const asked = verbs.flatMap(verb => [
    ...nonResourceURLs.map(path => ({ verb, path })),
    ...apiGroups.flatMap(group =>
      resources.flatMap(text => {
        const [resource = '', subresource] = text.split('/', 2)
        const parts = { verb, group, resource, ...(subresource !== undefined && { subresource }) }
        return names.map(name => ({ ...parts, ...(name !== undefined && { name }) }))
      }),
    ),
  ])
  return asked.every(one => rulesAllow(others, one))
}
