/** One API server: asked over connections of its own, with the credential of the moment. */
import type { ClientRequest } from 'node:http'
import { request as requestHttps } from 'node:https'
import { createSecureContext } from 'node:tls'
import { type ChangingFiles, watchFiles } from '../changing-files.ts'
import type { UpgradeProtocol } from '../gateway-call.ts'
import { type ClusterAccess, type Pem, serverUrl } from './cluster-access.ts'
import { KeptAgent } from './kept-agent.ts'
import { createSharedCall } from './shared-call.ts'
import { createSharedConnections, type SharedConnections } from './shared-connections.ts'
import type { UpstreamCall } from './upstream-call.ts'

export interface Cluster {
  readonly name: string
  /** For the `Host` header. */
  readonly host: string
  /** The path that the API server is below, without a slash at its end; mostly empty. */
  readonly base: string
  /** `Bearer …`; absent where the credential is a certificate. */
  authorization(): string | undefined
  /** Sends the head of a call. Throws for headers that cannot be sent. */
  ask(asking: Asking): ClientRequest
  /** The same for a call without a body that is meant to last, or is small: over a connection with others, where the server can. */
  share(asking: Omit<Asking, 'upgrade'>): UpstreamCall
  /** The API server did not take the credential: its files are looked at at once. */
  refusedUs(): void
  /** Looks at no file any more; what is under way goes on, and connections end when they have been idle for long. */
  retire(): void
  close(): void
}

export interface Asking {
  readonly method: string
  readonly target: string
  /** Names and values in turn. */
  readonly headers: readonly string[]
  readonly upgrade?: UpgradeProtocol
}

export interface ClusterOptions {
  readonly name: string
  readonly access: ClusterAccess
  /** A file was exchanged for one that cannot be used; the last good one stays. */
  readonly onError: (error: unknown) => void
  /** TCP and TLS together. Default 10 000. */
  readonly connectTimeoutMs?: number
  /** How often files are looked at. Default 5000. */
  readonly lookEveryMs?: number
  /** Called with {@link Cluster.refusedUs}. */
  readonly alsoLook?: () => void
}

interface Agents {
  readonly kept: KeptAgent
  /** For upgrades: a connection that may be gone already is nothing to begin a stream on. */
  readonly fresh: KeptAgent
  /** For what lasts and mostly says nothing. */
  readonly shared: SharedConnections
}

/** Throws when the access cannot be used: a file that is missing, a key that does not fit. */
export function createCluster({ name, access, ...options }: ClusterOptions): Cluster {
  const { onError, connectTimeoutMs = 10_000, lookEveryMs = 5000, alsoLook = () => undefined } = options
  const url = serverUrl(access.server)
  const base = url.pathname.replace(/\/+$/, '')
  const place = { host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port === '' ? 443 : Number(url.port) }
  const files: ChangingFiles[] = []

  const tls = watchPems(access)
  function watchPems({ authority, serverName, credential }: ClusterAccess): { readonly value: Agents } {
    const pems = [authority, ...(credential.kind === 'certificate' ? [credential.certificate, credential.key] : [])]
    const watched = watchFiles<Agents>({
      paths: pems.flatMap(pem => (pem !== undefined && 'file' in pem ? [pem.file] : [])),
      use: texts => {
        const [ca, cert, key] = textsOf(pems, texts)
        const context = {
          ...(ca !== undefined && { ca }),
          ...(cert !== undefined && { cert }),
          ...(key !== undefined && { key }),
        }
        // Fails here, with the reason, and not at each call.
        createSecureContext(context)
        const tls = { ...context, ...(serverName !== undefined && { servername: serverName }) }
        const agentOf = (keepAlive: boolean) => new KeptAgent({ tls, connectTimeoutMs, keepAlive })
        const shared = createSharedConnections({ ...place, tls, connectTimeoutMs })
        // Those before end by themselves: what is under way goes on, what is idle is not used again.
        return { kept: agentOf(true), fresh: agentOf(false), shared }
      },
      onError,
      lookEveryMs,
    })
    files.push(watched)
    return watched
  }

  const token = tokenOf(access)
  function tokenOf({ credential }: ClusterAccess): { readonly value: string } | undefined {
    if (credential.kind === 'certificate') return undefined
    if (credential.kind === 'token') return { value: usableToken(credential.token) }
    const watched = watchFiles({
      paths: [credential.file],
      use: ([text = '']) => usableToken(text),
      onError,
      lookEveryMs,
    })
    files.push(watched)
    return watched
  }

  function retire(): void {
    for (const file of files) file.close()
  }

  const request = ({ method, target, headers }: Asking, agent: KeptAgent): ClientRequest =>
    requestHttps({ ...place, method, path: `${base}${target}`, headers: headers as string[], agent, setHost: false })
  return {
    name,
    host: url.host,
    base,
    authorization: () => (token === undefined ? undefined : `Bearer ${token.value}`),
    ask(asking) {
      const { kept, fresh } = tls.value
      return request(asking, asking.upgrade === undefined ? kept : fresh)
    },
    share(asking) {
      const { kept, shared } = tls.value
      const { method, target, headers } = asking
      const askHttp1 = () => request(asking, kept)
      return createSharedCall({ connections: shared, method, path: `${base}${target}`, headers, askHttp1 })
    },
    refusedUs() {
      for (const file of files) file.look()
      alsoLook()
    },
    retire,
    close() {
      retire()
      tls.value.kept.destroy()
      tls.value.fresh.destroy()
      tls.value.shared.destroy()
    },
  }
}

/** In the order of the PEMs: their own text, or the next of the files'. */
function textsOf(pems: readonly (Pem | undefined)[], texts: readonly string[]): (string | undefined)[] {
  const rest = [...texts]
  return pems.map(pem => (pem === undefined ? undefined : 'text' in pem ? pem.text : rest.shift()))
}

/** Threat: a file that is being written, and half a token in a header. Without the token in what is thrown. */
function usableToken(text: string): string {
  const token = text.trim()
  if (!/^[\x21-\x7e]+$/.test(token))
    throw new Error('the token of the gateway is empty or has characters that no token has')
  return token
}
