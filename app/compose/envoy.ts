/** Composition of the listener of Envoy's checks over gRPC: present where `envoy` is configured. */
import { readFileSync } from 'node:fs'
import type { PeerCertificate } from 'node:tls'
import { LRUCache } from 'lru-cache'
import type { Config } from '../../config/config.ts'
import { belongTogether } from '../../config/schema/client-keys.ts'
import { parseCertificates, parsePrivateKey } from '../../config/schema/values.ts'
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

/** Throws `ERR_LISTEN_FAILED` when a certificate or a key cannot be read, or is none. */
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
    isOnSocket: 'socket' in envoy.listen,
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

/** What TLS says of such a file names neither the file nor the setting, and of one without an authority it says nothing at all. */
function readTls({ certificatePath, keyPath, clientAuthoritiesPath }: TlsFiles): GrpcTls {
  const certificate = readPem('certificateFile', certificatePath, parseCertificates)
  const key = readPem('keyFile', keyPath, parsePrivateKey)
  if (belongTogether(certificate, key) === false) {
    throw unusable('keyFile', keyPath, 'it belongs to another certificate than that of certificateFile')
  }
  const clientAuthorities =
    clientAuthoritiesPath === undefined
      ? undefined
      : Buffer.from(readPem('clientCaFile', clientAuthoritiesPath, parseCertificates))
  return {
    certificate: Buffer.from(certificate),
    key: Buffer.from(key),
    ...(clientAuthorities !== undefined && { clientAuthorities }),
  }
}

/** `parse` throws an `Error` that says what is wrong with it. */
function readPem(setting: string, path: string, parse: (text: string) => string): string {
  try {
    return parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    const why = cause instanceof RangeError ? cause.message : 'it cannot be read'
    throw unusable(setting, path, why, cause)
  }
}

const unusable = (setting: string, path: string, why: string, cause?: unknown): OperationalError =>
  new OperationalError('ERR_LISTEN_FAILED', `envoy.tls.${setting}: ${path} cannot be used: ${why}`, { cause })
