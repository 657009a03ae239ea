/** Fills the denial page: who you are, what was refused, and the two ways on. */
import type { AccessRequest } from '../../rbac/access-request.ts'
import type { Identity } from '../../rbac/identity.ts'
import type { Page, Pages } from '../pages/pages.ts'

export type DeniedPages = (identity: Identity, request: AccessRequest, requestId: string) => Page

export function createDeniedPages(pages: Pages, publicUrl: string): DeniedPages {
  return (identity, request, requestId) => {
    const who = nameOf(identity)
    return pages.denied({
      ...(who === undefined ? {} : { who }),
      method: request.action,
      url: request.url,
      requestId,
      switchAccountUrl: `${publicUrl}/login?prompt=login&rd=${encodeURIComponent(request.url)}`,
      logoutUrl: `${publicUrl}/logout`,
    })
  }
}

function nameOf(identity: Identity): string | undefined {
  switch (identity.kind) {
    case 'anonymous':
      return undefined
    case 'machine':
      return identity.serviceAccount ?? identity.client ?? identity.subject
    case 'user':
      return identity.email ?? identity.name ?? identity.subject
  }
}
