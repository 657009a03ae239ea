/** The section `kubernetes` of a service in front of a real API server, and everything that it names. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createAuthority } from '../certificates.ts'
import { freePort } from '../peers.ts'
import type { RunningCluster } from './cluster.ts'

export interface ClusterSettingsOptions {
  /** Where files are written. */
  readonly directory: string
  /** What the service calls it; each name is a cluster of its own to the service. */
  readonly names: readonly string[]
  /** Groups of the gateway in the cluster. Default none: it may do nothing before it has a role. */
  readonly groups?: readonly string[]
}

export async function settingsFor(cluster: RunningCluster, { directory, names, groups = [] }: ClusterSettingsOptions) {
  const write = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text, { mode: 0o600 })
    return join(directory, name)
  }
  const authority = createAuthority('an authority of tests')
  const listener = authority.issue('127.0.0.1', ['IP:127.0.0.1'])
  authority.close()
  const gateway = cluster.issueClient('sallyport-gateway', [...groups])
  const port = await freePort()
  const credential = {
    certificateFile: write('gateway.pem', gateway.certificate),
    keyFile: write('gateway.key', gateway.key),
  }
  const caFile = write('cluster-ca.pem', cluster.authority)
  const url = `https://127.0.0.1:${port}`
  return {
    /** Of the listener. */
    certificateAuthority: authority.certificate,
    /** What the gateway is to the API server. */
    gateway,
    /** Where clients reach the cluster of this name. */
    addressOf: (name: string): string => `${url}/clusters/${name}`,
    kubernetes: {
      url,
      listen: `127.0.0.1:${port}`,
      tls: {
        certificateFile: write('tls.pem', listener.certificate),
        keyFile: write('tls.key', listener.key),
        caFile: write('tls-ca.pem', authority.certificate),
      },
      clusters: names.map(name => ({ name, server: cluster.url, caFile, credential })),
    },
  }
}
