/**
 * A header in which a proxy passes a client's certificate -> the certificate's thumbprint, or what conditions ask of it.
 *
 * The proxy has verified that the client holds the key; the header says which certificate that was. Whatever is not one of
 * the known forms is no certificate: nothing is guessed.
 */
import { createHash, X509Certificate } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { ClientCertificate } from '../../rbac/context.ts'
import type { Credentials } from '../verify.ts'

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
  const der = header === undefined ? undefined : derOf(header)
  return der === undefined ? undefined : createHash('sha256').update(der).digest('base64url')
}

/** Of a header's text, in bytes: some hundred certificates of people who are here at the moment. */
const mostRemembered = 512 * 1024

/**
 * Reads the header of this lower-case name. `null`: the proxy says that there is none, by no header or an empty one.
 * `undefined`, which opens nothing: it came more than once, and one may be the client's own; or it cannot be read.
 */
export function createCertificateReader(
  name: string,
): (headers: Credentials['headers']) => ClientCertificate | null | undefined {
  // The text alone decides, so what it says may be said again.
  const known = new LRUCache<string, ClientCertificate>({
    maxSize: mostRemembered,
    sizeCalculation: (_, text) => text.length,
  })
  return headers => {
    const text = headers.only(name)
    if (text === undefined) return headers.any(name) === undefined ? null : undefined
    if (text.trim() === '') return null
    const found = known.get(text)
    if (found !== undefined) return found
    const certificate = certificateOf(text)
    if (certificate !== undefined) known.set(text, certificate)
    return certificate
  }
}

/** What conditions ask of it; the forms are those of `thumbprintOf`. `undefined` for everything else; never throws. */
export function certificateOf(text: string): ClientCertificate | undefined {
  const der = derOf(text)
  if (der === undefined) return undefined
  try {
    const names = namesOf(new X509Certificate(der).subjectAltName ?? '')
    const of = (kind: string) => Object.freeze(names.filter(name => name.kind === kind).map(({ value }) => value))
    const fingerprint = createHash('sha256').update(der).digest('hex')
    return Object.freeze({ fingerprint, sanDns: of('DNS'), sanEmail: of('email'), sanUri: of('URI') })
  } catch {
    return undefined
  }
}

/** `kind:value`, with the value as a JSON text where a name in it could be taken for two (Node, `x509.subjectAltName`). */
const alternativeName = /([A-Za-z0-9 ]+):("(?:[^"\\]|\\.)*"|[^,"]*)(?:, |$)/y

/** Threat: a name such as `x, DNS:admin.example.com`, which must not become two. Throws `Error` for what is no list of names. */
function namesOf(text: string): readonly { readonly kind: string; readonly value: string }[] {
  const names: { kind: string; value: string }[] = []
  alternativeName.lastIndex = 0
  while (alternativeName.lastIndex < text.length) {
    const [, kind = '', value = ''] = alternativeName.exec(text) ?? []
    if (kind === '') throw new Error('no list of names')
    names.push({ kind, value: value.startsWith('"') ? String(JSON.parse(value)) : value })
  }
  return names
}

/** The certificate's bytes; `undefined` for what is none of the forms. */
export function derOf(header: string): Buffer | undefined {
  return header.length > longestText ? undefined : decode(textOf(unescaped(header.trim())))
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
