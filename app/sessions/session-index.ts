/** The indexes of sessions: what each one is called in the store, where nothing is to be readable. */
import { hash } from 'node:crypto'

/** Which sessions are wanted. */
export type SessionFilter =
  | { readonly subject: string }
  | { readonly host: string }
  | { readonly issuer: string; readonly providerSession: string }
  | { readonly session: string }
  | { readonly all: true }

/** base64url SHA-256. No name holds a NUL, so no two filters give the same bytes. */
export function indexOf(filter: SessionFilter): string {
  return hash('sha256', partsOf(filter).join('\0'), 'base64url')
}

function partsOf(filter: SessionFilter): readonly string[] {
  if ('subject' in filter) return ['subject', filter.subject]
  if ('host' in filter) return ['host', filter.host]
  // An issuer is a URL and holds no NUL; a `sid` is anything, and last.
  if ('issuer' in filter) return ['provider-session', filter.issuer, filter.providerSession]
  if ('session' in filter) return ['session', filter.session]
  return ['all']
}
