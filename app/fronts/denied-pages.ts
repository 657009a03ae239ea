/**
 * Fills the denial page: who you are, what was refused, and the two ways on.
 *
 * Whoever meets it once mostly meets it again: a reload, a page that asks for many things. All but the request id of such
 * a page is kept.
 */
import { randomUUID } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Identity } from '../../rbac/identity.ts'
import type { AccessRequest } from '../../rbac/request/access-request.ts'
import type { Page, Pages } from '../pages/pages.ts'

export type DeniedPages = (identity: Identity, request: AccessRequest, requestId: string) => Page

/** A page in two parts, between which the request id goes. */
interface Split {
  readonly before: string
  readonly after: string
  readonly contentSecurityPolicy: string
}

/** Stands on a page as it is, whole. */
const plainId = /^[\w-]{1,64}$/
/** What may be kept, in bytes; some three hundred pages. */
const mostBytes = 1_024 * 1_024
/** The cache's own book-keeping for an entry. */
const entryBytes = 300

export function createDeniedPages(pages: Pick<Pages, 'denied'>, publicUrl: string): DeniedPages {
  // In the place of the id. Nobody knows it, so nothing that is asked for can hold it.
  const mark = randomUUID()
  const kept = new LRUCache<string, Split>({
    maxSize: mostBytes,
    sizeCalculation: ({ before, after }, key) => before.length + after.length + key.length + entryBytes,
  })

  const make = (who: string | undefined, request: AccessRequest, requestId: string): Page =>
    pages.denied({
      ...(who === undefined ? {} : { who }),
      method: request.action,
      url: request.url,
      requestId,
      switchAccountUrl: `${publicUrl}/login?prompt=login&rd=${encodeURIComponent(request.url)}`,
      logoutUrl: `${publicUrl}/logout`,
    })

  function split(who: string | undefined, request: AccessRequest, key: string): Split {
    const { html, contentSecurityPolicy } = make(who, request, mark)
    const [before = '', after = ''] = html.split(mark)
    const parts = { before, after, contentSecurityPolicy }
    kept.set(key, parts)
    return parts
  }

  return (identity, request, requestId) => {
    const who = nameOf(identity)
    if (!plainId.test(requestId)) return make(who, request, requestId)
    const { action, url } = request
    // Lengths first: no two pages have one key.
    const key = `${who === undefined ? '-' : `${who.length}:${who}`}${action.length}:${action}${url}`
    const { before, after, contentSecurityPolicy } = kept.get(key) ?? split(who, request, key)
    return { html: before + requestId + after, contentSecurityPolicy }
  }
}

function nameOf(identity: Identity): string | undefined {
  switch (identity.kind) {
    case 'anonymous':
      return undefined
    case 'machine':
      return identity.serviceAccount ?? identity.client ?? identity.certificate ?? identity.subject
    case 'user':
      return identity.email ?? identity.name ?? identity.subject
  }
}
