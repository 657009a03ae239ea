/** Authorities whose clients count, out of a file of certificates in PEM. */
import { X509Certificate } from 'node:crypto'
import { extensionsOf, known } from './extensions.ts'
import { isStrongKey, isStrongSignature } from './strength.ts'

export interface AuthorityCertificate {
  readonly certificate: X509Certificate
  readonly fromMs: number
  readonly untilMs: number
}

const pemBlock = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g
const mostAuthorities = 32
const understood: ReadonlySet<string> = new Set([known.keyUsage, known.basicConstraints, known.extendedKeyUsage])

/**
 * Each of them issues clients' certificates itself: no further certificate stands between, so there is no path to build,
 * and none for somebody else to build. Throws `Error` that says what cannot be used; `config` puts the file before it.
 */
export function readAuthorities(text: string): readonly AuthorityCertificate[] {
  const blocks = text.match(pemBlock) ?? []
  if (blocks.length === 0) throw new Error('expected certificates in PEM')
  if (blocks.length > mostAuthorities) throw new Error(`expected at most ${mostAuthorities} certificates`)
  return blocks.map(block => {
    const certificate = new X509Certificate(block)
    demandAuthority(certificate)
    return { certificate, ...periodOf(certificate) }
  })
}

function demandAuthority(certificate: X509Certificate): void {
  const named = certificate.subject.replaceAll('\n', ', ')
  const { all, critical, signatureAlgorithm } = extensionsOf(certificate.raw)
  // By its constraints and by what its key may be used for.
  if (!certificate.ca) throw new Error(`${named} is not the certificate of an authority`)
  // Threat: an authority that may vouch for some names only, whose bounds nobody here keeps.
  if (all.includes(known.nameConstraints)) throw new Error(`${named} has name constraints, which are not enforced here`)
  // Threat: a key that somebody else can find out. Whatever it has signed, anybody may have.
  if (!isStrongKey(certificate))
    throw new Error(
      `${named} has a key that is too weak: RSA has to have 2048 bits, a curve to be P-256, P-384, P-521, Ed25519 or Ed448`,
    )
  if (!isStrongSignature(signatureAlgorithm))
    throw new Error(`${named} has a signature that is too weak: it has to be made with SHA-256, SHA-384 or SHA-512`)
  const unknown = critical.filter(id => !understood.has(id))
  if (unknown.length > 0)
    throw new Error(`${named} has critical extensions that are not understood: ${unknown.join(', ')}`)
}

/** Of any certificate. Throws `Error` for dates that cannot be read. */
export function periodOf({ validFrom, validTo }: X509Certificate): {
  readonly fromMs: number
  readonly untilMs: number
} {
  const [fromMs, untilMs] = [Date.parse(validFrom), Date.parse(validTo)]
  if (!Number.isFinite(fromMs) || !Number.isFinite(untilMs)) throw new Error('its dates cannot be read')
  return { fromMs, untilMs }
}
