/**
 * The parts of a JWT (RFC 7519, RFC 7515 section 7.1), read before anything of it is believed: strictly, so that no two
 * readers can make two things of one text.
 */
import { Buffer, isUtf8 } from 'node:buffer'
import { faultIn } from './duplicate-names.ts'
import { TokenRefused } from './refusal.ts'

export type Claims = Readonly<Record<string, unknown>>

export interface ReadToken {
  readonly algorithm: string
  /** `typ` in lower case, without `application/` (RFC 7515 section 4.1.9); `undefined` when there is none. */
  readonly type: string | undefined
  /** `kid`, which is compared and never followed. */
  readonly keyId: string | undefined
  readonly claims: Claims
}

/** In bytes: what a header line of any proxy takes with the rest of the request. */
const longestToken = 8_192
const longestKeyId = 256
const compact = /^[\w-]+\.[\w-]+\.[\w-]+$/

/** Throws `TokenRefused`. */
export function readToken(token: string): ReadToken {
  if (token.length > longestToken) throw new TokenRefused('size', `at most ${longestToken} bytes`)
  if (!compact.test(token)) throw new TokenRefused('form')
  const [headerPart = '', claimsPart = '', signaturePart = ''] = token.split('.')
  bytesOf(signaturePart)
  const header = readObject(headerPart)
  const { alg, typ, kid } = header
  // `jku`, `x5u`, `jwk` and `x5c` are anybody's to write, and looked at by nobody. What `crit` lists would have to be understood.
  if (Object.hasOwn(header, 'crit') || Object.hasOwn(header, 'b64')) throw new TokenRefused('form')
  if (typeof alg !== 'string') throw new TokenRefused('algorithm')
  if (typ !== undefined && typeof typ !== 'string') throw new TokenRefused('type')
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > longestKeyId)) throw new TokenRefused('key')
  return {
    algorithm: alg,
    type: typ?.toLowerCase().replace(/^application\//, ''),
    keyId: kid,
    claims: readObject(claimsPart),
  }
}

/** One text for each piece of bytes: no second spelling of a token that was seen. */
function bytesOf(part: string): Buffer {
  const bytes = Buffer.from(part, 'base64url')
  if (bytes.toString('base64url') !== part) throw new TokenRefused('form')
  return bytes
}

function readObject(part: string): Claims {
  const [text, value] = parse(bytesOf(part))
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TokenRefused('form')
  const fault = faultIn(text)
  if (fault !== undefined) throw new TokenRefused(fault === 'duplicate' ? 'duplicate' : 'form')
  return value as Claims
}

function parse(bytes: Buffer): readonly [text: string, value: unknown] {
  // Threat: bytes that are no text become the same character, and two names one.
  if (!isUtf8(bytes)) throw new TokenRefused('form')
  try {
    const text = bytes.toString()
    return [text, JSON.parse(text) as unknown]
  } catch {
    throw new TokenRefused('form')
  }
}
