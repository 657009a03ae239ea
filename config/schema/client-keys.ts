/** Keys and certificates with which this service proves that it is the client of a provider. PEM in, the same PEM out. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'

const curves = ['prime256v1', 'secp384r1', 'secp521r1']

/** RSA of 2048 bits or more, P-256, P-384, P-521 or Ed25519, without a password. */
export function parseClientKey(text: string): string {
  const key = readKey(text)
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {}
  switch (key.asymmetricKeyType) {
    case 'rsa':
      if (modulusLength < 2048) throw new RangeError('an RSA key has to have 2048 bits or more')
      return text
    case 'ec':
      if (!curves.includes(namedCurve)) throw new RangeError('the curve has to be P-256, P-384 or P-521')
      return text
    case 'ed25519':
      return text
    default:
      throw new RangeError('it has to be a key for RSA, P-256, P-384, P-521 or Ed25519')
  }
}

/** What the parser says is not repeated: it could hold a part of the key. */
function readKey(text: string): KeyObject {
  try {
    return createPrivateKey(text)
  } catch {
    throw new RangeError('it is no private key in PEM, or one with a password')
  }
}

export function parseClientCertificate(text: string): string {
  try {
    new X509Certificate(text)
  } catch {
    throw new RangeError('it is no certificate in PEM')
  }
  return text
}

/** Whether both can be read and belong together; `undefined` when one of them cannot. */
export function belongTogether(certificate: string, key: string): boolean | undefined {
  try {
    return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))
  } catch {
    return undefined
  }
}
