/**
 * Encryption at rest: a dump of the store, without the cookies and the master secret, yields no session.
 *
 * A record's id (the secret in a cookie or a link) is never stored: its key is a digest of the id, and what is stored
 * under it is sealed with a key derived from the master secret and the id. So a value that was changed, moved to another
 * key, or read as another kind does not open (AES-256-GCM, NIST SP 800-38D; HKDF-SHA256, RFC 5869).
 *
 * Layout: version (1 byte), nonce (12), ciphertext, tag (16).
 */
import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hash,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto'
import type { RecordKind } from '../record-store.ts'

const version = 1
const nonceLength = 12
const tagLength = 16
const algorithm = 'aes-256-gcm'

/** What is sealed: a kind of record, or what travels in a token and is no record. None can be opened as another. */
type SealPurpose = RecordKind | 'token-session'

export interface Seal {
  seal(kind: SealPurpose, id: string, plaintext: Uint8Array): Buffer
  /** `undefined` for anything that was not sealed for this kind and id with one of the secrets; never throws. */
  unseal(kind: SealPurpose, id: string, sealed: Uint8Array): Buffer | undefined
}

/** The name of a record in the store: base64url SHA-256 over kind and id. */
export function digestOf(kind: SealPurpose, id: string): string {
  // No kind holds a NUL, so no two pairs give the same bytes.
  return hash('sha256', `${kind}\0${id}`, 'base64url')
}

/** First characters of a session's digest: joins audit events, opens nothing. */
export const sessionDigestOf = (sessionId: string): string => digestOf('session', sessionId).slice(0, 16)

/** `secrets`: the first seals, all of them open, so that a secret can be replaced without logging anybody out. */
export function createSeal(secrets: readonly string[]): Seal {
  const masters = secrets.map(secret => createSecretKey(Buffer.from(secret)))
  const [current] = masters
  if (current === undefined) throw new Error('at least one secret is needed to seal records')
  return {
    seal(kind, id, plaintext) {
      const nonce = randomBytes(nonceLength)
      const cipher = createCipheriv(algorithm, recordKey(current, kind, id), nonce, { authTagLength: tagLength })
      cipher.setAAD(associatedData(kind, id))
      const ciphertext = cipher.update(plaintext)
      return Buffer.concat([Buffer.of(version), nonce, ciphertext, cipher.final(), cipher.getAuthTag()])
    },
    unseal(kind, id, sealed) {
      if (sealed.length < 1 + nonceLength + tagLength || sealed[0] !== version) return undefined
      const aad = associatedData(kind, id)
      for (const master of masters) {
        const plaintext = open(recordKey(master, kind, id), aad, sealed)
        if (plaintext !== undefined) return plaintext
      }
      return undefined
    },
  }
}

function open(key: Buffer, aad: Buffer, sealed: Uint8Array): Buffer | undefined {
  const body = sealed.subarray(1 + nonceLength, sealed.length - tagLength)
  const decipher = createDecipheriv(algorithm, key, sealed.subarray(1, 1 + nonceLength), { authTagLength: tagLength })
  decipher.setAAD(aad)
  decipher.setAuthTag(sealed.subarray(sealed.length - tagLength))
  try {
    return Buffer.concat([decipher.update(body), decipher.final()])
  } catch {
    // Threat: somebody who can write to the store. Whatever was done to the value, there is no such record.
    return undefined
  }
}

function recordKey(master: KeyObject, kind: SealPurpose, id: string): Buffer {
  return Buffer.from(hkdfSync('sha256', master, id, `sallyport/seal/${version}/${kind}`, 32))
}

function associatedData(kind: SealPurpose, id: string): Buffer {
  return Buffer.from(`${kind}\0${digestOf(kind, id)}`)
}
