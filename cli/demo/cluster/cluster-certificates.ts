/** Who vouches for whom in a cluster on loopback: the control plane for itself, one authority for people, one for front proxies. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Certificate, createAuthority } from '../certificates.ts'
import { clusterMaker } from './audit-log.ts'

export interface ClusterCertificates {
  /** PEM: vouches for the API server. */
  readonly authority: string
  /** The one that may do everything, and makes what a test begins with. */
  readonly maker: Certificate
  readonly controllerManager: Certificate
  /** A client certificate: Kubernetes takes its organizations for groups. */
  readonly issueClient: (name: string, groups?: readonly string[]) => Certificate
  /** A server certificate for a host, by the authority that vouches for the API server. */
  readonly issueServer: (host: string) => Certificate
  /** One that the API server believes when it says who somebody is in `X-Remote-User`. */
  readonly issueFrontProxy: () => Certificate
  /** Path of what was written for the control plane. */
  readonly path: (file: ClusterFile) => string
  readonly close: () => void
}

type ClusterFile =
  | `${'control-plane' | 'clients' | 'front-proxies' | 'storage'}.pem`
  | `${'clients' | 'api-server' | 'etcd' | 'kubelet' | 'kubelet-client' | 'service-accounts'}.${'pem' | 'key'}`

export function createClusterCertificates(directory: string): ClusterCertificates {
  const controlPlane = createAuthority('control-plane', directory)
  const clients = createAuthority('clients', directory)
  const storage = createAuthority('storage', directory)
  const frontProxies = createAuthority('front-proxies', directory)
  const path = (file: ClusterFile): string => join(directory, file)
  const write = (file: ClusterFile, text: string): void => writeFileSync(path(file), text, { mode: 0o600 })
  const loopback = ['IP:127.0.0.1', 'localhost']

  write('control-plane.pem', controlPlane.certificate)
  write('front-proxies.pem', frontProxies.certificate)
  write('storage.pem', storage.certificate)
  const pairs = {
    clients,
    'api-server': controlPlane.issue('kube-apiserver', loopback),
    etcd: storage.issue('etcd', loopback),
    kubelet: controlPlane.issue('system:node:node-1', loopback),
    'kubelet-client': controlPlane.issue('kube-apiserver-kubelet-client'),
    'service-accounts': controlPlane.issue('service-accounts'),
  }
  for (const [name, { certificate, key }] of Object.entries(pairs)) {
    write(`${name as keyof typeof pairs}.pem`, certificate)
    write(`${name as keyof typeof pairs}.key`, key)
  }
  return {
    authority: controlPlane.certificate,
    maker: clients.issue(clusterMaker, [], ['system:masters']),
    controllerManager: clients.issue('system:kube-controller-manager'),
    issueClient: (name, groups = []) => clients.issue(name, [], groups),
    issueServer: host => controlPlane.issue(host, [host]),
    issueFrontProxy: () => frontProxies.issue('front-proxy'),
    path,
    close: () => {
      for (const authority of [controlPlane, clients, frontProxies, storage]) authority.close()
    },
  }
}
