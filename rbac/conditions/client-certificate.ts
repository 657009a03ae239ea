/**
 * `client-certificate: {san-dns: [a.example.com]}` (or `san-email`, `san-uri`, `fingerprint`): the certificate that the
 * proxy verified has one of the values (RFC 5280 section 4.2.1.6).
 *
 * Unknown when the front carries no certificate information; false when the connection is known to have none.
 */
import type { ClientCertificate } from '../context.ts'
import { ValueError } from '../policy-error.ts'
import { parseMapping, parseTexts } from './arguments.ts'
import type { Criterion } from './condition.ts'

interface Field {
  readonly canonical: (text: string) => string
  readonly read: (certificate: ClientCertificate) => readonly string[]
}

const lower = (text: string): string => text.toLowerCase()
const lowerDomain = (text: string): string => text.replace(/@[^@]*$/, lower)

const fields: Readonly<Record<string, Field>> = {
  fingerprint: { canonical: parseFingerprint, read: certificate => [certificate.fingerprint] },
  'san-dns': { canonical: lower, read: certificate => certificate.sanDns },
  'san-email': { canonical: lowerDomain, read: certificate => certificate.sanEmail },
  'san-uri': { canonical: text => text, read: certificate => certificate.sanUri },
}

export function clientCertificate(value: unknown): Criterion {
  const entries = Object.entries(parseMapping(value, Object.keys(fields)))
  const [entry] = entries
  const field = entry === undefined ? undefined : fields[entry[0]]
  if (entry === undefined || field === undefined || entries.length > 1) {
    throw new ValueError(`expected exactly one of ${Object.keys(fields).join(', ')}`)
  }
  const values = new Set(parseTexts(entry[1], 'values').map(field.canonical))
  return {
    type: 'client-certificate',
    test: ({ context: { clientCertificate: certificate } }) => {
      if (certificate === undefined) return undefined
      return certificate !== null && field.read(certificate).some(actual => values.has(field.canonical(actual)))
    },
  }
}

function parseFingerprint(text: string): string {
  const fingerprint = text.replaceAll(':', '').toLowerCase()
  if (!/^[0-9a-f]{64}$/.test(fingerprint)) throw new ValueError('a fingerprint is SHA-256: 64 hexadecimal digits')
  return fingerprint
}
