/**
 * Which signatures and keys of certificates are believed.
 *
 * Threat: an algorithm that nobody thought of. A list of the weak ones lets in whatever is new, rare or older still, so these
 * are lists of what is strong, and what cannot be read is not.
 */
import type { X509Certificate } from 'node:crypto'
import { known, type SignatureAlgorithm } from './extensions.ts'

/** SHA-256, SHA-384 and SHA-512 (RFC 5754). */
const digests: ReadonlySet<string> = new Set([
  '2.16.840.1.101.3.4.2.1',
  '2.16.840.1.101.3.4.2.2',
  '2.16.840.1.101.3.4.2.3',
])
/** Their digest stands in the name: RSA with PKCS#1 v1.5, ECDSA, and both of RFC 8410. */
const algorithms: ReadonlySet<string> = new Set([
  ...['1.2.840.113549.1.1.11', '1.2.840.113549.1.1.12', '1.2.840.113549.1.1.13'],
  ...['1.2.840.10045.4.3.2', '1.2.840.10045.4.3.3', '1.2.840.10045.4.3.4'],
  ...['1.3.101.112', '1.3.101.113'],
])

/** The digests of RSASSA-PSS stand in its parameters, and are SHA-1 where these say nothing (RFC 4055 section 3.1). */
export function isStrongSignature({ id, digest, maskDigest }: SignatureAlgorithm): boolean {
  if (id !== known.rsassaPss) return algorithms.has(id)
  return digest !== undefined && digests.has(digest) && maskDigest !== undefined && digests.has(maskDigest)
}

/** P-256, P-384 and P-521 as OpenSSL names them; a curve by its own parameters has no name. */
const curves: ReadonlySet<string> = new Set(['prime256v1', 'secp384r1', 'secp521r1'])
const leastRsaBits = 2048
/** With an exponent of 1 anybody signs. */
const leastRsaExponent = 3n

export function isStrongKey(certificate: X509Certificate): boolean {
  let key: X509Certificate['publicKey']
  try {
    key = certificate.publicKey
  } catch {
    return false
  }
  const { namedCurve, modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {}
  switch (key.asymmetricKeyType) {
    case 'ed25519':
    case 'ed448':
      return true
    case 'ec':
      return curves.has(namedCurve ?? '')
    case 'rsa':
    case 'rsa-pss':
      return modulusLength >= leastRsaBits && publicExponent >= leastRsaExponent
    default:
      return false
  }
}
