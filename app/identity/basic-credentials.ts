/** Reads `Authorization: Basic` (RFC 7617): a user name and a password, or nothing for what is not exactly that. */

export interface BasicCredentials {
  readonly user: string
  readonly password: string
}

/** Far more than a name and a password of ours; what is longer is not even decoded. */
const longestValue = 1024
const token68 = /^basic +([A-Za-z0-9+/]+={0,2})$/i
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * `undefined` for another scheme, several of them, text that is no base64 in its one canonical form, bytes that are no
 * UTF-8, a control character, a missing colon, an empty name or password. The first colon ends the name (section 2); never throws.
 */
export function readBasic(value: string): BasicCredentials | undefined {
  const encoded = value.length > longestValue ? undefined : token68.exec(value)?.[1]
  if (encoded === undefined) return undefined
  const bytes = Buffer.from(encoded, 'base64')
  // Threat: two texts that are one password, of which only one was revoked, limited or logged.
  if (bytes.toString('base64') !== encoded) return undefined
  const text = decode(bytes)
  const colon = text?.indexOf(':') ?? -1
  if (text === undefined || colon < 1 || colon === text.length - 1 || /\p{Cc}/u.test(text)) return undefined
  return { user: text.slice(0, colon), password: text.slice(colon + 1) }
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}
