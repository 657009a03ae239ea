/**
 * Who is granted what, as the RBAC authorizer of the API server reads it (k8s.io/kubernetes 1.37,
 * plugin/pkg/auth/authorizer/rbac and pkg/registry/rbac/validation/rule.go): ClusterRoleBindings first, RoleBindings only
 * for a request with a namespace, roles by name, all of it additive. Held against a real one by
 * tests/reach/against-api-server.test.ts.
 */
import { type Rule, ruleAllows } from '../kubernetes/rule.ts'
import { isRoleListed, listedIn } from './absence.ts'
import { deadGrantsOf } from './dead.ts'
import type { AccessQuestion, Given, Grant, GrantScope, Grants } from './grant.ts'
import type { BindingObject, BindingSubject, ClusterObjects, RoleObject } from './objects.ts'
import { type Asker, accountSubject, idOf, type SubjectId, userSubject } from './subject.ts'

const masters = 'system:masters'

export function grantsOf(objects: ClusterObjects): Grants {
  const roleOf = rolesByName(objects.roles)
  const isListed = listedIn(objects)
  const given = new Map<SubjectId, Given[]>()
  for (const binding of objects.bindings) {
    const role = roleOf(binding)
    for (const subject of subjectsOf(binding)) {
      const list = given.get(subject) ?? []
      given.set(subject, list)
      if (role !== undefined) list.push(givenBy(binding, role, subject))
    }
  }
  for (const { namespace, name } of objects.serviceAccounts) know(namespace, name)
  for (const { namespace, serviceAccount } of objects.workloads) know(namespace, serviceAccount)

  const rolesOf = (subject: SubjectId): readonly Given[] => given.get(subject) ?? []
  const of = (subject: SubjectId): Grant[] => rolesOf(subject).flatMap(grantsIn)
  return {
    rolesOf,
    of,
    heldBy: asker => spellingsOf(asker).flatMap(of),
    // In one order, whatever the order of the bindings was.
    subjects: [...given.keys()].sort(),
    allowing: (asker, question) =>
      isMaster(asker)
        ? 'masters'
        : first(spellingsOf(asker), subject => first(rolesOf(subject), one => allowedBy(one, question))),
    allowingAnybody: (question, scope = 'as-asked') => allowedAnybody([...given.values()], question, scope),
    dead: deadGrantsOf(objects, { roleOf, subjectOfBinding }),
    unknown: objects.bindings.filter(one => roleOf(one) === undefined && !isRoleListed(one, isListed)),
  }

  function know(namespace: string, name: string): void {
    const id = idOf(accountSubject(namespace, name))
    if (!given.has(id)) given.set(id, [])
  }
}

const isMaster = ({ id, groups }: Asker): boolean => id === `group:${masters}` || groups.includes(masters)

/** Under which ids bindings can name somebody, each once. */
const spellingsOf = ({ id, groups }: Asker): readonly SubjectId[] => [
  ...new Set([id, ...groups.map(group => `group:${group}`)]),
]

function first<Item, Found>(items: readonly Item[], find: (item: Item) => Found | undefined): Found | undefined {
  for (const item of items) {
    const found = find(item)
    if (found !== undefined) return found
  }
  return undefined
}

const givenBy = (binding: BindingObject, role: RoleObject, subject: SubjectId): Given => {
  const { namespace } = binding
  return { subject, role, binding, ...(binding.kind === 'RoleBinding' && namespace !== undefined && { namespace }) }
}

const grantAt = (given: Given, ruleIndex: number): Grant => ({
  ...given,
  rule: given.role.rules[ruleIndex] as Rule,
  ruleIndex,
})

const grantsIn = (given: Given): Grant[] => given.role.rules.map((_, at) => grantAt(given, at))

/** A RoleBinding counts for requests in its namespace alone, and never for non-resource URLs. */
const isInScope = ({ namespace }: Given, question: AccessQuestion): boolean =>
  namespace === undefined || ('resource' in question && question.namespace === namespace)

function allowedBy(given: Given, question: AccessQuestion): Grant | undefined {
  if (!isInScope(given, question)) return undefined
  const at = given.role.rules.findIndex(rule => ruleAllows(rule, question))
  return at === -1 ? undefined : grantAt(given, at)
}

/** Each role is looked at once, however often it is bound. */
function allowedAnybody(all: readonly (readonly Given[])[], question: AccessQuestion, scope: GrantScope): Grant[] {
  const isAnywhere = scope === 'anywhere' && 'resource' in question
  const places = new Map<RoleObject, number>()
  const placeIn = (role: RoleObject): number => {
    const known = places.get(role) ?? role.rules.findIndex(rule => ruleAllows(rule, question))
    places.set(role, known)
    return known
  }
  const found: Grant[] = []
  for (const list of all)
    for (const given of list) {
      const at = isAnywhere || isInScope(given, question) ? placeIn(given.role) : -1
      if (at !== -1) found.push(grantAt(given, at))
    }
  return found
}

/** @returns what a binding names; undefined where there is no such role, as a Role in a ClusterRoleBinding */
function rolesByName(roles: readonly RoleObject[]): (binding: BindingObject) => RoleObject | undefined {
  const cluster = new Map<string, RoleObject>()
  const namespaces = new Map<string, Map<string, RoleObject>>()
  for (const role of roles) {
    if (role.kind === 'ClusterRole') cluster.set(role.name, role)
    else {
      const known = namespaces.get(role.namespace ?? '') ?? new Map<string, RoleObject>()
      namespaces.set(role.namespace ?? '', known.set(role.name, role))
    }
  }
  return ({ kind, namespace, roleRef }) => {
    if (roleRef.kind === 'ClusterRole') return cluster.get(roleRef.name)
    return kind === 'RoleBinding' ? namespaces.get(namespace ?? '')?.get(roleRef.name) : undefined
  }
}

/** @returns undefined for a service account that nobody is: in a ClusterRoleBinding it has to name its namespace */
function subjectOfBinding({ kind, namespace: own }: BindingObject, subject: BindingSubject): SubjectId | undefined {
  if (subject.kind === 'User') return idOf(userSubject(subject.name))
  if (subject.kind === 'Group') return idOf({ kind: 'group', name: subject.name })
  const namespace = subject.namespace || (kind === 'RoleBinding' ? own : undefined)
  return namespace === undefined ? undefined : idOf(accountSubject(namespace, subject.name))
}

/** Whom a binding names, whether or not it gives them anything. */
export const subjectsOf = (binding: BindingObject): ReadonlySet<SubjectId> =>
  new Set(binding.subjects.flatMap(subject => subjectOfBinding(binding, subject) ?? []))
