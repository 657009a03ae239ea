/** Pages that say no, and why: a denial, a form that needs a login, an error, a login that is not as asked. */
import { cut, type Html, html, sizeInPage } from './html.ts'
import { facts } from './moments.ts'
import type { DeniedPage, ErrorPage, StepUpFailedPage, UnsentFormPage } from './pages.ts'
import {
  backButton,
  contactBody,
  copiable,
  isWeb,
  link,
  type PageContext,
  shortened,
  URL_BYTES,
  WHO_BYTES,
} from './parts.ts'

/** Of one link that leads on, or of all together. The longest origin has 267 bytes: two links to it fit. */
const LINKS_BYTES = 600
/** To the same login again; only pages of the auth host have it, which do not travel through a check. */
const RETRY_LINK_BYTES = 16_000
const SENTENCE_BYTES = 260

const number = (requestId: string, { words }: PageContext): Html => copiable(cut(requestId, 64), words)

export function deniedBody(page: DeniedPage, context: PageContext): Html {
  const { words } = context
  const refused = html`${cut(page.method, 20)} ${cut(page.url, URL_BYTES)}`
  const rest = [
    [words.denied.refused, refused],
    [words.request, number(page.requestId, context)],
  ] as const
  const switchAccount = shortened(page.switchAccountUrl, LINKS_BYTES - sizeInPage(page.logoutUrl))
  if (page.who === undefined) {
    return html`<p>${words.denied.nobody}</p>
${facts(rest)}${contactBody(context)}
<nav>${link(switchAccount, words.logIn, { isMain: true })}${backButton(words)}</nav>`
  }
  return html`<p>${words.denied.somebody}</p>
${facts([[words.denied.who, cut(page.who, WHO_BYTES)], ...rest])}${contactBody(context)}
<nav>${link(switchAccount, words.switchAccount, { isMain: true })}${link(page.logoutUrl, words.logOut)}${backButton(words)}</nav>`
}

/** A tab of its own, so that the form with what was typed is one step back from here. */
export const unsentFormBody = ({ method, url, requestId, loginUrl }: UnsentFormPage, context: PageContext): Html => {
  const { form, request } = context.words
  return html`<p>${form.what}</p>
<p>${form.how}</p>
${facts([
  [form.refused, html`${cut(method, 20)} ${cut(url, URL_BYTES)}`],
  [request, number(requestId, context)],
])}
<nav><a class="main" target="_blank" rel="noopener" href="${isWeb(loginUrl) ? shortened(loginUrl, LINKS_BYTES) : '/'}">${form.logIn}</a>${backButton(context.words)}</nav>`
}

export function errorBody({ status, sentence, requestId, retryUrl }: ErrorPage, context: PageContext): Html {
  const { words } = context
  const way = status === 404 ? ({ url: '/', label: words.toStart } as const) : { url: retryUrl, label: words.tryAgain }
  const retry =
    retryUrl === undefined || way.url === undefined
      ? undefined
      : link(shortened(way.url, RETRY_LINK_BYTES), way.label, { isMain: true })
  return html`<p>${cut(words.sentences[sentence] ?? sentence, SENTENCE_BYTES)}</p>
<p><small>${words.request}</small> ${number(requestId, context)}</p>${contactBody(context)}
<nav>${retry}${backButton(words)}</nav>`
}

export function stepUpFailedBody(page: StepUpFailedPage, context: PageContext): Html {
  const { asked, delivered, requestId, retryUrl, switchUrl } = page
  const { stepUp, ...words } = context.words
  const cutLines = (lines: StepUpFailedPage['asked']) =>
    lines.map(([term, value]) => [stepUp.terms[term] ?? term, cut(stepUp.value(value), URL_BYTES)] as const)
  const answered =
    delivered.length === 0
      ? html`<p>${stepUp.cannot}</p>`
      : html`<p>${stepUp.cameBack}</p>
${facts(cutLines(delivered))}`
  return html`<p>${stepUp.asked}</p>
${facts(cutLines(asked))}
${answered}
<p><small>${words.request}</small> ${number(requestId, context)}</p>${contactBody(context)}
<nav>${link(shortened(retryUrl, RETRY_LINK_BYTES), words.tryAgain, { isMain: true })}${link(shortened(switchUrl, RETRY_LINK_BYTES), stepUp.otherAccount)}</nav>`
}
