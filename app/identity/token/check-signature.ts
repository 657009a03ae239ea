/**
 * Whether a token is signed with a key of its issuer.
 *
 * jose reads key sets and chooses the key: by name, type, curve, `use`, `key_ops` and `alg`. Only the arithmetic of ES256 is
 * asked of `node:crypto`, which needs less of the processor for it than WebCrypto; every other algorithm is jose's.
 */
import { KeyObject, verify, type webcrypto } from 'node:crypto'
import { compactVerify, errors, type JWTVerifyGetKey } from 'jose'
import type { ReadToken } from './read-token.ts'

/** Rejects with an error of jose's, or with `TypeError` for a key that does not fit. `read` is what `readToken` made of `token`. */
export async function verifyCompact(
  token: string,
  { algorithm, keyId }: Pick<ReadToken, 'algorithm' | 'keyId'>,
  algorithms: readonly string[],
  getKey: JWTVerifyGetKey,
): Promise<void> {
  if (algorithm !== 'ES256' || !algorithms.includes(algorithm)) {
    await compactVerify(token, getKey, { algorithms: [...algorithms] })
    return
  }
  const end = token.lastIndexOf('.')
  const [header = '', payload = ''] = token.slice(0, end).split('.')
  const named = { alg: algorithm, ...(keyId !== undefined && { kid: keyId }) }
  const key = p256Of(await getKey(named, { protected: header, payload, signature: token.slice(end + 1) }))
  const signature = Buffer.from(token.slice(end + 1), 'base64url')
  if (!isSigned(Buffer.from(token.slice(0, end), 'latin1'), signature, key)) {
    throw new errors.JWSSignatureVerificationFailed()
  }
}

const keyObjects = new WeakMap<object, KeyObject>()

/** Threat: a key of another curve or for another use. jose has looked at its JWK; here it is the key itself. */
function p256Of(key: unknown): KeyObject {
  const known = keyObjects.get(key as object)
  if (known !== undefined) return known
  const { type, usages, algorithm } = key as webcrypto.CryptoKey
  const { name, namedCurve } = algorithm as webcrypto.EcKeyAlgorithm
  if (type !== 'public' || !usages.includes('verify') || name !== 'ECDSA' || namedCurve !== 'P-256') {
    throw new TypeError('the key is not one for ES256')
  }
  const made = KeyObject.from(key as webcrypto.CryptoKey)
  keyObjects.set(key as object, made)
  return made
}

/**
 * On this thread: to hand it to one of the pool and to be told takes the processor more time than is won, and a flood of forged tokens
 * is a signature each way. Threat: a DER signature (RFC 7518 section 3.4 has two numbers of 32 bytes).
 */
const isSigned = (text: Buffer, signature: Buffer, key: KeyObject): boolean =>
  signature.length === 64 && verify('sha256', text, { key, dsaEncoding: 'ieee-p1363' }, signature)
