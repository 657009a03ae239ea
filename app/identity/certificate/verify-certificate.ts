/**
 * A client's certificate -> the machine whose name it holds, by the authorities of the configuration.
 *
 * The proxy has verified that the client holds the key. What it believed of the certificate is its business: here the
 * certificate is verified again, so that a proxy which takes certificates of people, or of anybody, makes no machine.
 */
import type { X509Certificate } from 'node:crypto'
import type { Machine } from '../../../rbac/identity.ts'
import { type AuthorityCertificate, periodOf } from './authority.ts'
import { extensionsOf, known } from './extensions.ts'
import { type CertificateRefusalReason, CertificateRefused } from './refusal.ts'
import { isStrongKey, isStrongSignature } from './strength.ts'

export type NameKind = 'uri' | 'dns' | 'email'

/** One entry of `machines.certificates`. */
export interface TrustedAuthority {
  readonly name: string
  /** Kinds of subject alternative names that may name a machine. */
  readonly names: readonly NameKind[]
  /** As the file says by now. */
  readonly current: () => readonly AuthorityCertificate[]
}

export interface ReadCertificate {
  readonly certificate: X509Certificate
  /** Subject alternative names, by kind. */
  readonly names: Readonly<Record<NameKind, readonly string[]>>
  readonly fingerprint: string
}

export interface VerifiedCertificate {
  readonly identity: Machine
  readonly authority: TrustedAuthority
  /** What it was verified by, to see whether it still counts. */
  readonly issuer: AuthorityCertificate
  readonly fromMs: number
  readonly untilMs: number
}

/** Whether it says that the authority issued it: by name, and by the mark of the key where it has one. Nothing is believed. */
export const namesIssuer = ({ certificate }: ReadCertificate, authority: TrustedAuthority): boolean =>
  authority.current().some(issuer => certificate.checkIssued(issuer.certificate))

/** Throws `CertificateRefused`. */
export function verifyCertificate(
  read: ReadCertificate,
  authorities: readonly TrustedAuthority[],
  nowMs: number,
): VerifiedCertificate {
  const { authority, issuer } = issuerOf(read, authorities, nowMs)
  const period = demand('form', () => periodOf(read.certificate))
  const [fault] = faultsOf(read.certificate, period, nowMs)
  if (fault !== undefined) throw new CertificateRefused(fault)
  const identity = machineOf(read, authority)
  const { fromMs, untilMs } = period
  return {
    identity,
    authority,
    issuer,
    fromMs: Math.max(fromMs, issuer.fromMs),
    untilMs: Math.min(untilMs, issuer.untilMs),
  }
}

/** Everything for which `verifyCertificate` would refuse it; the first one is what it says. */
export function inspectCertificate(
  read: ReadCertificate,
  authorities: readonly TrustedAuthority[],
  nowMs: number,
): { readonly refusals: readonly CertificateRefused[]; readonly identity?: Machine } {
  const refusals: CertificateRefused[] = []
  const orRefused = <T>(work: () => T): T | undefined => {
    try {
      return work()
    } catch (error) {
      if (!(error instanceof CertificateRefused)) throw error
      refusals.push(error)
      return undefined
    }
  }
  const issued = orRefused(() => issuerOf(read, authorities, nowMs))
  const faults = orRefused(() =>
    faultsOf(
      read.certificate,
      demand('form', () => periodOf(read.certificate)),
      nowMs,
    ),
  )
  refusals.push(...(faults ?? []).map(fault => new CertificateRefused(fault)))
  const identity = issued && orRefused(() => machineOf(read, issued.authority))
  return { refusals, ...(identity !== undefined && { identity }) }
}

interface Period {
  readonly fromMs: number
  readonly untilMs: number
}

/** Both ends belong to it (RFC 5280 section 4.1.2.5). */
export const holds = ({ fromMs, untilMs }: Period, nowMs: number): boolean => nowMs >= fromMs && nowMs < untilMs + 1000

