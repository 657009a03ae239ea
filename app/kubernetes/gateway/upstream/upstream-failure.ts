/** What is said when a cluster does not answer. The client learns what kind of failure it was, the log learns all. */
import type { Refusal } from '../gateway-call.ts'
import { refusal } from '../status.ts'

/** Codes of Node and of OpenSSL. */
const unreachable: ReadonlySet<string> = new Set([
  'EAI_AGAIN',
  'ECONNREFUSED',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
])

const isOfCertificate = (code: string): boolean =>
  /CERT|SIGNATURE|ISSUER|CRL/.test(code) || code.startsWith('ERR_TLS_') || code.startsWith('ERR_SSL_')

/** The API server was asked and has not begun to answer in time. */
export const slowUpstream = (): Error => Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' })

export function upstreamFailure(error: unknown, cluster: string): Refusal {
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? ''
  if (code === 'ETIMEDOUT') return refusal(504, `the API server of ${cluster} has not answered in time`)
  if (unreachable.has(code)) return refusal(503, `the API server of ${cluster} cannot be reached`)
  const badGateway = (message: string): Refusal => ({ ...refusal(502, message), reason: 'BadGateway' })
  if (isOfCertificate(code))
    return badGateway(
      `the gateway does not trust the certificate of the API server of ${cluster}, or is not trusted itself`,
    )
  return badGateway(`the API server of ${cluster} has broken the connection off`)
}

/** A 401 of the API server is about us. Passed on, it would send the person to log in again, in vain. */
export const ownCredentialRefused = (cluster: string): Refusal => ({
  ...refusal(502, `the API server of ${cluster} does not accept the credential of the gateway`),
  reason: 'BadGateway',
})
