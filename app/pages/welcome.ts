/** The start page of the auth host: who is logged in, why they are here and not where they wanted to be, and what they may open. */
import { cut, type Html, html } from './html.ts'
import type { Messages } from './messages/english.ts'
import { facts } from './moments.ts'
import type { WelcomePage } from './pages.ts'
import { link, URL_BYTES, WHO_BYTES } from './parts.ts'

const TITLE_BYTES = 120

/** With the longest host. */
const NOTICE_BYTES = 480

export function welcomeBody(page: WelcomePage, words: Messages): Html {
  const { who, loginUrl, logoutUrl, notice, applications } = page
  if (who === undefined) {
    return html`<p>${words.welcome.once}</p>
<nav>${link(loginUrl, words.logIn, { isMain: true })}</nav>`
  }
  return html`${noticeBody(notice, words)}${applicationsBody(applications, words)}${facts([[words.loggedInAs, cut(who, WHO_BYTES)]])}
<nav>${link('/session', words.welcome.sessions)}${link(logoutUrl, words.logOut)}</nav>`
}

function applicationsBody(applications: WelcomePage['applications'], { welcome }: Messages): Html | undefined {
  if (applications === undefined || (applications.list.length === 0 && !applications.hasMore)) return undefined
  const { list, hasMore } = applications
  return html`<h2>${welcome.applications}</h2>
<nav class="list" aria-label="${welcome.applications}">${list.map(({ title, url }) => link(url, cut(title, TITLE_BYTES), { isMain: list.length === 1 }))}</nav>${hasMore ? html`<p>${welcome.more}</p>` : undefined}
`
}

/** The whole address is shown: nobody is to follow the link to a host that they do not know. */
function noticeBody(notice: WelcomePage['notice'], { sentences, welcome }: Messages): Html | undefined {
  if (notice === undefined) return undefined
  const { sentence, host = '', link: url } = notice
  const text = (sentences[sentence] ?? sentence).replaceAll('{host}', () => host)
  const asked =
    url === undefined
      ? undefined
      : html`${facts([[welcome.wanted, cut(url, URL_BYTES)]])}
<div class="nav">${link(url, welcome.open)}</div>`
  return html`<p role="status">${cut(text, NOTICE_BYTES)}</p>
${asked}`
}
