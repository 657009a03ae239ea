/** Composition of the listener of Envoy's checks over gRPC: present where `envoy` is configured. */
import { readFileSync } from 'node:fs'
import type { Config } from '../../config/config.ts'
import { OperationalError } from '../errors.ts'
import { createGrpcListener, type GrpcListener, type GrpcTls } from '../ext-authz/listener.ts'
import { extAuthzGrpc } from '../fronts/ext-authz-grpc.ts'
import { maxHeaderBytes, maxHeaderLines } from '../listener/client-errors.ts'
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
    onRefused: error => logger.debug({ err: error }, 'a check over gRPC was denied unread'),
    ...(envoy.tls !== undefined && { tls: readTls(envoy.tls) }),
  })
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
