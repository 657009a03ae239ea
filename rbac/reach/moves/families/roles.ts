/** Writing the rules themselves: roles and bindings, and wildcards. */
import type { Rule } from '../../../kubernetes/rule.ts'
import type { Reach } from '../move.ts'
import { type At, always, byScope, nowhere, type RightsMove } from '../move.ts'
import { all, any, can, canAny, type Use } from '../need.ts'
import { namesOf, namespaceId, told, usesOn } from '../targets.ts'

const rbacPage = 'https://kubernetes.io/docs/reference/access-authn-authz/rbac/'
const escalationPage = `${rbacPage}#privilege-escalation-prevention-and-bootstrapping`
const writes = 'create update patch'
const group = 'rbac.authorization.k8s.io'
const [roles, clusterRoles] = [`roles.${group}`, `clusterroles.${group}`]
const [roleBindings, clusterRoleBindings] = [`rolebindings.${group}`, `clusterrolebindings.${group}`]

const readVerbs = new Set(['get', 'list', 'watch'])

export const isEverything = ({ apiGroups = [], resources = [], verbs, resourceNames = [] }: Rule): boolean =>
  resourceNames.length === 0 && [apiGroups, resources, verbs].every(values => values.includes('*'))

const isWildcard = (rule: Rule): boolean =>
  !isEverything(rule) &&
  (rule.resources ?? []).length > 0 &&
  (rule.apiGroups ?? []).length > 0 &&
  (rule.verbs.includes('*') || (rule.resources ?? []).includes('*'))

const usesWith = ({ uses }: At, verb: string, resource: string): readonly Use[] =>
  uses.filter(({ right, verbs }) => right.resource === resource && verbs.includes(verb))

/** What binding a role gives: everything, where any role may be bound; else what the named ones hold. */
function byBinding(at: At): Reach {
  const { namespace } = at
  const bindsInCluster = namespace === undefined && usesOn(at, 'clusterrolebindings').length > 0
  const writesInNamespaces = usesOn(at, 'rolebindings').length > 0
  if (!bindsInCluster && !writesInNamespaces) return { to: [] }
  const ofCluster = usesWith(at, 'bind', 'clusterroles')
  const ofNamespace = usesWith(at, 'bind', 'roles')
  const isAny = (uses: readonly Use[]) => uses.length > 0 && namesOf(uses) === 'any'
  if (isAny(ofCluster)) return { to: [bindsInCluster ? 'sink:cluster-admin' : namespaceId(namespace)] }
  const scope = bindsInCluster ? '' : `@${namespace ?? '*'}`
  const named = [
    ...(namesOf(ofCluster).length === 0
      ? []
      : (namesOf(ofCluster) as readonly string[]).map(name => `role:ClusterRole/${name}${scope}` as const)),
    ...(writesInNamespaces ? rolesToBind(at, ofNamespace) : []),
  ]
  return { to: named }
}

/** Roles of the namespaces themselves; of the whole cluster those that have the name. */
function rolesToBind({ namespace, facts }: At, uses: readonly Use[]): `role:Role/${string}`[] {
  if (uses.length === 0) return []
  const names = namesOf(uses)
  return facts.objects.roles
    .filter(role => role.kind === 'Role' && (namespace === undefined || role.namespace === namespace))
    .filter(({ name }) => names === 'any' || names.includes(name))
    .map(role => `role:Role/${role.name}@${role.namespace ?? ''}` as const)
}

/** Whoever may write any rule into a role that somebody is bound to has whatever that somebody wants. */
function byEscalation(at: At): Reach {
  if (escalates(at, 'clusterroles')) return { to: ['sink:cluster-admin'] }
  return escalates(at, 'roles') ? { to: [namespaceId(at.namespace)] } : { to: [] }
}

/** Escalate is asked with the name of the role that is written, and with none for one that is created. */
function escalates(at: At, resource: string): boolean {
  const writing = at.uses.filter(use => use.right.resource === resource && !use.verbs.includes('escalate'))
  return usesWith(at, 'escalate', resource).some(({ names }) =>
    writing.some(
      use =>
        names === undefined ||
        (use.verbs.some(verb => verb !== 'create') && names.some(name => use.names?.includes(name) ?? true)),
    ),
  )
}

const isWhole = (at: At, verb: string): boolean => at.uses.some(({ verbs }) => !verbs.includes(verb))

