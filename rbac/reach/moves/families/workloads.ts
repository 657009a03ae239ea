/** Running as somebody else: pods, what makes pods, and getting into pods that run. */
import { always, byScope, nowhere, type RightsMove } from '../move.ts'
import { all, any, can, canAny, type Need } from '../need.ts'
import { accountsId, newPods, pods, podsId, told } from '../targets.ts'

const goodPractices = 'https://kubernetes.io/docs/concepts/security/rbac-good-practices/'
const podSecurity = 'https://kubernetes.io/docs/concepts/security/pod-security-standards/'
const writes = 'create update patch'

const newPodsReach = told('any service account and any Secret there; the node, unless Pod Security refuses it', newPods)
const byPods = told('the service accounts of the pods there', at => pods(at, at.uses))

/** Kinds of operators whose pods run as an account that the object names. */
const podMakers = [
  'taskruns.tekton.dev',
  'pipelineruns.tekton.dev',
  'workflows.argoproj.io',
  'cronworkflows.argoproj.io',
  'services.serving.knative.dev',
  'configurations.serving.knative.dev',
  'virtualmachines.kubevirt.io',
  'virtualmachineinstances.kubevirt.io',
  'sparkapplications.sparkoperator.k8s.io',
  'scheduledsparkapplications.sparkoperator.k8s.io',
  'rayclusters.ray.io',
  'rayjobs.ray.io',
] as const

/** Before 1.35 a WebSocket, which is a GET, opens a stream with the right to get (k8s #78741); facts say which server it is. */
const stream = (subresource: string): Need =>
  any(can('create', `pods/${subresource}`), can('get', `pods/${subresource}`, { before: 35 }))

