/** What runs the service in a cluster, as objects of it: hardened, and with nothing that it does not need. Pure. */
import { type ClusterObject, labels } from './role-objects.ts'

export interface DeploymentOptions {
  /** The service account of the gateway. */
  readonly account: { readonly namespace: string; readonly name: string }
  /** Ports of the listeners, as the configuration has them. */
  readonly pagesPort: number
  readonly gatewayPort: number
  /** Of the admin listener, `host:port`, as the configuration has it. */
  readonly adminListen: string
  /** Whether the pod uses its own account at the API server; otherwise it gets no token of it. */
  readonly needsToken: boolean
}

const selector = { 'app.kubernetes.io/name': 'sallyport' } as const
const name = 'sallyport'

/** Namespace, service account, deployment, service, network policy; the role is beside them. */
export function deploymentObjects(options: DeploymentOptions): readonly ClusterObject[] {
  const { account, pagesPort, gatewayPort } = options
  const { namespace } = account
  const own = { name, namespace, labels }
  const ports = [
    { name: 'pages', port: pagesPort },
    { name: 'gateway', port: gatewayPort },
  ]
  return [
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: namespace, labels: { ...labels, 'pod-security.kubernetes.io/enforce': 'restricted' } },
    },
    {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: account.name, namespace, labels },
      automountServiceAccountToken: false,
    },
    deploymentOf(options),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: own,
      spec: {
        selector,
        ports: ports.map(port => ({ ...port, protocol: 'TCP', targetPort: port.name })),
      },
    },
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: own,
      spec: {
        podSelector: { matchLabels: selector },
        policyTypes: ['Ingress'],
        ingress: [{ ports: ports.map(port => ({ protocol: 'TCP', port: port.name })) }],
      },
    },
  ]
}

/** The admin listener stays on loopback, where no probe of a kubelet comes: so the probe runs within. */
const probe = (adminListen: string, path: string) => ({
  exec: {
    command: [
      'node',
      '-e',
      `fetch('http://' + (process.env.SALLYPORT_ADMIN_LISTEN || '${adminListen}') + '${path}').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))`,
    ],
  },
  periodSeconds: 10,
  timeoutSeconds: 5,
})

function deploymentOf({ account, pagesPort, gatewayPort, adminListen, needsToken }: DeploymentOptions): ClusterObject {
  const mount = (of: string, mountPath: string) => ({ name: of, mountPath, readOnly: true })
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: account.namespace, labels },
    spec: {
      replicas: 1,
      // A store of files belongs to one process at a time.
      strategy: { type: 'Recreate' },
      selector: { matchLabels: selector },
      template: {
        metadata: { labels },
        spec: {
          serviceAccountName: account.name,
          automountServiceAccountToken: needsToken,
          enableServiceLinks: false,
          securityContext: {
            runAsNonRoot: true,
            runAsUser: 1000,
            runAsGroup: 1000,
            fsGroup: 1000,
            seccompProfile: { type: 'RuntimeDefault' },
          },
          containers: [
            {
              name,
              image: 'sallyport',
              ports: [
                { name: 'pages', containerPort: pagesPort },
                { name: 'gateway', containerPort: gatewayPort },
              ],
              securityContext: {
                allowPrivilegeEscalation: false,
                readOnlyRootFilesystem: true,
                capabilities: { drop: ['ALL'] },
              },
              livenessProbe: probe(adminListen, '/healthz'),
              readinessProbe: probe(adminListen, '/readyz'),
              resources: { requests: { cpu: '100m', memory: '256Mi' }, limits: { memory: '1Gi' } },
              volumeMounts: [
                mount('config', '/etc/sallyport'),
                mount('policy', '/etc/sallyport/policy'),
                mount('secrets', '/run/secrets/sallyport'),
                { name: 'data', mountPath: '/var/lib/sallyport' },
                { name: 'temporary', mountPath: '/tmp' },
              ],
            },
          ],
          volumes: [
            { name: 'config', configMap: { name: 'sallyport-config' } },
            { name: 'policy', configMap: { name: 'sallyport-policy' } },
            { name: 'secrets', secret: { secretName: 'sallyport-secrets', defaultMode: 0o440 } },
            { name: 'data', emptyDir: {} },
            { name: 'temporary', emptyDir: {} },
          ],
        },
      },
    },
  }
}
