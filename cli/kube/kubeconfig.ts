/** The entries of a kubeconfig that lead to the gateway, and how they get into a file that holds others. */
import { type Document, isMap, isSeq, parseDocument, stringify } from 'yaml'
import type { AccountCluster } from './grant-client.ts'

export interface KubeconfigOptions {
  /** The auth host. */
  readonly server: string
  readonly clusters: readonly AccountCluster[]
  /** PEM: vouches for the gateway. */
  readonly certificateAuthority?: string
  /** What kubectl runs. */
  readonly command: string
  /** Certificates of the authority that vouches for the auth host, as a path. */
  readonly caFile?: string
}

interface Entry {
  readonly name: string
  readonly [field: string]: unknown
}

export interface KubeconfigEntries {
  readonly clusters: readonly Entry[]
  readonly users: readonly Entry[]
  readonly contexts: readonly Entry[]
}

/** Where kubectl looks for what it passes on to a plugin. */
const extensionName = 'client.authentication.k8s.io/exec'
const prefix = 'sallyport-'
const lists = ['clusters', 'users', 'contexts'] as const

export function kubeconfigEntries(options: KubeconfigOptions): KubeconfigEntries {
  const { server, clusters, certificateAuthority, command, caFile } = options
  const user = `${prefix}${new URL(server).host}`
  // Threat: whoever vouches for the gateway could pose as a cluster that somebody else vouches for.
  const authorityOf = ({ access, certificate_authority: own }: AccountCluster) => {
    const authority = access === 'direct' ? own : certificateAuthority
    return authority === undefined ? {} : { 'certificate-authority-data': Buffer.from(authority).toString('base64') }
  }
  const exec = {
    apiVersion: 'client.authentication.k8s.io/v1',
    command,
    args: ['kube', 'credential', '--server', server, ...(caFile === undefined ? [] : ['--ca-file', caFile])],
    // `kubectl apply -f -` has no input to spare for a person.
    interactiveMode: 'IfAvailable',
    provideClusterInfo: true,
    installHint: 'kubectl logs in with sallyport here; its documentation says how to install it',
  }
  return {
    clusters: clusters.map(cluster => ({
      name: prefix + cluster.name,
      cluster: {
        server: cluster.server,
        ...authorityOf(cluster),
        extensions: [{ name: extensionName, extension: { cluster: cluster.name, server } }],
      },
    })),
    users: [{ name: user, user: { exec } }],
    contexts: clusters.map(cluster => ({
      name: prefix + cluster.name,
      context: { cluster: prefix + cluster.name, user },
    })),
  }
}

export function newKubeconfig(entries: KubeconfigEntries): string {
  const [first] = entries.contexts
  const current = first === undefined ? {} : { 'current-context': first.name }
  return stringify({ apiVersion: 'v1', kind: 'Config', ...entries, ...current }, { lineWidth: 0 })
}

/**
 * Puts the entries into the text of a kubeconfig, in the place of those of the same names if they are ours. Comments and
 * everything else stay; the current context is set where there is none. Throws rather than change what somebody else wrote.
 */
export function mergeKubeconfig(text: string, entries: KubeconfigEntries): string {
  if (text.trim() === '') return newKubeconfig(entries)
  const document = parseDocument(text)
  const [problem] = document.errors
  if (problem !== undefined)
    throw new Error(`it is not YAML that can be read (line ${problem.linePos?.[0].line ?? '?'})`)
  if (!isMap(document.contents)) throw new Error('it is no kubeconfig')
  const kind = document.get('kind')
  if (kind !== undefined && kind !== 'Config') throw new Error(`its kind is ${String(kind)}, expected Config`)
  for (const list of lists) for (const entry of entries[list]) put(document, list, entry)
  if ((document.get('current-context') ?? '') === '' && entries.contexts[0] !== undefined) {
    document.set('current-context', entries.contexts[0].name)
  }
  return document.toString({ lineWidth: 0 })
}

function put(document: Document, list: (typeof lists)[number], entry: Entry): void {
  const there = document.get(list)
  if (there === undefined || there === null) document.set(list, document.createNode([]))
  const sequence = document.get(list)
  if (!isSeq(sequence)) throw new Error(`its ${list} are no list`)
  const index = sequence.items.findIndex(item => isMap(item) && item.get('name') === entry.name)
  if (index < 0) {
    sequence.flow = false
    sequence.add(document.createNode(entry))
    return
  }
  const item = sequence.items[index]
  const known: unknown = isMap(item) ? item.toJSON() : undefined
  if (!isOurs(known)) {
    throw new Error(
      `it has an entry ${entry.name} in ${list} that sallyport did not write: rename it, and run this again`,
    )
  }
  sequence.items[index] = document.createNode(entry)
}

/** Of an entry as it stands in the file: only what leads to our plugin or our gateway. */
function isOurs(entry: unknown): boolean {
  const text = JSON.stringify(entry)
  const isCluster = text.includes(extensionName) && text.includes('"extension"')
  const isUser = /"args":\["kube","credential"/.test(text)
  const isContext = /"context":\{[^}]*"user":"sallyport-/.test(text)
  return isCluster || isUser || isContext
}
