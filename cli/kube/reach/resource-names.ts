/** Resources of the API server itself by each of their names, with their group: without a cluster nobody else knows them. */

const ofGroups: Readonly<Record<string, string>> = {
  '': `bindings componentstatuses|cs configmaps|configmap|cm endpoints|ep events|event|ev limitranges|limits namespaces|namespace|ns
    nodes|node|no persistentvolumeclaims|pvc persistentvolumes|pv pods|pod|po podtemplates replicationcontrollers|rc
    resourcequotas|quota secrets|secret serviceaccounts|serviceaccount|sa services|service|svc users groups uids userextras`,
  'admissionregistration.k8s.io': `mutatingwebhookconfigurations validatingwebhookconfigurations validatingadmissionpolicies
    validatingadmissionpolicybindings mutatingadmissionpolicies mutatingadmissionpolicybindings`,
  'apiextensions.k8s.io': 'customresourcedefinitions|crd|crds',
  'apiregistration.k8s.io': 'apiservices',
  apps: `controllerrevisions daemonsets|daemonset|ds deployments|deployment|deploy replicasets|replicaset|rs
    statefulsets|statefulset|sts`,
  'authentication.k8s.io': 'tokenreviews selfsubjectreviews',
  'authorization.k8s.io':
    'localsubjectaccessreviews selfsubjectaccessreviews selfsubjectrulesreviews subjectaccessreviews',
  autoscaling: 'horizontalpodautoscalers|hpa',
  batch: 'cronjobs|cronjob|cj jobs|job',
  'certificates.k8s.io': 'certificatesigningrequests|csr signers clustertrustbundles',
  'coordination.k8s.io': 'leases|lease',
  'discovery.k8s.io': 'endpointslices',
  'flowcontrol.apiserver.k8s.io': 'flowschemas prioritylevelconfigurations',
  'networking.k8s.io': 'ingressclasses ingresses|ingress|ing networkpolicies|netpol servicecidrs ipaddresses',
  'node.k8s.io': 'runtimeclasses',
  policy: 'poddisruptionbudgets|pdb',
  'rbac.authorization.k8s.io': `clusterrolebindings|clusterrolebinding clusterroles|clusterrole rolebindings|rolebinding
    roles|role`,
  'scheduling.k8s.io': 'priorityclasses|pc',
  'storage.k8s.io':
    'csidrivers csinodes csistoragecapacities storageclasses|sc volumeattachments volumeattributesclasses',
}

interface Resource {
  readonly group: string
  readonly resource: string
}

const known = new Map<string, Resource>(
  Object.entries(ofGroups).flatMap(([group, text]) =>
    text.split(/\s+/).flatMap(names => {
      const all = names.split('|')
      const [resource = ''] = all
      return all.map((name): [string, Resource] => [name, { group, resource }])
    }),
  ),
)

export interface AskedResource extends Resource {
  readonly subresource?: string
  /** Nobody knows the name: the group is a guess. */
  readonly isGuess: boolean
}

/** @param text `pods`, `deploy`, `pods/exec`, `deployments.apps/scale`, `widgets.example.com`; `*` and `*.apps` too */
export function resourceOf(text: string): AskedResource {
  const slash = text.indexOf('/')
  const [whole, subresource] = slash === -1 ? [text, undefined] : [text.slice(0, slash), text.slice(slash + 1)]
  const dot = whole.indexOf('.')
  const [name, group] = dot === -1 ? [whole, undefined] : [whole.slice(0, dot), whole.slice(dot + 1)]
  const found = known.get(name)
  const sub = subresource === undefined ? {} : { subresource }
  if (group !== undefined) {
    const resource = found?.group === group ? found.resource : name
    return { group, resource, ...sub, isGuess: false }
  }
  if (found !== undefined) return { ...found, ...sub, isGuess: false }
  return { group: '', resource: name, ...sub, isGuess: name !== '*' }
}