export const workloadMoves: readonly RightsMove[] = [
  {
    id: 'WL01',
    title: 'Create pods',
    can: 'create pods that run as any service account',
    scope: 'namespaced',
    needs: can('create', 'pods'),
    severity: byScope({ cluster: 'critical', namespace: 'high', system: 'critical' }),
    reaches: newPodsReach,
    why: 'A pod names the account that it runs as, and the Secrets that it mounts. Where privileged pods are admitted it is root on its node.',
    close: 'Keep one level of trust in each namespace, and enforce the restricted standard of Pod Security.',
    sources: [`${goodPractices}#workload-creation`, podSecurity],
  },
  {
    id: 'WL02',
    title: 'Write workloads',
    can: 'make workloads run as any service account',
    scope: 'namespaced',
    needs: canAny(
      writes,
      'deployments.apps',
      'daemonsets.apps',
      'statefulsets.apps',
      'replicasets.apps',
      'jobs.batch',
      'cronjobs.batch',
      'replicationcontrollers',
    ),
    severity: byScope({ cluster: 'critical', namespace: 'high', system: 'critical' }),
    reaches: newPodsReach,
    why: 'A template is a pod that a controller creates: changing one is as good as creating pods. A DaemonSet puts its pod on every node.',
    close:
      'As for pods; where only known workloads are updated, list them in resourceNames (create cannot be limited so).',
    narrow: 'the workloads',
    sources: [`${goodPractices}#workload-creation`],
  },
  {
    id: 'WL03',
    title: 'Have an operator create pods',
    can: 'have an operator create pods that run as any service account',
    scope: 'namespaced',
    needs: canAny(writes, ...podMakers),
    severity: byScope({ cluster: 'high', namespace: 'high' }),
    reaches: told('any service account there, as far as the operator lets it', ({ namespace }) => ({
      to: [accountsId(namespace)],
    })),
    why: 'Pipelines, workflows and virtual machines are pods whose account the object chooses. The operator creates them with its own rights.',
    close:
      'Limit which accounts the operator accepts, and keep powerful ones out of namespaces where such objects are written.',
    sources: [`${goodPractices}#workload-creation`],
  },
  {
    id: 'WL04',
    title: 'Change running pods',
    can: 'replace the image of running pods',
    scope: 'namespaced',
    needs: can('update patch', 'pods'),
    severity: byScope({ cluster: 'critical', namespace: 'high', system: 'critical' }),
    reaches: byPods,
    why: 'The image of a container may be changed while it runs: what is started then holds the token of the pod.',
    close: 'Take it away: names of pods change, so listing them does not help.',
    sources: ['https://kubernetes.io/docs/concepts/workloads/pods/#pod-update-and-replacement'],
  },
  {
    id: 'WL05',
    title: 'Execute in pods',
    can: 'run commands in running pods',
    scope: 'namespaced',
    needs: stream('exec'),
    severity: byScope({ cluster: 'critical', namespace: 'high', system: 'critical' }),
    reaches: byPods,
    why: 'Whoever is in a pod reads its token, its Secrets and its memory. Servers before 1.35 open a stream for get as well (k8s #78741).',
    close: 'Take it away from whatever is no person, and log what people do with it.',
    sources: ['https://kubernetes.io/docs/reference/access-authn-authz/authorization/', podSecurity],
  },
  {
    id: 'WL06',
    title: 'Attach to pods',
    can: 'attach to the main process of running pods',
    scope: 'namespaced',
    needs: stream('attach'),
    severity: byScope({ cluster: 'high', namespace: 'high' }),
    reaches: byPods,
    why: 'What reads from its standard input, a shell above all, does what is typed.',
    close: 'Take it away.',
    sources: ['https://kubernetes.io/docs/reference/kubectl/generated/kubectl_attach/'],
  },
  {
    id: 'WL07',
    title: 'Debug pods',
    can: 'add containers to running pods',
    scope: 'namespaced',
    needs: can('update patch', 'pods/ephemeralcontainers'),
    severity: byScope({ cluster: 'critical', namespace: 'high', system: 'critical' }),
    reaches: byPods,
    why: 'An ephemeral container has its own security context, in the namespaces of the pod that it joins.',
    close: 'Take it away; Pod Security judges ephemeral containers as well.',
    sources: ['https://kubernetes.io/docs/concepts/workloads/pods/ephemeral-containers/'],
  },
  {
    id: 'WL08',
    title: 'Forward ports',
    can: 'open connections to any port of running pods',
    scope: 'namespaced',
    needs: stream('portforward'),
    severity: always('medium'),
    reaches: nowhere,
    why: 'Ports that listen within the pod alone, and trust whoever comes, are reached past every NetworkPolicy.',
    close: 'Take it away where it is not needed.',
    sources: ['https://kubernetes.io/docs/tasks/access-application-cluster/port-forward-access-application-cluster/'],
  },
  {
    id: 'WL09',
    title: 'Call pods and services through the API server',
    can: 'send requests to pods or services through the API server',
    scope: 'namespaced',
    needs: canAny('get create', 'pods/proxy', 'services/proxy'),
    severity: always('medium'),
    reaches: nowhere,
    why: 'The request comes from the API server, which no NetworkPolicy keeps away, and carries no identity.',
    close: 'Take it away, or list the services in resourceNames.',
    narrow: 'the services',
    sources: ['https://kubernetes.io/docs/tasks/access-application-cluster/access-cluster-services/'],
  },
  {
    id: 'WL14',
    title: 'Move pods to another node',
    can: 'remove pods from their nodes, or keep nodes from taking them',
    scope: 'namespaced',
    needs: any(
      can('delete deletecollection', 'pods'),
      can('create', 'pods/eviction'),
      canAny('update patch', 'nodes', 'nodes/status'),
    ),
    severity: byScope({ cluster: 'high', namespace: 'high' }),
    reaches: told('the pods there, for whoever has a node already', ({ namespace }) => ({
      to: [],
      maybe: [podsId(namespace)],
    })),
    why: 'Pods that are removed start again elsewhere. With one node in hand, the pods with the strong accounts can be made to come to it.',
    close:
      'Leave writing nodes to the kubelets (NodeRestriction), and removing pods to whoever operates the namespace.',
    sources: [goodPractices],
  },
  {
    id: 'WL15',
    title: 'Choose the node of a pod',
    can: 'put pods of its own onto any node',
    scope: 'namespaced',
    needs: all(canAny('create', 'pods/binding', 'bindings'), can('create', 'pods')),
    severity: always('medium'),
    reaches: told('a node of the control plane, where its pods are let out', () => ({ to: [], maybe: ['sink:node'] })),
    why: 'A binding passes the scheduler, and with it the taints that keep workloads off the control plane.',
    close: 'Leave binding to the scheduler.',
    sources: [goodPractices],
  },
]
