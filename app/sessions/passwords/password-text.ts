/**
 * The text of an application password: made by us, never chosen.
 *
 *     sallyport_<handle: 16>_<secret: 32><tag: 16>      all of a-z and 2-7, five bits each
 *
 * The handle finds the record and opens nothing; the secret has 160 bits. The name in front lets scanners of repositories
 * find one that was committed. The tag is a MAC over both by the master secret. Threat: a flood of forged passwords, of
 * which each would cost a memory-hard hash. What was not made here is known by its tag, before anything is read or hashed.
 */
import { createHmac, createSecretKey, hkdfSync, type KeyObject, randomBytes, timingSafeEqual } from 'node:crypto'

export interface MintedPassword {
  readonly handle: string
  /** Secret; shown once. */
  readonly text: string
}

export interface PasswordTexts {
  mint(): MintedPassword
  /** The handle of what was made here, whether it still stands or not; `undefined` for anything else. Never throws. */
  handleIn(text: string): string | undefined
}

const handleLength = 16
const secretLength = 32
const tagLength = 16
const alphabet = 'abcdefghijklmnopqrstuvwxyz234567'
const form = /^sallyport_([a-z2-7]{16})_([a-z2-7]{32})([a-z2-7]{16})$/

/** `secrets`: the first makes passwords, all of them know theirs. Throws without any. */
export function createPasswordTexts(secrets: readonly string[]): PasswordTexts {
  const keys = secrets.map(deriveKey)
  const [current] = keys
  if (current === undefined) throw new Error('at least one secret is needed to make passwords')
  return {
    mint() {
      const handle = lettersOf(randomBytes(handleLength))
      const secret = lettersOf(randomBytes(secretLength))
      return { handle, text: `sallyport_${handle}_${secret}${tagOf(current, handle, secret)}` }
    },
    handleIn(text) {
      const [, handle, secret, tag] = form.exec(text) ?? []
      if (handle === undefined || secret === undefined || tag === undefined) return undefined
      const given = Buffer.from(tag)
      const isOurs = keys.some(key => timingSafeEqual(given, Buffer.from(tagOf(key, handle, secret))))
      return isOurs ? handle : undefined
    },
  }
}

/** Five bits of each byte: 32 divides 256, so no letter is likelier than another. */
const lettersOf = (bytes: Uint8Array): string => Array.from(bytes, byte => alphabet[byte & 31]).join('')

const tagOf = (key: KeyObject, handle: string, secret: string): string =>
  lettersOf(createHmac('sha256', key).update(`${handle}_${secret}`).digest().subarray(0, tagLength))

/** A key of its own: a tag is shown to whoever has the password, and must be of no use anywhere else. */
const deriveKey = (secret: string): KeyObject =>
  createSecretKey(Buffer.from(hkdfSync('sha256', secret, '', 'sallyport/password/1', 32)))
