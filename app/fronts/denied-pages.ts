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
import type { Page, Pages, PagesFor } from '../pages/pages.ts'
import { readerOf } from './page-reader.ts'
import type { SubrequestHeaders } from './raw-headers.ts'

interface Asked {
  readonly request: AccessRequest
  readonly headers: Pick<SubrequestHeaders, 'any'>
}

export type DeniedPages = (identity: Identity, asked: Asked, requestId: string) => Page

/** A page in two parts, between which the request id goes. */
interface Split {
  readonly before: string
  readonly after: string
  readonly rest: Omit<Page, 'html'>
}

/** Stands on a page as it is, whole. */
const plainId = /^[\w-]{1,64}$/
/** What may be kept, in bytes; some three hundred pages. */
const mostBytes = 1_024 * 1_024
/** The cache's own book-keeping for an entry. */
const entryBytes = 300

export function createDeniedPages(pagesFor: PagesFor<'denied'>, publicUrl: string): DeniedPages {
  // In the place of the id. Nobody knows it, so nothing that is asked for can hold it.
  const mark = randomUUID()
  const kept = new LRUCache<string, Split>({
    maxSize: mostBytes,
    sizeCalculation: ({ before, after }, key) => before.length + after.length + key.length + entryBytes,
  })

  // There are as many as there are languages.
  const numbers = new Map<Pick<Pages, 'denied'>, number>()
  const numberOf = (pages: Pick<Pages, 'denied'>): number => {
    const number = numbers.get(pages) ?? numbers.size
    numbers.set(pages, number)
    return number
  }

  return (identity, { request, headers }, requestId) => {
    const pages = pagesFor(readerOf(headers))
    const who = nameOf(identity)
    const make = (id: string): Page =>
      pages.denied({
        ...(who === undefined ? {} : { who }),
        method: request.action,
        url: request.url,
        requestId: id,
        switchAccountUrl: `${publicUrl}/login?prompt=login&rd=${encodeURIComponent(request.url)}`,
        logoutUrl: `${publicUrl}/logout`,
      })
    if (!plainId.test(requestId)) return make(requestId)
    const { action, url } = request
    // Lengths first: no two pages have one key.
    const person = who === undefined ? '-' : `${who.length}:${who}`
    const key = `${numberOf(pages)} ${person}${action.length}:${action}${url}`
    const { before, after, rest } = kept.get(key) ?? split(make(mark), key)
    return { html: before + requestId + after, ...rest }
  }

  function split({ html, ...rest }: Page, key: string): Split {
    const [before = '', after = ''] = html.split(mark)
    const parts = { before, after, rest }
    kept.set(key, parts)
    return parts
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