/** Threat: a certificate with the name of an authority and another key. The name finds it, the signature counts. */
function issuerOf({ certificate }: ReadCertificate, authorities: readonly TrustedAuthority[], nowMs: number) {
  const named = authorities.flatMap(authority =>
    authority
      .current()
      .filter(issuer => certificate.checkIssued(issuer.certificate))
      .map(issuer => ({ authority, issuer })),
  )
  if (named.length === 0) throw new CertificateRefused('authority')
  const signed = named.filter(({ issuer }) => certificate.verify(issuer.certificate.publicKey))
  const [first] = signed
  if (first === undefined) throw new CertificateRefused('signature')
  // Two entries would give it two names.
  if (signed.some(({ authority }) => authority !== first.authority)) throw new CertificateRefused('authority')
  // An authority that was renewed with its key stands there twice for a while, and both have signed everything.
  const holding = signed.find(({ issuer }) => holds(issuer, nowMs))
  if (holding === undefined) throw new CertificateRefused('authority-time')
  return holding
}

function demand<T>(reason: 'form', read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw new CertificateRefused(reason, { cause })
  }
}

const clientAuth = '1.3.6.1.5.5.7.3.2'
/** Bit 0 of RFC 5280 section 4.2.1.3. */
const digitalSignature = 0x80
const understood: ReadonlySet<string> = new Set([
  known.keyUsage,
  known.alternativeName,
  known.basicConstraints,
  known.extendedKeyUsage,
])

/** Threat: the certificate of a server, or of an authority, in the hands of whoever runs that server. */
function faultsOf(certificate: X509Certificate, period: Period, nowMs: number): readonly CertificateRefusalReason[] {
  const { keyUsage, critical, signatureAlgorithm } = demand('form', () => extensionsOf(certificate.raw))
  const faults: Readonly<Partial<Record<CertificateRefusalReason, boolean>>> = {
    time: !holds(period, nowMs),
    ca: certificate.ca,
    // Of all that Node calls `keyUsage` it is the extended one. One that says nothing is for anything, and so not for this.
    purpose: !(certificate.keyUsage ?? []).includes(clientAuth),
    usage: keyUsage !== undefined && (keyUsage & digitalSignature) === 0,
    critical: critical.some(id => !understood.has(id)),
    weak: !isStrongSignature(signatureAlgorithm) || !isStrongKey(certificate),
  }
  return (Object.keys(faults) as CertificateRefusalReason[]).filter(reason => faults[reason] === true)
}

/** No two kinds have a form in common, and none holds `*`, blanks or anything that a terminal would not show. */
const forms: Readonly<Record<NameKind, RegExp>> = {
  uri: /^[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x29\x2b-\x7e]{1,512}$/,
  dns: /^(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?)*$/,
  email: /^[\x21\x23-\x29\x2b-\x2e\x30-\x39\x3d\x3f\x41-\x5a\x5e-\x7e]{1,64}@[A-Za-z0-9.-]{1,253}$/,
}

/** The common name is nobody's: it is free text, and authorities check it less. */
function machineOf(
  { certificate, names, fingerprint }: ReadCertificate,
  { name, names: kinds }: TrustedAuthority,
): Machine {
  const found = kinds.flatMap(kind => names[kind].map(value => ({ kind, value })))
  const [only] = found
  if (only === undefined || found.length > 1) throw new CertificateRefused('name')
  if (!forms[only.kind].test(only.value)) throw new CertificateRefused('name-form')
  const value = only.kind === 'uri' ? only.value : only.value.toLowerCase()
  return Object.freeze({
    kind: 'machine',
    subject: `certificate:${name}#${value}`,
    provider: name,
    groups: Object.freeze([]),
    claims: Object.freeze({ fingerprint, serial: certificate.serialNumber.toLowerCase() }),
    certificate: `${name}/${value}`,
  })
}
