/**
 * Whom a certificate names and until when it holds: the few fields of X.509 (RFC 5280, section 4.1) and of a request for one
 * (PKCS #10, RFC 2986, section 4.1) that the API server makes a user of. Nothing is verified, and no key is looked at.
 */

import { parseInstant } from '../../conditions/times.ts'

/** As the API server takes it: the common name is the user, the organisations are the groups. */
export interface CertificateName {
  readonly user: string
  readonly groups: readonly string[]
}

export interface ReadCertificate extends CertificateName {
  /** Seconds since the epoch. */
  readonly notBefore: number
  readonly notAfter: number
}

/** Characters of PEM: a chain of a few certificates has five thousand. */
const longestText = 100_000

/** @param text base64 of PEM, as `status.certificate` has it; of a chain the first counts. Undefined: it is no certificate */
export const certificateIn = (text: string): ReadCertificate | undefined =>
  readPem(text, 'CERTIFICATE', body => {
    const { subject, validity } = fieldsOf(body)
    const [notBefore, notAfter] = childrenOf(validity).map(timeOf)
    if (notBefore === undefined || notAfter === undefined) throw new Malformed('its validity has no two times')
    return { ...nameOf(subject), notBefore, notAfter }
  })

/** @param text base64 of PEM, as `spec.request` has it. Undefined: it is no request */
export const requestedIn = (text: string): CertificateName | undefined =>
  readPem(text, '(?:NEW )?CERTIFICATE REQUEST', body => {
    // CertificationRequestInfo: version, subject, and the key, which is passed over.
    const [, subject] = childrenOf(body)
    if (subject === undefined) throw new Malformed('it names nobody')
    return nameOf(subject)
  })

class Malformed extends Error {}

function readPem<Read>(text: string, label: string, read: (body: Node) => Read): Read | undefined {
  if (text.length > longestText) return undefined
  try {
    const pem = atob(text)
    const inside = new RegExp(`-----BEGIN ${label}-----([A-Za-z0-9+/=\\s]+)-----END`).exec(pem)?.[1]
    if (inside === undefined) return undefined
    const bytes = Uint8Array.from(atob(inside.replaceAll(/\s/g, '')), character => character.charCodeAt(0))
    const [body] = childrenOf(nodeAt(bytes, 0, bytes.length))
    return body === undefined ? undefined : read(body)
  } catch (error) {
    // What atob refuses is a DOMException.
    if (error instanceof Malformed || (error as Error).name === 'InvalidCharacterError') return undefined
    throw error
  }
}

/** One value of DER (X.690): its tag, and where its content stands. */
interface Node {
  readonly bytes: Uint8Array
  readonly tag: number
  readonly start: number
  readonly end: number
}

function nodeAt(bytes: Uint8Array, at: number, limit: number): Node {
  const [tag = 0, short = 0] = bytes.subarray(at, at + 2)
  // Threat: a length that reaches out of its parent would read what belongs to something else.
  const lengthBytes = short < 0x80 ? 0 : short & 0x7f
  if (at + 2 + lengthBytes > limit || lengthBytes > 3) throw new Malformed('a length is cut off, or too long')
  let length = lengthBytes === 0 ? short : 0
  for (const byte of bytes.subarray(at + 2, at + 2 + lengthBytes)) length = length * 256 + byte
  const start = at + 2 + lengthBytes
  if (start + length > limit) throw new Malformed('a value reaches beyond what it is in')
  return { bytes, tag, start, end: start + length }
}

function childrenOf({ bytes, start, end }: Node): readonly Node[] {
  const children: Node[] = []
  for (let at = start; at < end; at = children.at(-1)?.end ?? end) children.push(nodeAt(bytes, at, end))
  return children
}

const versionTag = 0xa0

/** TBSCertificate: [version,] serial, algorithm, issuer, validity, subject, … */
function fieldsOf(body: Node): { readonly validity: Node; readonly subject: Node } {
  const fields = childrenOf(body).filter(({ tag }) => tag !== versionTag)
  const [, , , validity, subject] = fields
  if (validity === undefined || subject === undefined) throw new Malformed('it has too few fields')
  return { validity, subject }
}

const commonName = '550403'
const organization = '55040a'

/** Of several common names the last counts, as for the API server (Go, crypto/x509/pkix). */
function nameOf(subject: Node): CertificateName {
  const parts = childrenOf(subject)
    .flatMap(childrenOf)
    .map(part => {
      const [type, value] = childrenOf(part)
      if (type === undefined || value === undefined) throw new Malformed('a part of the name is empty')
      return [hexOf(type), stringOf(value)] as const
    })
  const of = (wanted: string): string[] => parts.flatMap(([type, value]) => (type === wanted ? [value] : []))
  return { user: of(commonName).at(-1) ?? '', groups: of(organization) }
}

const contentOf = ({ bytes, start, end }: Node): Uint8Array => bytes.subarray(start, end)
const hexOf = (node: Node): string => [...contentOf(node)].map(byte => byte.toString(16).padStart(2, '0')).join('')
const utf16 = 0x1e
const stringOf = (node: Node): string =>
  new TextDecoder(node.tag === utf16 ? 'utf-16be' : 'utf-8').decode(contentOf(node))

const shortTime = 0x17

/** UTCTime (two digits of the year, up to 2049) or GeneralizedTime, both in UTC with seconds (RFC 5280, 4.1.2.5). */
function timeOf(node: Node): number {
  const text = stringOf(node)
  const isShort = node.tag === shortTime
  const century = isShort ? (Number(text.slice(0, 2)) < 50 ? '20' : '19') : ''
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(century + text) ?? []
  const moment = parseInstant(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  if (moment === undefined) throw new Malformed('a time is none')
  return moment
}
