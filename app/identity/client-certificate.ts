/**
 * A header in which a proxy passes a client's certificate -> the certificate's thumbprint.
 *
 * The proxy has verified that the client holds the key; the thumbprint says which certificate that was. Whatever is not
 * one of the known forms is no certificate: nothing is guessed.
 */
import { createHash } from 'node:crypto'

/** Far more than a certificate takes, escaped; longer texts are not read. */
const longestText = 24 * 1024
const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
const pem = /^-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----$/

/**
 * base64url SHA-256 of the certificate's DER form (as `x5t#S256`, RFC 7515 section 4.1.8), for a header that holds it as
 * PEM, URL-encoded PEM (NGINX `$ssl_client_escaped_cert`), `:base64:` (RFC 9440 `Client-Cert`) or bare base64, of which
 * the first of a comma-separated list counts: it is the client's, the others are its authorities' (Traefik).
 * `undefined` for everything else; never throws.
 */
export function thumbprintOf(header: string | undefined): string | undefined {
  if (header === undefined || header.length > longestText) return undefined
  const der = decode(textOf(unescaped(header.trim())))
  return der === undefined ? undefined : createHash('sha256').update(der).digest('base64url')
}

function unescaped(text: string): string {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text).trim()
  } catch {
    return ''
  }
}

/** The base64 text; line breaks in PEM may have become blanks. */
function textOf(text: string): string {
  const body = pem.exec(text)?.[1]
  if (body !== undefined) return body.replace(/\s+/g, '')
  if (text.startsWith(':')) return text.endsWith(':') ? text.slice(1, -1) : ''
  const comma = text.indexOf(',')
  return comma < 0 ? text : text.slice(0, comma)
}

function decode(text: string): Buffer | undefined {
  if (!base64.test(text)) return undefined
  const der = Buffer.from(text, 'base64')
  return isOneSequence(der) ? der : undefined
}

/**
 * A certificate is one SEQUENCE with a length in one or two bytes, and nothing after it (X.690 section 8.1.3): what was
 * cut off or added to must not pass for another certificate.
 */
function isOneSequence(der: Buffer): boolean {
  if (der.length < 128) return false
  const start = der.readUInt16BE(0)
  if (start === 0x3081) return der.readUInt8(2) === der.length - 3
  return start === 0x3082 && der.readUInt16BE(2) === der.length - 4
}
