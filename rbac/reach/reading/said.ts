/** Objects of other kinds that say something of identities: one row for each. */
import type { Said } from '../objects.ts'
import { certificateRequestOf } from './certificate-request.ts'
import type { Entry } from './fields.ts'
import { groupOf } from './kinds.ts'

const sayers: Readonly<Record<string, (value: Entry) => Said | undefined>> = {
  'certificates.k8s.io/CertificateSigningRequest': certificateRequestOf,
}

/** @returns undefined for an object that says nothing of them */
export function saidBy(value: Entry): Said | undefined {
  const key = `${groupOf(String(value.apiVersion))}/${String(value.kind)}`
  return Object.hasOwn(sayers, key) ? sayers[key]?.(value) : undefined
}
