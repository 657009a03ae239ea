/**
 * The page for whoever sent a form and has to log in first. A redirect would lose what was typed without a word, and nothing
 * here keeps a body to send it again.
 */
import { type AccessRequest, originOf } from '../../rbac/request/access-request.ts'
import type { Page, PagesFor } from '../pages/pages.ts'
import { readerOf } from './page-reader.ts'
import type { SubrequestHeaders } from './raw-headers.ts'

interface SentForm {
  readonly request: AccessRequest
  readonly headers: Pick<SubrequestHeaders, 'any' | 'only'>
}

/** `loginUrl`: what the check gave. Of anything else than a login here nothing is taken. */
export type FormPages = (form: SentForm, loginUrl: string, requestId: string) => Page

const longestPage = 500

export function createFormPages(pages: PagesFor<'unsentForm'>, publicUrl: string): FormPages {
  return (form, loginUrl, requestId) => {
    const { action: method, url } = form.request
    return pages(readerOf(form.headers)).unsentForm({
      method,
      url,
      requestId,
      loginUrl: loginBack(loginUrl, pageOf(form), publicUrl),
    })
  }
}

/** The page that the form stands on, where the browser tells; what it is sent to mostly answers to no GET. */
function pageOf({ headers, request }: SentForm): string {
  const start = `${originOf(request.url)}/`
  const page = headers.only('referer') ?? ''
  return page.startsWith(start) && page.length <= longestPage && /^[!-~]+$/.test(page) ? page : start
}

/** Threat: an address of somebody else, behind a link of ours. Where to return to is looked at by the login. */
function loginBack(loginUrl: string, returnTo: string, publicUrl: string): string {
  const login = `${publicUrl}/login`
  const target = new URL(loginUrl.startsWith(`${login}?`) && URL.canParse(loginUrl) ? loginUrl : login)
  target.searchParams.set('rd', returnTo)
  return target.href
}
