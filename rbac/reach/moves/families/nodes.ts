/** Reaching nodes, and what runs on them; and what steers traffic and the rules of namespaces. */
import { always, byScope, nowhere, type RightsMove } from '../move.ts'
import { any, can, canAny } from '../need.ts'
import { perhaps, told } from '../targets.ts'

const goodPractices = 'https://kubernetes.io/docs/concepts/security/rbac-good-practices/'
const writes = 'create update patch'

export const nodeMoves: readonly RightsMove[] = [
  {
    id: 'WL10',
    title: 'Call the kubelet',
    can: 'run commands in any pod of a node through its kubelet',
    scope: 'cluster',
    needs: can('get create', 'nodes/proxy'),
    severity: always('critical'),
    reaches: told('the node, and the service accounts of all its pods', () => ({ to: ['sink:node'] })),
    why: 'The kubelet runs commands for a WebSocket, and a WebSocket is a GET: a role that only reads is enough. Neither the audit log nor admission sees it.',
    close:
      'Grant nodes/metrics, nodes/stats, nodes/log, nodes/pods, nodes/healthz or nodes/configz instead (KEP-2862).',
    sources: [
      'https://kubernetes.io/docs/reference/access-authn-authz/kubelet-authn-authz/',
      `${goodPractices}#access-to-proxy-subresource-of-nodes`,
    ],
  },
  {
    id: 'WL11',
    title: 'Read logs and configuration of nodes',
    can: 'read logs, configuration or pods of nodes from their kubelets',
    scope: 'cluster',
    needs: canAny('get', 'nodes/log', 'nodes/configz', 'nodes/pods'),
    severity: always('medium'),
    reaches: nowhere,
    why: 'Log files of the node and the environment of its pods hold more than they should.',
    close: 'Grant the one of the three that is needed.',
    sources: ['https://kubernetes.io/docs/reference/access-authn-authz/kubelet-authn-authz/'],
  },
  {
    id: 'WL12',
    title: 'Create PersistentVolumes',
    can: 'create volumes that are directories of a node',
    scope: 'cluster',
    needs: can('create', 'persistentvolumes'),
    severity: always('high'),
    reaches: told('the node, as soon as a pod claims the volume', () => ({ to: ['sink:node'] })),
    why: 'A volume of type hostPath shows a directory of the node to whatever claims it, in restricted namespaces as well: Pod Security looks at pods, not at volumes.',
    close: 'Leave it to the storage drivers, or refuse hostPath by an admission policy.',
    sources: [`${goodPractices}#persistent-volume-creation`],
  },
  {
    id: 'WL13',
    title: 'Steer storage drivers',
    can: 'create storage classes or drivers',
    scope: 'cluster',
    needs: canAny('create', 'storageclasses.storage.k8s.io', 'csidrivers.storage.k8s.io'),
    severity: always('medium'),
    reaches: perhaps('the node, by a driver that mounts what the class says', 'sink:node'),
    why: 'Drivers mount on the node, as root, what a class tells them.',
    close: 'Leave it to whoever operates storage.',
    sources: [goodPractices],
  },
  {
    id: 'WL16',
    title: 'Change namespaces',
    can: 'change labels of namespaces, and with them what is enforced there',
    scope: 'namespaced',
    needs: can('update patch', 'namespaces'),
    severity: byScope({ cluster: 'high', namespace: 'high' }),
    reaches: perhaps('the node, where it may create pods as well', 'sink:node'),
    why: 'Pod Security and NetworkPolicies are chosen by labels of the namespace: without the label nothing is enforced.',
    close: 'Guard the labels by an admission policy, or list the namespaces in resourceNames.',
    narrow: 'the namespaces',
    sources: [`${goodPractices}#namespace-modification`],
  },
  {
    id: 'WL17',
    title: 'Intercept traffic',
    can: 'send the traffic of services elsewhere',
    scope: 'namespaced',
    needs: any(
      canAny('update patch', 'pods/status', 'services/status'),
      canAny(writes, 'endpoints', 'endpointslices.discovery.k8s.io'),
    ),
    severity: always('medium'),
    reaches: nowhere,
    why: 'Who writes where a service leads, or that a pod is one of its pods, gets what is sent to it (CVE-2020-8554).',
    close: 'Leave it to the controllers of the cluster.',
    sources: ['https://github.com/kubernetes/kubernetes/issues/97076'],
  },
  {
    id: 'WL18',
    title: 'Publish and reroute services',
    can: 'publish services, or lead published hosts elsewhere',
    scope: 'namespaced',
    needs: canAny(
      writes,
      'ingresses.networking.k8s.io',
      'httproutes.gateway.networking.k8s.io',
      'referencegrants.gateway.networking.k8s.io',
    ),
    severity: always('high'),
    reaches: nowhere,
    why: 'Annotations of a route say who is asked before a request is let in. Who writes routes can leave them out.',
    close: 'Pin the annotations by an admission policy.',
    sources: ['https://kubernetes.io/docs/concepts/services-networking/ingress/'],
  },
]
