/** Moves that need no right of their own: what bindings, memberships and workloads show by themselves. */
import type { Severity } from '../../finding.ts'
import type { Grant } from '../../grant.ts'
import type { BindingObject } from '../../objects.ts'
import { accountSubject, idOf, type SubjectId, userSubject } from '../../subject.ts'
import { accountOf, type Facts, objectText } from '../facts.ts'
import { type At, always, nowhere, type RightsMove, type Situation, type SituationMove } from '../move.ts'
import { can } from '../need.ts'
import { accountsId, missingAccounts, namesOf, namespaceId, secretsId, told } from '../targets.ts'
import { waysOut } from '../ways-out.ts'
import { isShippedForAccount } from './shipped-bindings.ts'

const rbacPage = 'https://kubernetes.io/docs/reference/access-authn-authz/rbac/'
const goodPractices = 'https://kubernetes.io/docs/concepts/security/rbac-good-practices/'
const masters = 'group:system:masters'

/** Which everybody is in, or whoever comes. */
const everybody: ReadonlySet<SubjectId> = new Set([
  'user:system:anonymous',
  'group:system:unauthenticated',
  'group:system:authenticated',
  'group:system:serviceaccounts',
])
const nobodyKnown: ReadonlySet<SubjectId> = new Set(['user:system:anonymous', 'group:system:unauthenticated'])

/** What Kubernetes and kubeadm ship for everybody: binding, and the role that it gives. */
const baseline: ReadonlyMap<string, string> = new Map([
  ['ClusterRoleBinding system:basic-user', 'system:basic-user'],
  ['ClusterRoleBinding system:discovery', 'system:discovery'],
  ['ClusterRoleBinding system:public-info-viewer', 'system:public-info-viewer'],
  ['ClusterRoleBinding system:service-account-issuer-discovery', 'system:service-account-issuer-discovery'],
  ['ClusterRoleBinding system:cluster-trust-bundle-discovery', 'system:cluster-trust-bundle-discovery'],
  ['RoleBinding kube-public/kubeadm:bootstrap-signer-clusterinfo', 'kubeadm:bootstrap-signer-clusterinfo'],
])

/** The grants of each binding and subject, in the order of the subjects. */
function* givenTo(facts: Facts, wanted: (id: SubjectId) => boolean): Generator<[SubjectId, BindingObject, Grant[]]> {
  for (const subject of facts.grants.subjects) {
    if (!wanted(subject)) continue
    const byBinding = new Map<BindingObject, Grant[]>()
    for (const grant of facts.grants.of(subject))
      byBinding.set(grant.binding, [...(byBinding.get(grant.binding) ?? []), grant])
    for (const [binding, grants] of byBinding) yield [subject, binding, grants]
  }
}

const inNamespace = ({ kind, namespace }: BindingObject): { readonly namespace?: string } =>
  kind === 'RoleBinding' && namespace !== undefined ? { namespace } : {}

const isReading = ({ verbs }: Grant['rule']): boolean => verbs.every(verb => ['get', 'list', 'watch'].includes(verb))

// A wildcard, of subresources too (every proxy), holds a way in as well.
const isHarmless = ({ rule }: Grant): boolean =>
  isReading(rule) &&
  !(rule.resources ?? []).some(one => one.startsWith('*') || ['secrets', 'nodes/proxy'].includes(one))

const toEverybody = (facts: Facts): Situation[] =>
  [...givenTo(facts, id => everybody.has(id))].map(([subject, binding, grants]) => {
    const isExpected = baseline.get(objectText(binding)) === binding.roleRef.name && grants.every(isBaseline)
    const severity: Severity = isExpected
      ? 'low'
      : nobodyKnown.has(subject) || !grants.every(isHarmless)
        ? 'critical'
        : 'medium'
    return {
      subject,
      ...inNamespace(binding),
      grants,
      detail: `holds ${objectText(grants[0]?.role ?? { ...binding.roleRef })} by ${objectText(binding)}`,
      object: objectText(binding),
      severity,
      isExpected,
    }
  })

/** URLs that Kubernetes 1.12 to 1.37 gives to everybody: no metrics, logs or profiles, and nothing by a bare wildcard. */
const baselineUrl =
  /^\/(apis?|healthz|livez|readyz|openapi|version|swaggerapi|swagger\.json|swagger-2\.0\.0\.pb-v1)(\/\*?)?$/
const issuerUrl = /^\/(\.well-known\/openid-configuration|openid\/v1\/jwks)\/?$/

