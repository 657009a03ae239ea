/** A page that leads on by itself, without a script: for addresses that no redirect has room for. */
import { html } from './html.ts'
import type { Messages } from './messages/english.ts'
import type { Page } from './pages.ts'
import { passingPage } from './passing-page.ts'

/** `url`: canonical, http or https; whoever sends the page has looked at its host. */
export const leadBackPage = ({ url }: { readonly url: string }, words: Messages): Page =>
  passingPage(
    {
      head: html`<meta http-equiv="refresh" content="0;url=${url}">`,
      // For everybody: a browser may run scripts and still be told not to refresh.
      body: html`<main><h1>${words.oneMoment}</h1><a href="${url}">${words.goOn}</a></main>`,
    },
    words,
  )
