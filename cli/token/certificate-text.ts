/** What was found out about a client certificate, as a person or a program reads it. */
import type { Terminal } from '../terminal.ts'
import { fieldLine, foundText, namesInRows, secondsText } from './found-text.ts'
import type { CertificateInspection } from './inspection.ts'

export function formatCertificate(inspection: CertificateInspection, isJson: boolean, terminal: Terminal): string {
  return isJson
    ? `${JSON.stringify(documentOf(inspection))}\n`
    : foundText(inspection, { kind: 'certificate', lines: linesOf(inspection) }, terminal)
}

function documentOf({
  verdict,
  reasons,
  now,
  host,
  takes,
  known,
  takenOn,
  identity,
  policy,
  ...rest
}: CertificateInspection) {
  const { subject, issuer, subjectAltName, validFrom, validTo, keyUsage = [] } = rest.certificate
  return {
    verdict,
    reasons,
    now,
    certificate: {
      subject,
      issuer,
      ...(subjectAltName !== undefined && { subjectAltName }),
      notBefore: new Date(validFrom).toISOString(),
      notAfter: new Date(validTo).toISOString(),
      extendedKeyUsage: keyUsage,
      fingerprint: rest.fingerprint,
    },
    ...(host !== undefined && { host, takes: takes ?? [] }),
    configuredAuthorities: known,
    takenOn,
    ...(identity !== undefined && { identity, names: namesInRows(identity) }),
    ...(policy !== undefined && { policy }),
  }
}

/** Extended key usages that certificates of machines have (RFC 5280 section 4.2.1.12). */
const purposes: Readonly<Record<string, string>> = {
  '1.3.6.1.5.5.7.3.1': 'servers (serverAuth)',
  '1.3.6.1.5.5.7.3.2': 'clients (clientAuth)',
}

function linesOf({ certificate, fingerprint, now, known, ...rest }: CertificateInspection): readonly string[] {
  const { subject, issuer, subjectAltName, validFrom, validTo, keyUsage = [] } = certificate
  const until = new Date(validTo)
  return [
    fieldLine('subject', onOneLine(subject)),
    fieldLine('names', subjectAltName ?? 'none: the common name counts for nothing'),
    fieldLine('for', keyUsage.map(id => purposes[id] ?? id).join(', ') || 'nothing: it has no extended key usage'),
    fieldLine('issuer', `${onOneLine(issuer)}; configured are ${known.join(', ') || 'no authorities'}`),
    fieldLine('from', new Date(validFrom).toISOString()),
    fieldLine('until', `${until.toISOString()}, ${secondsText(until.getTime() / 1000 - now)}`),
    fieldLine('sha256', fingerprint),
    fieldLine('host', hostText(rest)),
  ]
}

const onOneLine = (name: string): string => name.replaceAll('\n', ', ')

function hostText({ host, takes, takenOn }: Pick<CertificateInspection, 'host' | 'takes' | 'takenOn'>): string {
  if (host === undefined)
    return takenOn.length === 0 ? 'none takes it' : `any of ${takenOn.join(', ')} (--host asks one)`
  return takes === undefined ? `${host}, which takes none` : `${host}, which takes those of ${takes.join(', ')}`
}
