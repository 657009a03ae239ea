/** etcd, the API server, the controller manager and the stub of a kubelet: how each is started on loopback. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AuditFiles } from './audit-log.ts'
import type { ClusterCertificates } from './cluster-certificates.ts'
import { type Program, type ProgramSettings, startProgram, untilPrinted } from './program.ts'
import type { ClusterPrograms } from './programs.ts'

export interface ControlPlaneSettings extends AuditFiles, ProgramSettings {
  readonly programs: ClusterPrograms
  readonly certificates: ClusterCertificates
  readonly ports: { readonly etcd: number; readonly etcdPeers: number; readonly apiServer: number }
  /** Text of an `AuthenticationConfiguration`, whose `anonymous` part then counts alone. */
  readonly authentication?: string
  /** KEP-5284, as in the server when absent: on since 1.36. */
  readonly constrainedImpersonation?: boolean
  /** Further flags of the API server. */
  readonly apiServerFlags?: readonly string[]
}

/** Threat: another account of this machine. Whoever writes into etcd may do everything in the cluster, and so on its nodes. */
export function startEtcd(settings: ControlPlaneSettings): Program {
  const { programs, certificates, directory, ports } = settings
  const { path } = certificates
  const [clients, peers] = [`https://127.0.0.1:${ports.etcd}`, `https://127.0.0.1:${ports.etcdPeers}`]
  const flags = {
    'data-dir': join(directory, 'etcd'),
    'listen-client-urls': clients,
    'advertise-client-urls': clients,
    'listen-peer-urls': peers,
    'initial-advertise-peer-urls': peers,
    'initial-cluster': `default=${peers}`,
    'log-level': 'warn',
  }
  const trust = ['', 'peer-'].flatMap(prefix =>
    flagsOf({
      [`${prefix}cert-file`]: path('etcd.pem'),
      [`${prefix}key-file`]: path('etcd.key'),
      [`${prefix}trusted-ca-file`]: path('storage.pem'),
      [`${prefix}client-cert-auth`]: 'true',
    }),
  )
  return startProgram(programs.etcd, [...flagsOf(flags), ...trust, '--unsafe-no-fsync'], settings)
}

export function startApiServer(settings: ControlPlaneSettings): Program {
  const { programs, certificates, directory, ports, auditPolicyPath, auditLogPath } = settings
  const { path } = certificates
  const flags: Record<string, string> = {
    'bind-address': '127.0.0.1',
    'secure-port': String(ports.apiServer),
    'external-hostname': '127.0.0.1',
    // A loopback address is not allowed in the endpoints of the service `kubernetes`.
    'endpoint-reconciler-type': 'none',
    'etcd-servers': `https://127.0.0.1:${ports.etcd}`,
    'etcd-cafile': path('storage.pem'),
    'etcd-certfile': path('etcd.pem'),
    'etcd-keyfile': path('etcd.key'),
    'service-cluster-ip-range': '10.0.0.0/24',
    'authorization-mode': 'Node,RBAC',
    'tls-cert-file': path('api-server.pem'),
    'tls-private-key-file': path('api-server.key'),
    'client-ca-file': path('clients.pem'),
    'requestheader-client-ca-file': path('front-proxies.pem'),
    'requestheader-allowed-names': 'front-proxy',
    'requestheader-username-headers': 'X-Remote-User',
    'requestheader-group-headers': 'X-Remote-Group',
    'requestheader-extra-headers-prefix': 'X-Remote-Extra-',
    'kubelet-certificate-authority': path('control-plane.pem'),
    'kubelet-client-certificate': path('kubelet-client.pem'),
    'kubelet-client-key': path('kubelet-client.key'),
    'kubelet-preferred-address-types': 'InternalIP',
    'service-account-issuer': 'https://kubernetes.default.svc',
    'service-account-key-file': path('service-accounts.pem'),
    'service-account-signing-key-file': path('service-accounts.key'),
    'audit-policy-file': auditPolicyPath,
    'audit-log-path': auditLogPath,
    'audit-log-mode': 'blocking',
    // In megabytes: a reader of one file does not follow it to the next.
    'audit-log-maxsize': '10000',
  }
  if (settings.authentication !== undefined) {
    flags['authentication-config'] = join(directory, 'authentication.yaml')
    writeFileSync(flags['authentication-config'], settings.authentication)
  }
  if (settings.constrainedImpersonation !== undefined) {
    flags['feature-gates'] = `ConstrainedImpersonation=${settings.constrainedImpersonation}`
  }
  return startProgram(programs.apiServer, [...flagsOf(flags), ...(settings.apiServerFlags ?? [])], settings)
}

/** What makes a namespace usable and roles complete; no garbage collection of pods, which would miss their nodes. */
const controllers = [
  'serviceaccount-controller',
  'serviceaccount-token-controller',
  'root-ca-certificate-publisher-controller',
  'namespace-controller',
  'garbage-collector-controller',
  'clusterrole-aggregation-controller',
  'certificatesigningrequest-approving-controller',
  'certificatesigningrequest-signing-controller',
  'certificatesigningrequest-cleaner-controller',
  'deployment-controller',
  'replicaset-controller',
]

/** @param kubeconfig of `system:kube-controller-manager` */
export function startControllerManager(settings: ControlPlaneSettings, kubeconfig: string): Program {
  const { programs, certificates } = settings
  const { path } = certificates
  const flags = {
    kubeconfig,
    controllers: controllers.join(','),
    'bind-address': '127.0.0.1',
    'secure-port': '0',
    'leader-elect': 'false',
    // Its own user may do little: every controller has an account of its own.
    'use-service-account-credentials': 'true',
    'service-account-private-key-file': path('service-accounts.key'),
    'root-ca-file': path('control-plane.pem'),
    'cluster-signing-cert-file': path('clients.pem'),
    'cluster-signing-key-file': path('clients.key'),
  }
  return startProgram(programs.controllerManager, flagsOf(flags), settings)
}

/** @returns it, and its port */
export async function startKubelet(settings: ControlPlaneSettings) {
  const { programs, certificates, directory } = settings
  const { path } = certificates
  const flags = {
    directory,
    certificate: path('kubelet.pem'),
    key: path('kubelet.key'),
    'client-authority': path('control-plane.pem'),
  }
  const program = startProgram(programs.kubelet, flagsOf(flags), settings)
  const [, port = ''] = await untilPrinted(program, /^listening on (\d+)$/m)
  return { program, port: Number(port) }
}

function flagsOf(flags: Readonly<Record<string, string>>): string[] {
  return Object.entries(flags).map(([name, value]) => `--${name}=${value}`)
}
