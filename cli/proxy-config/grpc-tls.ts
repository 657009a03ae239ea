/** How Envoy reaches the listener of checks over gRPC where that one speaks TLS. Pure. */
import type { Config } from '../../config/config.ts'
import { QuestionError } from './question-error.ts'

/** Of the command line: whole paths on the proxy's machine. */
export interface GrpcTlsOptions {
  /** Authorities that issue the certificate of the listener. */
  readonly grpcCa?: string
  /** What Envoy shows there, and its key. */
  readonly grpcCertificate?: string
  readonly grpcKey?: string
}

export interface GrpcTls {
  readonly caFile: string
  /** Absent: the listener asks for none. */
  readonly own?: { readonly certificate: string; readonly key: string }
}

/**
 * Absent: plain text. Throws `QuestionError` where the listener and the proxy would not understand each other.
 *
 * @param asksOverGrpc whether the format does
 */
export function grpcTlsOf({ envoy }: Config, options: GrpcTlsOptions, asksOverGrpc: boolean): GrpcTls | undefined {
  const { grpcCa: caFile, grpcCertificate: certificate, grpcKey: key } = options
  const problem = asksOverGrpc ? problemOf(envoy?.tls, options) : elsewhereOf(options)
  if (problem !== undefined) throw new QuestionError(problem)
  if (caFile === undefined) return undefined
  return { caFile, ...(certificate !== undefined && key !== undefined && { own: { certificate, key } }) }
}

const isGiven = ({ grpcCa, grpcCertificate, grpcKey }: GrpcTlsOptions): boolean =>
  grpcCa !== undefined || grpcCertificate !== undefined || grpcKey !== undefined

const elsewhereOf = (options: GrpcTlsOptions): string | undefined =>
  isGiven(options) ? '--grpc-ca, --grpc-certificate and --grpc-key are for envoy-grpc' : undefined

function problemOf(tls: NonNullable<Config['envoy']>['tls'], options: GrpcTlsOptions): string | undefined {
  const { grpcCa, grpcCertificate, grpcKey } = options
  if (tls === undefined) {
    return isGiven(options)
      ? '--grpc-ca is for a listener with TLS, and this one has none: set envoy.tls in the configuration, or leave it out'
      : undefined
  }
  if (grpcCa === undefined)
    return 'envoy.tls is set: name with --grpc-ca the file with the authority that issued its certificate, which Envoy has to believe there'
  if ((grpcCertificate === undefined) !== (grpcKey === undefined))
    return '--grpc-certificate and --grpc-key belong together: name both'
  if (tls.clientAuthoritiesPath !== undefined && grpcCertificate === undefined)
    return 'envoy.tls.clientCaFile asks Envoy for a certificate: name it with --grpc-certificate, and its key with --grpc-key'
  return undefined
}