export const roleMoves: readonly RightsMove[] = [
  {
    id: 'RB01',
    title: 'Bind roles',
    can: 'bind roles that hold more than it has',
    scope: 'namespaced',
    needs: any(
      all(can('bind', clusterRoles), canAny(writes, clusterRoleBindings, roleBindings)),
      all(can('bind', roles), can(writes, roleBindings)),
      canAny('bind', clusterRoles, roles),
    ),
    severity: {
      text: 'critical with the right to write bindings, in a namespace as well; medium without it, or for named roles',
      of: at => {
        const binds = at.uses.filter(({ verbs }) => verbs.includes('bind'))
        return isWhole(at, 'bind') && namesOf(binds) === 'any' ? 'critical' : 'medium'
      },
    },
    reaches: told('cluster-admin, the namespace, or what the named roles hold', byBinding),
    why: 'Nobody can give what he does not have, unless he holds bind on the role (not on the binding). It is asked by the name of the role, in the namespace of the binding.',
    close: 'List the roles in resourceNames, safe ones only.',
    narrow: 'the roles',
    sources: [escalationPage],
  },
  {
    id: 'RB02',
    title: 'Escalate roles',
    can: 'write rights into roles that it does not have itself',
    scope: 'namespaced',
    needs: any(
      all(can('escalate', clusterRoles), can(writes, clusterRoles)),
      all(can('escalate', roles), can(writes, roles)),
      canAny('escalate', clusterRoles, roles),
    ),
    severity: {
      text: 'critical with the right to write such roles, medium without it',
      of: at => (['clusterroles', 'roles'].some(resource => escalates(at, resource)) ? 'critical' : 'medium'),
    },
    reaches: told('cluster-admin; for Roles, the namespace', byEscalation),
    why: 'With escalate the API server does not ask whether the writer of a role holds what he writes: a role that he has himself becomes whatever he wants.',
    close: 'Grant it to nobody.',
    sources: [escalationPage],
  },
  {
    id: 'RB03',
    title: 'Write bindings',
    can: 'hand its own rights on to anybody',
    scope: 'namespaced',
    needs: canAny(writes, roleBindings, clusterRoleBindings),
    without: canAny('bind', clusterRoles, roles),
    severity: byScope({ cluster: 'medium', namespace: 'medium' }),
    reaches: nowhere,
    why: 'Only rights that it has can be given, but whoever gets them keeps them when it is gone.',
    close: 'Let bindings be written by one identity, from what has been reviewed.',
    sources: [escalationPage],
  },
  {
    id: 'RB04',
    title: 'Write roles',
    can: 'change what roles hold, as far as it holds that itself',
    scope: 'namespaced',
    needs: canAny(writes, roles, clusterRoles),
    without: canAny('escalate', clusterRoles, roles),
    severity: byScope({ cluster: 'medium', namespace: 'medium' }),
    reaches: nowhere,
    why: 'A ClusterRole with the label aggregate-to-edit, -view or -admin adds its rules to what everybody with these roles has.',
    close: 'Let roles be written by one identity, and guard the labels by an admission policy.',
    sources: [escalationPage, `${rbacPage}#aggregated-clusterroles`],
  },
  {
    id: 'RB05',
    title: 'Everything',
    can: 'do everything',
    scope: 'namespaced',
    needs: can('*', '*.*', { matches: isEverything }),
    severity: always('critical'),
    reaches: told('cluster-admin; by a RoleBinding, the namespace', ({ namespace }) => ({
      to: [namespace === undefined ? 'sink:cluster-admin' : namespaceId(namespace)],
    })),
    why: 'All verbs on all resources of all groups: everything below is in it, and whatever the cluster learns later.',
    close: 'Bind a role that names what is used.',
    sources: ['https://kubernetes.io/docs/concepts/security/rbac-good-practices/#least-privilege'],
  },
  {
    id: 'RB06',
    title: 'Wildcards',
    can: 'use every verb, or every resource, of a group',
    scope: 'namespaced',
    needs: can('*', 'any resource', { matches: isWildcard }),
    severity: {
      text: 'high; medium where the rules only read, or name their objects',
      of: ({ uses }) =>
        uses.every(({ verbs, names }) => names !== undefined || verbs.every(verb => readVerbs.has(verb)))
          ? 'medium'
          : 'high',
    },
    reaches: nowhere,
    why: 'A wildcard covers every subresource (exec, token, proxy), every verb (impersonate, bind, escalate) and every kind that is installed later.',
    close: 'List the verbs and the resources.',
    sources: ['https://kubernetes.io/docs/concepts/security/rbac-good-practices/#least-privilege'],
  },
]
