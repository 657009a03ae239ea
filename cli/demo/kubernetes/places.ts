/** Files of the demo with Kubernetes: what a second terminal needs, all in one folder that goes at the end. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { kubeconfigEntries, newKubeconfig } from '../../kube/kubeconfig.ts'
import { commandFile } from '../paths.ts'
import { clusterName, namespace } from './roles.ts'

export interface PlaceOptions {
  readonly directory: string
  /** Of the auth host. */
  readonly origin: string
  readonly gatewayUrl: string
  /** PEM: vouches for the gateway. */
  readonly authority: string
  /** Path of the kubectl that is used. */
  readonly kubectl: string
  readonly clusterAuditLog: string
}

export interface Places {
  /** To be sourced by a shell. */
  readonly environment: string
  readonly kubeconfig: string
  /** The command line, as a program for kubectl and for people. */
  readonly sallyport: string
  readonly kubectl: string
  readonly auditLog: string
  readonly clusterAuditLog: string
}

export function writePlaces(options: PlaceOptions): Places {
  const { directory, origin, kubectl, clusterAuditLog } = options
  const bin = join(directory, 'bin')
  mkdirSync(bin, { mode: 0o700 })
  // Tokens are to go with everything else, not into the cache of whoever tries this out.
  const own = `unset XDG_CACHE_HOME
export KUBECACHEDIR="\${KUBECACHEDIR:-${join(directory, 'cache')}}" SALLYPORT_KUBE_SERVER="\${SALLYPORT_KUBE_SERVER:-${origin}}"`
  const write = (name: string, args: string): string => {
    const path = join(bin, name)
    writeFileSync(path, `#!/bin/sh\n${own}\nexec ${quote(process.execPath)} ${quote(commandFile)}${args} "$@"\n`, {
      mode: 0o700,
    })
    return path
  }
  const sallyport = write('sallyport', '')
  write('kubectl-sallyport', ' kube')
  write('both-logs', ` demo-logs --directory ${quote(directory)}`)
  symlinkSync(kubectl, join(bin, 'kubectl'))
  const kubeconfig = join(directory, 'kubeconfig')
  writeFileSync(kubeconfig, kubeconfigText(options, sallyport), { mode: 0o600 })
  const environment = join(directory, 'env')
  const variables = [`PATH=${quote(bin)}:"$PATH"`, `KUBECONFIG=${quote(kubeconfig)}`]
  const cache = `KUBECACHEDIR=${quote(join(directory, 'cache'))}`
  writeFileSync(environment, [...variables, cache].map(line => `export ${line}\n`).join(''), { mode: 0o600 })
  const auditLog = join(directory, 'sallyport-audit.jsonl')
  const clusterLog = join(directory, 'cluster-audit.jsonl')
  symlinkSync(clusterAuditLog, clusterLog)
  return { environment, kubeconfig, sallyport, kubectl, auditLog, clusterAuditLog: clusterLog }
}

/** As `sallyport kube kubeconfig` prints it, with the namespace of the demo. */
function kubeconfigText({ origin, gatewayUrl, authority }: PlaceOptions, command: string): string {
  const server = `${gatewayUrl}/clusters/${clusterName}`
  const entries = kubeconfigEntries({
    server: origin,
    clusters: [{ name: clusterName, server }],
    certificateAuthority: authority,
    command,
  })
  const contexts = entries.contexts.map(({ name, context }) => ({
    name,
    context: { ...(context as object), namespace },
  }))
  return newKubeconfig({ ...entries, contexts })
}

const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`
