/**
 * Reads the access to a cluster out of a kubeconfig. What it says and we do not do is refused: a file that means one thing
 * to kubectl and another to us is worse than none.
 */
import { Buffer } from 'node:buffer'
import { dirname, resolve } from 'node:path'
import { parseDocument } from 'yaml'
import { type ClusterAccess, type ClusterCredential, type Pem, serverUrl } from './cluster-access.ts'

export interface KubeconfigOptions {
  /** Of the file: relative paths in it begin at its folder. */
  readonly path: string
  /** Default: `current-context`. */
  readonly context?: string
}

type Entry = Readonly<Record<string, unknown>>

/** Entries that would be passed over in silence otherwise, and what to do instead. */
const notForClusters: readonly (readonly [string, string])[] = [
  ['insecure-skip-tls-verify', 'the certificate of the API server is always verified: give certificate-authority'],
  ['proxy-url', 'the gateway connects to the API server itself'],
]
const notForUsers: readonly (readonly [string, string])[] = [
  ['exec', 'the gateway runs no program: give it a client certificate, a token or a tokenFile'],
  ['auth-provider', 'give a client certificate, a token or a tokenFile'],
  ['username', 'no API server takes passwords any more'],
  ['as', 'the gateway itself says as whom it asks'],
  ['as-uid', 'the gateway itself says as whom it asks'],
  ['as-groups', 'the gateway itself says as whom it asks'],
  ['as-user-extra', 'the gateway itself says as whom it asks'],
]

/** Throws `Error` that says which entry is wrong, and never what a secret is. */
export function readKubeconfig(text: string, options: KubeconfigOptions): ClusterAccess {
  const { path } = options
  const fail = (what: string): never => {
    throw new Error(`${path}: ${what}`)
  }
  const document = parseDocument(text, { prettyErrors: false })
  // The message of the library quotes lines, and lines have keys.
  if (document.errors.length > 0) fail('this is no YAML that can be read')
  const root = entryOf(document.toJS({ maxAliasCount: 0 }))
  const contextName = options.context ?? root['current-context']
  if (typeof contextName !== 'string' || contextName === '') fail('current-context is not set: say which context')
  const named = (kind: 'context' | 'cluster' | 'user', name: unknown): Entry => {
    const found = listOf(root[`${kind}s`]).filter(entry => entry.name === name)
    if (found.length !== 1) fail(`${kind}s has ${found.length} entries with the name ${String(name)}, not one`)
    return entryOf(found[0]?.[kind])
  }
  const context = named('context', contextName)
  const cluster = named('cluster', context.cluster)
  const user = named('user', context.user)
  refuse(cluster, notForClusters, fail)
  refuse(user, notForUsers, fail)
  const authority = pemOf(cluster, 'certificate-authority', { path, fail })
  const serverName = cluster['tls-server-name']
  return {
    server: serverUrl(String(cluster.server ?? '')).href,
    ...(authority !== undefined && { authority }),
    ...(typeof serverName === 'string' && serverName !== '' && { serverName }),
    credential: credentialOf(user, { path, fail }),
  }
}

type Fail = (what: string) => never

interface Place {
  readonly path: string
  readonly fail: Fail
}

const entryOf = (value: unknown): Entry =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Entry) : {}

const listOf = (value: unknown): Entry[] => (Array.isArray(value) ? value.map(entryOf) : [])

function refuse(entry: Entry, refused: readonly (readonly [string, string])[], fail: Fail): void {
  const found = refused.find(([name]) => entry[name] !== undefined && entry[name] !== false)
  if (found !== undefined) fail(`${found[0]} cannot be used here: ${found[1]}`)
}

/** The inline one counts where both are there, as for kubectl. */
function pemOf(entry: Entry, name: string, { path }: Place): Pem | undefined {
  const [data, file] = [entry[`${name}-data`], entry[name]]
  if (typeof data === 'string' && data !== '') return { text: Buffer.from(data, 'base64').toString() }
  return typeof file === 'string' && file !== '' ? { file: resolve(dirname(path), file) } : undefined
}

function credentialOf(user: Entry, place: Place): ClusterCredential {
  const certificate = pemOf(user, 'client-certificate', place)
  const key = pemOf(user, 'client-key', place)
  const { token, tokenFile } = user
  if (certificate !== undefined && key !== undefined) return { kind: 'certificate', certificate, key }
  if (certificate !== undefined || key !== undefined)
    place.fail('client-certificate and client-key are needed together')
  if (typeof tokenFile === 'string' && tokenFile !== '')
    return { kind: 'token-file', file: resolve(dirname(place.path), tokenFile) }
  if (typeof token === 'string' && token !== '') return { kind: 'token', token }
  return place.fail('the user has neither client-certificate and client-key, nor token, nor tokenFile')
}