/** Threat: a role of the baseline that somebody has added to is still called so. */
const isBaseline = ({ rule }: Grant): boolean =>
  (rule.nonResourceURLs ?? []).length > 0
    ? rule.verbs.every(verb => verb === 'get') &&
      (rule.nonResourceURLs ?? []).every(url => baselineUrl.test(url) || issuerUrl.test(url))
    : (rule.resources ?? []).every(resource => resource.startsWith('selfsubject')) ||
      ((rule.resources ?? []).join() === 'clustertrustbundles' && isReading(rule)) ||
      ((rule.resources ?? []).join() === 'configmaps' &&
        (rule.resourceNames ?? []).join() === 'cluster-info' &&
        isReading(rule))

const editors = (facts: Facts): Situation[] =>
  [...givenTo(facts, () => true)]
    .filter(([, { roleRef }]) => roleRef.kind === 'ClusterRole' && ['admin', 'edit'].includes(roleRef.name))
    .map(([subject, binding, grants]) => {
      const { namespace } = inNamespace(binding)
      const isAdmin = binding.roleRef.name === 'admin'
      const inside = isAdmin ? [namespaceId(namespace)] : [accountsId(namespace), secretsId(namespace)]
      return {
        subject,
        ...inNamespace(binding),
        grants,
        detail: `has the default role ${binding.roleRef.name} by ${objectText(binding)}`,
        object: objectText(binding),
        severity: namespace === undefined ? 'critical' : 'high',
        reach: { to: inside },
      }
    })

const dangling = (facts: Facts): Situation[] => {
  const missing = new Set(facts.missingAccounts.map(({ subject, binding }) => `${binding} ${subject}`))
  const withoutRole = new Set(facts.grants.dead.flatMap(dead => (dead.reason === 'no-such-role' ? [dead.binding] : [])))
  return facts.objects.bindings.flatMap(binding => {
    const text = objectText(binding)
    const subjects = binding.subjects.flatMap(one => subjectIn(binding, one) ?? [])
    const hasNoRole = withoutRole.has(binding)
    return [...new Set(subjects)].flatMap((subject): Situation[] => {
      const isMissing = missing.has(`${text} ${subject}`)
      if (!hasNoRole && !isMissing) return []
      const what = hasNoRole
        ? `${binding.roleRef.kind} ${binding.roleRef.name}, which does not exist`
        : 'it before it exists'
      const detail = `is bound by ${text} to ${what}`
      const isExpected = !hasNoRole && isShippedForAccount(binding)
      return [{ subject, ...inNamespace(binding), grants: [], detail, object: text, isExpected }]
    })
  })
}

function subjectIn(binding: BindingObject, one: BindingObject['subjects'][number]): SubjectId | undefined {
  if (one.kind === 'Group') return idOf({ kind: 'group', name: one.name })
  if (one.kind === 'User') return idOf(userSubject(one.name))
  const namespace = one.namespace || inNamespace(binding).namespace
  return namespace === undefined ? undefined : idOf(accountSubject(namespace, one.name))
}

/** Components of the control plane have certificates of the cluster, not accounts at an identity provider. */
const isPerson = (id: SubjectId): boolean => id.startsWith('user:') && !id.startsWith('user:system:')

/** Nobody can know who is gone without being told who is there: then nothing is said, instead of this of everybody. */
const unknownUsers = (facts: Facts): Situation[] => {
  const { knownUsers } = facts.options
  if (knownUsers === undefined) return []
  return [...givenTo(facts, isPerson)]
    .filter(([subject]) => !knownUsers.has(subject.slice('user:'.length)))
    .map(([subject, binding, grants]) => ({
      subject,
      ...inNamespace(binding),
      grants,
      detail: `is bound by ${objectText(binding)} and is none of the users that there are`,
      object: objectText(binding),
    }))
}

const members = (facts: Facts): Situation[] => {
  const { memberships = new Map<SubjectId, readonly string[]>() } = facts.options
  const named = [...memberships].flatMap(([id, groups]) => (groups.includes('system:masters') ? [id] : []))
  const isBound = facts.grants.subjects.includes(masters)
  return [...(isBound ? [masters] : []), ...named].map(subject => ({
    subject,
    grants: [],
    detail: subject === masters ? 'is above every authorizer' : 'is a member of system:masters',
    object: 'the certificate or token that says so',
    isExpected: subject === masters,
  }))
}

const escaping = (facts: Facts): Situation[] =>
  facts.objects.workloads
    .filter(one => waysOut(one).length > 0)
    .map(workload => ({
      subject: accountOf(workload),
      namespace: workload.namespace,
      grants: [],
      detail: `runs as ${objectText(workload)}, which can leave its container (${waysOut(workload).join(', ')})`,
      object: objectText(workload),
    }))

