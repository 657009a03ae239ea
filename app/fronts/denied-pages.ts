/** Fills the denial page: who you are, what was refused, and the two ways on. */
import type { AccessRequest } from '../../rbac/access-request.ts'
import type { Identity } from '../../rbac/identity.ts'
import type { Page, Pages } from '../pages/pages.ts'

export type DeniedPages = (identity: Identity, request: AccessRequest, requestId: string) => Page

export function createDeniedPages(pages: Pages, publicUrl: string): DeniedPages {
  return (identity, request, requestId) =>
    pages.denied({
      who: nameOf(identity),
      method: request.action,
      url: request.url,
      requestId,
      switchAccountUrl: `${publicUrl}/login?prompt=login&rd=${encodeURIComponent(request.url)}`,
      logoutUrl: `${publicUrl}/logout`,
    })
}

function nameOf(identity: Identity): string {
  switch (identity.kind) {
    case 'anonymous':
      return 'nobody (not logged in)'
    case 'machine':
      return identity.serviceAccount ?? identity.client ?? identity.subject
    case 'user':
      return identity.email ?? identity.name ?? identity.subject
  }
}
