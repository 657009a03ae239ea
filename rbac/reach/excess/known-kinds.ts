/** Kinds of every Kubernetes (1.37), for what a wildcard gives where roles name few of them: group, resource, verbs of its own. */

export const usualVerbs = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'] as const

type KnownKind = readonly [group: string, resource: string, ...verbs: string[]]

const usual = (group: string, ...resources: string[]): KnownKind[] => resources.map(resource => [group, resource])
const authentication = 'authentication.k8s.io'

export const knownKinds: readonly KnownKind[] = [
  ...usual('', 'configmaps', 'endpoints', 'events', 'limitranges', 'namespaces', 'nodes', 'persistentvolumeclaims'),
  ...usual('', 'persistentvolumes', 'pods', 'podtemplates', 'replicationcontrollers', 'resourcequotas', 'secrets'),
  ...usual('', 'services'),
  ['', 'serviceaccounts', 'impersonate'],
  ['', 'serviceaccounts/token', 'create'],
  ['', 'pods/exec', 'get', 'create'],
  ['', 'pods/attach', 'get', 'create'],
  ['', 'pods/portforward', 'get', 'create'],
  ['', 'pods/proxy', 'get', 'create', 'update', 'patch', 'delete'],
  ['', 'pods/log', 'get'],
  ['', 'pods/eviction', 'create'],
  ['', 'pods/ephemeralcontainers', 'get', 'patch', 'update'],
  ['', 'services/proxy', 'get', 'create', 'update', 'patch', 'delete'],
  ['', 'nodes/proxy', 'get', 'create', 'update', 'patch', 'delete'],
  ...usual('apps', 'controllerrevisions', 'daemonsets', 'deployments', 'replicasets', 'statefulsets'),
  ['apps', 'deployments/scale', 'get', 'patch', 'update'],
  ['apps', 'statefulsets/scale', 'get', 'patch', 'update'],
  ...usual('batch', 'cronjobs', 'jobs'),
  ...usual('autoscaling', 'horizontalpodautoscalers'),
  ...usual('policy', 'poddisruptionbudgets'),
  ...usual('networking.k8s.io', 'ingressclasses', 'ingresses', 'networkpolicies'),
  ...usual('coordination.k8s.io', 'leases'),
  ...usual('discovery.k8s.io', 'endpointslices'),
  ...usual('events.k8s.io', 'events'),
  ...usual('rbac.authorization.k8s.io', 'clusterrolebindings', 'rolebindings'),
  ['rbac.authorization.k8s.io', 'clusterroles', 'bind', 'escalate'],
  ['rbac.authorization.k8s.io', 'roles', 'bind', 'escalate'],
  ...usual('storage.k8s.io', 'csidrivers', 'csinodes', 'storageclasses', 'volumeattachments'),
  ...usual('scheduling.k8s.io', 'priorityclasses'),
  ...usual('apiextensions.k8s.io', 'customresourcedefinitions'),
  ...usual('apiregistration.k8s.io', 'apiservices'),
  ...usual('admissionregistration.k8s.io', 'mutatingwebhookconfigurations', 'validatingwebhookconfigurations'),
  ...usual('admissionregistration.k8s.io', 'validatingadmissionpolicies', 'validatingadmissionpolicybindings'),
  ...usual('certificates.k8s.io', 'certificatesigningrequests'),
  ['certificates.k8s.io', 'certificatesigningrequests/approval', 'patch', 'update'],
]
  .concat(
    [
      ['', 'users'],
      ['', 'groups'],
      [authentication, 'uids'],
    ].map(([group = '', resource = '']) => [group, resource, 'impersonate']),
  )
  .map(([group = '', resource = '', ...verbs]) => [group, resource, ...verbs])