/** With names only by server-side apply, and only these. */
function claimable({ namespace, facts, uses }: At): readonly SubjectId[] {
  const names = namesOf(uses)
  return missingAccounts(facts, namespace).filter(id => names === 'any' || names.some(name => id.endsWith(`/${name}`)))
}

export const claimMoves: readonly RightsMove[] = [
  {
    id: 'ID17',
    title: 'Claim an account that bindings wait for',
    can: 'create service accounts, among them one that is bound already',
    scope: 'namespaced',
    needs: can('create', 'serviceaccounts'),
    when: {
      text: 'a binding names a service account there that does not exist',
      of: at => claimable(at).length > 0,
    },
    severity: always('medium'),
    reaches: told('the service accounts that are bound and do not exist', at => ({ to: claimable(at) })),
    why: 'A binding names an account, not a thing that exists: whoever creates it gets what was meant for another.',
    close: 'Delete bindings whose accounts are gone.',
    sources: [goodPractices],
  },
]

export const situationMoves: readonly SituationMove[] = [
  {
    id: 'ID18',
    title: 'Claim a user that bindings remain of',
    can: 'be whoever gets that user name next',
    looksFor: 'bindings to a User who is none of the known ones; where no list of users is given, nothing is said',
    severity: always('medium'),
    reaches: nowhere,
    why: 'Bindings name users by a text. Somebody who is given the name of one who left, or chooses it, has what that one had.',
    close: 'Bind groups, or names that are never given again, and delete bindings with the account.',
    sources: [`${goodPractices}#periodic-review`],
    find: unknownUsers,
  },
  {
    id: 'ID19',
    title: 'Membership in system:masters',
    can: 'do everything, whatever RBAC says',
    looksFor: 'who is said to be in system:masters (organisation of a certificate, a static token, a provider)',
    severity: always('critical'),
    reaches: told('system:masters', () => ({ to: ['sink:system-masters'] })),
    why: 'The group passes every authorizer. A certificate with it as an organisation cannot be taken back before it expires.',
    close: 'Use groups of the identity provider that are bound to roles, and keep such certificates in a safe.',
    sources: [goodPractices],
    find: members,
  },
  {
    id: 'WL19',
    title: 'Workload that can leave its container',
    can: 'get from its container onto the node',
    looksFor: 'privileged containers, hostPID, paths of the host, capabilities that lead out',
    severity: always('high'),
    reaches: told('the node, and the service accounts of all its pods', () => ({ to: ['sink:node'] })),
    why: 'On the node stand the tokens and Secrets of everything that runs there, and the credential of its kubelet.',
    close:
      'Take the privilege out of the workload, and enforce the baseline standard of Pod Security in its namespace.',
    sources: ['https://kubernetes.io/docs/concepts/security/pod-security-standards/'],
    find: escaping,
  },
  {
    id: 'RB07',
    title: 'Rights for everybody',
    can: 'use what is given to everybody',
    looksFor: 'bindings to system:anonymous, system:unauthenticated, system:authenticated or system:serviceaccounts',
    severity: always('critical'),
    reaches: nowhere,
    why: 'Whoever reaches the API server, or holds any token of the cluster, has these rights. What Kubernetes itself ships for everybody is expected.',
    close: 'Delete the binding, or name the subjects that need it.',
    sources: [`${rbacPage}#default-roles-and-role-bindings`],
    find: toEverybody,
  },
  {
    id: 'RB08',
    title: 'Default roles admin and edit',
    can: 'be every service account of a namespace',
    looksFor: 'bindings to the ClusterRoles admin and edit',
    severity: always('high'),
    reaches: told('every service account and Secret there; with admin, the namespace', () => ({ to: [] })),
    why: 'edit holds impersonation, tokens, exec and Secrets of the namespace: it was made for people who own all of it.',
    close: 'Bind a role of your own that names what is used.',
    sources: [`${rbacPage}#user-facing-roles`],
    find: editors,
  },
  {
    id: 'RB09',
    title: 'Bindings to nothing',
    can: 'get rights as soon as something of that name appears',
    looksFor: 'bindings whose role or whose service account does not exist',
    severity: always('low'),
    reaches: nowhere,
    why: 'Nothing is given today. Whoever creates the missing role or account decides what is.',
    close: 'Delete the binding.',
    sources: [goodPractices],
    find: dangling,
  },
]
