/** A page that nobody sees: it tells `/login` what stands behind `#` in its own address, and is gone. */
import { createHash } from 'node:crypto'
import { Html, html } from './html.ts'
import type { Messages } from './messages/english.ts'
import type { Page } from './pages.ts'
import { passingPage } from './passing-page.ts'

/**
 * Nothing from the request is in it. The parameter goes first, because an unencoded `rd` takes everything behind it; what
 * is too long for an address is left out. `replace`: going back must not lead here.
 */
const script =
  'var f=encodeURIComponent(location.hash.slice(1));location.replace("/login?fragment="+(f.length>3072?"":f)+"&"+location.search.slice(1))'

const digest = createHash('sha256').update(script).digest('base64')

/** Constant, and without a character that HTML would end a script at. */
const scriptText = Html.of([script], [])

/** `url`: where a browser without scripts goes on. */
export const keepFragmentPage = ({ url }: { readonly url: string }, words: Messages): Page =>
  passingPage(
    {
      head: html`<noscript><meta http-equiv="refresh" content="0;url=${url}"></noscript>
<script>${scriptText}</script>`,
      body: html`<noscript><main><h1>${words.oneMoment}</h1><a href="${url}">${words.goOn}</a></main></noscript>`,
      allowed: [`script-src 'sha256-${digest}'`],
    },
    words,
  )
