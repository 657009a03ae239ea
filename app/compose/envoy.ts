/** Composition of the listener of Envoy's checks over gRPC: present where `envoy` is configured. */
import { readFileSync } from 'node:fs'
import type { PeerCertificate } from 'node:tls'
import { LRUCache } from 'lru-cache'
import type { Config } from '../../config/config.ts'
import { OperationalError } from '../errors.ts'
import { createGrpcListener, type GrpcListener, type GrpcTls } from '../ext-authz/listener.ts'
import { extAuthzGrpc } from '../fronts/ext-authz-grpc.ts'
import { certificateOf } from '../identity/client-certificate.ts'
import { maxHeaderBytes, maxHeaderLines } from '../listener/client-errors.ts'
import { createTurnQueue } from '../listener/turn-queue.ts'
import type { Checks } from './checks.ts'
import type { Base } from './kept.ts'

/** The front's word in metrics and audit events. */
export const envoyFront = extAuthzGrpc.name

/** Headers as much as are read, with what a message says beside them. */
const maxMessageBytes = 256 * 1024

/** Throws `ERR_LISTEN_FAILED` when a certificate or a key cannot be read. */
export function composeEnvoy(
  { config: { envoy }, logger }: Base,
  { executorOf }: Pick<Checks, 'executorOf'>,
): GrpcListener | undefined {
  if (envoy === undefined) return undefined
  return createGrpcListener({
    execute: executorOf(extAuthzGrpc),
    limits: { maxHeaderLines, maxHeaderBytes },
    maxMessageBytes,
    createQueue: createTurnQueue,
    onRefused: error => logger.debug({ err: error }, 'a check over gRPC was denied unread'),
    ...(envoy.tls !== undefined && { tls: readTls(envoy.tls) }),
    ...(envoy.tls?.clientNames !== undefined && { isProxy: createIsProxy(envoy.tls.clientNames) }),
  })
}

/** Proxies that are remembered, by their certificate: asking for its names takes longer than a check. */
const mostProxies = 200

function createIsProxy(names: readonly string[]): (certificate: PeerCertificate | undefined) => boolean {
  const known = new LRUCache<string, boolean>({ max: mostProxies })
  return certificate => {
    if (certificate === undefined) return false
    const found = known.get(certificate.fingerprint512)
    if (found !== undefined) return found
    const read = certificateOf(certificate.raw.toString('base64'))
    const isOne = [...(read?.sanUri ?? []), ...(read?.sanDns ?? [])].some(name => names.includes(name))
    known.set(certificate.fingerprint512, isOne)
    return isOne
  }
}

type TlsFiles = NonNullable<NonNullable<Config['envoy']>['tls']>

function readTls({ certificatePath, keyPath, clientAuthoritiesPath }: TlsFiles): GrpcTls {
  const read = (path: string): Buffer => {
    try {
      return readFileSync(path)
    } catch (cause) {
      throw new OperationalError('ERR_LISTEN_FAILED', `${path} cannot be read`, { cause })
    }
  }
  return {
    certificate: read(certificatePath),
    key: read(keyPath),
    ...(clientAuthoritiesPath !== undefined && { clientAuthorities: read(clientAuthoritiesPath) }),
  }
}
