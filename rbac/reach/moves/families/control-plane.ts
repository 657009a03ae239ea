/** Writing what the API server itself obeys: admission, aggregation, kinds, configuration; and what controllers obey. */
import type { NodeId } from '../../finding.ts'
import { namespaceOfAccount } from '../facts.ts'
import { type At, always, byScope, nowhere, type Reach, type RightsMove } from '../move.ts'
import { any, can, canAny } from '../need.ts'
import { reachesPaths } from '../right.ts'
import { accountsId, perhaps, told, usesOn } from '../targets.ts'

const goodPractices = 'https://kubernetes.io/docs/concepts/security/rbac-good-practices/'
const writes = 'create update patch'
const admission = 'admissionregistration.k8s.io'
const awsAuth = 'aws-auth'
const systemMaps = new Set([awsAuth, 'coredns', 'extension-apiserver-authentication'])

/** Controllers that do what an object says, with rights of their own: which kinds, and what their account is called. */
const deputies: readonly { readonly resources: readonly string[]; readonly account: RegExp }[] = [
  {
    resources: ['applications.argoproj.io', 'appprojects.argoproj.io', 'applicationsets.argoproj.io'],
    account: /argocd-application(set)?-controller$/,
  },
  { resources: ['kustomizations.kustomize.toolkit.fluxcd.io'], account: /kustomize-controller$/ },
  { resources: ['helmreleases.helm.toolkit.fluxcd.io'], account: /helm-controller$/ },
  { resources: ['certificates.cert-manager.io'], account: /cert-manager$/ },
  { resources: ['restores.velero.io'], account: /velero(-server)?$/ },
  {
    resources: ['compositions.apiextensions.crossplane.io', 'providers.pkg.crossplane.io'],
    account: /crossplane$/,
  },
  {
    resources: [
      'externalsecrets.external-secrets.io',
      'clusterexternalsecrets.external-secrets.io',
      'secretstores.external-secrets.io',
      'clustersecretstores.external-secrets.io',
      'pushsecrets.external-secrets.io',
    ],
    account: /external-secrets$/,
  },
  { resources: ['subscriptions.operators.coreos.com'], account: /olm-operator-serviceaccount$/ },
]

/** The accounts of the controllers that these kinds speak to, where they run. */
function deputiesOf({ uses, namespace, facts }: At): Reach {
  const named = deputies.filter(({ resources }) =>
    uses.some(({ right }) => resources.includes(`${right.resource}.${right.group}`)),
  )
  const found = facts.grants.subjects.filter(
    id => namespaceOfAccount(id) !== undefined && named.some(({ account }) => account.test(id)),
  )
  // Most controllers listen in every namespace; Argo CD's only where they run.
  const isNear = (id: string) => namespace === undefined || namespaceOfAccount(id) === namespace
  return { to: found.filter(isNear), maybe: found.filter(id => !isNear(id)) }
}

const byConfiguration = (at: At): Reach => {
  const { others } = at.facts.objects
  const isRead = others.some(
    ({ kind, name, namespace }) => kind === 'ConfigMap' && name === awsAuth && namespace === 'kube-system',
  )
  const masters: NodeId = 'sink:system-masters'
  return isRead ? { to: [masters] } : { to: [], maybe: [masters] }
}

