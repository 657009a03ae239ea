/**
 * Client certificate, passed on by a trusted proxy -> the machine whose name it holds, on hosts that take certificates.
 *
 * A certificate is a credential here where it says that one of our authorities issued it, and where nobody can read it. Any
 * other one is part of the connection: sessions may be bound to it, and conditions ask for it.
 *
 * Threat: a machine that is denied comes with somebody's cookie or token as well, and is judged as that. So it is one of two
 * credentials then, and both are refused.
 */
import { X509Certificate } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { OperationalError } from '../errors.ts'
import type { Authentication, Credentials } from '../verify.ts'
import type { Authenticator } from './authenticators.ts'
import { CertificateRefused } from './certificate/refusal.ts'
import {
  holds,
  namesIssuer,
  type ReadCertificate,
  type TrustedAuthority,
  type VerifiedCertificate,
  verifyCertificate,
} from './certificate/verify-certificate.ts'
import { certificateOf, derOf } from './client-certificate.ts'

export interface MachineCertificateOptions {
  /** Lower-case name of the header in which the proxies pass it. */
  readonly header: string
  /** All that are configured. */
  readonly authorities: readonly TrustedAuthority[]
  /** Those whose certificates a host takes; `undefined` for a host that takes none. The same list for the same host. */
  readonly acceptedOn: (domain: string) => readonly TrustedAuthority[] | undefined
  readonly clock: { readonly now: () => number }
}

/** Of headers' texts, in bytes: some hundred machines that are here at the moment. */
const mostRemembered = 1024 * 1024
const sizeCalculation = (_: unknown, text: string): number => text.length

type Known = VerifiedCertificate & { readonly authentication: Authentication }

export function createMachineCertificate(options: MachineCertificateOptions): Authenticator {
  const { header, authorities, acceptedOn, clock } = options
  // What a text holds may be said again; whether it counts is asked below.
  const readings = new LRUCache<string, ReadCertificate>({ maxSize: mostRemembered, sizeCalculation })
  // Only what was verified is kept, by what the host takes: forged ones push nothing out.
  const verified = new WeakMap<readonly TrustedAuthority[], LRUCache<string, Known>>()

  function read(text: string): ReadCertificate | undefined {
    const found = readings.get(text)
    if (found !== undefined) return found
    const reading = readCertificate(text)
    if (reading !== undefined) readings.set(text, reading)
    return reading
  }

  function knownOn(accepted: readonly TrustedAuthority[]): LRUCache<string, Known> {
    const found = verified.get(accepted)
    if (found !== undefined) return found
    const made = new LRUCache<string, Known>({ maxSize: mostRemembered, sizeCalculation })
    verified.set(accepted, made)
    return made
  }

  function verify(text: string, accepted: readonly TrustedAuthority[]): Authentication {
    const nowMs = clock.now()
    const known = knownOn(accepted)
    const found = known.get(text)
    if (found !== undefined && stands(found, nowMs)) return found.authentication
    known.delete(text)
    const certificate = read(text)
    if (certificate === undefined) throw new CertificateRefused('form')
    const anew = verifyCertificate(certificate, accepted, nowMs)
    const authentication = authenticationOf(certificate, anew)
    known.set(text, { ...anew, authentication })
    return authentication
  }

  return {
    kind: 'client certificate',
    isResponsible({ headers, request }) {
      if (acceptedOn(request.domain) === undefined) return false
      const text = textIn(headers, header)
      if (text === null) return false
      const certificate = text === undefined ? undefined : read(text)
      return certificate === undefined || authorities.some(authority => namesIssuer(certificate, authority))
    },
    authenticate({ headers, request }) {
      try {
        const text = textIn(headers, header)
        if (text === null || text === undefined) throw new CertificateRefused('form')
        return verify(text, acceptedOn(request.domain) ?? [])
      } catch (error) {
        if (!(error instanceof CertificateRefused)) throw error
        throw new OperationalError('ERR_CERTIFICATE_REFUSED', error.message, { cause: error })
      }
    },
  }
}

/** `null`: the proxy says that there is none. `undefined`: it came more than once, and one may be the client's own. */
function textIn(headers: Credentials['headers'], name: string): string | null | undefined {
  const text = headers.only(name)
  if (text === undefined) return headers.any(name) === undefined ? null : undefined
  return text.trim() === '' ? null : text
}

/** `undefined` for what is none; never throws. */
export function readCertificate(text: string): ReadCertificate | undefined {
  const [der, facts] = [derOf(text), certificateOf(text)]
  if (der === undefined || facts === undefined) return undefined
  const { sanUri: uri, sanDns: dns, sanEmail: email, fingerprint } = facts
  return { certificate: new X509Certificate(der), names: { uri, dns, email }, fingerprint }
}

const stands = ({ authority, issuer, ...period }: Known, nowMs: number): boolean =>
  holds(period, nowMs) && authority.current().includes(issuer)

const authenticationOf = (
  { fingerprint }: ReadCertificate,
  { identity, authority }: VerifiedCertificate,
): Authentication =>
  Object.freeze({
    identity,
    clearCookie: false,
    credential: Object.freeze({
      credential: 'client-certificate',
      credentialIssuer: authority.name,
      credentialId: fingerprint,
    }),
  })
