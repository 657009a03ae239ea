/** Whether a proxy asks its clients for certificates, and what Sallyport hears of them. Pure. */
import type { Config } from '../../config/config.ts'
import { QuestionError } from './question-error.ts'

/** Of the command line. */
export interface CertificateOptions {
  /** Ranges of balancers in front. */
  readonly balancers: readonly string[]
  /** Default false. */
  readonly http3?: boolean
  /** Authorities of clients' certificates. Default: nobody is asked for one. */
  readonly clientCa?: string
  /** Whether a client may come without one. Default false. */
  readonly clientCaOptional?: boolean
}

/** What a proxy does that asks for certificates. */
export interface ClientCertificates {
  /** PEM with the authorities that issue them: a whole path on the proxy's machine. */
  readonly caFile: string
  /** Whether nobody without one gets in. Otherwise the policy says, by what it is told. */
  readonly isRequired: boolean
  /** `server.clientCertificateHeader` in lower case, in which Sallyport is told. Absent: the proxy verifies, and that is all. */
  readonly header?: string
}

interface CertificateFacts {
  readonly config: Config
  readonly options: CertificateOptions
  readonly asksForCertificates: boolean
  /** The one header in which the proxy passes a certificate on, in lower case. Absent: any. */
  readonly certificateHeader?: string
  /** Whether this proxy ends TLS. */
  readonly endsTls: boolean
}

/**
 * Throws `QuestionError` where nobody would be asked, or somebody else than the client.
 *
 * Threat: who names an authority believes that nobody without a certificate gets in.
 */
export function clientCertificatesOf({ config, options, ...format }: CertificateFacts): ClientCertificates | undefined {
  const { clientCa: caFile, clientCaOptional = false } = options
  const { clientCertificateHeader: header } = config.server
  if (caFile === undefined) {
    if (clientCaOptional) throw new QuestionError('--client-ca-optional says how --client-ca asks, which is missing')
    return undefined
  }
  const problem = problemOf(options, format, header)
  if (problem !== undefined) throw new QuestionError(problem)
  return { caFile, isRequired: !clientCaOptional, ...(header === undefined ? {} : { header }) }
}

function problemOf(
  { balancers, clientCaOptional, http3 }: CertificateOptions,
  { asksForCertificates, certificateHeader, endsTls }: Omit<CertificateFacts, 'config' | 'options'>,
  header: string | undefined,
): string | undefined {
  if (!asksForCertificates)
    return '--client-ca is for nginx, traefik, caddy, haproxy and envoy: in a cluster the listener of the Gateway asks for certificates, which is yours'
  if (!endsTls) return '--client-ca needs TLS that ends here: add --tls-certificate and --tls-key'
  if (balancers.length > 0)
    return '--client-ca behind a --balancer would ask the balancer for its own certificate: let TLS end in one of the two, and ask there'
  // Envoy knows no certificates of clients over QUIC, and would be a way in without one.
  if (http3 === true) return '--client-ca is not run over HTTP/3: leave --http3 out'
  if (clientCaOptional === true && header === undefined)
    return '--client-ca-optional lets everybody in, and nobody hears of certificates: set server.clientCertificateHeader, for whose sake they are asked for'
  if (header !== undefined && certificateHeader !== undefined && header !== certificateHeader)
    return `this proxy passes certificates on in ${certificateHeader} alone: write that name in server.clientCertificateHeader`
  return undefined
}