export const controlPlaneMoves: readonly RightsMove[] = [
  {
    id: 'CP01',
    title: 'Write admission webhooks',
    can: 'see, and change, every object that is written',
    scope: 'cluster',
    needs: canAny(writes, `mutatingwebhookconfigurations.${admission}`, `validatingwebhookconfigurations.${admission}`),
    severity: always('critical'),
    reaches: told('every service account, where the webhook may mutate: it changes pods as they are created', at =>
      usesOn(at, 'mutatingwebhookconfigurations').length > 0
        ? { to: [accountsId()], maybe: ['sink:all-secrets'] }
        : { to: [], maybe: ['sink:all-secrets'] },
    ),
    why: 'The API server sends a webhook whatever is written, Secrets among it, and takes a mutating one at its word.',
    close: 'Leave them to the platform; list the configurations in resourceNames.',
    narrow: 'the configurations',
    sources: [`${goodPractices}#control-admission-webhooks`],
  },
  {
    id: 'CP02',
    title: 'Write admission policies',
    can: 'change or switch off what admission policies enforce',
    scope: 'cluster',
    needs: canAny(
      writes,
      `validatingadmissionpolicies.${admission}`,
      `validatingadmissionpolicybindings.${admission}`,
      `mutatingadmissionpolicies.${admission}`,
      `mutatingadmissionpolicybindings.${admission}`,
    ),
    severity: always('high'),
    reaches: perhaps('every service account, by a policy that mutates pods', accountsId()),
    why: 'A policy needs no endpoint: it mutates or refuses within the API server. A changed binding takes a guard away.',
    close: 'Leave them to the platform; list the policies in resourceNames.',
    narrow: 'the policies',
    sources: ['https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/'],
  },
  {
    id: 'CP03',
    title: 'Register API services',
    can: 'put a server of its own behind a group of the API',
    scope: 'cluster',
    needs: can(writes, 'apiservices.apiregistration.k8s.io'),
    severity: always('critical'),
    reaches: perhaps(
      'whoever calls that group: what they send, under their names',
      'users:*',
      'groups:*',
      accountsId(),
    ),
    why: 'Requests for the group go to that server, with the name and groups of the caller in headers.',
    close: 'Leave it to the platform; list the API services in resourceNames.',
    narrow: 'the API services',
    sources: ['https://kubernetes.io/docs/concepts/extend-kubernetes/api-extension/apiserver-aggregation/'],
  },
  {
    id: 'CP04',
    title: 'Change custom resource definitions',
    can: 'see, and change, every object of custom kinds',
    scope: 'cluster',
    needs: can('update patch', 'customresourcedefinitions.apiextensions.k8s.io'),
    severity: always('high'),
    reaches: nowhere,
    why: 'A conversion webhook gets every object of the kind, and answers with another.',
    close: 'Leave it to the platform; list the definitions in resourceNames.',
    narrow: 'the definitions',
    sources: [
      'https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/#webhook-conversion',
    ],
  },
  {
    id: 'CP05',
    title: 'Change the configuration of the cluster',
    can: 'change who the cluster believes, or what its names lead to',
    scope: ['kube-system', 'kube-public'],
    needs: can('update patch', 'configmaps', {
      names: name => systemMaps.has(name) || name === 'cluster-info',
    }),
    severity: always('critical'),
    reaches: told('system:masters, where kube-system/aws-auth is there', byConfiguration),
    why: 'aws-auth says which role of AWS is in which group; coredns, what names lead to; extension-apiserver-authentication, whose headers extension servers believe; cluster-info, whom joining nodes trust.',
    close: 'List other ConfigMaps in resourceNames; on EKS use access entries.',
    narrow: 'the ConfigMaps',
    sources: [goodPractices],
  },
  {
    id: 'CP07',
    title: 'Read metrics, profiles and logs of the API server',
    can: 'read metrics, profiles or logs of the API server',
    scope: 'cluster',
    needs: can('get', '', { paths: ['/metrics', '/debug', '/logs'] }),
    severity: {
      text: 'medium; low where it is /metrics alone',
      of: ({ uses }) =>
        uses.every(({ grant }) => !reachesPaths(grant.rule.nonResourceURLs, ['/debug', '/logs'])) ? 'low' : 'medium',
    },
    reaches: nowhere,
    why: 'Profiles and logs hold what others have sent, and profiling costs what an attacker wants it to cost.',
    close: 'List the paths, without a wildcard.',
    sources: ['https://kubernetes.io/docs/reference/access-authn-authz/rbac/#referring-to-resources'],
  },
  {
    id: 'CP08',
    title: 'Use a controller as a deputy',
    can: 'have a controller apply what it says, with the rights of the controller',
    scope: 'namespaced',
    needs: canAny(writes, ...deputies.flatMap(({ resources }) => resources)),
    severity: byScope({ cluster: 'high', namespace: 'high' }),
    reaches: told('the service account of the controller, where it runs there', deputiesOf),
    why: 'Applications, releases, restores and certificates are orders: the controller carries them out with its own rights, which are often all.',
    close: 'Give each tenant a controller, or an account for it, of its own.',
    sources: [goodPractices],
  },
  {
    id: 'CP10',
    title: 'Delete',
    can: 'delete workloads, Secrets, events or bindings',
    scope: 'namespaced',
    needs: any(
      canAny(
        'delete deletecollection',
        'pods',
        'deployments.apps',
        'daemonsets.apps',
        'statefulsets.apps',
        'replicasets.apps',
        'jobs.batch',
        'cronjobs.batch',
        'replicationcontrollers',
        'secrets',
        'events',
        'events.events.k8s.io',
        'rolebindings.rbac.authorization.k8s.io',
        'clusterrolebindings.rbac.authorization.k8s.io',
      ),
    ),
    severity: byScope({ cluster: 'medium', namespace: 'medium', named: 'low' }),
    reaches: nowhere,
    why: 'An outage, or a trail that is gone: events are the only record of some of it.',
    close: 'Give deleting to whoever creates, and list names in resourceNames.',
    narrow: 'the objects',
    sources: [goodPractices],
  },
]
