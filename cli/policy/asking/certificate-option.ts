/** `--certificate`: the client certificate that the proxy of a hypothetical request passes. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { certificateOf } from '../../../app/identity/client-certificate.ts'
import type { ClientCertificate } from '../../../rbac/context.ts'
import { ValueError } from '../../../rbac/policy-error.ts'
import { parseCertificate } from '../../../rbac/testing/policy-test.ts'

/** Each value: `none`, a file with one certificate in PEM, or `<name>=<value>`; several make sense only of the last. */
export function parseCertificateOption(values: readonly string[], cwd: string): ClientCertificate | null {
  const [first = '', ...others] = values
  if (first === 'none' && others.length === 0) return null
  if (values.every(value => pair.test(value))) return parseCertificate(fieldsOf(values))
  if (others.length > 0) throw new ValueError('--certificate: none, one file, or any number of <name>=<value>')
  return readFrom(resolve(cwd, first), first)
}

const pair = /^(fingerprint|san-dns|san-email|san-uri)=(.+)$/s

function fieldsOf(values: readonly string[]): Readonly<Record<string, string | readonly string[]>> {
  const fields: Record<string, string[]> = {}
  for (const value of values) {
    const [, name = '', text = ''] = pair.exec(value) ?? []
    fields[name] = [...(fields[name] ?? []), text]
  }
  const { fingerprint, ...names } = fields
  if (fingerprint === undefined) return names
  const [only = '', ...more] = fingerprint
  if (more.length > 0) throw new ValueError('--certificate: a certificate has one fingerprint')
  return { ...names, fingerprint: only.replaceAll(':', '').toLowerCase() }
}

function readFrom(path: string, name: string): ClientCertificate {
  const certificate = certificateOf(textOf(path, name))
  if (certificate !== undefined) return certificate
  throw new ValueError(`--certificate: ${name} does not hold one certificate in PEM, and nothing else`)
}

function textOf(path: string, name: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    const known = 'none, a file, fingerprint=, san-dns=, san-email= or san-uri='
    throw new ValueError(`--certificate: ${name} cannot be read; expected ${known}`)
  }
}
