/** What a CertificateSigningRequest says: who asked for whom, with which signer, and what was issued. Never a key. */
import type { CertificateRequest, Said } from '../objects.ts'
import { type Entry, entriesOf, entryOf, numberOf, textOf } from './fields.ts'
import { certificateIn, requestedIn } from './x509.ts'

export function certificateRequestOf(value: Entry): Said {
  const [spec, status] = [entryOf(value.spec), entryOf(value.status)]
  const { signerName, username, expirationSeconds } = spec
  const issued = textOf(status.certificate)
  const request = textOf(spec.request)
  const [requested, certificate] = [request && requestedIn(request), issued && certificateIn(issued)]
  const seconds = numberOf(expirationSeconds)
  return {
    about: 'certificate-request',
    signer: textOf(signerName) ?? '',
    requestor: textOf(username) ?? '',
    usages: textsIn(spec.usages),
    ...(seconds !== undefined && { expirationSeconds: seconds }),
    state: stateOf(status),
    ...(requested && { requested }),
    ...(certificate && { issued: certificate }),
  }
}

const textsIn = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter(one => typeof one === 'string') : []

/** What was issued holds, whatever was said of the request since. */
function stateOf({ conditions, certificate }: Entry): CertificateRequest['state'] {
  const types = new Set(entriesOf(conditions).map(({ type }) => type))
  if (textOf(certificate) !== undefined) return 'issued'
  if (types.has('Denied')) return 'denied'
  if (types.has('Failed')) return 'failed'
  return types.has('Approved') ? 'approved' : 'pending'
}
